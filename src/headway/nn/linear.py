"""The linear layer and its kernels: arithmetic that can be exchanged without a second model.

`Linear` is `nn.Linear` with the same parameters and keys; only the function that multiplies is an attribute. Which
kernel is fastest depends on the processor, so it is chosen by a measurement: `training/choices.py` for training,
`nn/arithmetic.py` among those of `nn/kernels.py` for inference.
"""

from __future__ import annotations

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

    def extra_repr(self) -> str:
        """What `print` shows of it: the sizes, and the kernel where it is not torch's own."""
        own = "" if self.kernel is F.linear else f", kernel={getattr(self.kernel, '__name__', self.kernel)}"
        return super().extra_repr() + own


def set_kernel(model: nn.Module, make: Callable[[], Kernel]) -> None:
    """Give every `Linear` of `model` a kernel of its own."""
    for module in model.modules():
        if isinstance(module, Linear):
            module.kernel = make()


def pointwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear` by oneDNN, without a backward; `weight` may be reordered for it."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


_SLICES = 16  # of a weight; as many as there are cores, or more


def sliced(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear`; for a single row as products with slices of the weight, which all cores read at once.

    Where a row is multiplied, reading the weight is all the time, and one core does not read as fast as the memory can.
    """
    if x.numel() != weight.shape[1] or x.device.type != "cpu" or torch.compiler.is_compiling():
        return F.linear(x, weight, bias)
    rows = len(weight) // _SLICES * _SLICES
    slices = weight[:rows].view(_SLICES, -1, weight.shape[1]).transpose(1, 2)  # (slices, in_features, out_features)
    found = torch.bmm(x.reshape(1, 1, -1).expand(_SLICES, 1, -1), slices).flatten()  # (rows,)
    if rows < len(weight):
        found = torch.cat([found, F.linear(x.flatten(), weight[rows:])])
    return (found if bias is None else found + bias).view(*x.shape[:-1], -1)


class _OneDnn(torch.autograd.Function):
    """float32 through oneDNN, which reaches AVX-512 on AMD processors where MKL stays on AVX2."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return pointwise(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (grad,) = gradients
        x, weight = ctx.saved_tensors
        rows, inputs = grad.flatten(0, -2), x.flatten(0, -2)  # (rows, out_features), (rows, in_features)
        grad_x = pointwise(grad, weight.t(), None) if ctx.needs_input_grad[0] else None
        grad_weight = pointwise(rows.t(), inputs.t(), None) if ctx.needs_input_grad[1] else None
        return grad_x, grad_weight, rows.sum(0) if ctx.needs_input_grad[2] else None


def onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear` through oneDNN, with gradients.

    Plain under autocast, which is oneDNN too, for no rows at all, on another device, and while exported or compiled.
    """
    serves = x.dtype == weight.dtype == torch.float32 and x.device.type == "cpu" and x.numel() > 0
    if not serves or torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
        return F.linear(x, weight, bias)
    if not torch.is_grad_enabled():
        return pointwise(x, weight, bias)
    return _OneDnn.apply(x, weight, bias)  # type: ignore[no-any-return, no-untyped-call, unused-ignore]
