"""The commands for models of one stack: what they print where, and what they say when they cannot."""

import functools
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import (
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
)

import headway
from headway.checkpoints.native import save_weights
from headway.cli.main import main
from headway.spec import to_json
from headway.tasks.loaded import Loaded
from tests.tasks.tiny import beside, tokenizer

TWINS: dict[str, tuple[type, dict[str, Any]]] = {
    "fill": (BertForMaskedLM, {}),
    "classify": (BertForSequenceClassification, {}),
    "several": (BertForSequenceClassification, {"problem_type": "multi_label_classification"}),
    "number": (BertForSequenceClassification, {"num_labels": 1}),
    "tag": (BertForTokenClassification, {}),
    "answer": (BertForQuestionAnswering, {}),
    "embed": (BertModel, {}),
}
LINES = "the cat sat .\n\n서울은 수도다\n" + "cat " * 50 + "\n"


@functools.cache
def loaded(name: str) -> Loaded:
    """The model from a folder as a run leaves it, read once."""
    twin, options = TWINS[name]
    model = beside(twin, **options)[0]
    with tempfile.TemporaryDirectory() as folder:
        save_weights(model, Path(folder) / "model.safetensors")
        (Path(folder) / "spec.json").write_text(json.dumps(to_json(model.spec)), encoding="utf-8")
        tokenizer().save(folder)
        return headway.load(folder)


