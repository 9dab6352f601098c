"""The three orders of residual and norm, the feed-forward network, and a block as the sum of its parts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from headway.nn.block import RESIDUALS
from headway.nn.cache import Uncached
from headway.nn.masks import Layout, Mask
from tests.nn.stacks import stack_of


def test_the_orders_are_those_of_the_papers() -> None:
    x, norm = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)), nn.LayerNorm(4)
    f = torch.tanh
    expected = {
        "post": norm(x + f(x)),  # Vaswani et al. 2017: LayerNorm(x + Sublayer(x))
        "pre": x + f(norm(x)),  # Xiong et al. 2020
        "pre_normed": norm(x) + f(norm(x)),  # BLOOM with apply_residual_connection_post_layernorm
    }
    assert RESIDUALS.keys() == expected.keys()
    for order, residual in RESIDUALS.items():
        assert torch.equal(residual(x, norm, f), expected[order])


@pytest.mark.parametrize("gated", [False, True])
def test_feed_forward_is_the_same_small_net_at_every_position(gated: bool) -> None:
    net = stack_of(gated=gated).blocks[0].feed_forward
    x = torch.randn(2, 5, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    up = nn.functional.gelu(net.gate(x)) * net.up(x) if gated else nn.functional.gelu(net.up(x))
    torch.testing.assert_close(net(x), up @ net.down.weight.T + net.down.bias)
    torch.testing.assert_close(net(x)[1, 3], net(x[1, 3]))


@pytest.mark.parametrize("order", RESIDUALS)
def test_a_block_is_attention_then_memory_then_feed_forward_each_with_its_own_norm(order: str) -> None:
    block = stack_of(order=order, causal=True, cross_attention=True).blocks[1]
    x, memory = (torch.randn(2, n, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(n)) for n in (5, 3))
    target, source = (Layout(2, n, torch.device("cpu")) for n in (5, 3))
    mask, memory_mask = Mask.build(target, target, causal=True), Mask.build(target, source)
    residual, own, cross = RESIDUALS[order], block.attention, block.cross_attention
    y = residual(x, block.attention_norm, lambda h: own(h, own.project_kv(h), mask))
    y = residual(y, block.cross_attention_norm, lambda h: cross(h, cross.project_kv(memory), memory_mask))
    y = residual(y, block.feed_forward_norm, block.feed_forward)
    out = block(x, mask=mask, cache=Uncached(), memory=memory, memory_mask=memory_mask)
    torch.testing.assert_close(out, y, rtol=0, atol=1e-12)
