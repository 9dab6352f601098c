"""Dropout from bytes has the statistics of dropout, and its seed is torch's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headway.nn.dropout import Dropout, drop


@given(threshold=st.integers(1, 255), size=st.integers(1, 40))
def test_values_are_zero_or_scaled_by_exactly_what_was_kept(threshold: int, size: int) -> None:
    x = torch.arange(1.0, size + 1, dtype=torch.float64)
    y = drop(x, threshold / 256) / x
    scale = 256 / (256 - threshold)
    assert ((y == 0) | ((y - scale).abs() < 1e-12)).all()


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9, 0.999])
def test_the_share_dropped_is_the_rate_to_1_256(rate: float) -> None:
    torch.manual_seed(0)
    y = drop(torch.ones(1000, 1001), rate)
    exact = round(rate * 256) / 256 if rate < 255 / 256 else rate
    sigma = (exact * (1 - exact) / y.numel()) ** 0.5
    assert (y == 0).double().mean().item() == pytest.approx(exact, abs=4 * sigma)
    assert abs(exact - rate) <= 1 / 512
    assert y.double().mean().item() == pytest.approx(1.0, abs=4 * sigma / (1 - exact))


def test_neighbours_are_independent() -> None:
    """Eight bytes come from one draw: no byte may know of another, nor a row of the next."""
    torch.manual_seed(0)
    kept = (drop(torch.ones(2**20), 0.5) > 0).double() - 0.5
    for distance in (1, 2, 3, 4, 7, 8, 9, 64):
        correlation = (kept[:-distance] * kept[distance:]).mean().item() * 4
        assert abs(correlation) < 4 / 2**10, distance


def test_a_draw_is_fresh_and_a_seed_brings_it_back() -> None:
    x = torch.randn(50, 7, requires_grad=True)
    torch.manual_seed(5)
    first, second = drop(x, 0.4), drop(x, 0.4)
    torch.manual_seed(5)
    assert torch.equal(drop(x, 0.4), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_is_the_mask_times_the_scale_in_any_memory_order(dtype: torch.dtype) -> None:
    x = torch.randn(6, 5, 4, dtype=dtype).transpose(0, 2).requires_grad_()
    torch.manual_seed(0)
    y = drop(x, 0.25)
    y.backward(torch.full_like(y, 3.0))
    mask = (y != 0).to(dtype)
    torch.testing.assert_close(y, x.detach() * mask * (4 / 3), rtol=1e-2 if dtype == torch.bfloat16 else 1e-6, atol=0)
    torch.testing.assert_close(x.grad, mask * 4)


def test_the_module_drops_in_training_alone() -> None:
    layer, x = Dropout(0.5), torch.ones(100)
    assert (layer(x) == 0).any()
    assert layer.eval()(x) is x
    assert Dropout(0.0)(x) is x
