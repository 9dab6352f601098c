"""What every objective gives: losses as sums and counts, never as means."""

from __future__ import annotations

from typing import Any, Protocol

import torch
import torch.nn.functional as F
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


def label_losses(logits: Tensor, labels: Tensor, *, smoothing: float) -> Losses:
    """Of logits `(rows, labels)` and the number of each row's label: `loss`, smoothed; `nll`; and `accuracy`.

    The first two are summed, in nats; the last is how many labels are right.
    """
    rows = len(labels)
    loss = F.cross_entropy(logits, labels, reduction="sum", label_smoothing=smoothing)
    nll = F.cross_entropy(logits.detach(), labels, reduction="sum")
    right = (logits.detach().argmax(-1) == labels).sum()
    return {"loss": (loss, rows, 1.0), "nll": (nll, rows, 0.0), "accuracy": (right, rows, 0.0)}


def wide(logits: Tensor) -> Tensor:
    """Logits of any shape in float32, or as they are where that is wider."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
