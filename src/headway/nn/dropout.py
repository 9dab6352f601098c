"""Dropout (Srivastava et al. 2014) from random bytes: a CPU draws one number at a time, and a number is eight bytes.

The rate is rounded to 1/256 and the scale is exact for the rounded rate. The draw comes from torch's default generator,
afresh each time, so a seed, a resumed run and activation checkpointing replay it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _ByteDropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, rate: float) -> Tensor:
        threshold = round(rate * 256)
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)  # 8 bytes a draw
        keep = words.view(torch.uint8)[: x.numel()].ge_(threshold).view(x.shape)  # 0 or 1: bytes are faster than bools
        ctx.save_for_backward(keep)
        ctx.scale = 256 / (256 - threshold)
        return (x * keep).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (keep,) = ctx.saved_tensors
        return (gradients[0] * keep).mul_(ctx.scale), None


def drop(x: Tensor, rate: float) -> Tensor:
    """`x` with a share `rate` of its values set to zero and the rest scaled up."""
    if rate == 0.0:
        return x
    if x.device.type != "cpu" or rate > 255 / 256:
        return F.dropout(x, rate)
    return _ByteDropout.apply(x, rate)  # type: ignore[no-any-return, no-untyped-call, unused-ignore]


class Dropout(nn.Dropout):
    """`nn.Dropout`, from random bytes on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape; the identity in evaluation mode."""
        return drop(x, self.p) if self.training else x