@pytest.fixture(autouse=True)
def _tiny_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model's name is what it is for."""
    models = {name: loaded(name) for name in TWINS}
    monkeypatch.setattr(headway, "load", lambda name, **options: models[name], raising=False)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "lines.txt"
    path.write_text(LINES, encoding="utf-8")
    return str(path)


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The lines of standard output, the last of which must have ended."""
    assert main(list(words)) == 0
    out = capsys.readouterr().out
    assert out.endswith("\n")
    return out.split("\n")[:-1]


def rows(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ask(capsys, *words, "--json")]


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))


def test_fill(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = "the [MASK] sat [MASK]"
    (row,) = rows(capsys, "fill", "fill", text, "--k", "2")
    assert row.keys() == {"text", "masks"}
    assert [(mask["start"], mask["end"]) for mask in row["masks"]] == [(4, 10), (15, 21)]
    best, *candidates = ask(capsys, "fill", "fill", text, "--k", "2")
    assert best == row["text"] == loaded("fill").fill(text).text
    words = [(i, word) for i, mask in enumerate(row["masks"], 1) for word in mask["words"]]
    assert candidates == [f"{i}\t{word['score']:.6f}\t{word['word']}" for i, word in words]
    typed(monkeypatch, f"{text}\n\n[MASK]\n")
    many = rows(capsys, "fill", "fill", "-", "--k", "2")
    assert [len(row["masks"]) for row in many] == [2, 0, 1]
    assert many[0]["text"] == row["text"]


def test_classify(file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = rows(capsys, "classify", "classify", file)
    assert [row.keys() == {"label", "scores"} for row in found] == [True] * 4
    assert found[1] == {"label": None, "scores": {}}
    plain = ask(capsys, "classify", "classify", file)
    assert plain == [f"{r['label']}\t{r['scores'][r['label']]:.6f}" if r["label"] else "" for r in found]
    several = rows(capsys, "classify", "several", file)
    assert [row["labels"] for row in several] == [
        sorted(
            (label for label, score in row["scores"].items() if score > 0.5), key=lambda label: -row["scores"][label]
        )
        for row in several
    ]
    numbers = rows(capsys, "classify", "number", file)
    assert numbers[1] == {"label": None, "scores": {}, "score": None}
    for row in numbers[2:]:
        assert row == {"label": None, "scores": {"LABEL_0": row["score"]}, "score": row["score"]}
    assert [f"{row['score']:.6f}" for row in numbers[2:]] == ask(capsys, "classify", "number", file)[2:]
    typed(monkeypatch, "cat\triver\n\t\ncat\tbank\tmat\n")
    assert main(["classify", "classify"]) == 3
    assert "standard input, line 3: 3 columns; expected a text, or a pair" in capsys.readouterr().err


def test_tag(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, "tag", "tag", file)
    assert [row.keys() for row in found] == [{"tokens"}] * 4
    for line, row in zip(LINES.split("\n"), found, strict=False):
        assert [token["word"] for token in row["tokens"]] == line.split()
        assert all(token.keys() == {"word", "start", "end", "label", "score"} for token in row["tokens"])
    plain = ask(capsys, "tag", "tag", file)
    assert plain[0].split("\t")[:4] == ["the", found[0]["tokens"][0]["label"], "0", "3"]
    assert [len(part.split("\n")) for part in "\n".join(plain).split("\n\n")][:1] == [4]
    characters = rows(capsys, "tag", "tag", file, "--unit", "char")
    assert ["".join(token["word"] for token in row["tokens"]) for row in characters] == LINES.split("\n")[:-1]


def test_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, context = tmp_path / "article.txt", "the cat sat\r\non a river bank .\n\n서울은 수도다\n"
    path.write_bytes(b"\xef\xbb\xbf" + context.encode())
    words = ["answer", "answer", "--question", "the ?", "--context", str(path), "--k", "3"]
    (row,) = rows(capsys, *words)
    assert row.keys() == {"answer", "start", "end", "score", "alternatives", "no_answer"}
    spans = [row, *row["alternatives"]]
    assert len(spans) == 3
    assert [span["answer"] for span in spans] == [context[span["start"] : span["end"]] for span in spans]
    plain = [line.split("\t") for line in ask(capsys, *words)]
    assert [(int(start), int(end)) for _, start, end, _ in plain] == [(span["start"], span["end"]) for span in spans]
    same = loaded("answer").answer("the ?", context, 3)
    assert (same.answer, same.score) == (row["answer"], pytest.approx(row["score"]))


def test_embed(file: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    wanted = loaded("embed").embed(LINES.split("\n")[:-1], "sum:-2..-1", "max")
    words = ["embed", "embed", file, "--layer", "sum:-2..-1", "--pool", "max"]
    assert main(words) == 0
    out, err = capsysbinary.readouterr()
    assert b"1 of 4 texts were longer than the model reads" in err
    assert main([*words, "--out", str(tmp_path / "vectors.npy")]) == 0
    assert (tmp_path / "vectors.npy").read_bytes() == out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines.txt", "vectors.npy"]
    assert np.array_equal(np.load(io.BytesIO(out)), wanted)
    assert main([*words, "--json"]) == 0
    found = [json.loads(line) for line in capsysbinary.readouterr().out.decode().split("\n")[:-1]]
    assert [row.keys() for row in found] == [{"embedding"}] * 4
    assert np.array_equal(np.array([row["embedding"] for row in found], np.float32), wanted)
    assert main(["embed", "embed", file, "--pool", "none", "--json"]) == 0
    found = [json.loads(line) for line in capsysbinary.readouterr().out.decode().split("\n")[:-1]]
    assert [len(row["embedding"]) for row in found] == [len(row["tokens"]) for row in found] == [6, 0, 6, 40]


def test_no_lines_give_an_empty_matrix(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "")
    assert main(["embed", "embed"]) == 0
    assert np.load(io.BytesIO(capsysbinary.readouterr().out)).shape == (0, 0)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["fill", "fill", "no mask"], 3, "line 1 has no mask; put [MASK] where a word is wanted"),
        (["fill", "tag", "[MASK]"], 2, "gives labels to words cannot fill masks; it is for headway tag"),
        (["classify", "answer", "FILE"], 2, "finds answers in a text cannot classify; it is for headway answer"),
        (["tag", "fill", "FILE"], 2, "fills masks cannot tag words; it is for headway fill"),
        (["tag", "tag", "FILE", "--too-long", "refuse"], 3, "line 4 has 50 tokens, but the model reads at most 38"),
        (["answer", "embed", "--question", "q", "--context", "FILE"], 2, "has no head cannot answer questions"),
        (["answer", "answer", "--question", "q", "--context", "no.txt"], 3, "no.txt: no such file"),
        (
            ["answer", "answer", "--question", "q", "--context", "LATIN"],
            3,
            "latin.txt, line 2, byte 4: not UTF-8",
        ),
        (["answer", "answer", "--question", "q"], 2, "none is given; name its file with --context FILE"),
        (["answer", "answer", "FILE"], 3, "lines.txt, line 1: no tab; expected a question, a tab and the text"),
        (["classify", "classify", "LATIN"], 3, "latin.txt, line 1: 3 columns; expected a text"),
        (["embed", "embed", "FILE", "--layer", "9"], 2, "layer 9 was asked for, but there are 0 (the embeddings) to 3"),
        (["embed", "embed", "FILE", "--out", "no/such/x.npy"], 2, "such; make it first"),
        (["embed", "embed", "FILE", "--pool", "none"], 2, "is no matrix; add --json"),
        (["embed", "embed", "FILE", "--batch-tokens", "0"], 2, "batch_tokens is 0; it must be at least 1"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    words: list[str], status: int, message: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    latin = Path(file).with_name("latin.txt")
    latin.write_bytes(b"a\tb\tc\nsch\xf6n\n")
    assert main([{"FILE": file, "LATIN": str(latin)}.get(word, word) for word in words]) == status
    out, err = capsys.readouterr()
    assert message in err
    assert "Traceback" not in err
    assert not out


def test_options_reach_the_loading(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    model = loaded("tag")
    monkeypatch.setattr(headway, "load", lambda name, **options: given.update(options) or model)
    options = ["--device", "cpu", "--dtype", "bfloat16", "--quantize", "int8", "--offline", "--revision", "v2"]
    assert main(["tag", "x", file, *options, "--allow-missing"]) == 0
    wanted = {"device": "cpu", "dtype": "bfloat16", "quantize": "int8", "offline": True}
    assert given == wanted | {"revision": "v2", "allow_missing": True}
