"""Shares with the interval that says how sure they are, also where few were counted or all were right."""

from __future__ import annotations

import math

NORMAL = 1.959964  # 95 % of a normal distribution lie within so many deviations


def proportion(right: int, total: int) -> dict[str, float]:
    """The share of `right` among `total`, 0..1, and its 95 % interval (Wilson 1927).

    >>> {name: round(value, 3) for name, value in proportion(8, 10).items()}
    {'score': 0.8, 'low': 0.49, 'high': 0.943}
    """
    share, square = right / total, NORMAL**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    reach = NORMAL * math.sqrt(share * (1 - share) / total + square / (4 * total**2)) / (1 + square / total)
    return {"score": share, "low": max(0.0, middle - reach), "high": min(1.0, middle + reach)}
