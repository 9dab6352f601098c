"""What every objective gives: losses as sums and counts, never as means."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

Losses = dict[str, tuple[Tensor, int, float]]  # name: (sum, count, weight); weight 0: only reported


class Batch(Protocol):
    """What an objective's `collate` makes."""

    @property
    def counts(self) -> dict[str, int]:
        """How many tokens, or rows, each loss counts, known before the forward pass."""
        ...

    @property
    def labels(self) -> Tensor:
        """What must be said `(labels,)`."""
        ...


class Objective(Protocol):
    """What is learned: `loss` is optimised and `nll` reported, both in nats; others may stand beside them."""

    def loss(self, model: Any, batch: Any) -> Losses:
        """`{name: (sum, count, weight)}`, with the names of the batch's counts."""
        ...
