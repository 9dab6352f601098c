"""Several tasks told by prefixes, from the command line to a translator: a T5 fresh, and one trained before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import headway
from headway.cli.main import main
from headway.config import load_recipe
from headway.data.prefixes import UNTOLD
from headway.errors import ConfigError
from headway.evaluation.translation import translation_metrics
from headway.runs.build import check
from headway.runs.kinds import kind_of
from tests.runs import tiny

TASKS = "to English: de>en; 3 * to German: en>de"
SHORT = {
    "training.max_steps": 4,
    "training.max_minutes": "null",
    "training.max_epochs": "null",
    "training.schedule": "constant",
    "training.batch_tokens": 600,
    "training.log_every": 1,
    "training.threads": 1,
    "training.validation_rows": 6,
    "decoding.beam": 2,
}
SMALL = {
    "model.family": "t5",
    "model.num_layers": 1,
    "model.d_model": 32,
    "model.d_ff": 48,
    "model.num_heads": 2,
    "tokenizer.vocab_size": 400,
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("table") / "pairs.tsv"
    rows = "".join(f"{german}\t{english}\n" for german, english in tiny.rows())
    path.write_text(f"de\ten\n{rows}", encoding="utf-8")
    return str(path)


def words(recipe: str, run: Path, *parts: dict[str, object], **more: object) -> list[str]:
    given = {key.replace("__", "."): value for key, value in more.items()}
    options = {key: value for part in (SHORT, *parts, given) for key, value in part.items()}
    return ["train", recipe, "--run", str(run), *(word for k, v in options.items() for word in (f"--{k}", str(v)))]


@pytest.fixture(scope="module")
def spans(tmp_path_factory: pytest.TempPathFactory, table: str) -> Path:
    """A T5 that has learned a little of both languages: read only."""
    run = tmp_path_factory.mktemp("runs") / "spans"
    texts = {"data.train": f"{table}#de,{table}#en", "data.validation": "0.2", "data.max_length": 24}
    assert main(words("span-corruption", run, SMALL, texts)) == 0
    return run


@pytest.fixture(scope="module", params=["fresh", "trained"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, table: str, spans: Path) -> Path:
    """A translator in both directions, fresh or from `spans`: read only."""
    run = tmp_path_factory.mktemp("runs") / str(request.param)
    model = SMALL if request.param == "fresh" else {"model.init": spans}
    data = {"data.train": table, "data.validation": "0.1", "data.test": "0.1", "data.tasks": TASKS}
    assert main(words("translate", run, model, data)) == 0
    return run


def test_each_task_is_measured_by_itself(both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads((both / "evaluation.json").read_text(encoding="utf-8"))
    assert {f"{name}_{task}" for name in ("bleu", "chrf", "copied_bleu") for task in ("de_en", "en_de")} <= set(
        found["metrics"]
    )
    assert found["rows"] == 48  # a tenth of 240, in both directions
    table = kind_of(load_recipe(str(both / "config.yaml"))).load()["test"][0].table
    copied = translation_metrics(table["de"][:], table["en"][:], intervals=False)["chrf"]
    assert found["metrics"]["copied_chrf_de_en"] == copied  # of the sources without their prefixes
    assert {sample["source"].partition(":")[0] for sample in found["samples"]} == {"to English", "to German"}
    assert {"bleu_de_en", "chrf_en_de"} <= tiny.metrics(both)[-1].keys()
    assert headway.load(both).spec.tokens.start_id == headway.load(both).spec.tokens.pad_id
    capsys.readouterr()
    assert main(["evaluate", str(both), "--json", "--out", str(both / "again.json")]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == found["metrics"]


def test_a_line_says_its_task_or_the_command_does(
    both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lines"
    file.write_text("der hund läuft 3.\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["translate", str(both), str(file), "--task", "de_en"]) == 0
    by_name = capsys.readouterr().out
    assert main(["translate", str(both), str(file)]) == 3
    assert "name one with --task (de_en, en_de)" in capsys.readouterr().err
    file.write_text("to English: der hund läuft 3.\n", encoding="utf-8")
    assert main(["translate", str(both), str(file)]) == 0
    assert capsys.readouterr().out == by_name
    assert headway.load(both).translate(["der hund läuft 3."], task="de_en") == [by_name.rstrip("\n")]


def test_of_a_single_task_every_line_gets_the_prefix(table: str, spans: Path, tmp_path: Path) -> None:
    run, data = tmp_path / "run", {"data.train": table, "data.validation": "0.1", "data.tasks": "to English: de>en"}
    assert main(words("translate", run, data, model__init=spans, training__max_steps=1)) == 0
    assert {"bleu", "chrf"} <= tiny.metrics(run)[-1].keys()
    loaded = headway.load(run)
    assert loaded.translate(["der hund"]) == loaded.translate(["to English: der hund"])


def test_rows_are_mixed_by_weight_and_size_and_read_as_they_are_asked(table: str) -> None:
    """Three to one by weight, and as many rows of both."""
    data = {"data.train": table, "data.validation": "0.1", "data.tasks": TASKS, **SMALL}
    kind = kind_of(load_recipe("translate", list(data.items())))
    splits = kind.load()
    held_out = [{*pairs.table["de"]} for pairs in splits["validation"]]
    assert held_out[0] == held_out[1]  # what is translated to measure was learned in neither direction
    vocabulary = kind.learn(splits)
    spec = kind.spec(vocabulary, splits)
    encoded = kind.encode(splits, "train", vocabulary, spec)
    assert encoded.plan is not None
    rows = len(splits["train"][0])
    assert [sum(encoded.plan(0) < rows), sum(encoded.plan(0) >= rows)] == [rows // 2, rows + rows // 2]
    source, target = encoded.rows[rows]
    german, english = splits["train"][1].table[0].values()
    assert vocabulary.source.decode(source.tolist()) == f"to German: {english}"
    assert source.tolist() == vocabulary.source.encode_batch([f"to German: {english}"])[0]  # as `translate` reads it
    assert vocabulary.target.decode(target.tolist()) == german


def test_several_tasks_are_estimated(table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = {"data.train": table, "data.validation": "0.1", "data.tasks": TASKS}
    assert main([*words("translate", tmp_path / "run", SMALL, data), "--dry-run"]) == 0
    assert "minutes of training, validations included" in capsys.readouterr().out


def test_tasks_may_have_files_of_their_own(tmp_path: Path) -> None:
    for name, columns, count in (("a.tsv", "text\tsum", 40), ("b.tsv", "de\ten", 10)):
        rows = "".join(f"x{n}\ty{n}\n" for n in range(count))
        (tmp_path / name).write_text(f"{columns}\n{rows}", encoding="utf-8")
    tasks = f"summarize: {tmp_path}/a.tsv#text>sum; to English: {tmp_path}/b.tsv#de>en"
    shares: dict[float, list[int]] = {}
    for temperature in (1.0, 1e9):
        shared = [("data.validation", "0.2"), ("data.test", None), ("data.mixing_temperature", temperature)]
        kind = kind_of(load_recipe("translate", [("data.tasks", tasks), *shared]))
        splits = kind.load()
        vocabulary = kind.learn(splits)
        encoded = kind.encode(splits, "train", vocabulary, kind.spec(vocabulary, splits))
        assert encoded.plan is not None
        shares[temperature] = [int(sum(encoded.plan(0) < 32)), int(sum(encoded.plan(0) >= 32))]
    assert shares == {1.0: [32, 8], 1e9: [20, 20]}


def test_a_share_of_the_training_rows_is_drawn_after_others_are_held_out(table: str) -> None:
    given = [("data.train", table), ("data.tasks", TASKS), ("data.validation", "0.2"), ("data.test", None)]
    whole, part = (kind_of(load_recipe("translate", [*given, ("data.share", s)])).load() for s in (1.0, 0.25))
    assert [len(pairs) for pairs in part["train"]] == [round(len(pairs) / 4) for pairs in whole["train"]]
    for some, every in zip(part["train"], whole["train"], strict=True):
        assert {*some.rows()} < {*every.rows()}
        assert list(zip(some.sources[:3], some.targets[:3], strict=True)) == list(some.rows())[:3]
    assert [list(pairs.rows()) for pairs in part["validation"]] == [list(p.rows()) for p in whole["validation"]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"data.tasks": "to English de en"}, "is no task; write what stands before a source, then its columns"),
        ({"data.tasks": "to English: de>fr"}, "no column 'fr' for fr; the columns are de, en"),
        ({"data.tasks": "to English: x.tsv#de>en"}, "the tasks of data.tasks have files of their own, so"),
        ({"data.tasks": TASKS, "tokenizer.joint": "false"}, "several tasks share one vocabulary"),
        ({"model.family": "t5", "tokenizer.joint": "false"}, "T5 has one vocabulary"),
        ({"model.family": "bert"}, "model.family bert cannot learn translate; choose vaswani"),
        ({"data.mixing_temperature": 0}, "data.mixing_temperature is 0.0; it must be positive"),
        ({"seed": 2**32}, "seed is 4294967296; it must be 0 or more, and below 2^32"),
        ({"data.share": 0}, "data.share is 0.0; it must be above 0 and at most 1"),
        ({"training.best_by": "score", "training.validation_bleu": False}, "training.best_by score needs one; leave"),
        ({"data.label_separator": ","}, "data.label_separator means nothing to translate, only to classify; leave it"),
        ({"model.init": "runs/t5-koen"}, "train it first: headway train t5-koen --run runs/t5-koen"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    options: dict[str, object], said: str, table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"data.train": table, "data.validation": "0.1"}
    assert main(words("translate", tmp_path / "run", data, options)) in (2, 3)
    last = capsys.readouterr().err.rstrip().rpartition("\n")[2]
    assert last.startswith("headway: ")
    assert said in last


def test_a_line_is_cut_where_it_is_said(tmp_path: Path) -> None:
    lines = tmp_path / "lines.tsv"
    lines.write_text("".join(f"word {i} of many word{i}\n" for i in range(20)), encoding="utf-8")
    asked = {"data.header": False, "data.delimiter": " ", "data.split_at": "last", "data.validation": "0.2"}
    columns = {"data.columns.source": "1", "data.columns.target": "2", "data.train": str(lines)}
    (pairs,) = kind_of(load_recipe("translate", [*asked.items(), *columns.items()])).load()["train"]
    assert {tuple(row) for row in pairs.rows()} <= {(f"word {i} of many", f"word{i}") for i in range(20)}


def test_without_tasks_a_run_is_what_it_was(table: str) -> None:
    kind = kind_of(
        load_recipe("translate", [("data.train", table), ("data.columns.source", "de"), ("data.columns.target", "en")])
    )
    (pairs,) = kind.load()["train"]
    assert pairs.task == UNTOLD
    assert pairs.sources[:2] == pairs.table["source"][:2]


@pytest.mark.parametrize(
    ("task", "key", "value"),
    [
        ("causal-lm", "data.share", 0.5),
        ("masked-lm", "data.split_at", "last"),
        ("tag", "data.label_separator", ","),
        ("masked-lm", "data.tasks", "a>b"),
    ],
)
def test_what_a_task_does_not_read_is_said(task: str, key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"{key} means nothing to {task}, only to .*; leave it out"):
        check(load_recipe(task, [(key, value)]))
