"""Every token in one window, windows full and of one document."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from headway.data import windows
from headway.data.windows import Windows
from headway.errors import ConfigError, DataError
from tests.data.places import corpus_of

DOCUMENTS = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=12)


@given(DOCUMENTS, st.integers(1, 14), st.integers(0, 3))
def test_windows_are_the_documents_cut(documents: list[list[int]], most: int, special: int) -> None:
    corpus = corpus_of(documents)
    assume(len(corpus) and corpus.bounds[0] < corpus.bounds[-1])
    cut = Windows(corpus, most, special)
    rows = [cut[row].tolist() for row in range(len(cut))]
    expected = [
        corpus[document][start : start + most].tolist()
        for document in range(len(corpus))
        for start in range(0, len(corpus[document]), most)
    ]
    assert rows == expected
    assert cut.lengths.tolist() == [len(row) + special for row in rows]
    assert cut.lengths.dtype == np.int64


def test_documents_are_cut_alike_however_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = corpus_of([[5, 4], [], [0], [11], [2, 2, 2], [1]])
    whole = Windows(corpus, 4)
    monkeypatch.setattr(windows, "_CHUNK", 2)
    parts = Windows(corpus, 4)
    assert [parts[row].tolist() for row in range(len(parts))] == [whole[row].tolist() for row in range(len(whole))]


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(DataError, match="none of 2 documents has a token"):
        Windows(corpus_of([[0], []]), 4)
    with pytest.raises(DataError, match="none of 0 documents"):
        Windows(corpus_of([]), 4)
    with pytest.raises(ConfigError, match="windows of 0 tokens"):
        Windows(corpus_of([[3]]), 0)
