"""Labels before the Transformer, from a table to a folder that is used; and trained language models that get labels."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

import headway
from headway.checkpoints.native import read_tensors
from headway.cli.main import main
from headway.config import load_recipe
from headway.runs import RunFolder
from headway.runs.prepare import prepare
from tests.text.texts import spell_text

GOOD, BAD = "good fine great 좋은 최고".split(), "bad poor awful 나쁜 최악".split()
FILLER = "the film was a story of some people and it had 영화 배우 이야기".split()
USUAL = {
    "data.validation": "0.2",
    "tokenizer.vocab_size": "null",
    "training.max_minutes": "null",
    "training.max_epochs": "null",
    "training.schedule": "constant",
    "training.warmup_steps": 1,
    "training.log_every": 1,
    "training.threads": 1,
}
LANGUAGE = {"training.max_steps": 2, "training.batch_tokens": 200, "data.document": "line", "data.max_length": 16}
CELLS = {"model.num_layers": 2, "model.d_model": 16, "model.d_cell": 24}
LABELS = {"training.batch_tokens": 600, "training.learning_rate": 0.01, "training.label_smoothing": 0.0}


def reviews(count: int, seed: int = 3) -> list[tuple[str, str]]:
    """A filler sentence with one word that says its class."""
    draw = random.Random(seed)
    rows = []
    for i in range(count):
        label, words = draw.choice((("praise", GOOD), ("blame", BAD)))
        line = [*draw.choices(FILLER, k=draw.randint(2, 6)), draw.choice(words)]
        rows.append((" ".join(draw.sample(line, len(line))) + f" {i}", label))
    return rows


def command(recipe: str, run: Path, **more: object) -> list[str]:
    given = USUAL | {key.replace("__", "."): value for key, value in more.items()}
    return ["train", recipe, "--run", str(run), *(word for k, v in given.items() for word in (f"--{k}", str(v)))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of reviews, and language models of its texts: `elmo` with a vocabulary of ten words, and `ulmfit`."""
    place = tmp_path_factory.mktemp("labels")
    rows = reviews(160)
    (place / "reviews.tsv").write_text("text\tlabel\n" + "".join(f"{a}\t{b}\n" for a, b in rows), encoding="utf-8")
    (place / "texts.txt").write_text("".join(f"{text}\n" for text, _ in rows), encoding="utf-8")
    texts = {"data.train": str(place / "texts.txt"), **LANGUAGE, **CELLS}
    assert main(command("elmo", place / "elmo", **texts, tokenizer__vocab_size=14, tokenizer__type="word")) == 0
    assert main(command("ulmfit", place / "ulmfit", **texts, tokenizer__vocab_size=330)) == 0
    return place


FAMILIES: dict[str, dict[str, object]] = {
    "text_cnn": {"model.family": "text_cnn", "model.d_model": 16, "tokenizer.type": "word"},
    "lstm": {"model.family": "lstm", "model.d_model": 16, "model.attention": "additive", "tokenizer.type": "word"},
    "elmo": {"model.init": "elmo", "data.max_length": 200},
    "ulmfit": {"model.init": "ulmfit", "training.gradual_unfreezing": "true", "training.rate_decay": 1.5},
}


