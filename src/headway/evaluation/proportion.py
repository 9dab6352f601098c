"""Shares and means with the interval that says how sure they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_NORMAL = 1.959964  # 95 % of a normal distribution lie within so many deviations
_RESAMPLES, _SEED = 1000, 12345


def proportion(right: int, total: int) -> dict[str, float]:
    """The share of `right` among `total`, 0..1, and its 95 % interval (Wilson 1927).

    >>> {name: round(value, 3) for name, value in proportion(8, 10).items()}
    {'score': 0.8, 'low': 0.49, 'high': 0.943}
    """
    share, square = right / total, _NORMAL**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    reach = _NORMAL * math.sqrt(share * (1 - share) / total + square / (4 * total**2)) / (1 + square / total)
    return {"score": share, "low": max(0.0, middle - reach), "high": min(1.0, middle + reach)}


def mean_with_interval(sums: Sequence[float], counts: Sequence[int]) -> dict[str, float]:
    """The mean of all that was counted, and its 95 % interval by resampling the parts that were summed."""
    tops, bottoms = np.asarray(sums, float), np.asarray(counts, float)
    found = {"score": float(tops.sum() / bottoms.sum())}
    if len(tops) > 1:
        draws = np.random.default_rng(_SEED).integers(0, len(tops), (_RESAMPLES, len(tops)))
        means = tops[draws].sum(1) / bottoms[draws].sum(1)
        found["low"], found["high"] = (float(bound) for bound in np.percentile(means, [2.5, 97.5]))
    return found
