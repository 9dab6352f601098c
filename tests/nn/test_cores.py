"""Both kernels against the formula, written out in loops; rows that see nothing; heads off; beams that share keys."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from headway.nn.cores import Eager, GridCore, sdpa
from headway.nn.masks import Layout, Mask

CPU = torch.device("cpu")
KERNELS = {"sdpa": sdpa, "eager": Eager()}
kernels = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)


def tensors(rows: int, query: int, key: int, heads: int = 4, kv_heads: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key, value `(rows, heads, length, 3)`."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((heads, query), (kv_heads, key), (kv_heads, key))
    return tuple(torch.randn(rows, *shape, 3, dtype=torch.float64, generator=generator) for shape in shapes)


def by_hand(query: Tensor, key: Tensor, value: Tensor, keep: Tensor, bias: Tensor, scale: float) -> Tensor:
    """softmax(q·k·scale + bias)·v over the keys that are kept, one query at a time."""
    out, group = torch.zeros_like(query), query.shape[1] // key.shape[1]
    for row, head, place in torch.cartesian_prod(*map(torch.arange, query.shape[:3])).tolist():
        seen = [k for k in range(key.shape[2]) if keep[row, place, k]]
        scores = [
            float(query[row, head, place] @ key[row, head // group, k]) * scale + float(bias[head, place, k])
            for k in seen
        ]
        total = sum(map(math.exp, scores))
        for k, score in zip(seen, scores, strict=True):
            out[row, head, place] += math.exp(score) / total * value[row, head // group, k]
    return out


@kernels
@settings(max_examples=15)
@given(
    seed=st.integers(0, 999),
    length=st.integers(1, 4),
    causal=st.booleans(),
    biased=st.booleans(),
    hidden=st.sampled_from([0.0, 0.3, 0.8]),
)
def test_the_kernels_are_the_formula(
    kernel: Callable, seed: int, length: int, causal: bool, biased: bool, hidden: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    keep = torch.rand(2, length, length, generator=generator) >= hidden
    bias = torch.randn(4, length, length, dtype=torch.float64, generator=generator) * biased
    layout = Layout(2, length, CPU)
    mask = Mask.build(
        layout, layout, causal=causal, keep=keep[:, None] if hidden else None, bias=bias[None] if biased else None
    )
    q, k, v = tensors(2, length, length)
    expected = by_hand(q, k, v, keep.tril() if causal else keep, bias, 0.7)
    torch.testing.assert_close(kernel(q, k, v, mask, 0.7, 0.0), expected, rtol=0, atol=1e-12)


@kernels
@pytest.mark.parametrize("biased", [False, True])
def test_a_query_that_may_see_nothing_gives_zeros_and_finite_gradients(kernel: Callable, biased: bool) -> None:
    keep = torch.ones(2, 1, 3, 3, dtype=torch.bool)
    keep[0, :, 1], keep[1] = False, False
    layout = Layout(2, 3, CPU)
    bias = torch.randn(1, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    mask = Mask.build(layout, layout, keep=keep, bias=bias if biased else None)
    q, k, v = (x.requires_grad_() for x in tensors(2, 3, 3))
    out = kernel(q, k, v, mask, 1.0, 0.0)
    assert not out[0, :, 1].any()
    assert not out[1].any()
    assert out[0, :, 0].all()
    out.square().sum().backward()
    for x in (q, k, v, *([bias] if biased else [])):
        assert x.grad is not None
        assert x.grad.isfinite().all()
        assert x.grad.any()
    assert not q.grad[1].any()


def test_what_is_recorded_is_a_distribution_over_what_may_be_seen() -> None:
    record: list[Tensor] = []
    layout = Layout(2, 5, CPU)
    keep = torch.rand(2, 1, 5, 5, generator=torch.Generator().manual_seed(1)) > 0.4
    q, k, v = tensors(2, 5, 5)
    out = Eager(record)(q, k, v, Mask.build(layout, layout, keep=keep), 1.0, 0.0)
    (weights,) = record
    assert weights.shape == (2, 4, 5, 5)
    assert not weights.masked_fill(keep, 0.0).any()
    torch.testing.assert_close(weights.sum(-1), keep.any(-1).double().expand(2, 4, 5))
    torch.testing.assert_close(weights @ v.repeat_interleave(2, 1), out)


def test_a_head_switched_off_equals_its_columns_zeroed() -> None:
    layout = Layout(2, 5, CPU)
    q, k, v = tensors(2, 5, 5)
    mask, heads = Mask.build(layout, layout, causal=True), torch.tensor([1.0, 0.0, 1.0, 0.5], dtype=torch.float64)
    expected = sdpa(q, k, v, mask, 0.5, 0.0) * heads[:, None, None]
    torch.testing.assert_close(Eager(heads=heads)(q, k, v, mask, 0.5, 0.0), expected)
    assert not expected[:, 1].any()


@kernels
@pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
def test_beams_that_share_their_keys_give_what_copies_of_the_keys_give(kernel: Callable, packed: bool) -> None:
    """Three beams of two sentences, of which the second has three of five source tokens."""
    core, source = GridCore(kernel), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    shared = Layout.packed(source.sum(1)) if packed else Layout.padded(source, source)
    q, k, v = (x.transpose(1, 2) for x in tensors(6, 1, 5))  # (rows, length, heads, head_dim)
    k, v = k[::3].contiguous(), v[::3].contiguous()
    beams = Layout(6, 1, CPU)
    keys = [x[source.bool()] if packed else x for x in (k, v)]
    out = core(q, *keys, Mask.build(beams, shared, keep=source.bool()[:, None, None]), 1.0, 0.0)
    copies = [x.repeat_interleave(3, 0) for x in (k, v)]
    mask = source.repeat_interleave(3, 0)
    expected = core(q, *copies, Mask.build(beams, Layout.padded(mask), keep=mask.bool()[:, None, None]), 1.0, 0.0)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_eager_drops_probabilities_in_training(rate: float) -> None:
    layout = Layout(64, 8, CPU)
    q, k, v = (torch.ones(64, 2, 8, 1) for _ in range(3))
    torch.manual_seed(0)
    out = Eager()(q, k, v, Mask.build(layout, layout), 1.0, rate)
    assert out.mean().item() == pytest.approx(1.0, abs=0.05)
    assert out.var().item() == pytest.approx(rate / (1 - rate) / 8, abs=0.01)
