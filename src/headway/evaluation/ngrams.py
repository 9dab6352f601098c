"""What a language model must beat: counts of tokens, and of what stood before them, in the text it was trained on.

`KneserNey` is interpolated Kneser-Ney smoothing (Chen and Goodman 1999, section 4.1.6, with one discount for each
length of n-gram); its vocabulary shares the last of the probability evenly, so that nothing is impossible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headway.data.blocks import labels_of, starts_of
from headway.data.cache import Ids
from headway.data.corpus import Corpus
from headway.data.progress import progress
from headway.errors import ConfigError, DataError

_Numbers = NDArray[np.int32]
_CHUNK = 1 << 22  # ids counted at once
_NO_SINGLES = 0.5  # the discount where every n-gram was seen twice, as in a small alphabet


class Unigram:
    """How often each token was seen, each once more than it was.

    Args:
        corpus: the training text.
        vocab_size: ids are below it.
        end_id: of the token that ends a document.
    """

    def __init__(self, corpus: Corpus, vocab_size: int, end_id: int) -> None:
        counts = np.ones(vocab_size, np.int64)
        counts[end_id] += len(corpus)
        first, end = corpus.lines[corpus.documents[[0, -1]]]
        for start in range(first, end, _CHUNK):
            counts += np.bincount(corpus.ids[start : min(start + _CHUNK, end)], minlength=vocab_size)
            corpus.release()
        self._nll = np.log(counts.sum()) - np.log(counts)  # (vocabulary,)

    def nll(self, labels: NDArray[np.integer]) -> NDArray[np.float64]:
        """The negative log-likelihood of each label, in nats, in the shape of `labels`."""
        return self._nll[labels]


@dataclass(frozen=True, slots=True)
class _Level:
    """The n-grams of one length. A context is a number: that of the n-gram, one shorter, that stands before a token."""

    keys: NDArray[np.int64]  # context · vocabulary + token, sorted `(n-grams,)`
    counts: NDArray[np.int32]  # the longest: how often seen; others: after how many different tokens `(n-grams,)`
    totals: NDArray[np.int32]  # the sum of the counts after each context `(contexts,)`
    kinds: NDArray[np.int32]  # how many different tokens were seen after each context `(contexts,)`
    discount: float  # taken off every count

    @classmethod
    def of(cls, keys: NDArray[np.int64], counts: NDArray[np.int64], contexts: int, vocab_size: int) -> _Level:
        context = keys // vocab_size
        totals, kinds = np.bincount(context, counts, contexts), np.bincount(context, minlength=contexts)
        ones, twos = int((counts == 1).sum()), int((counts == 2).sum())
        discount = ones / (ones + 2 * twos) if ones else _NO_SINGLES
        return cls(keys, counts.astype(np.int32), totals.astype(np.int32), kinds.astype(np.int32), discount)


class KneserNey:
    """An interpolated Kneser-Ney model of a text's tokens; a document is read as if start after start stood before it.

    Args:
        corpus: the training text; fifteen million tokens take about a minute and less than 2 GB.
        vocab_size: ids are below it.
        end_id: of the token that ends a document.
        order: the length of the longest n-gram.

    Raises:
        ConfigError: the order is not positive.
        DataError: there is no document.
    """

    def __init__(self, corpus: Corpus, vocab_size: int, end_id: int, *, order: int = 5) -> None:
        if order < 1:
            raise ConfigError(f"n-grams of {order} tokens; at least 1 is needed")
        if not len(corpus):
            raise DataError("there is no text to count; give files with text")
        self._vocab_size, self._end_id = vocab_size, end_id
        self._levels: list[_Level] = []
        labels, starts = labels_of(corpus, end_id), starts_of(corpus)[:-1]
        grams = np.zeros(len(labels), np.int32)  # the n-gram that ends at each prediction, one token shorter
        contexts: NDArray[np.integer] = grams  # the one that stands before it; before single tokens stands nothing
        known = 1  # contexts
        with progress("counting n-grams", order, "lengths") as advance:
            for _ in range(order):
                keys, counts, places, longer = _distinct(self._keys(contexts, labels))
                if self._levels:  # each n-gram is one of those a token shorter, after one more token
                    self._levels[-1] = _Level.of(self._levels[-1].keys, np.bincount(grams[places]), known, vocab_size)
                    known = len(self._levels[-1].keys) + 2
                self._levels.append(_Level.of(keys, counts, known, vocab_size))
                grams, contexts = longer, _contexts(longer, starts, len(keys))
                advance(1)

    def nll(self, corpus: Corpus) -> NDArray[np.float64]:
        """The negative log-likelihood of every prediction, document after document, in nats `(predictions,)`."""
        labels, starts = labels_of(corpus, self._end_id), starts_of(corpus)[:-1]
        probability = np.full(len(labels), 1 / self._vocab_size)
        contexts: NDArray[np.integer] = np.zeros(len(labels), np.int32)
        for level in self._levels:
            keys = self._keys(contexts, labels)
            grams = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
            is_known = level.keys[grams] == keys
            counts, totals = np.where(is_known, level.counts[grams], 0), level.totals[contexts]
            own = np.maximum(counts - level.discount, 0) + level.discount * level.kinds[contexts] * probability
            probability = np.divide(own, totals, out=probability, where=totals > 0)
            unknown = len(level.keys) + 1
            contexts = _contexts(np.where(is_known, grams, unknown), starts, unknown - 1)
        return -np.log(probability)

    def _keys(self, contexts: NDArray[np.integer], labels: Ids) -> NDArray[np.int64]:
        """One number for context and token."""
        return contexts * np.int64(self._vocab_size) + labels


def _distinct(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], _Numbers]:
    """The distinct keys, sorted, how often each occurs, a place of each; and of every place the number of its key.

    `np.unique` in two thirds of the memory, for the numbers are small and any place will do.
    """
    order = np.argsort(keys)
    keys = keys[order]
    firsts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    counts = np.diff(firsts, append=len(keys))
    numbers = np.empty(len(keys), np.int32)
    numbers[order] = np.repeat(np.arange(len(firsts), dtype=np.int32), counts)
    return keys[firsts], counts, order[firsts], numbers


def _contexts(grams: NDArray[np.integer], starts: NDArray[np.int64], beginning: int) -> NDArray[np.int64]:
    """The n-gram before each prediction, from the one that ends there; `beginning` where a document starts."""
    contexts = np.roll(grams, 1)
    contexts[starts] = beginning
    return contexts
