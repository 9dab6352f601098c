"""The one attention of the house (Vaswani et al. 2017, section 3.2.2)."""

from __future__ import annotations

from torch import Tensor, nn

from headway.nn.cores import Core, GridCore
from headway.nn.linear import Linear
from headway.nn.masks import Mask
from headway.nn.positions import Rotation, rotate
from headway.spec import StackSpec

KeyValue = tuple[Tensor, Tensor]


class Attention(nn.Module):
    """Multi-head attention; self, cross and cached attention differ only in who made `kv`."""

    core: Core = GridCore()

    def __init__(self, spec: StackSpec) -> None:
        super().__init__()
        shape, d_model = spec.attention, spec.d_model
        width, kv_width = (heads * shape.head_dim for heads in (shape.num_heads, shape.num_kv_heads or shape.num_heads))
        self.head_dim, self.dropout = shape.head_dim, spec.dropout.attention
        self.scale = shape.head_dim**-0.5 if shape.scale is None else shape.scale
        self.query = Linear(d_model, width, bias=shape.query_bias)
        self.key = Linear(d_model, kv_width, bias=shape.query_bias)
        self.value = Linear(d_model, kv_width, bias=shape.query_bias)
        self.out = Linear(width, d_model, bias=shape.out_bias)

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.head_dim))  # (..., heads, head_dim)

    def project_kv(self, source: Tensor, rotation: Rotation | None = None) -> KeyValue:
        """Keys and values of `source` `(..., d_model)`, each `(..., kv_heads, head_dim)`."""
        return rotate(self._heads(self.key(source)), rotation), self._heads(self.value(source))

    def forward(self, x: Tensor, kv: KeyValue, mask: Mask, rotation: Rotation | None = None) -> Tensor:
        """`x` `(..., d_model)` looks at `kv` as far as `mask` lets it → `(..., d_model)`."""
        query = rotate(self._heads(self.query(x)), rotation)
        context = self.core(query, *kv, mask, self.scale, self.dropout if self.training else 0.0)
        out: Tensor = self.out(context.flatten(-2))  # (..., d_model)
        return out
