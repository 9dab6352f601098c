"""Every token in one window, windows full and of one document; those that overlap part no run of what they share."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from headway.data import windows
from headway.data.windows import Windows, covering, overlapping, pair_windows
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


@given(st.integers(0, 60), st.integers(1, 20), st.integers(0, 30))
def test_windows_that_overlap_part_nothing_short(length: int, most: int, shared: int) -> None:
    cut = overlapping(length, most, shared)
    shared = min(shared, most // 2)
    assert (cut[0][0], cut[-1][1]) == (0, length)
    for (_, end), (start, next_end) in pairwise(cut):
        assert end - start == shared
        assert next_end > end
    assert all(end - start == most for start, end in cut[:-1])
    assert cut[-1][1] - cut[-1][0] <= most
    size = min(shared + 1, length)
    assert all(any(a <= i and i + size <= b for a, b in cut) for i in range(length - size + 1))


@given(st.integers(1, 40), st.integers(0, 60), st.integers(2, 30), st.integers(0, 20))
def test_a_question_stays_whole_where_half_is_left_to_the_text(first: int, second: int, most: int, shared: int) -> None:
    read, spans = pair_windows(first, second, most, shared)
    assert all(read + end - start <= most for start, end in spans)
    assert spans[-1][1] == second
    assert (read == first) == (first <= most // 2 or first + second <= most)
    assert read >= min(first, most // 2)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=8), st.integers(0, 20), st.integers(1, 9))
def test_the_fewest_pieces_around_characters(steps: list[tuple[int, int]], start: int, size: int) -> None:
    pieces, at = [], 0
    for gap, width in steps:
        pieces.append((at + gap, at + gap + width))
        at += gap + width
    inside = [i for i, (a, b) in enumerate(pieces) if a < min(b, start + size) and b > start]
    assert covering(pieces, start, start + size) == ((inside[0], inside[-1]) if inside else None)


def test_windows_without_room_are_refused() -> None:
    with pytest.raises(ConfigError, match="windows of 0 tokens that share 2"):
        overlapping(3, 0, 2)
    with pytest.raises(ConfigError, match="1 tokens at a time leave no room"):
        pair_windows(1, 1, 1, 0)
