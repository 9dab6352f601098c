"""Kernels of `Linear` for inference: the weight is brought into another form once, and multiplied from there.

They have no backward. Where a gradient is wanted, under autocast, while a model is exported or compiled, on another
device, or for a tensor that is no parameter, they are `F.linear`.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from headway.nn.linear import Kernel, pointwise


class PreparedKernel(ABC):
    """Keeps the weight in a form for inference; prepares again when weight or bias have changed since.

    The layer keeps its own weight too, so that saving, training and exporting never meet the other form. Writes through
    `weight.data` are invisible to the version counter: do not use them.
    """

    dtypes: frozenset[torch.dtype]  # of weights that can be prepared

    def __init__(self) -> None:
        self._version: tuple[int, ...] | None = None
        self._source: Any = None  # held, so that no other weight gets its address
        self._prepared: Any = None

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """`F.linear`, from the prepared weight."""
        if not self._serves(x, weight) or wants_gradient(x, weight, bias):
            return F.linear(x, weight, bias)
        version = weight.data_ptr(), weight._version, *(() if bias is None else (bias.data_ptr(), bias._version))
        if self._version != version:
            with torch.no_grad():
                self._prepared = self.prepare(weight, bias)
            self._version, self._source = version, (weight.detach(), None if bias is None else bias.detach())
        return self.run(x, bias)

    @abstractmethod
    def prepare(self, weight: Tensor, bias: Tensor | None) -> Any:
        """The form of `weight`, perhaps with `bias`, that `run` multiplies with."""

    @abstractmethod
    def run(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """`(..., in_features)` → `(..., out_features)` with the prepared weight."""

    def _serves(self, x: Tensor, weight: Tensor) -> bool:
        return (
            type(weight) is nn.Parameter
            and x.dtype == weight.dtype
            and weight.dtype in self.dtypes
            and x.device.type == weight.device.type == "cpu"
            and not weight.is_inference()  # such a tensor does not tell when it is changed
            and x.numel() > 0
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
        )

    def __getstate__(self) -> dict[str, Any]:
        """A copy prepares for itself, from the weight that it is given."""
        return self.__dict__ | {"_version": None, "_source": None, "_prepared": None}


class ByRows:
    """One kernel for a single row, another for several."""

    def __init__(self, single: Kernel, several: Kernel) -> None:
        self.single, self.several = single, several

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """`F.linear`, by one of the two."""
        return (self.single if x.numel() == weight.shape[1] else self.several)(x, weight, bias)

    def __repr__(self) -> str:
        return f"ByRows({self.several})"


def wants_gradient(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether a product with these is one that is learned from."""
    return torch.is_grad_enabled() and (
        x.requires_grad or weight.requires_grad or (bias is not None and bias.requires_grad)
    )


class Packed(PreparedKernel):
    """The weight reordered by oneDNN for about `rows` rows, in the dtype it has; equal to `F.linear` up to rounding."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows
        has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
        self.dtypes = frozenset({torch.float32, torch.bfloat16} if has_bfloat16 else {torch.float32})

    def __repr__(self) -> str:
        return f"Packed({self.rows})"

    def prepare(self, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Reorder into the blocked layout of the processor's vector unit."""
        prepared: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, self.rows)
        return prepared

    def run(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """One oneDNN product."""
        return pointwise(x, self._prepared, bias)


class Int8(PreparedKernel):
    """int8 weights, one scale an output feature. Less exact: measure quality.

    Activations are quantised at every call, with one scale for all of them (about 2 % error of the output). Up to `few`
    rows they stay bfloat16 instead, which is more exact, and fast only there: each weight is read once, as it is.
    """

    dtypes = frozenset({torch.float32, torch.bfloat16, torch.float16})

    def __init__(self, few: int = 0) -> None:
        super().__init__()
        self.few = few
        # Without VNNI pairs of products are added in 16 bits, which takes one bit of the activations.
        self.seven_bits = not torch.cpu._is_vnni_supported()

    def __repr__(self) -> str:
        return f"Int8(few={self.few})"

    def prepare(self, weight: Tensor, bias: Tensor | None) -> Any:
        """Symmetric quantisation of each row, packed with the bias; and plain, with the scales, for few rows."""
        weight = weight.float()
        scale = (weight.abs().amax(1) / 127).clamp(min=1e-12)
        zero = torch.zeros(len(scale), dtype=torch.long)
        with warnings.catch_warnings():  # torch announces a successor that it does not have for this kernel yet
            warnings.filterwarnings("ignore", "torch.quantize_per_tensor", UserWarning)
            quantized = torch.quantize_per_channel(weight, scale.double(), zero, 0, torch.qint8)
        many = torch.ops.quantized.linear_prepack(quantized, None if bias is None else bias.float())
        if not self.few or weight.shape[1] % _VECTOR:
            return many, None
        narrow = scale.bfloat16()  # the scale of the product too, so rounded before it divides
        return many, ((weight / narrow.float()[:, None]).round().clamp(-127, 127).to(torch.int8), narrow)

    def run(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """int8 product, in the dtype of `x`."""
        many, few = self._prepared
        rows = x.reshape(-1, x.shape[-1])  # (rows, in_features)
        if few is not None and len(rows) <= self.few:
            product = torch._weight_int8pack_mm(_aligned(rows.bfloat16()), *few)
            product = product if bias is None else product + bias
        else:
            product = torch.ops.quantized.linear_dynamic(rows.float(), many, self.seven_bits)
        return product.to(x.dtype).view(*x.shape[:-1], -1)


_VECTOR = 16  # `_weight_int8pack_mm` reads so many weights at a time, past the end of a row of another length


def _aligned(rows: Tensor) -> Tensor:
    """Contiguous, and at an address that `_weight_int8pack_mm` may load from."""
    rows = rows.contiguous()
    return rows if rows.data_ptr() % 32 == 0 else rows.clone()
