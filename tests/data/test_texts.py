"""Raw text is what the files say, in documents, and each half of a share is the other's rest."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.data.texts import Document, Texts, load_texts
from headway.errors import ConfigError, DataError

TEXT = "first\r\nline\n\n \nsecond\u2028한국어\n\n\nthird"
PARTS: dict[Document, list[list[str]]] = {
    "line": [["first"], ["line"], ["second\u2028한국어"], ["third"]],
    "blank_line": [["first\n", "line\n"], ["second\u2028한국어\n"], ["third"]],
    "file": [["first\n", "line\n", "\n", " \n", "second\u2028한국어\n", "\n", "\n", "third"]],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    Path("b.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    return tmp_path


def documents(texts: Texts) -> list[list[str]]:
    found: list[list[str]] = []
    for line, starts in texts.lines():
        if starts:
            found.append([])
        found[-1].append(line)
    return found


@pytest.mark.parametrize("document", PARTS)
def test_documents_of_files(document: Document) -> None:
    texts = load_texts(train="a.txt,b.txt.gz", validation="b.txt.gz", document=document)
    assert documents(texts["train"]) == 2 * PARTS[document]
    assert documents(texts["validation"]) == documents(texts["validation"]) == PARTS[document]
    assert texts["validation"].bytes == len(TEXT.encode())


def test_columns_of_tables_and_named_sets() -> None:
    Path("a.tsv").write_text("id\ttext\n1\tone\n2\t\n3\t둘\n", encoding="utf-8")
    Path("a.jsonl").write_text(json.dumps({"text": {"body": "two\nlines"}}), encoding="utf-8")
    assert documents(load_texts(train="a.tsv", document="file")["train"]) == [["one"], ["둘"]]
    assert documents(load_texts(train="a.jsonl", columns={"text": "text.body"})["train"]) == [["two\nlines"]]
    named, again = (load_texts(name="quickstart", columns={"text": "ko"}, validation=0.25) for _ in range(2))
    train, held_out = documents(named["train"]), documents(named["validation"])
    assert len(train) + len(held_out) == 28_000
    assert named["train"].digest != named["validation"].digest
    assert named["train"].digest == again["train"].digest


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.sampled_from(["ab", "가나다", "x " * 40]), min_size=1, max_size=3), min_size=4, max_size=40),
    st.sampled_from(["line", "blank_line"]),
    st.integers(0, 3),
)
def test_a_share_is_whole_documents(parts: list[list[str]], document: Document, seed: int) -> None:
    different = {line for part in parts for line in part} if document == "line" else set(map(tuple, parts))
    Path("c.txt").write_text("\n\n".join("\n".join(part) for part in parts) + "\n", encoding="utf-8")
    load = {"train": "c.txt", "validation": 0.2, "test": "0.3", "document": document, "seed": seed}
    texts = load_texts(**load)  # type: ignore[arg-type]
    if len(different) < 3:
        with pytest.raises(DataError, match="cannot be shared out"):
            documents(texts["train"])
        return
    found = {split: documents(part) for split, part in texts.items()}
    everything = documents(load_texts(train="c.txt", document=document)["train"])
    assert sorted(chain.from_iterable(found.values())) == sorted(everything)
    sides = [set(map(tuple, part)) for part in found.values()]
    assert all(sides)
    assert sum(map(len, sides)) == len(different)
    assert len({part.digest for part in texts.values()}) == 3
    assert found == {split: documents(part) for split, part in load_texts(**load).items()}  # type: ignore[arg-type]


def test_a_share_is_near_what_was_asked_and_the_seed_counts() -> None:
    Path("c.txt").write_text("".join(f"line {number}\n" for number in range(2000)), encoding="utf-8")
    held_out = [documents(load_texts(train="c.txt", validation=0.1, seed=seed)["validation"]) for seed in (0, 1)]
    assert [len(part) for part in held_out] == [200, 200]
    assert held_out[0] != held_out[1]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_share_of_files_is_their_end(end: str) -> None:
    lines = [f"{number:03}\n" for number in range(100)]
    for name in ("c.txt", "d.txt"):
        Path(name).write_bytes("".join(lines).replace("\n", end).encode())
    texts = load_texts(train="c.txt,d.txt", validation=0.1, test=0.2, document="file")
    assert documents(texts["train"]) == [lines[:70], lines[:70]]
    assert documents(texts["validation"]) == [lines[70:80], lines[70:80]]
    assert documents(texts["test"]) == [lines[80:], lines[80:]]


def test_the_digest_is_the_content_and_how_it_is_read() -> None:
    def digest(
        document: Document = "line", text: str = "a\nb\n", name: str = "c.txt", share: float | None = None
    ) -> str:
        Path(name).write_text(text, encoding="utf-8")
        return load_texts(train=name, document=document, validation=share)["train"].digest

    assert digest() == digest(name="d.txt")
    different = [digest(), digest("blank_line"), digest("file"), digest(text="a\nc\n"), digest(share=0.2)]
    different += [digest(share=0.3), digest("file", share=0.2)]
    assert len(set(different)) == len(different)


MISUSES: dict[str, tuple[Mapping[str, object], type[Exception], str]] = {
    "missing": ({"train": "a.tx"}, DataError, "a.tx: no such file; did you mean a.txt"),
    "empty": ({"train": "empty.txt"}, DataError, "empty.txt: the file is empty"),
    "blank": ({"train": "blank.txt"}, DataError, "blank.txt: no text"),
    "not UTF-8": ({"train": "latin.txt", "document": "file"}, DataError, "latin.txt, line 2, byte 3: not UTF-8"),
    "nothing": ({}, ConfigError, "no data"),
    "share alone": ({"validation": 0.1}, ConfigError, "no data"),
    "all held out": ({"train": "a.txt", "validation": 0.5, "test": 0.5}, ConfigError, "nothing to train on"),
    "one document": (
        {"train": "one.txt", "validation": 0.5},
        DataError,
        "one.txt: it is one document, which cannot be shared out; put a blank line",
    ),
    "one line": ({"train": "one.txt", "validation": 0.1, "document": "file"}, DataError, r"\(validation\): no text"),
    "a role": ({"train": "a.txt", "columns": {"source": 1}}, ConfigError, "no such role"),
    "a column": ({"train": "a.tsv", "columns": {"text": "body"}}, DataError, "no column 'body'"),
    "a group": ({"train": "a.txt", "columns": {"group": 1}}, ConfigError, "columns.group: raw text is one column"),
    "parallel": ({"train": "a.txt", "format": "parallel"}, ConfigError, "format parallel: raw text is one column"),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_each_misuse_is_one_clear_sentence(misuse: str) -> None:
    for name, content in {"empty": b"", "blank": b"\n \n", "latin": b"a\nab\xff\n", "one": b"a"}.items():
        Path(f"{name}.txt").write_bytes(content)
    Path("a.tsv").write_text("id\ttext\n1\tone\n", encoding="utf-8")
    arguments, error, message = MISUSES[misuse]
    with pytest.raises(error, match=message):
        _read_all(arguments)


def _read_all(arguments: Mapping[str, object]) -> None:
    for texts in load_texts(**arguments).values():  # type: ignore[arg-type]
        list(texts.lines())


def test_columns_of_several_tables_are_one_text(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("no\treview\n1\tone\n2\ttwo\n", encoding="utf-8", newline="\n")
    (tmp_path / "b.tsv").write_text("en\tko\nthree\t셋\n", encoding="utf-8", newline="\n")
    train = load_texts(train="a.tsv#review,b.tsv#en,b.tsv#ko", folder=tmp_path)["train"]
    assert list(train.lines()) == [("one", True), ("two", True), ("three", True), ("셋", True)]
    parts = load_texts(train="a.tsv#review,b.tsv#en,b.tsv#ko", validation="0.5", folder=tmp_path)
    assert sorted([*parts["train"].lines(), *parts["validation"].lines()]) == sorted(train.lines())
    assert load_texts(train="b.tsv#en,a.tsv#review", folder=tmp_path)["train"].digest != train.digest
    with pytest.raises(ConfigError, match="write FILE#COLUMN for each file, or for none"):
        load_texts(train="a.tsv#review,b.tsv", folder=tmp_path)
