"""The position-wise feed-forward network (Vaswani et al. 2017, section 3.3), plain or gated (Shazeer 2020)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from headway.nn.dropout import Dropout
from headway.nn.linear import Linear
from headway.spec import StackSpec

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "silu": F.silu,
}


class FeedForward(nn.Module):
    """The same two (gated: three) linear layers at every position."""

    def __init__(self, spec: StackSpec) -> None:
        super().__init__()
        self.up = Linear(spec.d_model, spec.d_ff, bias=spec.ff_bias)
        self.gate = Linear(spec.d_model, spec.d_ff, bias=spec.ff_bias) if spec.gated else None
        self.down = Linear(spec.d_ff, spec.d_model, bias=spec.ff_bias)
        self.activation, self.dropout = ACTIVATIONS[spec.activation], Dropout(spec.dropout.activation)

    def forward(self, x: Tensor) -> Tensor:
        """`(..., d_model)` → `(..., d_model)`."""
        up = self.up(x)
        hidden = self.activation(up) if self.gate is None else self.activation(self.gate(x)) * up  # (..., d_ff)
        out: Tensor = self.down(self.dropout(hidden))
        return out
