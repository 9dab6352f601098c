"""One optimizer step: the summed loss of all parts of a batch, divided once by what all of them counted together.

Averages of averages are wrong: a part, or a process, with fewer tokens would weigh more. So the counts are summed over
micro-batches and processes first, and each part's summed loss is divided by that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from headway.objectives.losses import Batch, Losses, Objective
from headway.training.distributed import World, exchanging, whole

Counted: TypeAlias = dict[str, tuple[float, float]]  # name: (sum, count)


class Step(nn.Module):
    """The one module that is wrapped: DDP, FSDP and compile see a forward that ends in losses."""

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, batch: Batch) -> Losses:
        """The losses of one micro-batch."""
        return self.objective.loss(self.model, batch)


def accumulate(
    step: nn.Module, parts: Sequence[tuple[Batch, bool]], *, world: World, autocast: torch.dtype | None = None
) -> Counted:
    """Add the gradient of one whole batch to the parameters and return its losses, in nats, with what they count.

    Args:
        step: a `Step`, sharded or not, or its DDP wrapping.
        parts: this process's micro-batches, at least one; False marks one that only stands in where a process got
            fewer rows, so that all processes take part in every exchange. It counts nothing.
        world: the processes that share the batch.
        autocast: the dtype of the arithmetic; None: that of the weights.
    """
    names = list(parts[0][0].counts)
    counts = torch.tensor(
        [sum(batch.counts[name] for batch, real in parts if real) for name in names], dtype=torch.float64
    )
    total = dict(zip(names, world.sum(counts).tolist(), strict=True))
    sums = torch.zeros(len(names), dtype=torch.float64)
    for i, (batch, real) in enumerate(parts):
        device_type = next(step.parameters()).device.type
        lower = torch.autocast(device_type, autocast or torch.bfloat16, enabled=autocast is not None)
        with exchanging(step, i == len(parts) - 1), lower:
            losses: Losses = step(batch)
            objective = sum(
                (weight / max(total[name], 1)) * loss for name, (loss, _, weight) in losses.items() if weight
            )
            assert isinstance(objective, Tensor)
            (objective * (world.size if real else 0.0)).backward()
        if real:
            sums += torch.tensor([float(losses[name][0].detach()) for name in names], dtype=torch.float64)
    return {name: (summed, total[name]) for name, summed in zip(names, world.sum(sums).tolist(), strict=True)}


def means(losses: Counted) -> dict[str, float]:
    """Each loss a counted token; 0 where nothing was counted."""
    return {name: summed / max(count, 1) for name, (summed, count) in losses.items()}


def update(step: nn.Module, optimizer: torch.optim.Optimizer, *, rate: float, clip_norm: float) -> float:
    """Clip the gradient to `clip_norm` (0: leave it), move the weights at `rate`, clear; returns the gradient's length.

    A group of parameters with a `scale` moves at that multiple of the rate.

    Raises:
        FloatingPointError: the gradient is not a number; the weights are untouched.
    """
    norm = float(whole(nn.utils.clip_grad_norm_(step.parameters(), clip_norm or math.inf, foreach=True)))
    if not math.isfinite(norm):
        raise FloatingPointError(norm)
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("scale", 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm
