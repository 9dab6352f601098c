"""Loss and perplexity of a data set, whatever the objective: sums divided once by what was counted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from headway.objectives.cross_entropy import IGNORED
from headway.objectives.losses import Losses, Objective


def chance(batches: Iterable[Any]) -> float:
    """The least nats a label that one guess for all places can have: the entropy of the labels of `batches`.

    Where a row has several labels or a number, there is no such bound: infinity.
    """
    counts = torch.zeros(0, dtype=torch.int64)
    for batch in batches:
        labels = batch.labels.cpu()
        if labels.is_floating_point():
            return math.inf
        before, counts = counts, labels[labels != IGNORED].bincount(minlength=len(counts))
        counts[: len(before)] += before
    shares = counts[counts > 0] / counts.sum().double()
    return float(-(shares * shares.log()).sum())


@torch.no_grad()
def mean_losses(
    model: nn.Module, objective: Objective, batches: Iterable[Any], *, autocast: torch.dtype | None = None
) -> dict[str, float]:
    """The mean of each loss over all batches, in nats a counted token, and the perplexity of `nll`, if it is there."""
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    device_type = next(model.parameters()).device.type
    for batch in batches:
        with torch.autocast(device_type, autocast or torch.bfloat16, enabled=autocast is not None):
            losses: Losses = objective.loss(model, batch)
        for name, (total, count, _) in losses.items():
            sums[name] = sums.get(name, 0.0) + float(total)
            counts[name] = counts.get(name, 0) + count
    means = {name: sums[name] / max(counts[name], 1) for name in sums}
    return means | perplexity(means)


def perplexity(means: Mapping[str, float]) -> dict[str, float]:
    """That of `nll`, nats a counted token, by its name; where there is no `nll`, nothing."""
    return {"perplexity": math.exp(min(means["nll"], 50.0))} if "nll" in means else {}
