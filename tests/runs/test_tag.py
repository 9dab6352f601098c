"""Labels of words, from a CoNLL file to a folder that is used: every family with a stack, words and characters."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import headway
from headway.cli.main import main
from headway.config import load_recipe
from headway.evaluation.entities import tagging_metrics
from headway.runs import RunFolder
from headway.runs.kinds import kind_of
from headway.runs.kinds.tag import Tag
from headway.tasks.tag import tag

NAMES = {"PS": ["이순신", "장영실", "Ada", "Alan"], "LC": ["서울", "부산", "Rome", "New York"]}
FILLER = "was in the of and saw 은 에서 한국 사람 . went to".split()
USUAL = {
    "data.validation": "0.2",
    "data.format": "conll",
    "data.max_length": 24,
    "data.stride": 6,
    "tokenizer.type": "char",
    "tokenizer.vocab_size": 330,
    "training.max_steps": 4,
    "training.schedule": "constant",
    "training.max_minutes": "null",
    "training.max_epochs": "null",
    "training.warmup_steps": 2,
    "training.learning_rate": 3e-3,
    "training.batch_tokens": 600,
    "training.validate_every": 4,
    "training.checkpoint_every": 4,
    "training.log_every": 1,
    "training.threads": 1,
    "model.num_layers": 1,
    "model.d_model": 32,
    "model.num_heads": 2,
}


def sentences(count: int, seed: int = 3) -> list[list[tuple[str, str]]]:
    """Words and labels: fillers and one or two names, so many that some are longer than `data.max_length`."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        row = [[(word, "O")] for word in [*draw.choices(FILLER, k=draw.randint(1, 5)), str(number)]]
        for kind in draw.choices(["PS", "LC"], k=draw.randint(1, 2)):
            parts = draw.choice(NAMES[kind]).split()
            row.append([(part, f"{'IB'[not place]}-{kind}") for place, part in enumerate(parts)])
        rows.append([pair for part in draw.sample(row, len(row)) for pair in part])
    return rows


def conll(path: Path, rows: list[list[tuple[str, str]]], *, char: bool = False) -> str:
    lines = []
    for number, row in enumerate(rows):
        lines.append(f"## sentence-{number}\t…")
        for place, (word, label) in enumerate(row):
            lines += [f" \t{label if label[0] == 'I' else 'O'}"] * (char and place > 0)
            inside = f"I-{label[2:]}" if label != "O" else label
            lines += [f"{x}\t{inside if i else label}" for i, x in enumerate(word)] if char else [f"{word}\t{label}"]
        lines.append("")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return str(path)


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> str:
    return conll(tmp_path_factory.mktemp("conll") / "train.txt", sentences(200))


def words(train: str, run: Path, **more: object) -> list[str]:
    options = {"data.train": train, **USUAL, **{key.replace("__", "."): value for key, value in more.items()}}
    if "model.init" in options:
        options = {k: v for k, v in options.items() if k == "model.init" or not k.startswith(("model.", "tokenizer."))}
    return ["train", "tag", "--run", str(run), *(word for k, v in options.items() for word in (f"--{k}", str(v)))]


SIZES = {"gpt2": "small", "bloom": "560m", "qwen2": "0.5b"}


