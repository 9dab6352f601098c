"""Labels of texts, from a table to a folder that is used: every family with a stack, every problem."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch

import headway
from headway.checkpoints import native
from headway.cli.main import main
from headway.errors import DataError
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


@pytest.mark.parametrize(
    ("asked", "score"),
    [
        ({}, "validation_accuracy"),
        ({"data.label_separator": "|"}, "macro_f1"),
        ({"objective.problem": "regression", "data.columns.label": "stars"}, "pearson"),
    ],
)
def test_the_best_score_chooses_the_weights(asked: dict[str, str], score: str, tmp_path: Path) -> None:
    """The held-out rows are full of noise, and the rate is high: the loss is least long before the score is best."""
    draw, table = random.Random(5), tmp_path / "table.tsv"
    other = {"praise": "blame", "blame": "praise"}
    said = [(text, other[label] if draw.random() < 0.3 else label) for text, label in texts(240)]
    lines = [f"{text}\t{label}\t{float(label == 'praise') + draw.random()}" for text, label in said]
    table.write_text("text\tlabel\tstars\n" + "\n".join(lines) + "\n", encoding="utf-8")
    more = {"model.family": "bert", "model.norm_order": "pre", "training.learning_rate": 0.01, "training.max_steps": 60}
    more |= {"training.validate_every": 10, "training.keep_checkpoints": 99, "training.best_by": "score"}
    assert main(words(str(table), tmp_path / "run", **more, **asked)) == 0
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    seen = {row["step"]: row for row in rows if "validation_loss" in row}
    best = max(seen, key=lambda step: seen[step][score])
    if score != "pearson":
        assert best != min(seen, key=lambda step: seen[step]["validation_loss"])
    files = "model.safetensors", f"checkpoints/step-{best}/model.safetensors"
    kept, there = (native.read_tensors(tmp_path / "run" / file) for file in files)
    assert all(torch.equal(kept[name], there[name]) for name in kept if not name.startswith("label_head"))


def test_where_no_score_tells_the_last_weights_stay(reviews: str, tmp_path: Path) -> None:
    """One row has no correlation."""
    table, held = tmp_path / "table.tsv", tmp_path / "held.tsv"
    table.write_text("text\tlabel\n" + "".join(f"{text}\t{i % 5}\n" for i, (text, _) in enumerate(texts(60))))
    held.write_text("text\tlabel\na good film\t3\n")
    more = {"data.validation": held, "objective.problem": "regression", "training.best_by": "score"}
    assert main(words(str(table), tmp_path / "run", **more, **{"model.family": "bert", "model.norm_order": "pre"})) == 0
    assert "those of step 6, the last: no validation could be judged" in (tmp_path / "run" / "README.md").read_text()


@pytest.mark.parametrize("family", ["gpt2", "bloom"])
def test_what_was_trained_with_dropout_can_be_published(family: str, reviews: str, tmp_path: Path) -> None:
    """A decoder of transformers drops nothing before the labels of a text."""
    more = {"model.family": family, "model.size": {"gpt2": "small", "bloom": "560m"}[family]}
    more |= {"objective.reads": "null", "model.dropout": 0.1, "training.max_steps": 1}
    assert main(words(reviews, tmp_path / "run", **more)) == 0
    assert main(["convert", str(tmp_path / "run"), str(tmp_path / "there"), "--to", "huggingface"]) == 0
    ours, theirs = (headway.load(tmp_path / name).classify(["the film was good"]) for name in ("run", "there"))
    assert ours[0].scores == pytest.approx(theirs[0].scores, abs=1e-6)


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
    lines = tmp_path / "lines.tsv"
    rows = [("a good film", "it was fine"), "", "a good film"]
    lines.write_text("a good film\tit was fine\n\na good film\n", encoding="utf-8")
    for name, said in {"pair": "line 3 is one text, but", "number": "line 1 is a pair, but"}.items():
        capsys.readouterr()
        assert main(["classify", str(runs[name]), str(lines)]) == 3
        assert said in capsys.readouterr().err
        with pytest.raises(DataError, match=said):
            models[name].classify(rows)


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
        (
            "x\ta\ny\tb\nz\t\n",
            {"data.validation": "FILE"},
            "train split: row 3, the text 'z', has no label; give it one",
        ),
        (
            "x\ta\ny\tb\n",
            {"data.validation": "x\tc\n"},
            "validation split: row 1, the text 'x', has the label 'c', which no training",
        ),
        (
            f"{'word ' * 20}\t1\nq\ta\n",
            {"data.validation": "x\t\n"},
            "validation split: row 1, the text 'x', has no label; give it one",
        ),
        (
            "x\ta\ny\tb\n",
            {"data.validation": f"{'좋다 ' * 20}\tc\n"},
            f"the text '{'좋다 ' * 13}좋…', has the label 'c', which no",
        ),
        (
            "x\t1\ny\tmany\n",
            {"objective.problem": "regression", "data.validation": "FILE"},
            "row 2, the text 'y', has the label 'many'; a number is expected",
        ),
        (
            "x\t1\ny\t1e39\n",
            {"objective.problem": "regression", "data.validation": "FILE"},
            "row 2, the text 'y', has the label '1e39'; a number is expected",
        ),
        ("x\ta\ny\tb\n", {"model.family": "vaswani", "data.validation": "FILE"}, "vaswani cannot learn to classify"),
        (
            "x\ta\ny\tb\n",
            {"data.validation": "FILE", "data.test": "x\tc\n"},
            "test split: row 1, the text 'x', has the label",
        ),
        ("x\ta\ny\tb\n", {"data.validation": "FILE", "data.max_length": "2"}, "2 are special, has no room for text"),
        (
            'x\t["a", "b"]\ny\tb\n',
            {"data.validation": "FILE"},
            "row 1, the text 'x', has the labels a, b; one is expected",
        ),
        (
            "x\ta\ny\tb\n",
            {"data.validation": "FILE", "data.label_separator": "|", "objective.problem": "single"},
            "data.label_separator '|' parts several labels, but objective.problem is single; leave one of them out",
        ),
    ],
)
def test_bad_labels_are_one_sentence(
    rows: str, more: dict[str, str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "rows.tsv"
    table.write_text(f"text\tlabel\n{rows}", encoding="utf-8")
    for split in ("data.validation", "data.test"):
        if split in more:
            held = tmp_path / f"{split}.tsv"
            held.write_text(f"text\tlabel\n{rows if more[split] == 'FILE' else more[split]}", "utf-8")
            more = {**more, split: str(held)}
    options = {"tokenizer.type": "char", "tokenizer.vocab_size": "null", **more}
    assert main(words(str(table), tmp_path / "run", **options)) in (2, 3)
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()


def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    for drawn in ("training_curves", "_show_attention"):
        monkeypatch.setattr(f"headway.runs.report.{drawn}", lambda *shown: None)
    monkeypatch.setattr("headway.explain.label_figures.label_figures", lambda *shown: None)


def test_labels_are_read_alike_from_blanks_lists_and_separators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pictures(monkeypatch)
    few = {"training.max_steps": 1, "tokenizer.type": "char", "tokenizer.vocab_size": "null"}
    plain, lists = tmp_path / "rows.csv", tmp_path / "rows.jsonl"
    plain.write_text("text,label\n" + "".join(f"{a} {i}, {'yn'[i % 2]}\n" for i, a in enumerate("abcdefgh")), "utf-8")
    several = [["x", "y"], ["y"], ["y", "x"], []]
    rows = [{"text": f"{a} {i}", "label": several[i % 4]} for i, a in enumerate("abcdefgh")]
    lists.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    parted = tmp_path / "parted.csv"
    parted.write_text("text,label\n" + "".join(f'{r["text"]},"{",".join(r["label"])}"\n' for r in rows), "utf-8")
    for file, more, expected in (
        (plain, {}, ["n", "y"]),
        (lists, {"objective.problem": "multi"}, ["x", "y"]),
        (parted, {"objective.problem": "multi"}, ["x", "y"]),
    ):
        run = tmp_path / file.name.replace(".", "-")
        assert main(words(str(file), run, **few, **more, data__validation=str(file))) == 0
        classes = json.loads((run / "evaluation.json").read_text("utf-8"))["classes"]
        assert classes["labels"] == expected
        assert [of["support"] for of in classes["per_class"].values()] == ([4, 4] if file == plain else [4, 6])


def test_labels_are_parted_alike_in_files_of_another_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_pictures(monkeypatch)
    table = [(f"{a} {i}", ("x|y", "y", "x", "")[i % 4]) for i, a in enumerate("abcdefgh")]
    for ending, between in (("tsv", "\t"), ("csv", ",")):
        lines = "".join(between.join(row) + "\n" for row in [("text", "label"), *table])
        (tmp_path / f"rows.{ending}").write_text(lines, "utf-8")
    lists = [{"text": text, "label": [label for label in cell.split("|") if label]} for text, cell in table]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lists), "utf-8")
    few = {"training.max_steps": 1, "tokenizer.type": "char", "tokenizer.vocab_size": "null"}
    run, train = tmp_path / "run", str(tmp_path / "rows.tsv")
    assert main(words(train, run, **few, data__validation=train, data__label_separator="|")) == 0
    before = RunFolder(run).evaluation["metrics"]
    for ending in ("csv", "jsonl"):
        assert main(["evaluate", str(run), "--data.test", str(tmp_path / f"rows.{ending}")]) == 0
        assert RunFolder(run).evaluation["metrics"] == before


def test_a_run_of_pairs_is_not_measured_on_single_texts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pictures(monkeypatch)
    table = [(f"{a} {i}", "ab"[i % 2], "yn"[i % 2]) for i, a in enumerate("abcdefgh")]
    files = {}
    for ending, between in (("tsv", "\t"), ("csv", ",")):
        files[ending] = tmp_path / f"rows.{ending}"
        files[ending].write_text("".join(between.join(row) + "\n" for row in [("text", "pair", "label"), *table]))
    few = {"training.max_steps": 1, "tokenizer.type": "char", "tokenizer.vocab_size": "null"}
    run, train = tmp_path / "run", str(files["tsv"])
    assert main(words(train, run, **few, data__validation=train, data__columns__pair="pair")) == 0
    before = json.loads((run / "evaluation.json").read_text("utf-8"))["metrics"]
    capsys.readouterr()
    assert main(["evaluate", str(run), "--data.test", str(files["csv"])]) == 2
    assert "name the column of the second text with --data.columns.pair" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--data.test", str(files["csv"]), "--data.columns.pair", "pair"]) == 0
    assert json.loads((run / "evaluation.json").read_text("utf-8"))["metrics"] == before


def test_the_encoder_of_a_translator_reads_with_its_own_vocabulary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pictures(monkeypatch)
    sides = [tmp_path / "rows.de", tmp_path / "rows.en"]
    for side, letters in zip(sides, ("abcdefghijklmnop", "xy"), strict=True):
        side.write_text("".join(f"{letters[i % len(letters)]} {letters[::-1][:8]}\n" for i in range(16)), "utf-8")
    few = {"training.max_steps": "1", "training.validation_bleu": "false", "tokenizer.joint": "false"}
    sizes = {"tokenizer.type": "char", "tokenizer.vocab_size": "null", "decoding.beam": "1"}
    options = {**USUAL, **few, **sizes, "data.train": ",".join(map(str, sides)), "data.validation": "0.5"}
    named = [word for k, v in options.items() for word in (f"--{k}", str(v))]
    assert main(["train", "translate", "--run", str(tmp_path / "translator"), *named]) == 0
    table = tmp_path / "rows.tsv"
    table.write_text("text\tlabel\n" + "".join(f"{a} b\t{i % 2}\n" for i, a in enumerate("abcdefgh")), "utf-8")
    more = {"model.init": str(tmp_path / "translator"), "data.validation": str(table), "training.max_steps": 1}
    assert main(words(str(table), tmp_path / "labels", **more)) == 0
    pieces = headway.load(tmp_path / "labels").tokenizers.source
    assert "p" in pieces
    assert "x" not in pieces
