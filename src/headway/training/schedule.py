"""The course of the learning rate, counted in optimizer steps: the number of processes changes nothing.

Schedules that fall to zero need to know how far the training is: the larger of the shares of steps and of time used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["noam", "inverse_sqrt", "cosine", "linear", "constant"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A linear rise over `warmup` steps, then the course of its kind."""

    kind: Kind
    peak: float  # the highest rate; for noam a factor
    warmup: int  # steps
    d_model: int = 512  # for noam

    def rate(self, step: int, progress: float = 0.0) -> float:
        """The rate of step 1, 2 …; `progress` is the share 0..1 of the training that is done.

        `noam` is Vaswani et al. 2017, section 5.3: factor · d_model^−0.5 · min(step^−0.5, step · warmup^−1.5).

        >>> Schedule("noam", 1.0, 4000, 512).rate(4000) == 512**-0.5 * 4000**-0.5
        True
        """
        warmup = max(self.warmup, 1)
        if self.kind == "noam":
            return self.peak * self.d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)
        return self.peak * min(step / warmup, self._course(step, warmup, min(max(progress, 0.0), 1.0)))

    def _course(self, step: int, warmup: int, progress: float) -> float:
        match self.kind:
            case "inverse_sqrt":
                return math.sqrt(warmup / step)
            case "cosine":
                return 0.5 * (1 + math.cos(math.pi * progress))
            case "linear":
                return 1 - progress
            case _:
                return 1.0
