"""A trained folder in use: measured, translated with, quantised, and what a folder that is none of ours gets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from sacrebleu.metrics.chrf import CHRF
from transformers import (
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    GPT2Config,
    GPT2LMHeadModel,
)

import headway
from headway.cli.main import main
from headway.errors import CheckpointError
from headway.models.transformer import EncoderDecoder
from headway.runs.evaluate import evaluate
from tests.parity.twins import marian_twin
from tests.runs import tiny
from tests.tasks.tiny import LENGTH, PIECES, beside, tokenizer

ANSWER = {"id": "1", "question": "the cat ?", "answers": [{"text": "mat", "answer_start": 15}]}
SQUAD = json.dumps({"data": [{"paragraphs": [{"context": "the cat on the mat .", "qas": [ANSWER]}]}]})


def measured(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, object]:
    capsys.readouterr()
    assert main(["evaluate", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_own_test_split_gives_what_the_training_wrote(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = json.loads((tiny_run / "evaluation.json").read_text(encoding="utf-8"))
    found = measured(capsys, tiny_run, "--out", tmp_path / "result.json")
    assert json.loads((tmp_path / "result.json").read_text(encoding="utf-8")) == found
    assert {**found, "seconds": 0} == {**written, "seconds": 0}


def test_another_split_and_other_files(tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(capsys, tiny_run, "--split", "validation", "--out", tmp_path / "v.json")
    assert (found["split"], found["rows"]) == ("validation", 12)
    test = tiny.parallel(tmp_path, 7, name="test", seed=2)
    out = "--out", tmp_path / "t.json"
    found = measured(capsys, tiny_run, "--data.test", test, "--beam", "1", "--length-norm", "gnmt:0.6", *out)
    assert (found["split"], found["rows"]) == ("test", 7)
    assert found["decoding"]["beam"] == 1
    assert found["decoding"]["length_norm"] == {"kind": "gnmt", "alpha": 0.6}
    assert [sample["source"] for sample in found["samples"]] == [source for source, _ in tiny.rows(7, 2)][:5]
    copied = CHRF().corpus_score([source for source, _ in tiny.rows(7, 2)], [[target for _, target in tiny.rows(7, 2)]])
    assert found["copied_source"]["chrf"]["score"] == copied.score > 0
    assert main(["evaluate", str(tiny_run), "--data.test", test, *map(str, out)]) == 0
    assert capsys.readouterr().out.startswith("test, 7 rows\n  bleu ")


def test_what_was_said_of_columns_stays_for_files_of_the_same_form_only(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run of a table whose second column is the source must not read two files the wrong way round."""
    run = shutil.copytree(tiny_run, tmp_path / "run")
    config = (run / "config.yaml").read_text(encoding="utf-8")
    train = next(line for line in config.split("\n") if line.startswith("  train:"))
    config = config.replace(train, "  train: gone.tsv")
    config = config.replace("    source: null", "    source: '2'").replace("    target: null", "    target: '1'")
    (run / "config.yaml").write_text(config.replace("header: true", "header: false"), encoding="utf-8")
    pairs = tiny.rows(7, 2)
    (tmp_path / "t.tsv").write_text("".join(f"{target}\t{source}\n" for source, target in pairs), encoding="utf-8")
    for test in (tiny.parallel(tmp_path, 7, name="test", seed=2), str(tmp_path / "t.tsv")):
        found = measured(capsys, run, "--data.test", test)
        assert [sample["source"] for sample in found["samples"]] == [source for source, _ in pairs][:5]


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--data.test", "no.de,no.en"], 3, "no.de: no such file"),
        (["--data.test", "{test}", "--split", "validation"], 3, "no split validation, only test; name it with"),
        (["--data.tset", "{test}"], 2, "unknown key data.tset (did you mean data.test?)"),
        (["--length-norm", "magic"], 2, "magic"),
        (["--beam", "0"], 2, "beam is 0"),
        (["--quantize", "int4"], 2, "int4"),
    ],
)
def test_what_wrong_words_get(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, told: str
) -> None:
    test = tiny.parallel(tmp_path, 3, name="test")
    before = (tiny_run / "evaluation.json").read_bytes()
    assert main(["evaluate", str(tiny_run), *(word.format(test=test) for word in words)]) == status
    assert told in capsys.readouterr().err
    assert (tiny_run / "evaluation.json").read_bytes() == before


