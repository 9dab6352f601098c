"""Every form of data gives the same table, nothing is dropped in silence, and each misuse is one clear sentence."""

from __future__ import annotations

import errno
import gzip
import json
import os
from collections.abc import Mapping
from pathlib import Path

import datasets
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.data import storage
from headway.data.hub import table_parts
from headway.data.sources import find_files, load
from headway.data.tables import Part, build_tables
from headway.errors import CapacityError, ConfigError, DataError

PAIRS = [("a dog", "ein Hund"), ("two\u2028dogs", 'zwei "Hunde", hier'), ("", "leer"), ("고양이", "Katze\x0c")]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """PAIRS in every form."""
    source, target = zip(*PAIRS, strict=True)
    quoted = ['"' + text.replace('"', '""') + '"' for text in target]
    put(tmp_path / "a.en", "".join(f"{text}\n" for text in source))
    put(tmp_path / "a.de", "".join(f"{text}\r\n" for text in target))
    put(tmp_path / "a.tsv", "id\ten\tde\n" + "".join(f"{i}\t{s}\t{t}\n" for i, (s, t) in enumerate(PAIRS)))
    put(tmp_path / "bare.tsv", "".join(f"{s}\t{t}\n" for s, t in PAIRS))
    put(tmp_path / "odd.txt", "".join(f"{t} ||| {s}\n" for s, t in PAIRS))
    put(tmp_path / "a.csv", "source,target\n" + "".join(f"{s},{q}\n" for s, q in zip(source, quoted, strict=True)))
    lines = [json.dumps({"translation": {"en": s, "de": t}}) for s, t in PAIRS]
    put(tmp_path / "a.jsonl", "\n".join(lines))
    put(tmp_path / "a.jsonl.gz", "\n".join(lines))
    return tmp_path


def put(path: Path, text: str) -> Path:
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def rows(table: datasets.Dataset) -> list[tuple[str, ...]]:
    return list(zip(*(table[name] for name in table.column_names), strict=True))


TRANSLATION = {"source": "translation.en", "target": "translation.de"}
FORMS: list[dict[str, object]] = [
    {"train": "a.en,a.de"},
    {"train": "a.de,a.en", "columns": {"source": "en", "target": "de"}},
    {"train": "a.tsv", "columns": {"source": "en", "target": "de"}},
    {"train": "a.tsv", "columns": {"source": 2, "target": "3"}},
    {"train": "bare.tsv", "header": False},
    {"train": "odd.txt", "format": "tsv", "delimiter": " ||| ", "header": False, "columns": {"source": 2, "target": 1}},
    {"train": "a.csv"},
    {"train": "a.jsonl", "columns": TRANSLATION},
    {"train": "a.jsonl.gz", "columns": TRANSLATION},
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: str(form["train"]))
def test_every_form_gives_the_same_memory_mapped_table(folder: Path, form: dict[str, object]) -> None:
    loaded = load(folder=folder, **form)  # type: ignore[arg-type]
    assert isinstance(loaded, datasets.DatasetDict)
    assert loaded["train"].column_names == ["source", "target"]
    assert rows(loaded["train"]) == PAIRS
    assert loaded["train"].cache_files, "held in memory"


def test_several_tables_stand_in_a_row_and_files_of_every_split(folder: Path) -> None:
    loaded = load(train="a.csv,a.csv", validation="a.en,a.de", test="a.csv", folder=folder)
    assert rows(loaded["train"]) == PAIRS * 2
    assert rows(loaded["validation"]) == rows(loaded["test"]) == PAIRS


def test_other_tasks_name_other_roles(folder: Path) -> None:
    put(folder / "labels.tsv", "text\tlabel\tfile\nja\t1\tx\n")
    loaded = load(train="labels.tsv", roles=("text", "label"), folder=folder)
    assert rows(loaded["train"]) == [("ja", "1")]
    assert rows(load(train="a.en", roles=("text",), format="text", folder=folder)["train"]) == [(s,) for s, _ in PAIRS]


