"""Labels of texts, from a table to a folder that is used: every family with a stack, every problem."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import headway
from headway.cli.main import main
from headway.runs import RunFolder

GOOD, BAD = "good fine great 좋은 최고".split(), "bad poor awful 나쁜 최악".split()
FILLER = "the film was a story of some people and it had 영화 배우 이야기".split()
USUAL = {
    "data.validation": "0.2",
    "data.max_length": 24,
    "tokenizer.type": "byte-bpe",
    "tokenizer.vocab_size": 330,
    "training.max_steps": 6,
    "training.max_minutes": "null",
    "training.max_epochs": "null",
    "training.warmup_steps": 2,
    "training.learning_rate": 3e-3,
    "training.batch_tokens": 300,
    "training.validate_every": 3,
    "training.checkpoint_every": 3,
    "training.log_every": 1,
    "training.threads": 1,
    "model.num_layers": 1,
    "model.d_model": 32,
    "model.num_heads": 2,
}


def texts(count: int, seed: int = 3) -> list[tuple[str, str]]:
    """A filler sentence with one word that says its class, a few rows twice as long as `data.max_length`."""
    draw = random.Random(seed)
    rows = []
    for i in range(count):
        label, words = draw.choice((("praise", GOOD), ("blame", BAD)))
        line = [*draw.choices(FILLER, k=draw.randint(2, 6) * (8 if i % 50 == 0 else 1)), draw.choice(words)]
        rows.append((" ".join(draw.sample(line, len(line))) + f" {i}", label))
    return rows


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("labels") / "reviews.tsv"
    path.write_text("text\tlabel\n" + "".join(f"{a}\t{b}\n" for a, b in texts(240)), encoding="utf-8")
    return str(path)


def words(train: str, run: Path, **more: object) -> list[str]:
    given = {key.replace("__", "."): value for key, value in more.items()}
    options = {"data.train": train, **USUAL, **given}
    if "model.init" in given:
        options = {k: v for k, v in options.items() if k == "model.init" or not k.startswith(("model.", "tokenizer."))}
    return [
        "train", "classify", "--run", str(run), *(word for k, v in options.items() for word in (f"--{k}", str(v)))
    ]  # fmt: skip


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2", "bloom", "t5", "llama"])
def test_every_family_with_a_stack_learns_labels_and_gives_them(
    family: str, reviews: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    tiny = {"gpt2": "small", "bloom": "560m", "roberta": "base", "llama": "tiny"}.get(family, "tiny")
    sizes = {"model.family": family, "model.size": tiny}
    more = {"model.norm_order": "pre"} if family in ("bert", "roberta") else {}
    more["training.learning_rate"] = "0.01" if family == "t5" else "0.003"
    assert main(words(reviews, run, **sizes, **more, training__max_steps=80, training__validate_every=40)) == 0
    evaluation = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    accuracy = evaluation["metrics"]["accuracy"]
    assert accuracy["low"] <= accuracy["score"] <= accuracy["high"]
    assert accuracy["score"] > 0.8  # one word says it; chance is 0.5
    assert evaluation["classes"]["labels"] == ["blame", "praise"]
    assert {"confusion.png", "reliability.png", "f1.png"} <= {path.name for path in (run / "plots").iterdir()}
    lines = tmp_path / "lines.txt"
    lines.write_text("the film was great\n\n나쁜 영화 최악\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["classify", str(run), str(lines), "--json"]) == 0
    praise, empty, blame = map(json.loads, capsys.readouterr().out.splitlines())
    assert (praise["label"], empty["label"], blame["label"]) == ("praise", None, "blame")
    assert main(["evaluate", str(run), "--split", "validation", "--out", str(run / "again.json")]) == 0
    again = json.loads((run / "again.json").read_text(encoding="utf-8"))
    assert again["metrics"] == evaluation["metrics"]


def test_several_labels_numbers_and_pairs(reviews: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each of two words may be there or not; how many there are; whether two texts praise alike."""
    draw = random.Random(8)
    several, pairs = ["text\tlabel\tstars"], ["a\tb\tsame"]
    for i in range(200):
        said = [word for word in ("good", "awful", "최고") if draw.random() < 0.5]
        line = [*draw.choices(FILLER, k=4), *said]
        several.append(f"{' '.join(draw.sample(line, len(line)))} {i}\t{'|'.join(said)}\t{len(said)}")
        first, second = draw.choice((GOOD, BAD)), draw.choice((GOOD, BAD))
        pairs.append(f"a {draw.choice(first)} film {i}\tit was {draw.choice(second)}\t{'ny'[first is second]}")
    table, two = tmp_path / "several.tsv", tmp_path / "pairs.tsv"
    table.write_text("\n".join(several) + "\n", encoding="utf-8")
    two.write_text("\n".join(pairs) + "\n", encoding="utf-8")
    bert = {"model.family": "bert", "model.norm_order": "pre", "training.learning_rate": 0.01}
    bert |= {"training.max_steps": 120, "training.validate_every": 60, "training.label_smoothing": 0.0}

    runs = {name: tmp_path / name for name in ("multi", "number", "pair")}
    several_at_once = {**bert, "model.family": "t5", "data.label_separator": "|"}  # which has no model.norm_order
    del several_at_once["model.norm_order"]
    assert main(words(str(table), runs["multi"], **several_at_once)) == 0
    number = {"data.columns.label": "stars", "objective.problem": "regression"}
    assert main(words(str(table), runs["number"], **number, **bert)) == 0
    columns = {"data.columns.text": "a", "data.columns.pair": "b", "data.columns.label": "same"}
    assert main(words(str(two), runs["pair"], **columns, **bert)) == 0

    found = {name: RunFolder(run).evaluation["metrics"] for name, run in runs.items()}
    assert found["multi"]["macro_f1"]["score"] > 0.8
    assert found["number"]["pearson"]["score"] > 0.8
    assert set(found["pair"]) == {"accuracy", "macro_f1", "mcc"}
    models = {name: headway.load(run) for name, run in runs.items()}
    assert set(models["multi"].classify(["the good awful film"])[0].labels) == {"good", "awful"}
    assert models["number"].classify(["it was good awful 최고 a film 77"])[0].scores["number"] > 2
    assert models["pair"].classify([("a good film", "it was fine")])[0].label in ("n", "y")