def test_the_command_and_python_translate_alike(
    tiny_run: Path, recurrent_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["der hund läuft 3.", "", "ein haus " * 60, "한국어 한 줄", *(source for source, _ in tiny.rows(5, 3))]
    (tmp_path / "in.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for run in (tiny_run, recurrent_run):
        capsys.readouterr()
        assert main(["translate", str(run), str(tmp_path / "in.txt")]) == 0
        printed = capsys.readouterr().out.split("\n")[:-1]
        loaded = headway.load(run)
        assert not loaded.model.training
        assert not any(weight.requires_grad for weight in loaded.model.parameters())
        texts = loaded.translate(lines)
        assert printed == [" ".join(text.split("\n")) for text in texts]
        assert len(texts) == len(lines)
        assert texts[1] == ""


def test_a_device_and_a_dtype_are_taken_wherever_a_model_runs(
    tiny_run: Path,
    tiny_corpus: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    test, out = tiny.parallel(tmp_path, 7, name="test", seed=2), ["--out", tmp_path / "e.json"]
    seen: list[object] = []
    scored = EncoderDecoder.decode

    def watched(model: EncoderDecoder, *given: object, **more: object) -> object:
        seen.append(next(model.parameters()).dtype)
        return scored(model, *given, **more)

    monkeypatch.setattr(EncoderDecoder, "decode", watched)
    for dtype, wanted in (("bfloat16", torch.bfloat16), ("auto", torch.float32)):
        place = ["--device", "cpu", "--dtype", dtype]
        assert measured(capsys, tiny_run, "--data.test", test, *out, *place)["rows"] == 7
        assert main(["attend", str(tiny_run), "der hund", "--out", str(tmp_path / "page.html"), *place]) == 0
        assert set(seen) == {wanted}
        seen.clear()
    capsys.readouterr()
    asked = [*tiny.words(tiny_corpus, tmp_path / "run"), "--dry-run", "--json", "--dtype"]
    for dtype in ("bfloat16", "float32"):
        assert main([*asked, dtype]) == 0
        assert json.loads(capsys.readouterr().out)["config"]["training"]["dtype"] == dtype


@pytest.mark.parametrize(
    ("twin", "rows", "task", "metric"),
    [
        (BertForSequenceClassification, "text\tlabel\nthe cat\tLABEL_0\na mat\tLABEL_1\n", "classify", "accuracy"),
        (BertForTokenClassification, "the LABEL_0\ncat LABEL_1\n\nmat LABEL_1\n", "tag", "accuracy"),
        (BertForQuestionAnswering, SQUAD, "answer", "exact_match"),
        (BertForMaskedLM, "the cat sat on the mat\nthe river bank\n", "masked-lm", "masked_nll"),
        (GPT2LMHeadModel, "the cat sat on the mat\nthe river bank\n", "causal-lm", "perplexity"),
    ],
)
def test_a_folder_that_is_no_run_is_measured_in_what_its_head_is_for(
    twin: type, rows: str, task: str, metric: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = {
        "vocab_size": len(PIECES),
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 2,
        "n_positions": LENGTH,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }
    model = GPT2LMHeadModel(GPT2Config(**sizes)) if twin is GPT2LMHeadModel else beside(twin)[1]
    model.save_pretrained(tmp_path / "model")
    tokenizer().save(tmp_path / "model")
    ending = {"classify": "tsv", "tag": "conll", "answer": "json"}.get(task, "txt")
    (test := tmp_path / f"test.{ending}").write_text(rows, encoding="utf-8")
    words = [tmp_path / "model", "--data.test", test, "--data.max_length", LENGTH, "--out", tmp_path / "e.json"]
    found = measured(capsys, *words)
    assert found["task"] == task
    assert metric in found["metrics"]
    assert {**found, "seconds": 0} == {**measured(capsys, *words, "--task", task), "seconds": 0}
    assert main(["evaluate", *map(str, words), "--task", "translate"]) == 2
    assert "name its task with --task" in capsys.readouterr().err
    assert main(["evaluate", "--help"]) == 0
    assert "--task" in capsys.readouterr().out


def test_eight_bits_are_near(tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test = tiny.parallel(tmp_path, 7, name="test", seed=2)
    found = measured(capsys, tiny_run, "--data.test", test, "--quantize", "int8", "--out", tmp_path / "q.json")
    assert found["rows"] == 7
    plain, quantised = (headway.load(tiny_run, quantize=way) for way in (None, "int8"))
    ids = plain.tokenizers.source.encode_batch(["der hund läuft 3."])
    exact, rounded = (loaded.model(torch.tensor(ids)).logits for loaded in (plain, quantised))
    assert 0 < (exact - rounded).abs().max() < 0.1 * exact.abs().max()


@pytest.fixture
def marian(tmp_path: Path) -> Path:
    """A folder of transformers with weights and no tokenizer."""
    marian_twin().save_pretrained(tmp_path / "marian")
    return tmp_path / "marian"


def test_a_folder_without_a_tokenizer_loads_but_takes_no_text(
    marian: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = headway.load(marian)
    assert loaded.spec.family == "marian"
    with pytest.raises(CheckpointError, match="without a tokenizer"):
        loaded.translate(["hund"])
    test = tiny.parallel(tmp_path, 3, name="test")
    (tmp_path / "in.txt").write_text("hund\n")
    commands = ["evaluate", "--data.test", test], ["attend", "hund"], ["translate", str(tmp_path / "in.txt")]
    for command, *words in commands:
        assert main([command, str(marian), *words]) == 3
        assert capsys.readouterr().err.startswith(f"headway: {marian} holds a model without a tokenizer")
    with pytest.raises(CheckpointError, match="without a tokenizer"):
        evaluate(marian, {"data.test": test})


@pytest.mark.parametrize("command", ["evaluate", "info", "attend", "translate"])
def test_what_is_no_model_of_ours_is_said(
    command: str, marian: Path, tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.txt").write_text("hund\n")
    words = {"attend": ["hund"], "translate": [str(tmp_path / "in.txt")]}.get(command, [])
    (tmp_path / "empty").mkdir()
    edited = json.loads((marian / "config.json").read_text()) | {"model_type": "deberta"}
    (marian / "config.json").write_text(json.dumps(edited))
    strange = shutil.copytree(tiny_run, tmp_path / "strange")
    spec = json.loads((strange / "spec.json").read_text()) | {"kind": "diffusion"}
    (strange / "spec.json").write_text(json.dumps(spec))
    cut = shutil.copytree(tiny_run, tmp_path / "cut")
    (cut / "model.safetensors").write_bytes((cut / "model.safetensors").read_bytes()[:999])
    expected = {
        tmp_path / "empty": "holds no model",
        tmp_path / "nowhere": "nowhere",
        marian: "model_type is 'deberta'",
        strange: "spec.json is of kind 'diffusion'",
        **({} if command == "info" else {cut: f"{cut / 'model.safetensors'} is not a whole safetensors file"}),
    }
    for folder, told in expected.items():
        assert main([command, str(folder), *words]) == 3
        err = capsys.readouterr().err
        assert err.startswith("headway: ")
        assert err.count("\n") == 1
        assert told in err
