"""Pre-training from raw text, from the command line to a folder that is used: every kind, on a corpus of seconds."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

import headway
from headway.cli.main import main
from headway.config import load_recipe
from headway.runs import RunFolder
from headway.runs.kinds import kind_of

WORDS = "the old dog saw a small cat and ran home before dark 나는 학교에 간다 그는 책을 읽는다".split()
USUAL = {
    "data.validation": "0.2",
    "data.max_length": 24,
    "tokenizer.vocab_size": 330,
    "tokenizer.type": "byte-bpe",
    "training.max_steps": 6,
    "training.schedule": "constant",
    "training.max_minutes": "null",
    "training.max_epochs": "null",
    "training.batch_tokens": 200,
    "training.validate_every": 3,
    "training.checkpoint_every": 3,
    "training.log_every": 1,
    "training.threads": 1,
}
_TRANSFORMER = {"model.num_layers": 1, "model.d_model": 32, "model.num_heads": 2, "model.dropout": 0.1}
_CELLS = {"model.num_layers": 2, "model.d_model": 16, "model.d_cell": 24, "model.dropout": 0.1}
KINDS: dict[str, dict[str, object]] = {  # a recipe of each
    "causal-lm": _TRANSFORMER,
    "masked-lm": {**_TRANSFORMER, "objective.sentences": "next"},
    "span-corruption": {**_TRANSFORMER, "tokenizer.vocab_size": 400},
    "ulmfit": {**_CELLS, "training.gradual_unfreezing": "true", "training.rate_decay": 2.6},
    "elmo": {**_CELLS, "tokenizer.type": "word", "tokenizer.vocab_size": 23},
}
TASKS = {"ulmfit": "causal-lm", "elmo": "bidirectional-lm"}


@pytest.fixture(scope="module")
def novels(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Forty documents of three to six lines, a blank line between them."""
    draw = random.Random(5)
    documents = [
        "".join(" ".join(draw.choices(WORDS, k=draw.randint(3, 8))) + ".\n" for _ in range(draw.randint(3, 6)))
        for _ in range(40)
    ]
    path = tmp_path_factory.mktemp("text") / "novels.txt"
    path.write_text("\n".join(documents), encoding="utf-8")
    return str(path)


def words(recipe: str, novels: str, run: Path, **more: object) -> list[str]:
    given = {key.replace("__", "."): value for key, value in more.items()}
    options = {"data.train": novels, **USUAL, **KINDS[recipe], **given}
    flat = [word for key, value in options.items() if value is not None for word in (f"--{key}", str(value))]
    return ["train", recipe, "--run", str(run), *flat]


