"""How fresh weights are drawn: the spread of each matrix is the one its paper gives."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from headway.models.single import SingleStack
from headway.nn.init import initialise
from headway.spec import AttentionSpec, HeadSpec, InitSpec, PositionSpec, SingleStackSpec, StackSpec

STACK = StackSpec(
    vocab_size=300,
    max_length=64,
    num_layers=3,
    d_model=64,
    d_ff=96,
    attention=AttentionSpec(num_heads=4, head_dim=32),
    causal=True,
    position=PositionSpec(kind="learned"),
)


def spreads(init: InitSpec, stack: StackSpec = STACK) -> dict[str, float]:
    """The standard deviation of every matrix of the last block, the tables and the head; biases must be zero."""
    torch.manual_seed(0)
    model = SingleStack(SingleStackSpec(family="x", stack=stack, language_head=HeadSpec(tied=False), init=init))
    assert not any(weight.any() for name, weight in model.named_parameters() if name.endswith("bias"))
    weights = {
        name.removeprefix("stack.").removesuffix(".weight"): w.std().item() for name, w in model.named_parameters()
    }
    return {name.removeprefix("blocks.2."): std for name, std in weights.items() if std and "blocks.0" not in name}


def test_gpt2_draws_what_ends_in_the_residual_smaller() -> None:
    std = spreads(InitSpec(scheme="normal", std=0.02, embedding_std=0.03, shrinks_residual=True))
    for name in ("attention.query", "attention.key", "attention.value", "feed_forward.up", "head"):
        assert std[name] == pytest.approx(0.02, rel=0.06), name
    for name in ("attention.out", "feed_forward.down"):
        assert std[name] == pytest.approx(0.02 / 6**0.5, rel=0.06), name  # 2 sublayers × 3 layers
    assert std["tokens"] == pytest.approx(0.03, rel=0.06)
    assert std["position.table"] == pytest.approx(0.03, rel=0.06)


def test_t5_draws_by_the_number_of_inputs_and_scales_no_scores() -> None:
    attention = dataclasses.replace(STACK.attention, scale=1.0)
    stack = dataclasses.replace(STACK, attention=attention, position=PositionSpec(kind="relative", buckets=64))
    std = spreads(InitSpec(scheme="fan_in", embedding_std=1.0), stack)
    wanted = {
        "tokens": 1.0,
        "position.table": 64**-0.5,
        "attention.query": (64 * 32) ** -0.5,
        "attention.key": 64**-0.5,
        "attention.value": 64**-0.5,
        "attention.out": 128**-0.5,
        "feed_forward.up": 64**-0.5,
        "feed_forward.down": 96**-0.5,
        "head": 64**-0.5,
    }
    assert {name: std[name] for name in wanted} == pytest.approx(wanted, rel=0.08)
    assert spreads(InitSpec(scheme="fan_in"))["attention.query"] == pytest.approx(64**-0.5, rel=0.06)


def test_a_tied_head_is_an_embedding() -> None:
    torch.manual_seed(0)
    model = SingleStack(SingleStackSpec(family="x", stack=STACK, language_head=HeadSpec()))
    initialise(model, InitSpec(), 64)
    assert model.head.weight is model.stack.tokens.weight
    assert model.head.weight.std().item() == pytest.approx(64**-0.5, rel=0.03)
    for norm in (module for module in model.modules() if isinstance(module, nn.LayerNorm)):
        assert (norm.weight == 1).all()
