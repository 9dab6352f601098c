"""headway data ls, show, check and cache."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headway.cli import main as command_line
from headway.data.catalogue import NAMED_SETS


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HEADWAY_DATA", str(tmp_path))
    (tmp_path / "a.de").write_text("".join(f"Satz {n}\n" for n in range(20)), encoding="utf-8")
    (tmp_path / "a.en").write_text("".join(f"문장 {n}\n" for n in range(20)), encoding="utf-8")
    (tmp_path / "a.tsv").write_text("Satz 1\tx\n새 문장\ty\n", encoding="utf-8")
    return tmp_path


def data(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> tuple[str, str]:
    assert command_line.main(["data", *words]) == status
    return capsys.readouterr()


def objects(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data(capsys, *words, "--json")[0].split("\n") if line]


@pytest.mark.parametrize("action", ["ls", "show", "check", "cache"])
def test_each_has_examples_of_its_own(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = data(capsys, action, "--help")[0].rpartition("\n\nexample:\n")[2]
    lines = [line.strip() for line in shown.rstrip("\n").split("\n")]
    assert lines == [line for line in command_line.load("data").EXAMPLE.split("\n") if line.split()[2] == action] != []


def test_ls_says_where_each_set_is_and_what_was_never_tried(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "trec").mkdir()
    (folder / "trec" / "train.txt").touch()
    (folder / "trec" / "test.txt.gz").touch()
    found = {one["name"]: one for one in objects(capsys, "ls")}
    assert list(found) == list(NAMED_SETS)
    assert [one["found"] for one in found.values()] == [
        "built in", "not here (download never tried)", "not here (download never tried)", str(folder / "trec"),
    ]  # fmt: skip
    assert found["multi30k"]["rows"] == {"train": 29_000, "validation": 1014, "test": 1000}
    lines = data(capsys, "ls")[0].split("\n")
    assert lines[0].split() == ["name", "task", "languages", "rows", "licence", "found"]
    assert lines[2].startswith("multi30k    translate  en de fr   29,000 / 1,014 / 1,000  none stated")


def test_show_prints_the_first_rows(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = data(capsys, "show", "a.de,a.en", "--rows", "1", "--data.validation", "0.1")
    assert out.split("\n")[0] == "train: 18 rows"
    assert "  1  source  Satz 0\n  1  target  문장 0\n" in out
    assert err == ""
    assert objects(capsys, "show", "--data.train", "a.de,a.en", "--rows", "2") == [
        {"split": "train", "row": 1, "source": "Satz 0", "target": "문장 0"},
        {"split": "train", "row": 2, "source": "Satz 1", "target": "문장 1"},
    ]


def test_columns_name_the_roles(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["a.tsv", "--data.header", "false", "--data.columns.text", "1", "--data.columns.label", "2", "--rows", "1"]
    assert objects(capsys, "show", *words) == [{"split": "train", "row": 1, "text": "Satz 1", "label": "x"}]


def test_check_reports_leakage(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--data.train", "a.de,a.en", "--data.test", "a.tsv", "--data.header", "false"]
    out, _ = data(capsys, "check", *words)
    assert "test: 1 rows (50.0%) have an input that stands in train, 0 of them as a whole row" in out
    (report,) = objects(capsys, "check", *words)
    assert report["splits"]["train"]["rows"] == 20
    assert report["leaks"] == [{"split": "test", "earlier": "train", "rows": 0, "inputs": 1}]


def test_cache_lists_and_prunes(capsys: pytest.CaptureFixture[str]) -> None:
    data(capsys, "show", "a.de,a.en")
    (entry,) = objects(capsys, "cache")
    assert entry["title"] == "train: a.de,a.en"
    assert Path(entry["folder"]).is_dir()
    assert "0 entries" in data(capsys, "cache", "--prune", "30d")[0]
    assert "0 entries" in data(capsys, "cache", "--prune", "1GB")[0]
    assert "1 entries" in data(capsys, "cache", "--prune", "0.1KB")[0]
    assert objects(capsys, "cache") == []


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["check", "multi3k"], 2, "did you mean multi30k"),
        (["check", "a.de,a.fr"], 3, "a.fr: no such file, nor under HEADWAY_DATA ("),
        (["check", "a.de,a.en", "--data.name", "trec"], 2, "give one of them"),
        (["check"], 2, "no data"),
        (["check", "a.tsv"], 3, "no column 'source' for source; the columns are Satz 1, x"),
        (["cache", "--prune", "1 year"], 2, "a size (500MB, 2GB) or an age"),
        (["check", "trec"], 3, "HEADWAY_DATA"),
    ],
)
def test_errors(words: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = data(capsys, *words, status=status)
    assert message in err
    assert err.count("\n") == 1
    assert out == ""


def test_one_file_of_text_is_checked_as_text(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line is a row, the blank ones that part documents too."""
    (folder / "novel.txt").write_text("It rained.\nIt rained.\n\nThen 비가 왔다.\n", encoding="utf-8")
    (report,) = objects(capsys, "check", "novel.txt")
    (split,) = report["splits"].values()
    assert (split["rows"], split["duplicates"], split["columns"]["text"]["empty"]) == (4, 1, 1)
    assert split["columns"]["text"]["characters"]["longest"] == 11
    assert data(capsys, "show", "novel.txt", "--rows", "1")[0].split() == "train: 4 rows 1 text It rained.".split()