@pytest.fixture(scope="module", params=list(KINDS))
def finished(request: pytest.FixtureRequest, novels: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A finished run of each kind: read only."""
    run = tmp_path_factory.mktemp("runs") / request.param
    assert main(words(request.param, novels, run)) == 0
    return request.param, run


def test_a_run_says_what_it_measured_and_can_be_used(
    finished: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, run = finished
    evaluation = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    task = TASKS.get(recipe, recipe)
    assert evaluation["task"] == task
    own, other = {
        "causal-lm": ("bits_per_byte", "unigram_bits_per_byte"),
        "bidirectional-lm": ("backward_bits_per_byte", "unigram_bits_per_byte"),
    }.get(task, ("masked_nll", "unigram_nll"))
    metrics = evaluation["metrics"]
    assert metrics[own]["low"] <= metrics[own]["score"] <= metrics[own]["high"]
    assert metrics[other]["score"] > 0
    if recipe == "masked-lm":
        assert metrics["sentence_accuracy"]["low"] < 0.5 < metrics["sentence_accuracy"]["high"]
    if recipe == "span-corruption":
        learned = RunFolder(run).metrics[-1]["validation_masked_nll"]
        assert metrics["word_nll"]["score"] < metrics["masked_nll"]["score"] == pytest.approx(learned, rel=1e-5)
    assert (run / "attention.html").is_file() == (recipe not in TASKS)  # what is not in there is a Transformer
    assert "SHA-256" in (run / "README.md").read_text(encoding="utf-8")
    capsys.readouterr()
    use = {
        "causal-lm": ["generate", str(run), "the old dog", "--max-new-tokens", "4"],
        "masked-lm": ["fill", str(run), "the [MASK] dog"],
        "span-corruption": ["generate", str(run), "the <extra_id_0> dog", "--max-new-tokens", "4", "--special"],
        "bidirectional-lm": ["info", str(run)],
    }[task]
    assert main(use) == 0
    assert capsys.readouterr().out.strip() or recipe == "span-corruption"  # which may find that nothing is missing
    assert main(["evaluate", str(run), "--split", "validation", "--json", "--out", str(run / "again.json")]) == 0
    again = json.loads(capsys.readouterr().out)["metrics"]
    assert again[own] == pytest.approx(metrics[own], rel=1e-5)


@pytest.mark.parametrize("recipe", ["causal-lm", "masked-lm"])
def test_samples_are_no_longer_than_the_model_reads(recipe: str, novels: str, tmp_path: Path) -> None:
    """Letters are many: a model of few positions reads a word or two, and of some lines nothing."""
    few = {"tokenizer.type": "char", "tokenizer.vocab_size": None, "data.max_length": 16, "model.max_length": 16}
    more = {"objective.sentences": None} if recipe == "masked-lm" else {}
    assert main(words(recipe, novels, tmp_path / "run", **few, **more)) == 0
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text(encoding="utf-8"))
    assert all(0 < len(sample["source"]) <= 14 + len("[MASK]") for sample in evaluation["samples"])


def test_a_group_of_raw_text_is_refused_and_not_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "table.tsv"
    table.write_text("text\tgroup\n" + "".join(f"a dog {i}\t{i % 2}\n" for i in range(20)), encoding="utf-8")
    more = {"data.columns.text": "text", "data.columns.group": "group"}
    assert main(words("causal-lm", str(table), tmp_path / "run", **more)) == 2
    assert "raw text is one column" in capsys.readouterr().err


def test_rows_of_nothing_but_unknown_words_teach_nothing_and_stop_nothing(tmp_path: Path) -> None:
    """What is unknown is special and never hidden; batches are of one length, so some hold nothing else."""
    draw = random.Random(2)
    known = [" ".join(draw.choices("the dog saw a cat".split(), k=9)) for _ in range(30)]
    lines = known + [f"word{i}" for i in range(60)]
    (tmp_path / "text.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    more = {"tokenizer.type": "word", "tokenizer.vocab_size": 9, "objective.sentences": None, "data.document": "line"}
    more |= {"training.batch_tokens": 24, "training.max_steps": 30, "data.validation": "0.4"}
    assert main(words("masked-lm", str(tmp_path / "text.txt"), tmp_path / "run", **more)) == 0
    losses = [row["loss"] for row in RunFolder(tmp_path / "run").metrics if "loss" in row]
    assert min(losses) == 0 < max(losses)


def test_a_resumed_run_draws_what_it_would_have_drawn(
    finished: tuple[str, Path], novels: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after the first checkpoint, in the middle of an epoch: masks, spans and dropout go on as they were."""
    recipe, whole = finished
    choices = RunFolder(whole).read_choices()
    monkeypatch.setattr("headway.runs.prepare.choose", lambda *args, **options: choices)
    run = tmp_path / "run"
    assert main(words(recipe, novels, run, training__max_steps=3)) == 0
    config = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(config.replace("max_steps: 3 ", "max_steps: 6 "), encoding="utf-8")
    (run / "README.md").unlink()
    state = next(run.glob("checkpoints/step-3/*.json"))
    state.write_text(
        state.read_text(encoding="utf-8").replace('"finished": true', '"finished": false'), encoding="utf-8"
    )
    assert main(["resume", str(run)]) == 0
    assert (run / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_a_run_goes_on_from_a_trained_model(
    finished: tuple[str, Path], novels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Family, sizes and vocabulary come from there; the first validation is as good as the last one was."""
    recipe, whole = finished
    run = tmp_path / "run"
    command = ["train", recipe, "--run", str(run), "--model.init", str(whole), "--data.train", novels]
    usual = {**USUAL, **KINDS[recipe], "training.max_steps": 1, "training.learning_rate": 1e-9}
    for key, value in usual.items():
        if not key.startswith(("tokenizer.", "model.")):
            command += [f"--{key}", str(value)]
    assert main(command) == 0
    before, after = (RunFolder(folder).metrics[-1]["validation_loss"] for folder in (whole, run))
    assert after == pytest.approx(before, rel=1e-4)
    assert (run / "tokenizer.json").read_bytes() == (whole / "tokenizer.json").read_bytes()
    assert headway.load(run).spec.family == headway.load(whole).spec.family
    other = "masked-lm" if recipe != "masked-lm" else "elmo"
    command[1], command[3] = other, str(tmp_path / "other")
    capsys.readouterr()
    assert main(command) == 2
    assert f"{other} cannot go on from it" in capsys.readouterr().err.replace("bidirectional-lm", "elmo")


@pytest.mark.parametrize(
    ("recipe", "more", "said"),
    [
        ("causal-lm", {"model__family": "bert"}, "model.family bert cannot learn causal-lm; choose gpt2"),
        ("masked-lm", {"data__max_length": 900}, "more than the 512 positions"),
        ("masked-lm", {"data__document": "line"}, "a blank line between documents"),
        ("causal-lm", {"data__max_length": 100_000, "model__position": "alibi"}, "fewer than one block"),
        ("span-corruption", {"objective__noise_density": 1.0}, "objective.noise_density is 1.0"),
        (
            "span-corruption",
            {"model__family": "vaswani", "model__max_length": 24, "objective__noise_density": 0.6},
            "what is taken out of a text has 32 tokens, more than the 24 positions",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    recipe: str, more: dict[str, object], said: str, novels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(recipe, novels, tmp_path / "run", **more)) in (2, 3)
    last = capsys.readouterr().err.rstrip().rpartition("\n")[2]
    assert last.startswith("headway: ")
    assert said in last
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("packing", "gaps"), [("blocks", 2), ("texts", 1)])
def test_short_texts_are_read_end_to_end_and_lose_more_than_their_ends(packing: str, gaps: int, tmp_path: Path) -> None:
    """A text too short for two gaps only ever loses its last words; joined, every row has the gaps of its length."""
    reviews = tmp_path / "reviews.txt"
    reviews.write_text("".join(f"{n} {' '.join(WORDS[n % 20 :][:4])}\n" for n in range(60)), encoding="utf-8")
    given = {"data.train": str(reviews), "data.document": "line", "data.max_length": 40, "tokenizer.vocab_size": 400}
    kind = kind_of(load_recipe("span-corruption", [*given.items(), ("objective.packing", packing)]))
    data = kind.load()
    vocabulary = kind.learn(data)
    spec = kind.spec(vocabulary, data)
    encoded, objective = kind.encode(data, "train", vocabulary, spec), kind.objective(spec, vocabulary)
    source = objective.collate([encoded.rows[0]], [np.random.default_rng(1)]).pairs.source.tolist()
    assert len(set(source) & set(objective.sentinels)) == gaps
    assert len(source) == encoded.lengths[0, 0]
    assert (encoded.lengths[:-1, 0] == 40).all() == (packing == "blocks")
