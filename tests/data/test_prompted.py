"""Prompts are given and texts are said, whatever their lengths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.data.blocks import labels_of
from headway.data.corpus import Corpus
from headway.data.prompted import Prompted, is_said, part, texts_alone
from headway.errors import DataError

START, END = 2, 3
ROWS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 7)), min_size=1, max_size=6)  # prompt, text


def corpus_of(sizes: list[tuple[int, int]]) -> tuple[Corpus, list[tuple[list[int], list[int]]]]:
    """Documents of two lines, in which no id occurs twice, and something before and after them."""
    ids = iter(range(10, 10_000))
    pairs = [([next(ids) for _ in range(a)], [next(ids) for _ in range(b)]) for a, b in sizes]
    lines = [[1] * 5, *(line for pair in pairs for line in pair), [1] * 4]
    bounds = np.cumsum([0, *map(len, lines)])
    flat = np.array([token for line in lines for token in line], np.uint16)
    return Corpus(flat, bounds, np.arange(1, len(lines), 2), 99), pairs


@given(ROWS, st.integers(3, 12), st.booleans(), st.sampled_from(["drop", "truncate"]))
def test_what_is_asked_is_the_text_and_its_end(
    sizes: list[tuple[int, int]], size: int, begins: bool, rule: str
) -> None:
    corpus, pairs = corpus_of(sizes)
    expected, long = [], 0
    for prompt, text in pairs:
        read, said = [START, *prompt, *text], [*prompt, *text, END]
        given_ = len(prompt)
        if not begins:
            read, said, given_ = read[1:], said[1:], given_ - 1
        long += len(read) > size
        if len(read) <= size or (rule == "truncate" and given_ < size):
            expected.append((read[:size], said[:size], given_))
    if not expected:
        with pytest.raises(DataError, match=f"all {len(pairs)} texts are longer than {size} tokens with their prompts"):
            Prompted(corpus, size, START, END, begins=begins, too_long=rule)  # type: ignore[arg-type]
        return
    rows = Prompted(corpus, size, START, END, begins=begins, too_long=rule)  # type: ignore[arg-type]
    assert [
        (row.inputs.tolist(), row.labels.tolist(), row.given) for row in map(rows.__getitem__, range(len(rows)))
    ] == (expected)
    assert rows.lengths.tolist() == [len(read) for read, _, _ in expected]
    assert rows.too_long == long


@given(ROWS)
def test_what_counts_of_a_corpus_are_its_texts(sizes: list[tuple[int, int]]) -> None:
    corpus, pairs = corpus_of(sizes)
    texts = texts_alone(corpus, 7)
    assert [texts[document].tolist() for document in range(len(texts))] == [text for _, text in pairs]
    assert texts.bytes == 7
    assert labels_of(corpus, END)[is_said(corpus)].tolist() == labels_of(texts, END).tolist()


def test_a_long_text_may_be_refused() -> None:
    corpus, _ = corpus_of([(1, 2), (2, 6)])
    with pytest.raises(
        DataError, match="1 of 2 texts are longer than 5 tokens with their prompts, the first is text 2"
    ):
        Prompted(corpus, 5, START, END, too_long="refuse")


def test_prompts_are_parted_from_what_follows() -> None:
    assert list(part(["정치", "정치: 국회", "", "IT과학"], ": ")) == ["정치: ", "정치: 국회", "", "IT과학: "]
    assert list(part(["a", ""], "")) == ["a", ""]
