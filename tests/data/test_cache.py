"""A store holds exactly the tokenizer's ids, is never stale, never half, and costs constant memory."""

from __future__ import annotations

import errno
import json
import os
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headway.data import cache as cache_module
from headway.data import storage
from headway.data.cache import encode, encode_pairs
from headway.data.storage import list_cache, prune_cache
from headway.errors import CapacityError, ConfigError, DataError
from tests.data.letters import Letters


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path))
    return tmp_path


@settings(max_examples=30)
@example(["\U00010000 a"], (1 << 16) + 1, 1)
@given(st.lists(st.text(max_size=6), max_size=30), st.sampled_from([100, 1 << 16, (1 << 16) + 1]), st.integers(1, 5))
def test_rows_come_back(texts: list[str], vocab_size: int, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache_module, "CHUNK", chunk)
        tokenizer = Letters(vocab_size, fingerprint=f"{vocab_size} {chunk}")
        store = encode(texts, tokenizer)
    assert [store[row].tolist() for row in range(len(store))] == Letters(vocab_size).encode_batch(texts)
    assert store.lengths.tolist() == list(map(len, texts))
    assert store.ids.dtype == (np.uint32 if vocab_size > 1 << 16 else np.uint16)
    assert isinstance(store.ids, np.memmap) or not len(store.ids)


def test_the_key_is_the_content() -> None:
    def encodes(texts: Sequence[str], tokenizer: Letters) -> bool:
        encode(texts, tokenizer)
        return bool(tokenizer.calls)

    assert encodes(["ab", "c"], Letters())
    assert not encodes(["ab", "c"], Letters())
    assert encodes(["a", "bc"], Letters())
    assert encodes(["ab", "c"], Letters(fingerprint="another"))


def test_pairs_are_limited_together() -> None:
    source, target = ["abc", "a", "ab", ""], ["x", "xyzw", "xy", "x"]
    pairs = encode_pairs(source, target, Letters(), Letters())
    assert pairs.lengths.tolist() == [[3, 1], [1, 4], [2, 2], [0, 1]]

    cut = pairs.limited(2, "truncate")
    assert [[bytes(side.tolist()).decode() for side in cut[row]] for row in range(len(cut))] == [
        ["ab", "x"], ["a", "xy"], ["ab", "xy"], ["", "x"],
    ]  # fmt: skip
    kept = pairs.limited(2, "drop")
    assert [[bytes(side.tolist()).decode() for side in kept[row]] for row in range(len(kept))] == [
        ["ab", "xy"],
        ["", "x"],
    ]
    assert (pairs.too_long, cut.too_long, kept.too_long) == (0, 2, 2)
    with pytest.raises(DataError, match="2 of 4 rows are longer than 2 tokens, the first is row 1"):
        pairs.limited(2, "refuse")
    assert pairs.limited(4, "refuse").too_long == 0
    assert pairs.source.limited(2, "drop").lengths.tolist() == [1, 2, 0]
    with pytest.raises(ConfigError, match="at least 1"):
        pairs.limited(0, "drop")


class Many(Sequence[str]):
    """Rows that exist only while they are read."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, rows: slice) -> list[str]:  # type: ignore[override]
        return [f"{row:06d} is a row of text" for row in range(*rows.indices(self.rows))]


def test_memory_does_not_grow_with_the_rows() -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        encode(Many(rows), Letters())
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    small, large = peak(3 * cache_module.CHUNK), peak(12 * cache_module.CHUNK)
    assert large < small * 1.1 + 8 * 12 * cache_module.CHUNK, "more than a chunk and the lengths"


def test_a_full_disk_is_foreseen_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = storage.shutil.disk_usage(folder)
    with monkeypatch.context() as patch:
        patch.setattr(storage.shutil, "disk_usage", lambda path: usage._replace(free=20_000))
        with pytest.raises(
            CapacityError, match=r"tokens: the disk is full: about 80\.\d KB are needed, 19\.5 KB are free"
        ):
            encode(Many(1400), Letters())

    class Full(Letters):
        def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(CapacityError, match="disk is full"):
        encode(["a"], Full())
    assert list_cache() == []
    (folder / "locked").touch()
    monkeypatch.setenv("HEADWAY_CACHE", str(folder / "locked"))
    with pytest.raises(ConfigError, match=r"cannot be written .*HEADWAY_CACHE"):
        encode(["a"], Letters())


def test_a_killed_writer_leaves_no_store_and_prune_removes_its_rest(folder: Path) -> None:
    class Killed(Letters):
        def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
            if self.calls:
                raise KeyboardInterrupt
            return super().encode_batch(texts)

    with pytest.raises(KeyboardInterrupt):
        encode(Many(2 * cache_module.CHUNK), Killed())
    assert list_cache() == []

    rest = folder / "tokens" / ".unfinished-x"
    rest.mkdir(parents=True)
    (rest / "ids.npy").touch()
    assert prune_cache(everything=True) == [], "another process may be writing it"
    for path in (rest / "ids.npy", rest):
        os.utime(path, (0, time.time() - 7200))
    assert [entry.key for entry in prune_cache()] == [".unfinished-x"]
    assert not rest.exists()


def test_prune_removes_the_longest_unused_first() -> None:
    for number, text in enumerate("abc"):
        encode([text * 1000], Letters(), title=text)
        entry = next(entry for entry in list_cache() if entry.title.startswith(text))
        os.utime(entry.folder, (0, time.time() - 1000 * (3 - number)))
    encode(["a" * 1000], Letters())  # used again
    assert [entry.title[0] for entry in list_cache()] == ["b", "c", "a"]
    sizes = [entry.size for entry in list_cache()]
    assert all(2000 < size < 2500 for size in sizes)
    assert [entry.title[0] for entry in prune_cache(max_bytes=sizes[0] * 2)] == ["b"]
    assert [entry.title[0] for entry in prune_cache(older_than=500)] == ["c"]
    assert [entry.title[0] for entry in prune_cache(everything=True)] == ["a"]
    assert list_cache() == []


def test_two_writers_of_one_store_agree(folder: Path) -> None:
    class Race(Letters):
        def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
            encode(["ab"], Letters())
            return super().encode_batch(texts)

    assert encode(["ab"], Race())[0].tolist() == [97, 98]
    assert len(list_cache()) == 1


def test_the_files_are_plain_arrays(folder: Path) -> None:
    encode(["ab", "c"], Letters())
    (store,) = (folder / "tokens").iterdir()
    assert json.dumps(np.load(store / "ids.npy").tolist()) == "[97, 98, 99]"
    assert np.load(store / "offsets.npy").tolist() == [0, 2, 3]
