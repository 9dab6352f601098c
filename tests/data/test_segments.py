"""Passages cover their documents; pairs are what their label says, half of them true, none too long."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from headway.data import segments
from headway.data.corpus import Corpus
from headway.data.segments import SPECIAL_PIECES, SentencePairs, TextPair
from headway.errors import ConfigError, DataError
from tests.data.places import BEFORE, corpus_of

DOCUMENTS = st.lists(st.lists(st.integers(0, 9), max_size=9), max_size=9)
LONG = [[7, 3, 12, 5, 9, 4, 8, 6] * 6, [10, 2, 8] * 20, [5] * 60]


def document_of(corpus: Corpus, token: int) -> int:
    return int(np.searchsorted(corpus.bounds, token, side="right")) - 1


def pair_of(pairs: SentencePairs, row: int, kind: Literal["next", "order"], seed: int) -> TextPair:
    passage, draw = pairs[row], np.random.default_rng([seed, row])
    return passage.next_sentence(draw) if kind == "next" else passage.sentence_order(draw)


@given(DOCUMENTS, st.integers(2, 25))
def test_passages_are_greedy_and_cover_their_documents(documents: list[list[int]], goal: int) -> None:
    filled = [[size for size in document if size] for document in documents]
    expected = []
    for document, before in zip(filled, np.cumsum([BEFORE, *map(sum, filled)]), strict=False):
        line = 0
        while len(document) > 1 and line < len(document):
            end = line + 2
            while end < len(document) and sum(document[line:end]) < goal:
                end += 1
            end = len(document) if end == len(document) - 1 else end
            expected.append((before + np.cumsum([0, *document])[line : end + 1]).tolist())
            line = end
    assume(expected)
    pairs = SentencePairs(corpus_of(documents), goal, fewest=1)
    assert [pairs.edges(row).tolist() for row in range(len(pairs))] == expected
    assert pairs.lengths.tolist() == [min(goal, row[-1] - row[0]) + SPECIAL_PIECES for row in expected]
    assert pairs.single_lines == sum(len(document) == 1 for document in filled)


def test_documents_are_cut_alike_however_many_lines_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = corpus_of([[], [4, 4, 4], [], [9], [1, 2, 3, 4, 5, 6], [0, 0], [7, 7], [3]])
    whole = SentencePairs(corpus, 6)
    monkeypatch.setattr(segments, "_BLOCK", 2)
    parts = SentencePairs(corpus, 6)
    assert [parts.edges(row).tolist() for row in range(len(parts))] == [
        whole.edges(row).tolist() for row in range(len(whole))
    ]
    assert (parts.single_lines, parts.lengths.tolist()) == (2, whole.lengths.tolist())
    kinds = ("next", "order")
    for seed, row in np.ndindex(20, len(whole)):
        for kind in kinds:
            one, other = (pair_of(made, row, kind, seed) for made in (whole, parts))
            assert [part.tolist() for part in one[:2]] == [part.tolist() for part in other[:2]]
            assert one.label == other.label


@given(DOCUMENTS, st.integers(2, 25), st.integers(0, 9), st.sampled_from(["next", "order"]))
def test_a_pair_is_what_its_label_says(
    documents: list[list[int]], goal: int, seed: int, kind: Literal["next", "order"]
) -> None:
    corpus = corpus_of(documents)
    assume(sum(sum(map(bool, document)) > 1 for document in documents) > 1)
    pairs = SentencePairs(corpus, goal)
    for row in range(len(pairs)):
        pair, edges = pair_of(pairs, row, kind, seed), pairs.edges(row)
        both = [part.astype(int).tolist() for part in pair[:2]]
        for text in both:
            assert text, "neither is empty"
            assert text == list(range(text[0], text[0] + len(text))), "a text is a run of its document"
            assert document_of(corpus, text[0]) == document_of(corpus, text[-1])
        ours = edges[0] <= both[0][0] <= both[0][-1] < edges[-1]
        assert ours, "the first is of the row"
        assert sum(map(len, both)) <= pairs.lengths[row] - SPECIAL_PIECES <= goal
        fits = edges[-1] - edges[0] <= goal
        if kind == "next" and pair.label:
            assert document_of(corpus, both[1][0]) != document_of(corpus, both[0][0])
            continue
        first, second = both if not pair.label else both[::-1]
        middles = [edge for edge in edges[1:-1] if first[-1] < edge <= second[0]]
        assert edges[0] <= first[0] < second[-1] < edges[-1]
        assert middles, "they part at a line"
        if fits:
            assert (first[0], second[0], second[-1]) == (edges[0], first[-1] + 1, edges[-1] - 1), "nothing is lost"


@pytest.mark.parametrize("kind", ["next", "order"])
def test_half_of_the_pairs_are_true_and_their_length_tells_nothing(kind: Literal["next", "order"]) -> None:
    pairs = SentencePairs(corpus_of(LONG), 29)
    made = [(row, pair_of(pairs, row, kind, seed)) for seed in range(50) for row in range(len(pairs))]
    labels = np.array([pair.label for _, pair in made])
    assert abs(labels.mean() - 0.5) < 4 * 0.5 / len(labels) ** 0.5, "within four standard errors"
    totals = np.array([len(pair.first) + len(pair.second) for _, pair in made])
    np.testing.assert_array_equal(totals + SPECIAL_PIECES, pairs.lengths[[row for row, _ in made]])
    if kind == "order":  # where the text has its longer sentences is of the order itself
        return
    firsts = np.array([len(pair.first) for _, pair in made])
    one, other = firsts[labels == 0], firsts[labels == 1]
    error = (one.var() / len(one) + other.var() / len(other)) ** 0.5
    assert abs(one.mean() - other.mean()) < 4 * error


def test_every_other_document_is_drawn_by_its_size_and_every_line_of_it() -> None:
    corpus = corpus_of(LONG)
    pairs = SentencePairs(corpus, 29)
    drawn = [pair_of(pairs, 0, "next", seed) for seed in range(2000)]
    others = [document_of(corpus, int(pair.second[0])) for pair in drawn if pair.label]
    passages = np.bincount([document_of(corpus, pairs.edges(row)[0]) for row in range(len(pairs))])
    share = passages[1] / (passages[1] + passages[2])
    assert set(others) == {1, 2}
    assert abs(others.count(1) / len(others) - share) < 4 * (share * (1 - share) / len(others)) ** 0.5


def test_lines_of_elsewhere_are_whole_and_no_more_than_needed() -> None:
    pairs = SentencePairs(corpus_of([[4, 4, 4, 4], [3] * 8]), 8)
    begin = BEFORE + 16
    for needed, seed in np.ndindex(24, 20):
        drawn = pairs.elsewhere(0, needed + 1, np.random.default_rng(seed))
        assert (drawn[0] - begin) % 3 == 0
        assert len(drawn) == -(-(needed + 1) // 3) * 3
    starts = {int(pairs.elsewhere(0, 3, np.random.default_rng(seed))[0]) - begin for seed in range(60)}
    assert starts == {3, 6, 12, 15, 21}, "where a second half may begin: passages are of 3, 3 and 2 lines"


def test_what_is_too_long_goes_in_front_and_behind_alike() -> None:
    pairs = SentencePairs(corpus_of([[40, 30], [40, 30]]), 20)
    drawn = [pair_of(pairs, 0, "order", seed) for seed in range(600)]
    starts = np.array([int(min(pair.first[0], pair.second[0])) for pair in drawn])
    assert all(len(pair.first) == len(pair.second) == 10 for pair in drawn)
    assert abs(starts.mean() - BEFORE - 15) < 4 * (30 * 0.25 / len(starts)) ** 0.5, "30 of 40 go, half of them in front"


def test_a_pair_differs_each_time_it_is_drawn_and_repeats_with_its_draw() -> None:
    pairs = SentencePairs(corpus_of(LONG), 29)
    drawn = [[part.tolist() for part in pair_of(pairs, 3, "next", seed)[:2]] for seed in (0, 1, 2, 3, 0)]
    assert drawn[0] == drawn[4]
    assert len({str(pair) for pair in drawn}) > 2


@pytest.mark.parametrize(
    ("documents", "fewest", "says"),
    [
        ([[5] * 9], 2, "at least 2 are needed, and 1 of 1 are such.*blank line between"),
        ([[5], [4], [3, 3]], 2, "and 1 of 3 are such"),
        ([[5], [4], [0, 3]], 1, "at least 1 are needed, and 0 of 3"),
        ([], 2, "0 of 0"),
        ([[], []], 1, "0 of 2"),
    ],
)
def test_documents_that_make_no_pairs_are_refused(documents: list[list[int]], fewest: int, says: str) -> None:
    with pytest.raises(DataError, match=says):
        SentencePairs(corpus_of(documents), 9, fewest=fewest)
    assert len(SentencePairs(corpus_of([[5] * 9]), 9, fewest=1)) == 4
    with pytest.raises(ConfigError, match="pairs of 1 tokens"):
        SentencePairs(corpus_of(LONG), 1)
