"""However documents are long and wherever they are cut: every prediction is made once, in its order, from its text."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.data.blocks import Blocks, Documents, Joined, Predictions, Stream, labels_of, starts_of
from headway.data.corpus import Corpus
from headway.errors import ConfigError, DataError
from tests.data.corpora import corpus_of

START, END = 2, 3
LENGTHS = st.lists(st.integers(0, 9), min_size=1, max_size=8)


def numbered(lengths: list[int]) -> list[list[int]]:
    """Documents in which no id occurs twice."""
    ids = iter(range(10, 10_000))
    return [[next(ids) for _ in range(length)] for length in lengths]


def by_hand(documents: list[list[int]]) -> list[tuple[int, int, int, int]]:
    """Input, label, document and place of every prediction."""
    return [
        (read, said, number, place)
        for number, ids in enumerate(documents)
        for place, (read, said) in enumerate(zip([START, *ids], [*ids, END], strict=True))
    ]


def check(rows: list[Predictions], expected: list[list[tuple[int, int, int, int]]]) -> None:
    """Each row reads and says what it should, and is parted where another document begins."""
    assert [list(zip(row.inputs.tolist(), row.labels.tolist(), strict=True)) for row in rows] == [
        [(read, said) for read, said, _, _ in row] for row in expected
    ]
    for row, wanted in zip(rows, expected, strict=True):
        numbers = [number for _, _, number, _ in wanted]
        assert row.lengths.tolist() == [numbers.count(number) for number in dict.fromkeys(numbers)]
        assert row.inputs.dtype == row.labels.dtype == np.uint16


@given(LENGTHS, st.integers(1, 12), st.booleans())
def test_blocks_are_the_predictions_of_all_documents_end_to_end(lengths: list[int], size: int, drop_last: bool) -> None:
    documents = numbered(lengths)
    predictions = by_hand(documents)
    if drop_last and len(predictions) < size:
        with pytest.raises(DataError, match=f"the text has {len(predictions)} tokens, fewer than one block of {size}"):
            Blocks(corpus_of(documents), size, START, END, drop_last=True)
        return
    blocks = Blocks(corpus_of(documents), size, START, END, drop_last=drop_last)
    cut = [predictions[first : first + size] for first in range(0, len(predictions), size)]
    check(list(blocks), [block for block in cut if len(block) == size or not drop_last])
    assert blocks.lengths.tolist() == [len(row.inputs) for row in blocks]
    assert len(blocks) == len(blocks.lengths)


@given(LENGTHS, st.integers(1, 12))
def test_documents_are_each_by_itself_and_long_ones_in_parts(lengths: list[int], size: int) -> None:
    documents = numbered(lengths)
    rows = Documents(corpus_of(documents), size, START, END)
    alone = [by_hand([ids]) for ids in documents]
    check(list(rows), [whole[first : first + size] for whole in alone for first in range(0, len(whole), size)])
    assert rows.lengths.tolist() == [len(row.inputs) for row in rows]
    assert len(rows) == len(rows.lengths)


@given(LENGTHS, st.integers(1, 12))
def test_joined_rows_are_all_documents_with_their_ends_and_nothing_else(lengths: list[int], size: int) -> None:
    documents = numbered(lengths)
    whole = [token for ids in documents for token in (*ids, END)]
    rows = Joined(corpus_of(documents), size, END)
    assert [row.tolist() for row in rows] == [whole[first : first + size] for first in range(0, len(whole), size)]
    assert rows.lengths.tolist() == [len(row) for row in rows]
    assert len(rows) == len(rows.lengths)


@given(LENGTHS, st.data())
def test_any_stretch_of_the_stream(lengths: list[int], data: st.DataObject) -> None:
    documents = numbered(lengths)
    corpus, predictions = corpus_of(documents), by_hand(documents)
    stream = Stream(corpus, START, END)
    first = data.draw(st.integers(0, len(stream) - 1))
    end = data.draw(st.integers(first + 1, len(stream)))
    check([stream.cut(first, end)], [predictions[first:end]])
    assert labels_of(corpus, END).tolist() == [said for _, said, _, _ in predictions]
    begins = [place for place, (_, _, _, inside) in enumerate(predictions) if not inside]
    assert starts_of(corpus).tolist() == [*begins, len(predictions)]


def test_a_corpus_larger_than_memory_costs_what_a_block_costs() -> None:
    """Ten billion ids (all of them one number in memory) in a million lines, three of them a document."""
    line, count = 10_001, 999_999
    corpus = Corpus(
        np.broadcast_to(np.uint16(7), (line * count,)),
        np.arange(count + 1) * line,
        np.arange(0, count + 1, 3),
        10**10,
    )
    begun = time.process_time()
    tracemalloc.start()
    blocks = Blocks(corpus, 1024, START, END, drop_last=True)
    rows = [blocks[row] for row in range(0, len(blocks), len(blocks) // 50)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(blocks) == (line * count + count // 3) // 1024
    assert all(len(row.inputs) == len(row.labels) == row.lengths.sum() == 1024 for row in rows)
    assert peak < 1e6
    assert time.process_time() - begun < 1.0


def test_what_cannot_be_cut_is_told() -> None:
    corpus = corpus_of([[5, 6]])
    for rows in (Blocks, Documents):
        with pytest.raises(ConfigError, match="rows of 0 tokens; at least 1"):
            rows(corpus, 0, START, END)
        with pytest.raises(ConfigError, match="the start token has the id -1"):
            rows(corpus, 4, -1, END)
        with pytest.raises(DataError, match="not one document"):
            rows(corpus_of([]), 4, START, END)
    with pytest.raises(IndexError):
        Blocks(corpus, 4, START, END)[1]
