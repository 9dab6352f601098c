"""How sure a score is: the bootstrap (Efron 1979) draws the rows of a test set anew, a thousand times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 1000
_SEED = 12345
_CELLS = 1 << 19  # of the counts that exist at once


def resampled(rows: int) -> Iterator[NDArray[np.float32]]:
    """How often each row is drawn `(resamples, rows)`, a few of the resamples at a time; the same each call."""
    random, left = np.random.default_rng(_SEED), RESAMPLES
    while left:
        some = min(left, max(1, _CELLS // rows))
        draws = random.integers(0, rows, (some, rows)) + rows * np.arange(some)[:, None]
        yield np.bincount(draws.ravel(), minlength=some * rows).reshape(some, rows).astype(np.float32)
        left -= some


def resampled_sums(statistics: NDArray[Any]) -> NDArray[np.float64]:
    """The sums of `statistics` `(rows, columns)` over the rows of each resample `(resamples, columns)`.

    Whatever is a function of sums over rows needs no more.
    """
    return np.concatenate([counts @ statistics for counts in resampled(len(statistics))]).astype(np.float64)


def resampled_kinds(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many rows of each kind are drawn `(resamples, kinds)`, where there are `counts` of them `(kinds,)`."""
    rows = counts.sum()
    return np.random.default_rng(_SEED).multinomial(rows, counts / rows, RESAMPLES)


def interval(scores: NDArray[np.float64]) -> dict[str, float]:
    """`low` and `high`, between which lie 95 % of the scores of the resamples; those that have none are NaN.

    >>> interval(np.arange(101.0))
    {'low': 2.5, 'high': 97.5}
    """
    found = scores[~np.isnan(scores)]
    if not len(found):
        return {}
    low, high = np.percentile(found, [2.5, 97.5])
    return {"low": float(low), "high": float(high)}


def mean_with_interval(sums: ArrayLike, counts: ArrayLike) -> dict[str, float]:
    """The mean of all that was counted, and of two parts or more its `low` and `high`: the parts are drawn anew.

    >>> mean_with_interval([1.0, 1.0], [2, 2])
    {'score': 0.5, 'low': 0.5, 'high': 0.5}
    """
    tops, bottoms = np.asarray(sums, float), np.asarray(counts, float)
    found = {"score": float(tops.sum() / bottoms.sum())}
    if len(tops) < 2:
        return found
    drawn = resampled_sums(np.stack([tops, bottoms], axis=1))
    drawn = drawn[drawn[:, 1] > 0]
    return found | interval(drawn[:, 0] / drawn[:, 1])