SQUAD = {"context": "It rained.", "question": "What did it?", "answers": [{"text": "rained", "answer_start": 3}]}
FORMS: list[tuple[str, str, list[str], set[str]]] = [
    ("a.csv", "text,label\n좋다,1\n싫다,0\n", [], {"text", "label"}),
    ("b.tsv", "text\tmore\n좋다\tx\n", [], {"text"}),
    ("c.jsonl", '{"label": "x", "text": "좋다"}\n', [], {"text", "label"}),
    ("d.conll", "비 B-N\n\n눈 O\n", [], {"text", "label"}),
    ("e.jsonl", json.dumps(SQUAD) + "\n", [], {"context", "question", "answers"}),
    ("f.txt", json.dumps(SQUAD) + "\n", ["--data.format", "squad"], {"context", "question", "answers"}),
    ("g.txt", "a b;x\nc;d;y\n", ["--data.format", "tsv", "--data.delimiter", ";", "--data.split_at", "last",
     "--data.header", "false", "--data.columns.label", "2"], {"text", "label"}),
    ("h.tsv", "text\tlabel\na\tx|y\n", ["--data.label_separator", "|"], {"text", "label"}),
    ("i.csv", "source,target,text,label\na,b,c,d\n", [], {"source", "target"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "words", "roles"), FORMS, ids=[form[0] for form in FORMS])
def test_what_can_be_trained_on_can_be_looked_at(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, words: list[str], roles: set[str]
) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    assert objects(capsys, "show", "--data.train", name, *words, "--rows", "1")[0].keys() - {"split", "row"} == roles
    data(capsys, "check", "--data.train", name, *words)


def test_labels_are_of_rows_unless_words_have_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"text": f"a {n}", "label": ["joy", f"l{n}"]} for n in range(24)]
    (folder / "several.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    out, _ = data(capsys, "check", "several.jsonl")
    assert "train: 24 rows (100.0%) are labelled joy\n" in out
    assert "train: 1 row (4.2%) is labelled l0\n" in out
    assert out.count("labelled") == 20
    assert "train: and 5 more labels\n" in out
    (folder / "words.conll").write_text("비 B-N\n가 O\n\n눈 O\n", encoding="utf-8")
    assert "train: 2 words (66.7%) are labelled O\n" in data(capsys, "check", "words.conll")[0]
    row = {"text": ["a", "b", "c"], "label": ["O", "O", "B-X"]}
    (folder / "words.jsonl").write_text(2 * (json.dumps(row) + "\n"), encoding="utf-8")
    assert "train: 4 words (66.7%) are labelled O\n" in data(capsys, "check", "words.jsonl")[0]


def test_what_no_reader_takes_is_not_read_as_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "none.jsonl").write_bytes(b"")
    (folder / "packed.parquet").write_bytes(b"PAR1\xff\xfe\x00")
    (folder / "qa.csv").write_text("context,question,answers\na,b,c\n", encoding="utf-8")
    for name, says in {
        "none.jsonl": "no rows",
        "packed.parquet": "parquet",
        "qa.csv": "source",
    }.items():
        assert command_line.main(["data", "check", name]) in (2, 3)
        said = capsys.readouterr().err
        assert says in said
        assert "JSON at" not in said
        assert "UTF-8" not in said


def test_all_columns_of_questions_are_measured_in_tokens(
    folder: Path, tiny_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "qa.jsonl").write_text(json.dumps(SQUAD) + "\n", encoding="utf-8")
    (report,) = objects(capsys, "check", "qa.jsonl", "--tokenizer", str(tiny_run))
    (split,) = report["splits"].values()
    assert all(split["columns"][name]["tokens"] for name in ("context", "question"))
