"""The course of the learning rate, counted in optimizer steps: the number of processes changes nothing.

Schedules that fall to zero need to know how far the training is: the larger of the shares of steps and of time used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["noam", "inverse_sqrt", "cosine", "linear", "slanted_triangular", "constant"]
_CUT, _RATIO = 0.1, 32.0  # slanted_triangular: the share of the training that rises, and the highest rate by the lowest


@dataclass(frozen=True, slots=True)
class Schedule:
    """A linear rise over `warmup` steps, then the course of its kind."""

    kind: Kind
    peak: float  # the highest rate; for noam a factor
    warmup: int  # steps; slanted_triangular rises for a tenth of the training instead
    d_model: int = 512  # for noam

    def rate(self, step: int, progress: float = 0.0) -> float:
        """The rate of step 1, 2 …; `progress` is the share 0..1 of the training that is done.

        `noam` is Vaswani et al. 2017, section 5.3: factor · d_model^−0.5 · min(step^−0.5, step · warmup^−1.5).
        `slanted_triangular` is Howard & Ruder 2018, equation 3: from a 32nd up to the peak in the first tenth, and
        back down.

        >>> Schedule("noam", 1.0, 4000, 512).rate(4000) == 512**-0.5 * 4000**-0.5
        True
        """
        warmup = max(self.warmup, 1)
        if self.kind == "noam":
            return self.peak * self.d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)
        if self.kind == "slanted_triangular":
            share = progress / _CUT if progress < _CUT else 1 - (progress - _CUT) / (1 - _CUT)
            return self.peak * (1 + max(share, 0.0) * (_RATIO - 1)) / _RATIO
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
