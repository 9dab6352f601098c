"""What is the same training worth again? The mean over trainings that differ in their seed alone (Student 1908)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

# 97.5 % of Student's distribution lie below, by n − 1
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
MOST = len(_STUDENT) + 1  # repetitions whose interval is known


def mean_of(values: Sequence[float]) -> dict[str, float]:
    """The mean and, of two to `MOST` values, its 95 % interval.

    >>> {name: round(value, 3) for name, value in mean_of([0.8, 0.82]).items()}
    {'score': 0.81, 'low': 0.683, 'high': 0.937}
    """
    assert 1 <= len(values) <= MOST
    mean = statistics.mean(values)
    if len(values) == 1:
        return {"score": mean}
    reach = _STUDENT[len(values) - 2] * statistics.stdev(values) / math.sqrt(len(values))
    return {"score": mean, "low": mean - reach, "high": mean + reach}