def test_a_run_goes_on_bit_for_bit_and_a_trained_model_gets_a_head(
    reviews: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert main(words(reviews, whole)) == 0
    choices = RunFolder(whole).read_choices()
    monkeypatch.setattr("headway.runs.prepare.choose", lambda *args, **options: choices)
    assert main(words(reviews, run, training__max_steps=3, training__schedule="constant")) == 0
    other = tmp_path / "other"
    assert main(words(reviews, other, training__schedule="constant")) == 0
    config = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(config.replace("max_steps: 3 ", "max_steps: 6 "), encoding="utf-8")
    (run / "README.md").unlink()
    state = next(run.glob("checkpoints/step-3/*.json"))
    state.write_text(state.read_text(encoding="utf-8").replace('"finished": true', '"finished": false'), "utf-8")
    assert main(["resume", str(run)]) == 0
    assert (run / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()

    stars = tmp_path / "stars.tsv"
    stars.write_text("text\tlabel\n" + "".join(f"{a}\t{i % 3}\n" for i, (a, _) in enumerate(texts(60))), "utf-8")
    capsys.readouterr()
    again = tmp_path / "again"
    assert main(words(str(stars), again, model__init=str(whole), training__learning_rate=1e-9)) == 0
    said = capsys.readouterr().err
    assert "freshly initialised: label_head.out.bias, label_head.out.weight" in said.replace("\n", " ")
    before, after = (headway.load(folder).model.state_dict() for folder in (whole, again))
    assert before["label_head.out.weight"].shape != after["label_head.out.weight"].shape
    name = "stack.blocks.0.attention.query.weight"
    assert (before[name] - after[name]).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        ("x\tonly\ny\tonly\n" * 9, {}, "the only label is only; at least two are needed"),
        ("x\ta\ny\tb\nz\t\n", {"data.validation": "FILE"}, "train split: row 3 has no label"),
        ("x\ta\ny\tb\n", {"data.validation": "x\tc\n"}, "validation split: row 1 has the label 'c', which no training"),
        (
            "x\t1\ny\tmany\n",
            {"objective.problem": "regression", "data.validation": "FILE"},
            "row 2 has the label 'many'",
        ),
        ("x\ta\ny\tb\n", {"model.family": "vaswani", "data.validation": "FILE"}, "vaswani cannot learn to classify"),
    ],
)
def test_bad_labels_are_one_sentence(
    rows: str, more: dict[str, str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, held = tmp_path / "rows.tsv", tmp_path / "held.tsv"
    table.write_text(f"text\tlabel\n{rows}", encoding="utf-8")
    if "data.validation" in more:
        held.write_text(
            f"text\tlabel\n{rows if more['data.validation'] == 'FILE' else more['data.validation']}", "utf-8"
        )
        more = {**more, "data.validation": str(held)}
    options = {"tokenizer.type": "char", "tokenizer.vocab_size": "null", **more}
    assert main(words(str(table), tmp_path / "run", **options)) in (2, 3)
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()
