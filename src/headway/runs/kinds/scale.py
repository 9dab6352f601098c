"""Numbers as they are learned: in deviations from their mean, so that prices are learned as fast as grades.

While it learns, a head says how many deviations above the mean a text is. At the end both go into its weight and its
bias, which then say the number itself, to whoever reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from headway.errors import ConfigError
from headway.nn.linear import Linear

_FAR = 20.0  # deviations


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the numbers of a training split lie, and how far apart."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, numbers: NDArray[np.generic], *, centred: bool) -> Scale:
        """That of some numbers; not `centred`, the mean is left to the head: one without a bias cannot take it.

        Raises:
            ConfigError: the mean is so far from 0 that such a head would learn little else.
        """
        values = numbers.astype(np.float64)
        mean, deviation = float(values.mean()), float(values.std()) or 1.0
        if not centred and abs(mean) > _FAR * deviation:
            raise ConfigError(
                f"the mean is {mean:,.6g}, {abs(mean) / deviation:.0f} deviations from 0, and the head of "
                "this family has no bias to carry them there; subtract the mean from each, or train another family"
            )
        return cls(mean if centred else 0.0, deviation)

    def of_numbers(self, numbers: NDArray[np.generic]) -> NDArray[np.float32]:
        """The numbers as they are learned, in the shape they have."""
        return ((numbers.astype(np.float64) - self.mean) / self.deviation).astype(np.float32)

    @torch.no_grad()
    def put_into(self, out: Linear) -> None:
        """Make an output that says deviations say numbers."""
        out.weight.mul_(self.deviation)
        if out.bias is not None:
            out.bias.mul_(self.deviation).add_(self.mean)

    @torch.no_grad()
    def take_out_of(self, out: Linear) -> None:
        """The reverse, for an output that goes on to learn."""
        out.weight.div_(self.deviation)
        if out.bias is not None:
            out.bias.sub_(self.mean).div_(self.deviation)
