"""All states of a text in one vector: their mean, the highest of each feature, what was read last, what is looked at.

States are token tensors, padded or packed, with padding on either side.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from headway.nn.linear import Linear
from headway.nn.masks import Layout
from headway.nn.recurrent import summary


def mean(states: Tensor, layout: Layout) -> Tensor:
    """`(rows, width)`: the mean of the real tokens of each row."""
    grid = layout.grid(states)
    if layout.keep is None:
        return grid.mean(1)
    return (grid * layout.keep[..., None]).sum(1) / layout.keep.sum(1, keepdim=True)


def highest(states: Tensor, layout: Layout) -> Tensor:
    """`(rows, width)`: the highest value of each feature among the real tokens of each row."""
    grid = layout.grid(states)
    return grid.amax(1) if layout.keep is None else grid.masked_fill(~layout.keep[..., None], -torch.inf).amax(1)


def concat_pool(states: Tensor, layout: Layout, *, bidirectional: bool) -> Tensor:
    """`(rows, 3 · width)`: what was read last, the highest and the mean (Howard & Ruder 2018, section 3.3).

    A few words decide what a long text is, and they may stand anywhere; the last state alone would have lost them.
    """
    return torch.cat(
        [summary(states, layout, bidirectional), highest(states, layout), mean(states, layout)], -1
    )  # (rows, 3 · width)


class AttentivePooling(nn.Module):
    """Σ α_t h_t, where α shares one among the tokens by how much each matters (Yang et al. 2016, equations 5 to 7)."""

    def __init__(self, kind: Literal["dot", "additive"], width: int) -> None:
        """`dot`: the score is v · h_t; `additive`: v · tanh(W h_t + b)."""
        super().__init__()
        self.key = Linear(width, width) if kind == "additive" else None
        self.score = Linear(width, 1, bias=False)

    def forward(self, states: Tensor, layout: Layout) -> Tensor:
        """A token tensor `(..., width)` of `layout` → `(rows, width)`."""
        key = states if self.key is None else self.key(states).tanh()
        scores = layout.grid(self.score(key)).float()  # (rows, length, 1)
        if layout.keep is not None:
            scores = scores.masked_fill(~layout.keep[..., None], -torch.inf)
        return (scores.softmax(1).to(states.dtype) * layout.grid(states)).sum(1)
