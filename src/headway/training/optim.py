"""AdamW (Loshchilov & Hutter 2019), fused; averages of weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def adamw(model: nn.Module, *, beta2: float = 0.98, weight_decay: float = 0.0) -> torch.optim.AdamW:
    """Decay on matrices only: biases and the gains of norms keep their size. The rate is set at every step."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, beta2), eps=1e-9, fused=True)


class MovingAverage:
    """Exponential moving average of the weights (Polyak & Juditsky 1992): each step moves it by `1 − decay`."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.parameters = {name: p.detach().clone() for name, p in model.named_parameters()}

    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the weights; the first steps count fully, so that the start is forgotten."""
        share = 1 - min(self.decay, step / (step + 9))
        torch._foreach_lerp_(list(self.parameters.values()), [p.detach() for p in model.parameters()], share)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Inside, `model` has the averaged weights."""
        with torch.no_grad():
            before = {name: p.detach().clone() for name, p in model.named_parameters()}
            try:
                _copy(self.parameters, model)
                yield
            finally:
                _copy(before, model)


def _copy(weights: dict[str, Tensor], model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        parameter.copy_(weights[name])


def average(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of several sets of weights, summed in float64 (Vaswani et al. 2017, section 6.1)."""
    mean = {name: torch.zeros_like(tensor, dtype=torch.float64) for name, tensor in states[0].items()}
    for state in states:
        for name, tensor in state.items():
            mean[name] += tensor
    return {name: (total / len(states)).to(states[0][name].dtype) for name, total in mean.items()}
