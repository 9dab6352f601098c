"""Text that anybody can make again: ids drawn by Zipf's law, which is how frequent words are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headway.data.corpus import Corpus

EXPONENT = 1.3


def corpus(tokens: int, ids: range, *, seed: int) -> Corpus:
    """One document of so many `tokens`, all of them among `ids`."""
    drawn = np.random.default_rng(seed).zipf(EXPONENT, tokens) % len(ids) + ids.start
    return one_document(drawn.astype(np.uint16))


def one_document(ids: NDArray[np.uint16]) -> Corpus:
    """A corpus of one document of one line."""
    return Corpus(ids, np.array([0, len(ids)]), np.array([0, 1]), len(ids))
