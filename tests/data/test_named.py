"""Named sets: found, fetched and verified against the published bytes, read in their own form."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import urllib.error
from dataclasses import replace
from pathlib import Path

import pytest

from headway.data import catalogue, download
from headway.data.catalogue import NAMED_SETS
from headway.data.download import RemoteFile
from headway.data.named import where_found
from headway.data.sources import load
from headway.errors import DataError

DATA = os.environ.get("HEADWAY_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="HEADWAY_DATA is not set")
ROLES = {"translate": ("source", "target"), "classify": ("text", "label")}
FIRST = {
    "multi30k": "Two young, White males are outside near many bushes.",
    "nsmc": "아 더빙.. 진짜 짜증나네요 목소리",
    "trec": "How did serfdom develop in and then leave Russia ?",
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@needs_data
@pytest.mark.parametrize("name", FIRST)
def test_the_published_sets(name: str) -> None:
    named = NAMED_SETS[name]
    loaded = load(name=name, roles=ROLES[named.task], folder=DATA)
    assert {split: len(table) for split, table in loaded.items()} == named.rows
    assert loaded["train"][0][ROLES[named.task][0]] == FIRST[name]
    assert where_found(name, folder=Path(str(DATA))) == str(Path(str(DATA), name))


@needs_data
def test_the_columns_choose_the_languages() -> None:
    loaded = load(name="multi30k", columns={"source": "fr", "target": "en"}, folder=DATA)
    assert loaded["test"][0] == {
        "source": "Un homme avec un chapeau orange regardant quelque chose.",
        "target": "A man in an orange hat starring at something.",
    }


@needs_data
def test_the_language_pair_chooses_them_too() -> None:
    assert load(name="multi30k", languages="fr-de", folder=DATA)["test"][0] == {
        "source": "Un homme avec un chapeau orange regardant quelque chose.",
        "target": "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt.",
    }


@needs_data
def test_a_share_replaces_a_split_that_the_set_has_not() -> None:
    assert len(load(name="trec", roles=("text", "label"), test=0.2, folder=DATA)["test"]) > 1000, "its own has 500"
    loaded = load(name="trec", roles=("text", "label"), validation=0.1, folder=DATA)
    assert len(loaded["train"]) + len(loaded["validation"]) == 5452
    assert abs(len(loaded["validation"]) - 545) <= 2
    assert not set(loaded["train"]["text"]) & set(loaded["validation"]["text"])


def test_quickstart_is_built_in_and_has_two_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(name="quickstart", languages="ko-en")
    assert {split: len(table) for split, table in loaded.items()} == NAMED_SETS["quickstart"].rows
    assert loaded["train"][0]["target"].isascii()
    assert not loaded["train"][0]["source"].isascii()
    monkeypatch.setattr("headway.data.grammar.generate", lambda: pytest.fail("made again"))
    assert load(name="quickstart", languages="ko-en")["test"][:] == loaded["test"][:]


TREC = b"DESC:def What is caf\xc3\xa9 ?\nHUM:ind Who ?\n"


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> RemoteFile:
    """A set of one small file, published in Latin-1."""
    remote = RemoteFile("t.txt", "https://example.org/t", len(TREC), hashlib.sha256(TREC).hexdigest(), "latin-1")
    small = replace(NAMED_SETS["trec"], files={"train": {"rows": remote}}, rows={"train": 2})
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setitem(catalogue.NAMED_SETS, "trec", small)
    return remote


def serve(monkeypatch: pytest.MonkeyPatch, data: bytes) -> list[str]:
    asked: list[str] = []

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        return io.BytesIO(data)

    monkeypatch.setattr(download.urllib.request, "urlopen", urlopen)
    return asked


def test_a_set_is_fetched_once_verified_and_kept_in_utf8(
    tiny: RemoteFile, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert where_found("trec", folder=None) == "not here (download never tried)"
    asked = serve(monkeypatch, TREC.decode().encode("latin-1"))
    for _ in range(2):
        loaded = load(name="trec", roles=("text", "label"), columns={"label": "fine"})
        assert loaded["train"][0] == {"text": "What is café ?", "label": "DESC:def"}
    assert asked == [tiny.url]
    assert [path.name for path in (cache / "sets" / "trec").iterdir()] == ["t.txt"]
    assert where_found("trec", folder=None) == str(cache / "sets" / "trec")


@pytest.mark.parametrize("data", [TREC.decode().encode("latin-1")[:-1], b"x" * 10_000_000])
def test_other_bytes_are_refused_and_not_kept(
    tiny: RemoteFile, cache: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    serve(monkeypatch, data)
    with pytest.raises(DataError, match=r"t is not the published file \((38|40) bytes.*HEADWAY_DATA"):
        load(name="trec", roles=("text", "label"))
    assert not (cache / "sets").exists()


def test_no_network_says_what_to_do(tiny: RemoteFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def urlopen(url: str, timeout: float) -> None:
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(download.urllib.request, "urlopen", urlopen)
    with pytest.raises(DataError, match=r"cannot be fetched \(no route\); put the file \(UTF-8\) at trec/t.txt"):
        load(name="trec", roles=("text", "label"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataError, match="the network is switched off"):
        load(name="trec", roles=("text", "label"))

    (tmp_path / "trec").mkdir()
    (tmp_path / "trec" / "t.txt.gz").write_bytes(gzip.compress(TREC))
    assert len(load(name="trec", roles=("text", "label"), folder=tmp_path)["train"]) == 2
    (tmp_path / "trec" / "t.txt.gz").write_bytes(gzip.compress(TREC + b"\n"))
    with pytest.raises(DataError, match=r"t\.txt\.gz: not the published file: 40 bytes"):
        load(name="trec", roles=("text", "label"), folder=tmp_path)


def test_the_table_is_complete() -> None:
    for name, named in NAMED_SETS.items():
        assert set(named.columns.values()) <= set(named.all_columns), name
        assert not named.files or set(named.files) == set(named.rows), name
        for files in named.files.values():
            for file in files.values():
                assert file.url.startswith("https://")
                assert len(bytes.fromhex(file.sha256)) == 32