@pytest.mark.parametrize("name", FAMILIES)
def test_labels_are_learned_and_given_from_the_command_line(
    name: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, more = tmp_path / "run", dict(FAMILIES[name])
    if "model.init" in more:
        more["model.init"] = str(folder / name)
    train = {"data.train": str(folder / "reviews.tsv"), "training.max_steps": 60, "training.validate_every": 30}
    assert main(command("classify", run, **train, **LABELS, **more)) == 0
    accuracy = RunFolder(run).evaluation["metrics"]["accuracy"]
    assert accuracy["score"] > 0.75  # one word says it; chance is 0.5
    lines = tmp_path / "lines.txt"
    lines.write_text("the film was great 7\n\n나쁜 영화 최악 8\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["classify", str(run), str(lines), "--json"]) == 0
    praise, empty, blame = map(json.loads, capsys.readouterr().out.splitlines())
    assert (praise["label"], empty["label"], blame["label"]) == ("praise", None, "blame")
    assert main(["info", str(run), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["head"], facts["labels"], facts["max_length"]) == ("labels of texts", ["blame", "praise"], None)
    assert main(["attend", str(run), "a film"]) == 2
    assert "attends to nothing" in capsys.readouterr().err
    for asked in (["tag", str(run), str(lines)], ["generate", str(run), str(lines)], ["embed", str(run), str(lines)]):
        if not (name == "elmo" and asked[0] == "embed"):  # its layers are there
            assert main([*asked, *(["--json"] if asked[0] == "embed" else [])]) == 2
            assert "headway classify" in (said := capsys.readouterr().err) or "does not write text" in said


@pytest.mark.parametrize("name", ["elmo", "ulmfit"])
def test_a_classifier_begins_with_the_weights_of_its_language_model(name: str, folder: Path) -> None:
    given = {"data.train": str(folder / "reviews.tsv"), "data.validation": 0.2, "model.init": str(folder / name)}
    prepared = prepare(load_recipe("classify", list(given.items())), device=torch.device("cpu"))
    trained, own = read_tensors(folder / name / "model.safetensors"), dict(prepared.model.named_parameters())
    kept = {key for key in own if not key.startswith("label_head.")}
    assert kept == {key for key in trained if not key.startswith("head.")}
    assert not [key for key in kept if not torch.equal(own[key], trained[key])]
    known = headway.load(folder / name).tokenizers.source
    assert (prepared.vocabulary == known) == (name == "ulmfit")
    if name == "elmo":  # no word is unknown to it, though its own vocabulary has ten
        assert isinstance(prepared.vocabulary, type(known))
        assert known.unknown_rate(["zzz"]) == 1
        assert prepared.vocabulary.unknown_rate(["zzz"]) == 0
        first, second = headway.load(folder / name).embed(["a zzz", "a qqq"], layer="0")
        assert np.abs(first - second).max() > 1e-4


def test_gradual_unfreezing_goes_on_bit_for_bit(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {
        "data.train": str(folder / "reviews.tsv"), "model.init": str(folder / "ulmfit"), **LABELS,
        "training.gradual_unfreezing": "true", "training.rate_decay": 2.6, "training.checkpoint_every": 4,
        "training.max_steps": 16,
    }  # fmt: skip
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert main(command("classify", whole, **more)) == 0
    choices = RunFolder(whole).read_choices()
    monkeypatch.setattr("headway.runs.prepare.choose", lambda *args, **options: choices)
    assert main(command("classify", run, **(more | {"training.max_steps": 8}))) == 0
    config = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(config.replace("max_steps: 8 ", "max_steps: 16 "), encoding="utf-8")
    (run / "README.md").unlink()
    state = next(run.glob("checkpoints/step-8/*.json"))
    state.write_text(state.read_text(encoding="utf-8").replace('"finished": true', '"finished": false'), "utf-8")
    assert main(["resume", str(run)]) == 0
    for step in sorted(whole.glob("checkpoints/step-16/*.safetensors")):
        assert (run / step.relative_to(whole)).read_bytes() == step.read_bytes()
    assert (run / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_the_vectors_of_elmo_are_those_of_words(folder: Path) -> None:
    """A layer of the model over the characters of words, whether the vocabulary has them or not."""
    loaded = headway.load(folder / "elmo")
    for text in ("the film", "a strange film of wizards"):
        characters = torch.from_numpy(spell_text(text.split()).astype(np.int64))[None]
        with torch.no_grad():
            layers = [torch.cat(both, -1)[0].numpy() for both in loaded.model.layer_states(characters)]  # type: ignore[union-attr]
        for asked, expected in (("0", layers[0]), ("-1", layers[2]), ("sum:0..2", sum(layers))):
            (every,) = loaded.embed([text], layer=asked, pool="none")
            np.testing.assert_allclose(every, expected, atol=1e-5)
            np.testing.assert_allclose(loaded.embed([text], layer=asked)[0], expected.mean(0), atol=1e-5)
