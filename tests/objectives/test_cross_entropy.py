"""The projected cross-entropy is torch's own, in loss and in every gradient, however it is cut into pieces."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from headway.nn.linear import Linear, onednn
from headway.objectives.cross_entropy import IGNORED, linear_cross_entropy

TOKENS, WIDTH, VOCABULARY = 13, 6, 11


def example(bias: bool, ignored: list[int], dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Linear]:
    torch.manual_seed(0)
    projection = Linear(WIDTH, VOCABULARY, bias=bias).to(dtype)
    labels = torch.randint(VOCABULARY, (TOKENS,))
    labels[ignored] = IGNORED
    return (2 * torch.randn(TOKENS, WIDTH, dtype=dtype)).requires_grad_(), labels, projection


def gradients(loss: Tensor, hidden: Tensor, projection: Linear) -> list[Tensor]:
    return list(torch.autograd.grad(loss, [hidden, *projection.parameters()]))


@pytest.mark.parametrize(
    ("smoothing", "bias", "ignored", "rows"),
    list(itertools.product([0.0, 0.1, 0.7], [False, True], [[], [0, 5, 12], list(range(8))], [1, 4, 13, 512])),
)
def test_it_is_that_of_torch(smoothing: float, bias: bool, ignored: list[int], rows: int) -> None:
    hidden, labels, projection = example(bias, ignored)
    logits = projection(hidden)
    expected = F.cross_entropy(logits, labels, reduction="sum", label_smoothing=smoothing)
    plain = F.cross_entropy(logits.detach(), labels, reduction="sum")
    loss, likelihood = linear_cross_entropy(hidden, labels, projection, smoothing=smoothing, rows=rows)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(likelihood, plain, rtol=1e-12, atol=1e-12)
    assert not likelihood.requires_grad
    wanted = gradients(expected * 0.3, hidden, projection)
    for found, want in zip(gradients(loss * 0.3, hidden, projection), wanted, strict=True):
        torch.testing.assert_close(found, want, rtol=1e-12, atol=1e-12)


def test_ignored_rows_count_nothing_whatever_stands_there() -> None:
    hidden, labels, projection = example(True, [2, 7])
    loss, likelihood = linear_cross_entropy(hidden, labels, projection, smoothing=0.1)
    other = hidden.detach().clone()
    other[[2, 7]] = 1e6
    other.requires_grad_()
    again, same = linear_cross_entropy(other, labels, projection, smoothing=0.1)
    assert torch.equal(loss, again)
    assert torch.equal(likelihood, same)
    assert not torch.autograd.grad(again, other)[0][[2, 7]].any()
    nothing, _ = linear_cross_entropy(hidden, torch.full_like(labels, IGNORED), projection, smoothing=0.1)
    assert nothing == 0
    assert not torch.autograd.grad(nothing, projection.weight)[0].any()


@pytest.mark.parametrize("autocast", [False, True])
def test_in_float32_and_in_bfloat16_it_stays_close(autocast: bool) -> None:
    hidden, labels, projection = example(True, [3], torch.float32)
    exact = [tensor.detach().double() for tensor in (hidden, *projection.parameters())]
    logits = F.linear(exact[0].requires_grad_(), exact[1].requires_grad_(), exact[2].requires_grad_())
    expected = F.cross_entropy(logits, labels, reduction="sum", label_smoothing=0.1)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        loss, likelihood = linear_cross_entropy(hidden, labels, projection, smoothing=0.1, rows=5)
    assert loss.dtype == likelihood.dtype == torch.float32
    tolerance = 2e-2 if autocast else 2e-6
    assert abs(loss.item() - expected.item()) <= tolerance * expected.item()
    for found, want in zip(gradients(loss, hidden, projection), torch.autograd.grad(expected, exact), strict=True):
        assert found.dtype == torch.float32
        assert (found - want).abs().max() <= tolerance * want.abs().max()


def test_the_projection_s_own_kernel_does_the_products() -> None:
    hidden, labels, projection = example(True, [3], torch.float32)
    plain = gradients(linear_cross_entropy(hidden, labels, projection)[0], hidden, projection)
    calls: list[tuple[int, ...]] = []

    def counted(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        calls.append(tuple(x.shape))
        return onednn(x, weight, bias)

    projection.kernel = counted
    loss, _ = linear_cross_entropy(hidden, labels, projection, rows=7)
    assert len(calls) == 6  # two pieces: logits, and the gradients of hidden states and weight
    for found, want in zip(gradients(loss, hidden, projection), plain, strict=True):
        torch.testing.assert_close(found, want)
    calls.clear()
    with torch.no_grad():
        assert torch.equal(linear_cross_entropy(hidden, labels, projection, rows=7)[0], loss)
    assert len(calls) == 2  # nobody asked for gradients


def test_a_tied_weight_collects_both_gradients() -> None:
    _, labels, projection = example(False, [])
    ids = torch.arange(TOKENS) % VOCABULARY

    def total(loss_of: object) -> Tensor:
        states = F.embedding(ids, projection.weight)
        return loss_of(states)  # type: ignore[operator]

    own = total(lambda states: linear_cross_entropy(states, labels, projection, smoothing=0.1, rows=4)[0])
    torchs = total(lambda s: F.cross_entropy(projection(s), labels, reduction="sum", label_smoothing=0.1))
    found, want = (torch.autograd.grad(loss, projection.weight)[0] for loss in (own, torchs))
    torch.testing.assert_close(found, want, rtol=1e-12, atol=1e-12)
