"""The linear layer and its kernels: arithmetic that can be exchanged without a second model.

`Linear` is `nn.Linear` with the same parameters and keys; only the function that multiplies is an attribute. Which
kernel is fastest depends on the processor, so it is chosen by a measurement (`training/choices.py`) and written down.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Kernel = Callable[[Tensor, Tensor, Tensor | None], Tensor]


class Linear(nn.Linear):
    """`nn.Linear` whose arithmetic can be exchanged."""

    kernel: Kernel = staticmethod(F.linear)

    def forward(self, x: Tensor) -> Tensor:
        """`(..., in_features)` → `(..., out_features)`."""
        return self.kernel(x, self.weight, self.bias)


def set_kernel(model: nn.Module, make: Callable[[], Kernel]) -> None:
    """Give every `Linear` of `model` a kernel of its own."""
    for module in model.modules():
        if isinstance(module, Linear):
            module.kernel = make()


class _OneDnn(torch.autograd.Function):
    """float32 through oneDNN, which reaches AVX-512 on AMD processors where MKL stays on AVX2."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        return _pointwise(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (grad,) = gradients
        x, weight = ctx.saved_tensors
        rows, inputs = grad.flatten(0, -2), x.flatten(0, -2)  # (rows, out_features), (rows, in_features)
        grad_x = _pointwise(grad, weight.t(), None) if ctx.needs_input_grad[0] else None
        grad_weight = _pointwise(rows.t(), inputs.t(), None) if ctx.needs_input_grad[1] else None
        return grad_x, grad_weight, rows.sum(0) if ctx.has_bias else None


def _pointwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear` for training, through oneDNN; plain under autocast, which is oneDNN too, and for no rows at all."""
    if torch.is_autocast_enabled("cpu") or x.dtype != torch.float32 or x.numel() == 0:
        return F.linear(x, weight, bias)
    return _OneDnn.apply(x, weight, bias)  # type: ignore[no-any-return, no-untyped-call, unused-ignore]


class PreparedKernel(ABC):
    """Keeps the weight in a form for inference; prepares again when the weight has changed since.

    These kernels have no backward, so where a gradient is wanted the plain path runs. Writes through `weight.data` are
    invisible to the version counter: do not use them.
    """

    def __init__(self) -> None:
        self._version: tuple[int, int] | None = None
        self._source: Tensor | None = None  # held, so that no other weight gets its address
        self._prepared: Any = None

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """`F.linear`, from the prepared weight."""
        if torch.is_grad_enabled() and (weight.requires_grad or x.requires_grad):
            return F.linear(x, weight, bias)
        version = weight.data_ptr(), weight._version
        if self._version != version:
            self._version, self._source = version, weight.detach()
            self._prepared = self.prepare(self._source)
        return self.run(x, bias)

    @abstractmethod
    def prepare(self, weight: Tensor) -> Any:
        """The form of `weight` that `run` multiplies with."""

    @abstractmethod
    def run(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """`(..., in_features)` → `(..., out_features)` with the prepared weight."""


class Packed(PreparedKernel):
    """The weight reordered by oneDNN for about `rows` rows, in float32 or, with `dtype`, bfloat16."""

    def __init__(self, rows: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.rows, self.dtype = rows, dtype

    def prepare(self, weight: Tensor) -> Tensor:
        """Reorder into the blocked layout of the processor's matrix unit."""
        prepared: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.to(self.dtype), self.rows)
        return prepared

    def run(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """One oneDNN product."""
        return _pointwise(x.to(self.dtype), self._prepared, None if bias is None else bias.to(self.dtype)).to(x.dtype)


class DynamicInt8(PreparedKernel):
    """int8 weights, one scale an output row; activations quantised at every call. About 2 % error: measure quality."""

    def prepare(self, weight: Tensor) -> Any:
        """Symmetric per-row quantisation, packed."""
        scale = (weight.abs().amax(1) / 127).clamp(min=1e-12).double()
        zero = torch.zeros(len(scale), dtype=torch.long)
        with warnings.catch_warnings():  # torch announces a successor that it does not have for this kernel yet
            warnings.filterwarnings("ignore", "torch.quantize_per_tensor", UserWarning)
            quantized = torch.quantize_per_channel(weight.float(), scale, zero, 0, torch.qint8)
        return torch.ops.quantized.linear_prepack(quantized, None)

    def run(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """int8 product, float32 result."""
        product: Tensor = torch.ops.quantized.linear_dynamic(x.float(), self._prepared, True)
        return product if bias is None else product + bias