def test_the_cache_is_used_again_until_a_byte_or_an_option_changes(folder: Path, cache: Path) -> None:
    def made() -> int:
        return len(list((cache / "tables").iterdir()))

    load(train="a.csv", folder=folder)
    load(train="a.csv", folder=folder)
    assert made() == 1
    state = (folder / "a.csv").stat()
    put(folder / "a.csv", (folder / "a.csv").read_text().replace("dog", "cat"))
    os.utime(folder / "a.csv", ns=(state.st_atime_ns, state.st_mtime_ns))  # size and time are the same
    assert load(train="a.csv", folder=folder)["train"][0]["source"] == "a cat"
    load(train="a.csv", columns={"source": "target", "target": "source"}, folder=folder)
    assert made() == 3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    groups=st.lists(st.integers(0, 12), min_size=1, max_size=60),
    shares=st.sampled_from([{"validation": 0.1}, {"validation": 0.2, "test": 0.3}, {"test": 0.5}]),
    seed=st.integers(0, 5),
    own_group=st.booleans(),
)
def test_a_held_out_share_never_splits_a_group(
    groups: list[int], shares: Mapping[str, float], seed: int, own_group: bool
) -> None:
    made = [(f"t{i}" if own_group else f"g{g}", f"g{g}", *([f"g{g}"] * own_group)) for i, g in enumerate(groups)]
    part = Part("memory", repr(made), 0, lambda: iter(made))

    def build() -> datasets.DatasetDict:
        return build_tables({"train": part}, roles=("source", "target"), shares=shares, seed=seed)

    if len(set(groups)) <= len(shares):
        with pytest.raises(DataError, match="cannot be shared out"):
            build()
        return
    split = {name: rows(table) for name, table in build().items()}
    assert set(split) == {"train", *shares}
    assert sorted(row for part in split.values() for row in part) == sorted(row[:2] for row in made)
    assert all(split.values())
    sides = [{target for _, target in part} for part in split.values()]
    assert sum(map(len, sides)) == len(set(groups))


def test_a_group_column_is_read_and_not_kept(folder: Path) -> None:
    put(folder / "files.tsv", "file\ten\tde\n" + "".join(f"f{i % 7}\ts{i}\tf{i % 7}\n" for i in range(70)))
    columns = {"source": "en", "target": "de", "group": "file"}
    loaded = load(train="files.tsv", columns=columns, validation=0.3, folder=folder)
    assert loaded["train"].column_names == ["source", "target"]
    assert len(loaded["validation"]) == 20
    assert not set(loaded["train"]["target"][:]) & set(loaded["validation"]["target"][:])


def test_a_share_is_as_large_as_said_and_chosen_by_the_seed(folder: Path) -> None:
    put(folder / "many.tsv", "".join(f"s{i}\tt{i}\n" for i in range(1000)))
    chosen = [
        load(train="many.tsv", header=False, validation="0.1", test=0.05, seed=seed, folder=folder)
        for seed in (1, 1, 2)
    ]
    assert [len(chosen[0][split]) for split in ("train", "validation", "test")] == [850, 100, 50]
    first, again, other = (rows(one["validation"]) for one in chosen)
    assert first == again != other


