"""The arithmetic of attention, softmax(QKᵀ·scale + bias)V (Vaswani et al. 2017, eq. 1), behind one call.

A core takes token-shaped query, key and value `(..., heads, head_dim)` and the `Mask`; `GridCore` goes to the grid,
runs a kernel there and comes back. A query that may see nothing gets zeros, never NaN, whatever the kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from headway.nn.dropout import drop
from headway.nn.masks import Mask


class Core(Protocol):
    """What an `Attention` calls."""

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, mask: Mask, scale: float, dropout: float) -> Tensor:
        """The context of every query, token-shaped."""
        ...


def sdpa(query: Tensor, key: Tensor, value: Tensor, mask: Mask, scale: float, dropout: float) -> Tensor:
    """torch's fused kernel, which gives zeros where nothing may be seen; `(batch, heads, length, head_dim)` each."""
    tensor = mask.keep if mask.bias is None else mask.bias.to(query.dtype)
    grouped = query.shape[1] != key.shape[1]
    return F.scaled_dot_product_attention(
        query, key, value, tensor, dropout, mask.causal, scale=scale, enable_gqa=grouped
    )


class Eager:
    """Attention in the open: can keep its probabilities and switch heads off; the fastest form for short rows."""

    def __init__(self, record: list[Tensor] | None = None, heads: Tensor | None = None) -> None:
        """Record into `record`, if given; multiply each head by its entry of `heads` `(heads,)`, 0 = off."""
        self.record, self.heads = record, heads

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, mask: Mask, scale: float, dropout: float) -> Tensor:
        """`(batch, heads, length, head_dim)` each."""
        if query.shape[1] != key.shape[1]:
            key, value = (x.repeat_interleave(query.shape[1] // x.shape[1], 1) for x in (key, value))
        scores = (query * scale) @ key.mT  # (batch, heads, query, key)
        keep = scores.new_ones(scores.shape[-2:], dtype=torch.bool).tril() if mask.causal else mask.keep
        if mask.bias is not None:
            scores = scores + mask.bias.to(scores.dtype)
        if keep is None:
            weights = scores.softmax(-1)
        else:
            weights = scores.masked_fill(~keep, -torch.inf).softmax(-1)
            if not mask.causal:
                weights = weights.masked_fill(~keep.any(-1, keepdim=True), 0.0)
        if self.record is not None:
            self.record.append(weights.detach())
        weights = drop(weights, dropout)
        if self.heads is not None:
            weights = weights * self.heads[:, None, None]
        return weights.to(value.dtype) @ value


class GridCore:
    """Runs a kernel that wants `(batch, heads, length, head_dim)`; owns the way to the grid and back."""

    def __init__(self, kernel: Callable[[Tensor, Tensor, Tensor, Mask, float, float], Tensor] = sdpa) -> None:
        """`kernel` is `sdpa` or an `Eager`."""
        self.kernel = kernel

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, mask: Mask, scale: float, dropout: float) -> Tensor:
        """Token-shaped in, token-shaped out; beams that share their keys become more queries of one row."""
        query, key, value = mask.query.grid(query), mask.key.grid(key), mask.key.grid(value)
        beams = max(1, query.shape[0] // max(1, key.shape[0]))  # of an empty batch too
        folded = query.reshape(query.shape[0] // beams, beams * query.shape[1], *query.shape[2:])
        context = self.kernel(
            folded.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), mask, scale, dropout
        )  # (batch, heads, beams · query, head_dim)
        return mask.query.tokens(context.transpose(1, 2).reshape(query.shape))


CORES: dict[str, Callable[[], Core]] = {"sdpa": GridCore, "eager": lambda: GridCore(Eager())}
