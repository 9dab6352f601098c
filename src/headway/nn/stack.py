"""Embeddings, positions and a stack of blocks: an encoder or a decoder."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from headway.errors import ConfigError
from headway.nn.block import Block
from headway.nn.cache import Cache, Uncached
from headway.nn.dropout import Dropout
from headway.nn.masks import Layout, Mask
from headway.nn.norms import norm_of
from headway.nn.positions import position_of
from headway.spec import StackSpec


class Memory(NamedTuple):
    """What an encoder hands to a decoder."""

    states: Tensor  # token-shaped, `(..., d_model)`
    layout: Layout

    def select(self, rows: Tensor) -> Memory:
        """Some of the sentences; padded memories only."""
        return Memory(self.states.index_select(0, rows), self.layout.select(rows))


class Stack(nn.Module):
    """Token embedding, position, blocks and the last norm."""

    def __init__(self, spec: StackSpec, tokens: nn.Embedding) -> None:
        """`tokens` is handed in, so that two stacks and a head may share one table."""
        super().__init__()
        self.spec, self.tokens, self.position = spec, tokens, position_of(spec)
        self.types = nn.Embedding(spec.token_types, spec.d_model) if spec.token_types else None
        self.embedding_norm, self.final_norm = _norm(spec, spec.embedding_norm), _norm(spec, spec.final_norm)
        self.embedding_dropout, self.final_dropout = Dropout(spec.dropout.embedding), Dropout(spec.dropout.final)
        self.blocks = nn.ModuleList(Block(spec) for _ in range(spec.num_layers))
        self.activation_checkpointing = False

    def forward(
        self,
        ids: Tensor,
        layout: Layout | None = None,
        *,
        cache: Cache | None = None,
        memory: Memory | None = None,
        types: Tensor | None = None,
    ) -> Tensor:
        """Hidden states of `ids`, both token tensors of `layout`: `(batch, length)` or, packed, `(tokens,)`.

        `types`, shaped as `ids`, is the segment of each token; None: all in the first.

        Raises:
            ConfigError: a row is longer than the positions reach, or is given what the model does not tell apart.
        """
        layout, cache = layout or Layout.padded(ids), cache or Uncached()
        self._check(ids, layout, types)
        step = cache.advance(layout, self.spec.causal)
        if self.position.is_bounded and step.key.length > self.spec.max_length:
            raise ConfigError(
                f"a text has {step.key.length} tokens, but the model was built for at most {self.spec.max_length}; "
                "shorten it or train with a larger model.max_length"
            )
        x = self.tokens(ids) * self.spec.embedding_scale
        if self.types is not None:
            x = x + self.types(torch.zeros_like(ids) if types is None else types)
        x = self.position.embed(x, step.positions)
        x = self.embedding_dropout(self.embedding_norm(x))
        bias = self.position.bias(step.query_columns, step.key.columns)
        mask = Mask.build(layout, step.key, causal=step.causal, keep=step.keep, bias=bias)
        rotation = self.position.rotation(step.positions)
        states = None if memory is None else memory.states
        memory_mask = None if memory is None else _memory_mask(layout, memory.layout)
        for i, block in enumerate(self.blocks):
            arguments: dict[str, Any] = {
                "mask": mask,
                "cache": cache.layer(i),
                "rotation": rotation,
                "memory": states,
                "memory_mask": memory_mask,
            }
            if self.activation_checkpointing and torch.is_grad_enabled():
                x = checkpoint(block, x, use_reentrant=False, **arguments)
            else:
                x = block(x, **arguments)
        out: Tensor = self.final_dropout(self.final_norm(x))
        return out

    def _check(self, ids: Tensor, layout: Layout, types: Tensor | None) -> None:
        """What is given means something to this model."""
        if layout.places is not None and not self.position.takes_places:
            raise ConfigError(
                f"position_ids are given, but positions of the kind {self.spec.position.kind!r} are counted by the "
                "model; leave them out"
            )
        if types is not None and types.shape != ids.shape:
            raise ConfigError(
                f"token_type_ids are of shape {tuple(types.shape)}, but the ids of {tuple(ids.shape)}; make them alike"
            )
        if self.types is None and types is not None and not torch.compiler.is_compiling() and bool(types.any()):
            raise ConfigError("token_type_ids tell texts apart, but this model has no segments; leave them out")


def _norm(spec: StackSpec, wanted: bool) -> nn.Module:
    return norm_of(spec.norm, spec.d_model, spec.norm_eps) if wanted else nn.Identity()


def _memory_mask(query: Layout, key: Layout) -> Mask:
    return Mask.build(query, key, keep=None if key.keep is None else key.keep[:, None, None])