CONFIG_ERRORS: list[tuple[dict[str, object], str]] = [
    ({}, "no data"),
    ({"name": "multi30k", "train": "a.csv"}, "give one of them"),
    ({"name": "multi3k"}, "did you mean multi30k"),
    ({"name": "nsmc"}, "has no source; its columns are id, document, label"),
    ({"name": "multi30k", "columns": {"source": "cs"}}, "no such column; its columns are en, de, fr"),
    ({"name": "multi30k", "languages": "de"}, "source-target is expected, as in de-en"),
    ({"name": "nsmc", "languages": "ko-en"}, "ko: data set nsmc has no such column"),
    ({"train": "a.csv", "languages": "de-en"}, "is for named sets"),
    ({"name": "hub:nobody"}, "hub:owner/name"),
    ({"train": "a.csv", "columns": {"sorce": "x"}}, "no such role; did you mean source"),
    ({"train": "a.csv", "format": "tvs"}, "did you mean tsv"),
    ({"train": "odd.txt"}, "format does not show .* --data.format, one of conll, csv, jsonl, parallel"),
    ({"train": "a.en", "format": "parallel"}, "one file each for source, target"),
    ({"train": "a.csv", "format": "csv", "delimiter": "||"}, "one character"),
    ({"train": "a.csv", "validation": "1.5"}, "between 0 and 1"),
    ({"train": "0.5"}, "between 0 and 1"),
    ({"train": "a.csv", "validation": 0.5, "test": 0.5}, "leave nothing to train on"),
    ({"test": "a.csv", "validation": 0.5}, "train is missing"),
]
DATA_ERRORS: list[tuple[dict[str, object], str, str]] = [
    ({"train": "a.en,b.de"}, "b.de", r"b.de: no such file, nor under HEADWAY_DATA .*; in "),
    ({"train": "a.en,a.de"}, "a.de", r"a\.en has 4 lines, .*a\.de has 3 lines: .*line 4 has no partner"),
    ({"train": "a.csv"}, "empty", r"a\.csv: no rows"),
    ({"train": "a.en,a.de"}, "empty", r"a\.en,.*a\.de: no rows"),
    ({"train": "a.tsv"}, "", r"the columns are id, en, de \(say which, for example --data\.columns\.source id\)"),
    (
        {"train": "a.tsv", "columns": {"source": "enn", "target": "de"}},
        "",
        r"did you mean en\? \(--data\.columns\.source en\)",
    ),
    ({"train": "a.tsv", "columns": {"source": 1, "target": 4}}, "", "no column '4'"),
    ({"train": "bare.tsv", "header": False}, "short", r"bare\.tsv, line 2: 1 fields, but the first line has 2"),
    ({"train": "bare.tsv", "header": False}, "long", r"bare\.tsv, line 2: 3 fields"),
    ({"train": "a.csv"}, "quote", r"a\.csv, line 3: .*quote"),
    ({"train": "a.jsonl"}, "", r"no key source; valid: translation \(--data\.columns\.source KEY"),
    ({"train": "a.jsonl", "columns": TRANSLATION}, "json", r"a\.jsonl, line 2: not JSON"),
    ({"train": "a.jsonl", "columns": TRANSLATION}, "null", r"a\.jsonl, line 2: translation\.de is NoneType"),
    ({"train": "a.jsonl", "columns": TRANSLATION}, "surrogate", r"a\.jsonl, line 2: .*surrogate"),
    ({"train": "a.csv"}, "encoding", r"a\.csv, line 2, byte 1: not UTF-8"),
    ({"train": "-", "format": "csv"}, "", "read twice"),
]
DAMAGE = {
    "a.de": ("a.de", b"eins\nzwei\ndrei\n"),
    "short": ("bare.tsv", b"a\tb\nc\n"),
    "long": ("bare.tsv", b"a\tb\nc\td\te\n"),
    "quote": ("a.csv", b'source,target\na,b\nc,"d\n'),
    "json": ("a.jsonl", b'{"translation": {"en": "a", "de": "b"}}\n{"translation"\n'),
    "null": ("a.jsonl", b'{"translation": {"en": "a", "de": "b"}}\n{"translation": {"en": "a", "de": null}}'),
    "surrogate": ("a.jsonl", b'{"translation": {"en": "a", "de": "b"}}\n{"translation": {"en": "a", "de": "\\ud800"}}'),
    "encoding": ("a.csv", b"source,target\n\xff,b\n"),
}


