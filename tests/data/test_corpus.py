"""A corpus holds exactly the tokenizer's ids, document by document, and costs constant memory to make and to read."""

from __future__ import annotations

import errno
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headway.data import corpus as corpus_module
from headway.data.corpus import encode_texts
from headway.data.storage import list_cache
from headway.data.texts import Texts
from headway.errors import CapacityError, DataError
from tests.data.letters import Letters


def texts_of(documents: Sequence[Sequence[str]]) -> Texts:
    lines = [(line, not number) for document in documents for number, line in enumerate(document)]
    size = sum(len(line.encode()) for line, _ in lines)
    return Texts("novels", repr(documents), size, lambda: iter(lines))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path))
    return tmp_path


@settings(max_examples=30)
@example([["\U00010000\n", "a"], [""], ["b\n", "\n"]], (1 << 16) + 1, 1)
@given(
    st.lists(st.lists(st.text(max_size=6), min_size=1, max_size=4), min_size=1, max_size=12),
    st.sampled_from([100, 1 << 16, (1 << 16) + 1]),
    st.integers(1, 9),
)
def test_documents_come_back(documents: list[list[str]], vocab_size: int, batch: int) -> None:
    texts, tokenizer = texts_of(documents), Letters(vocab_size, fingerprint=f"{vocab_size} {batch}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus_module, "BATCH", batch)
        corpus = encode_texts(texts, tokenizer)
    lines = [line for document in documents for line in document]
    assert [corpus.line(number).tolist() for number in range(len(lines))] == Letters(vocab_size).encode_batch(lines)
    whole = ["".join(document) for document in documents]
    assert [corpus[number].tolist() for number in range(len(corpus))] == Letters(vocab_size).encode_batch(whole)
    assert corpus.bounds.tolist() == [0, *np.cumsum([len(document) for document in whole])]
    assert corpus.bytes == texts.bytes
    assert corpus.ids.dtype == (np.uint32 if vocab_size > 1 << 16 else np.uint16)
    assert isinstance(corpus.ids, np.memmap) or not len(corpus.ids)


def test_the_key_is_the_content() -> None:
    def encodes(documents: list[list[str]], tokenizer: Letters) -> bool:
        encode_texts(texts_of(documents), tokenizer)
        return bool(tokenizer.calls)

    assert encodes([["ab", "c"]], Letters())
    assert not encodes([["ab", "c"]], Letters())
    assert encodes([["ab"], ["c"]], Letters())
    assert encodes([["ab", "c"]], Letters(fingerprint="another"))


def test_making_takes_constant_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_module, "BATCH", 2000)

    def peak(count: int) -> int:
        def lines() -> Iterator[tuple[str, bool]]:
            return (("x" * 100, number % 10 == 0) for number in range(count))

        tracemalloc.start()
        try:
            encode_texts(Texts("novels", str(count), 100 * count, lines), Letters())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    assert peak(4000) < 1.3 * peak(400)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc")
def test_reading_gives_its_memory_back() -> None:
    corpus = encode_texts(texts_of([["x" * 1000] for _ in range(5000)]), Letters())

    def mapped() -> int:
        fields = dict(line.split(":") for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
        return int(fields["RssFile"].split()[0])

    view = corpus[3]
    before = mapped()
    total = int(np.asarray(corpus.ids).sum(dtype=np.int64))
    assert mapped() > before + 5000  # kB
    corpus.release()
    assert mapped() < before + 1000
    assert view.tolist() == [ord("x")] * 1000
    assert total == 5000 * 1000 * ord("x") == int(np.asarray(corpus.ids).sum(dtype=np.int64))


def test_a_full_disk_is_known_after_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_module, "BATCH", 100)
    monkeypatch.setattr("headway.data.storage.shutil.disk_usage", lambda path: type("Usage", (), {"free": 20_000}))
    tokenizer = Letters()
    with pytest.raises(CapacityError, match=r"the disk is full: about .* KB are needed, 19\.5 KB are free"):
        encode_texts(texts_of([["x" * 100]] * 200), tokenizer)
    assert len(tokenizer.calls) <= 3
    assert not list_cache()


def test_what_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def lines() -> Iterator[tuple[str, bool]]:
        yield "fine", True
        raise DataError("c.txt, line 2: not UTF-8")

    with pytest.raises(DataError, match="line 2"):
        encode_texts(Texts("novels", "0", 4, lines), Letters())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(corpus_module.ArrayFile, "append", full)
    with pytest.raises(CapacityError, match="disk is full"):
        encode_texts(texts_of([["ab"]]), Letters())
    assert not list_cache()
