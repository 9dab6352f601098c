"""The one block of the house: self-attention, perhaps attention to a memory, feed-forward, each normed and added."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from headway.nn.attention import Attention
from headway.nn.cache import LayerCache
from headway.nn.dropout import Dropout
from headway.nn.feed_forward import FeedForward
from headway.nn.masks import Mask
from headway.nn.norms import norm_of
from headway.nn.positions import Rotation
from headway.spec import StackSpec

Sublayer = Callable[[Tensor], Tensor]


def pre(x: Tensor, norm: nn.Module, sublayer: Sublayer) -> Tensor:
    """x + f(norm(x)): Xiong et al. 2020."""
    return x + sublayer(norm(x))


def post(x: Tensor, norm: nn.Module, sublayer: Sublayer) -> Tensor:
    """norm(x + f(x)): Vaswani et al. 2017, section 5.4."""
    normed: Tensor = norm(x + sublayer(x))
    return normed


def pre_normed(x: Tensor, norm: nn.Module, sublayer: Sublayer) -> Tensor:
    """norm(x) + f(norm(x)): the second form of BLOOM."""
    normed: Tensor = norm(x)
    return normed + sublayer(normed)


RESIDUALS = {"pre": pre, "post": post, "pre_normed": pre_normed}


class Block(nn.Module):
    """One layer of an encoder or decoder."""

    cross_attention: Attention  # where the spec asks for it
    cross_attention_norm: nn.Module

    def __init__(self, spec: StackSpec) -> None:
        super().__init__()
        self.residual, self.dropout = RESIDUALS[spec.norm_order], Dropout(spec.dropout.residual)
        self.attention, self.attention_norm = Attention(spec), _norm(spec)
        self.has_memory = spec.cross_attention
        if self.has_memory:
            self.cross_attention, self.cross_attention_norm = Attention(spec), _norm(spec)
        self.feed_forward, self.feed_forward_norm = FeedForward(spec), _norm(spec)

    def forward(
        self,
        x: Tensor,
        *,
        mask: Mask,
        cache: LayerCache,
        rotation: Rotation | None = None,
        memory: Tensor | None = None,
        memory_mask: Mask | None = None,
    ) -> Tensor:
        """`x` `(..., d_model)` → `(..., d_model)`; `memory` is what the encoder gave, for cross-attention."""

        def attend(h: Tensor) -> Tensor:
            kv = cache.append(*self.attention.project_kv(h, rotation))
            return self.dropout(self.attention(h, kv, mask, rotation))

        x = self.residual(x, self.attention_norm, attend)
        if self.has_memory:
            assert memory is not None, "a decoder with cross-attention needs the memory of an encoder"

            def attend_memory(h: Tensor) -> Tensor:
                kv = cache.once(lambda: self.cross_attention.project_kv(memory))
                return self.dropout(self.cross_attention(h, kv, memory_mask))

            x = self.residual(x, self.cross_attention_norm, attend_memory)
        return self.residual(x, self.feed_forward_norm, lambda h: self.dropout(self.feed_forward(h)))


def _norm(spec: StackSpec) -> nn.Module:
    return norm_of(spec.norm, spec.d_model, spec.norm_eps)