@pytest.mark.parametrize("family", ["bert", "gpt2", "bloom", "t5", "qwen2"])
def test_every_family_with_a_stack_trains_and_gives_each_word_a_label(
    family: str, train: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    sizes: dict[str, object] = {"model__family": family, "model__size": SIZES.get(family, "tiny")}
    sizes |= {"model__d_ff": 48} if family == "qwen2" else {}
    assert main(words(train, run, **sizes)) == 0
    assert RunFolder(run).evaluation["metrics"]["entity_f1"]["score"] >= 0
    (tmp_path / "lines.txt").write_text("Ada was in  서울\n\n" + "Rome " * 30 + "\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["tag", str(run), str(tmp_path / "lines.txt"), "--json"]) == 0
    found = [json.loads(line)["tokens"] for line in capsys.readouterr().out.splitlines()]
    assert [[token["word"] for token in line] for line in found] == [["Ada", "was", "in", "서울"], [], ["Rome"] * 30]
    assert all(token["score"] > 0 for line in found for token in line)
    labels = {"O", "B-LC", "B-PS", "I-LC"}
    assert {token["label"] for line in found for token in line} <= labels
    assert headway.load(run).model.label_head.spec.labels == ("O", *sorted(labels - {"O"}))


@pytest.fixture(scope="module")
def characters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that has learned the names, by pieces of several characters: read only."""
    folder = tmp_path_factory.mktemp("char")
    file, run = conll(folder / "train.txt", sentences(260), char=True), folder / "run"
    more = {"training__max_steps": 60, "training__validate_every": 30, "training__checkpoint_every": 30}
    more |= {"data__unit": "char", "data__test": "0.1", "tokenizer__type": "wordpiece", "tokenizer__vocab_size": "null"}
    assert main(words(file, run, training__learning_rate=0.01, **more)) == 0
    return run


def test_characters_are_learned_and_the_command_knows_that_it_is_they(
    characters: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation = RunFolder(characters).evaluation
    metrics = evaluation["metrics"]
    assert metrics["entity_f1"]["low"] <= metrics["entity_f1"]["score"] <= metrics["entity_f1"]["high"]
    assert metrics["entity_f1"]["score"] > 0.8
    assert metrics["lexicon_entity_f1"]["score"] > 0.5
    assert set(evaluation["classes"]["per_class"]) == {"LC", "PS"}
    assert all("no names" not in sample["reference"] for sample in evaluation["samples"])
    line = "the 이순신 went to New York ."
    (tmp_path / "line.txt").write_text(line + "\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["tag", str(characters), str(tmp_path / "line.txt")]) == 0
    rows = [row.split("\t") for row in capsys.readouterr().out.removesuffix("\n\n").split("\n")]
    assert "".join(row[0] for row in rows) == line
    assert [row[1] for row in rows[4:7]] == ["B-PS", "I-PS", "I-PS"]
    assert [row[1] for row in rows[16:24]] == ["B-LC"] + ["I-LC"] * 7
    assert main(["evaluate", str(characters), "--out", str(tmp_path / "again.json")]) == 0
    again = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
    assert again["metrics"] == metrics


def test_every_label_of_a_training_row_stands_in_one_window(characters: Path) -> None:
    config = load_recipe(str(characters / "config.yaml"), [("data.max_length", 8)])
    kind = kind_of(config)
    assert isinstance(kind, Tag)
    data, loaded = kind.load(), headway.load(characters)
    encoded = kind.encode(data, "train", loaded.tokenizers.source, loaded.spec)
    assert "sentences are longer than 6 tokens and are read in windows" in encoded.note
    assert len(encoded) > len(data["train"])
    tokenizer = loaded.tokenizers.source
    first = [
        json.loads(row["label"])[start] for row in data["train"] for start, _ in tokenizer.encode(row["text"]).offsets
    ]
    names = loaded.model.label_head.spec.labels
    rows = [encoded.rows[i] for i in range(len(encoded))]
    assert [names[i] for row in rows for i in row.labels] == first  # windows and pieces stand in their order
    assert all(len(row.ids) == length for row, length in zip(rows, encoded.lengths, strict=True))


def test_a_trained_model_goes_on(characters: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its head where it knows the labels, else with a new one."""
    same = conll(tmp_path / "same.txt", sentences(60, seed=9), char=True)
    other = Path(same).read_text(encoding="utf-8").replace("-PS", "-NAME")
    (tmp_path / "other.txt").write_text(other, encoding="utf-8")
    init = {"model__init": characters, "data__unit": "char", "training__learning_rate": 1e-5}
    assert main(words(same, tmp_path / "a", **init)) == 0
    assert "freshly" not in capsys.readouterr().err
    assert RunFolder(tmp_path / "a").evaluation["metrics"]["entity_f1"]["score"] > 0.8
    assert main(words(str(tmp_path / "other.txt"), tmp_path / "b", **init)) == 0
    assert "label_head.out.weight" in capsys.readouterr().err
    assert headway.load(tmp_path / "b").model.label_head.spec.labels == ("O", "B-LC", "B-NAME", "I-LC", "I-NAME")


def test_the_command_reads_long_texts_as_the_run_and_its_evaluation_did(
    characters: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In windows of `data.max_length`, though the model could read three times as much at once."""
    rows = [[pair for row in sentences(3, seed) for pair in row] for seed in range(20)]
    test = conll(tmp_path / "test.txt", rows, char=True)
    init = {"model__init": characters, "data__unit": "char", "data__max_length": 8, "data__stride": 1}
    assert (
        main(words(conll(tmp_path / "train.txt", sentences(60), char=True), tmp_path / "run", data__test=test, **init))
        == 0
    )
    lines = [" ".join(word for word, _ in row) for row in rows]
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["tag", str(tmp_path / "run"), str(tmp_path / "lines.txt"), "--json"]) == 0
    said = [json.loads(line)["tokens"] for line in capsys.readouterr().out.splitlines()]
    labels = [[token["label"] for token in line] for line in said]
    config = load_recipe(str(tmp_path / "run" / "config.yaml"))
    right = [json.loads(row["label"]) for row in kind_of(config).load()["test"]]
    measured = RunFolder(tmp_path / "run").evaluation["metrics"]
    assert tagging_metrics(labels, right).items() <= measured.items()
    loaded = headway.load(tmp_path / "run")
    assert [[token.label for token in line.tokens] for line in loaded.tag(lines)] == labels
    wider = tag(loaded.model, loaded.tokenizers.source, lines, "char")
    assert [[token.score for token in line.tokens] for line in wider] != [[t["score"] for t in line] for line in said]


def _unseen(folder: Path) -> dict[str, object]:
    return {"data.validation": conll(folder / "unseen.txt", [[("a", "O"), ("b", "B-ZZ")]])}


@pytest.mark.parametrize(
    ("rows", "more", "message"),
    [
        ([[("a", "O")], [("b", "O")]], lambda _: {}, "the only label is O; at least two are needed"),
        (
            sentences(20),
            _unseen,
            r"validation split: row 1, the text 'a b', has the label 'B-ZZ', which no training row has",
        ),
        (sentences(20), lambda _: {"model.family": "vaswani"}, "model.family vaswani cannot learn to tag; choose bert"),
        (sentences(20), lambda _: {"data.max_length": 2}, "data.max_length 2 leaves no room for a word"),
        (sentences(20), lambda _: {"data.unit": "char"}, r"line \d+: '.*' is not one character; set --data.unit word"),
    ],
)
def test_what_cannot_be_learned_is_one_sentence(
    rows: list[list[tuple[str, str]]],
    more: Callable[[Path], dict[str, object]],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(words(conll(tmp_path / "train.txt", rows), tmp_path / "run", **more(tmp_path))) in (2, 3)
    said = capsys.readouterr().err
    assert re.search(message, said), said
    assert "Traceback" not in said


def test_parts_of_speech_have_accuracy_and_macro_f1(train: str, tmp_path: Path) -> None:
    text = Path(train).read_text(encoding="utf-8").replace("B-", "").replace("I-", "")
    (tmp_path / "pos.txt").write_text(text, encoding="utf-8")
    assert main(words(str(tmp_path / "pos.txt"), tmp_path / "run")) == 0
    evaluation = RunFolder(tmp_path / "run").evaluation
    assert {"accuracy", "macro_f1", "lexicon_accuracy", "lexicon_macro_f1"} == set(evaluation["metrics"])
    assert "/" in evaluation["samples"][0]["reference"]
