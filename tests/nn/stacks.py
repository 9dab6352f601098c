"""Toy stacks of every position scheme and norm order, in float64, every weight large enough to matter."""

from __future__ import annotations

import itertools
from typing import get_args

import torch
from torch import Tensor, nn

from headway.nn.stack import Stack
from headway.spec import AttentionSpec, DropoutSpec, NormOrder, PositionKind, PositionSpec, StackSpec

KINDS, ORDERS = get_args(PositionKind), get_args(NormOrder)
SCHEMES = list(itertools.product(KINDS, ORDERS))
VOCAB = 23


def stack_of(
    kind: PositionKind = "sinusoidal",
    order: NormOrder = "post",
    *,
    causal: bool = False,
    cross_attention: bool = False,
    dropout: DropoutSpec = DropoutSpec(),  # noqa: B008 - frozen
    gated: bool = False,
    seed: int = 0,
) -> Stack:
    """Two blocks of 12 features; six heads, so that ALiBi's slopes are interpolated; three of keys and values."""
    spec = StackSpec(
        vocab_size=VOCAB,
        max_length=16,
        num_layers=2,
        d_model=12,
        d_ff=20,
        attention=AttentionSpec(num_heads=6, num_kv_heads=3, head_dim=4),
        causal=causal,
        cross_attention=cross_attention,
        position=PositionSpec(kind=kind, buckets=8, max_distance=12),
        embedding_norm=order == "pre_normed",
        norm="rms" if order == "pre" else "layer",
        norm_order=order,
        final_norm=order != "post",
        gated=gated,
        dropout=dropout,
    )
    torch.manual_seed(seed)
    stack = Stack(spec, nn.Embedding(VOCAB, 12)).double()
    with torch.no_grad():
        for name, weight in stack.named_parameters():
            weight.normal_(mean=1.0 if "norm.weight" in name else 0.0, std=0.4)
    return stack


def ids_of(lengths: list[int], seed: int = 1) -> list[Tensor]:
    """One row of random ids a length."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(VOCAB, (length,), generator=generator) for length in lengths]


def pad(rows: list[Tensor], side: str, extra: int = 0) -> tuple[Tensor, Tensor]:
    """Ids and mask `(rows, longest + extra)`; what stands in the padding is of no consequence, so it is no zero."""
    length = max(map(len, rows)) + extra
    ids, mask = torch.full((len(rows), length), VOCAB - 1), torch.zeros(len(rows), length, dtype=torch.long)
    for i, row in enumerate(rows):
        place = slice(0, len(row)) if side == "right" else slice(length - len(row), length)
        ids[i, place], mask[i, place] = row, 1
    return ids, mask


def gradients(module: nn.Module) -> dict[str, Tensor]:
    """Of every parameter; those that got none are left out."""
    return {name: weight.grad.clone() for name, weight in module.named_parameters() if weight.grad is not None}
