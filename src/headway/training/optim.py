"""AdamW (Loshchilov & Hutter 2019), fused; its parts that learn slower or later (ULMFiT); averages of weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from headway.models.heads import LanguageHead
from headway.nn.attention import Attention


def adamw(
    model: nn.Module,
    *,
    beta2: float = 0.98,
    weight_decay: float = 0.0,
    groups: Sequence[Sequence[nn.Parameter]] = (),
    decay: float = 1.0,
) -> torch.optim.AdamW:
    """Decay on matrices only: biases and the gains of norms keep their size. The rate is set at every step.

    What asks for no gradient is left out, so that nothing moves it. A weight whose products are scaled moves, and
    decays, as one would that has the scale in it: AdamW's steps do not grow with a weight, and T5's own optimizer's do.

    Args:
        model: what is trained.
        beta2: decay of the second moment.
        weight_decay: decoupled, of matrices.
        groups: all parameters, from the bottom to the top (`models.groups.layer_groups`); none: one group.
        decay: by how much slower each group learns than the one above it: 2.6 in Howard & Ruder 2018, section 3.2.
    """
    heights, own = groups or [list(model.parameters())], _scales(model)
    parts = [
        {
            "params": [p for p in chosen if own.get(id(p), 1.0) == scale],
            "weight_decay": decays / scale,
            "scale": scale * decay ** (height - len(heights) + 1),
            "height": height,
        }
        for height, group in enumerate(heights)
        for chosen, decays in (
            ([p for p in group if p.requires_grad and p.dim() > 1], weight_decay),
            ([p for p in group if p.requires_grad and p.dim() <= 1], 0.0),
        )
        for scale in sorted({own.get(id(p), 1.0) for p in chosen})
    ]
    return torch.optim.AdamW(parts, lr=0.0, betas=(0.9, beta2), eps=1e-9, fused=True)


def _scales(model: nn.Module) -> dict[int, float]:
    """By the number of a parameter, how much larger its steps must be because of how its products are scaled.

    Of T5 the projection to the vocabulary is scaled down, so its table takes larger steps; the scores of attention are
    not scaled, so the queries take smaller ones.
    """
    found: dict[int, float] = {}
    for module in model.modules():
        if isinstance(module, LanguageHead):
            found[id(module.weight)] = 1 / module.scale
        elif isinstance(module, Attention):
            found[id(module.query.weight)] = module.head_dim**-0.5 / module.scale
    return {number: scale for number, scale in found.items() if abs(scale - 1) > 1e-6}


@dataclass(frozen=True, slots=True)
class Unfreezing:
    """The top group learns alone in the first epoch; each epoch adds the next below (Howard & Ruder 2018, section 3.3).

    What is frozen asks for no gradient: it does not move, decay, or have moments.
    """

    optimizer: torch.optim.Optimizer  # made with `groups`

    def begin(self, epoch: int) -> None:
        """Set what learns in epoch 0, 1 …, before the model is wrapped: several processes look at this only then."""
        parts = self.optimizer.param_groups
        lowest = max(part["height"] for part in parts) - epoch
        for part in parts:
            for parameter in part["params"]:
                parameter.requires_grad_(part["height"] >= lowest)


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