@pytest.mark.parametrize(("arguments", "message"), CONFIG_ERRORS)
def test_wrong_arguments(folder: Path, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(folder=folder, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(("arguments", "damage", "message"), DATA_ERRORS)
def test_wrong_files(folder: Path, cache: Path, arguments: dict[str, object], damage: str, message: str) -> None:
    if damage == "empty":
        for file in str(arguments["train"]).split(","):
            (folder / file).write_bytes(b"source,target\n" if file == "a.csv" else b"")
    elif damage in DAMAGE:
        name, data = DAMAGE[damage]
        (folder / name).write_bytes(data)
    with pytest.raises(DataError, match=message):
        load(folder=folder, **arguments)  # type: ignore[arg-type]
    assert not list(cache.glob("*/*")), "a failed table stays in the cache"


def test_a_file_is_looked_for_here_before_the_folder_of_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    put(tmp_path / "here" / "train.de", "x\n")
    (tmp_path / "data" / "klue").mkdir(parents=True)
    put(tmp_path / "data" / "klue" / "train.tsv", "x\n")
    monkeypatch.chdir(tmp_path / "here")
    under = rf"nor under HEADWAY_DATA \({tmp_path}/data\)"
    with pytest.raises(DataError, match=rf"^train\.dee: no such file, {under}; did you mean train\.de\?"):
        find_files("train.dee", tmp_path / "data")
    with pytest.raises(DataError, match=rf"^klue/trian\.tsv: no such file, {under}; did you mean train\.tsv\?"):
        find_files("klue/trian.tsv", tmp_path / "data")
    for folder in (None, tmp_path / "data"):
        with pytest.raises(DataError, match=r"no folder sst2; name the folder above sst2 .* HEADWAY_DATA .*data\.md"):
            find_files("sst2/train.tsv", folder)


def test_a_full_disk_is_told_before_and_while_writing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = storage.shutil.disk_usage(folder)
    with monkeypatch.context() as patch:
        patch.setattr(storage.shutil, "disk_usage", lambda path: usage._replace(free=10))
        with pytest.raises(
            CapacityError, match=r"cache.tables: the disk is full: about \d+ B are needed, 10 B are free"
        ):
            load(train="a.csv", folder=folder)

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("headway.data.tables._write", full)
    with pytest.raises(CapacityError, match="the disk is full"):
        load(train="a.csv", folder=folder)
    assert storage.list_cache() == []


def test_hub_tables_have_dotted_columns_and_named_classes() -> None:
    features = datasets.Features(
        {"pair": datasets.Translation(["en", "de"]), "label": datasets.ClassLabel(names=["no", "yes"])}
    )
    table = datasets.Dataset.from_dict(
        {"pair": [{"en": s, "de": t} for s, t in PAIRS], "label": [0, 1, 0, 1]}, features=features
    )
    wanted = (("source", "pair.en"), ("target", "label"))
    parts = table_parts({"train": table, "dev": table}, wanted, title="hub:x/y")
    assert list(parts) == ["train", "validation"]
    assert list(parts["train"].rows()) == [(s, ["no", "yes"][i % 2]) for i, (s, _) in enumerate(PAIRS)]
    with pytest.raises(DataError, match=r"no column 'pair\.fr'; the columns are pair\.de, pair\.en, label; did you"):
        table_parts({"train": table}, (("source", "pair.fr"),), title="hub:x/y")


def test_a_hub_set_without_a_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*arguments: object) -> None:
        raise ConnectionError("Couldn't reach the Hub\nlong story")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(
        DataError, match=r"hub:x/y: cannot be loaded \(ConnectionError: Couldn't reach the Hub\); .*hf download"
    ):
        load(name="hub:x/y")


def test_a_field_of_csv_may_be_long(folder: Path) -> None:
    put(folder / "long.csv", f"text,label\n{'가' * 200_000},x\n")
    found = load(train=str(folder / "long.csv"), roles=("text", "label"))["train"]
    assert (len(found["text"][0]), found["label"][0]) == (200_000, "x")


def test_two_columns_of_one_name_are_refused(folder: Path) -> None:
    put(folder / "twice.tsv", "text\tlabel\ttext\na\tx\tb\n")
    with pytest.raises(DataError, match=r"twice\.tsv: 2 columns are called 'text'; give each a name of its own"):
        load(train=str(folder / "twice.tsv"), roles=("text", "label"))
