"""Counts against a dictionary that is slow and plain, and probabilities that sum to 1."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.data.blocks import labels_of
from headway.errors import ConfigError, DataError
from headway.evaluation.ngrams import KneserNey, Unigram
from tests.data.corpora import corpus_of

VOCABULARY, END = 7, 3
TEXTS = st.lists(st.lists(st.integers(0, VOCABULARY - 1), max_size=12), min_size=1, max_size=6)
Texts = list[list[int]]


def predictions(texts: Texts, order: int) -> list[tuple[int, ...]]:
    """Every label with what stands before it; −1 is the start."""
    padded = [[-1] * (order - 1) + ids + [END] for ids in texts]
    return [tuple(ids[place - order : place]) for ids in padded for place in range(order, len(ids) + 1)]


class Textbook:
    """Chen and Goodman 1999, section 4.1.6: sums over the whole vocabulary, one n-gram at a time."""

    def __init__(self, texts: Texts, order: int) -> None:
        self.counts: dict[int, Counter[tuple[int, ...]]] = {order: Counter(predictions(texts, order))}
        for length in range(order - 1, 0, -1):
            self.counts[length] = Counter(gram[1:] for gram in self.counts[length + 1])  # a different token each
        self.discounts = {}
        for length, counts in self.counts.items():
            ones, twos = (list(counts.values()).count(often) for often in (1, 2))
            self.discounts[length] = ones / (ones + 2 * twos) if ones else 0.5

    def probability(self, gram: tuple[int, ...]) -> float:
        if not gram:
            return 1 / VOCABULARY
        counts, discount = self.counts[len(gram)], self.discounts[len(gram)]
        after = [counts[(*gram[:-1], token)] for token in range(VOCABULARY) if counts[(*gram[:-1], token)]]
        shorter = self.probability(gram[1:])
        if not after:
            return shorter
        return (max(counts[gram] - discount, 0) + discount * len(after) * shorter) / sum(after)


@settings(max_examples=60)
@given(TEXTS, TEXTS, st.integers(1, 5))
def test_it_is_the_textbook_s(training: Texts, texts: Texts, order: int) -> None:
    model, slow = KneserNey(corpus_of(training), VOCABULARY, END, order=order), Textbook(training, order)
    for some in (training, texts):
        expected = [-math.log(slow.probability(gram)) for gram in predictions(some, order)]
        np.testing.assert_allclose(model.nll(corpus_of(some)), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one_after_anything(order: int) -> None:
    training = [[4, 5, 4, 5, 6, 4], [5, 5, 4], [], [6, 4, 5, 4, 5, 5, 4, 5]]
    model = KneserNey(corpus_of(training), VOCABULARY, END, order=order)
    seen, unseen = [[], [4], [4, 5], [5, 5, 4], [6, 4, 5, 4]], [[0], [6, 6], [1, 4, 5, 4], [6, 5, 0, 4, 5]]
    for context in seen + unseen:
        following = corpus_of([[*context, token] for token in range(VOCABULARY)])
        places = len(context) + np.arange(VOCABULARY) * (len(context) + 2)
        assert np.exp(-model.nll(following)[places]).sum() == pytest.approx(1, abs=1e-12)


def test_a_longer_memory_helps_where_there_is_something_to_remember() -> None:
    """Each token is decided by the two before it, nine times in ten."""
    random = np.random.default_rng(0)
    rule = random.integers(0, VOCABULARY, (VOCABULARY, VOCABULARY))
    ids = [0, 1]
    for _ in range(6000):
        ids.append(int(random.integers(VOCABULARY) if random.random() < 0.1 else rule[ids[-2], ids[-1]]))
    training, held_out = corpus_of([ids[:5000]]), corpus_of([ids[5000:]])
    losses = [KneserNey(training, VOCABULARY, END, order=order).nll(held_out).mean() for order in (1, 2, 3, 5)]
    unigram = Unigram(training, VOCABULARY, END).nll(labels_of(held_out, END)).mean()
    assert losses[0] == pytest.approx(unigram, rel=0.05)
    assert losses[0] > losses[1] > losses[2] + 0.3
    entropy = -(0.9 + 0.1 / VOCABULARY) * math.log(0.9 + 0.1 / VOCABULARY) - 0.6 / 7 * math.log(0.1 / VOCABULARY)
    assert entropy - 0.1 < losses[2] < entropy + 0.1


def test_a_unigram_counts_every_token_once_more() -> None:
    model = Unigram(corpus_of([[4, 4, 5], [4]]), VOCABULARY, END)
    expected = np.log(np.array([1, 1, 1, 3, 4, 2, 1]) / 13)
    np.testing.assert_allclose(model.nll(np.arange(VOCABULARY)), -expected, rtol=1e-14)
    assert model.nll(np.array([[4, 5], [3, 0]])).shape == (2, 2)


def test_what_cannot_be_counted_is_told() -> None:
    with pytest.raises(ConfigError, match="n-grams of 0 tokens"):
        KneserNey(corpus_of([[4]]), VOCABULARY, END, order=0)
    with pytest.raises(DataError, match="no text to count"):
        KneserNey(corpus_of([]), VOCABULARY, END)
