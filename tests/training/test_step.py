"""One optimizer step: however a batch is cut, its loss and gradient are those of the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from headway.nn.stack import Stack
from headway.objectives.seq2seq import Seq2Seq
from headway.training.distributed import World
from headway.training.optim import adamw
from headway.training.step import Step, accumulate, means, update
from tests.training.translator import TOKENS, feed_of, model_of, rows_of


def gradient_of(
    step: Step, parts: list[tuple[object, bool]], autocast: torch.dtype | None = None
) -> tuple[torch.Tensor, dict[str, float]]:
    step.zero_grad(set_to_none=True)
    losses = means(accumulate(step, parts, world=World(), autocast=autocast))  # type: ignore[arg-type]
    gradients = [p.grad for p in step.parameters()]
    assert all(gradient is not None for gradient in gradients)
    return torch.cat([gradient.flatten() for gradient in gradients if gradient is not None]), losses


@pytest.mark.parametrize("accumulation", [2, 3, 7, 40])
@pytest.mark.parametrize("rows", [1, 13])
def test_micro_batches_give_the_gradient_of_one_batch(accumulation: int, rows: int) -> None:
    data, objective = rows_of(rows), Seq2Seq(TOKENS, 0.1)
    step, batch = Step(model_of(), objective), np.arange(rows)
    whole, losses = gradient_of(step, feed_of(data, objective).parts(batch))
    parts = feed_of(data, objective, accumulation=accumulation).parts(batch)
    assert len(parts) == min(rows, len(parts)) > (rows > 1)
    cut, same = gradient_of(step, parts)
    assert (cut - whole).abs().max() <= 1e-6 * whole.abs().max()
    assert same == pytest.approx(losses, rel=1e-6)


def test_a_short_last_part_weighs_what_it_counts() -> None:
    """Parts of 12 rows and of one short row; the mean of their means would be far off."""
    objective, data = Seq2Seq(TOKENS, 0.1), rows_of(13)
    step = Step(model_of(), objective)
    short = (np.array([5]), np.array([6]))
    parts = [(objective.collate(data[:12]), True), (objective.collate([short]), True)]
    whole, losses = gradient_of(step, [(objective.collate([*data[:12], short]), True)])
    cut, same = gradient_of(step, parts)
    assert (cut - whole).abs().max() <= 1e-6 * whole.abs().max()
    means = [gradient_of(step, [part]) for part in parts]
    assert ((means[0][0] + means[1][0]) / 2 - whole).abs().max() > 0.1 * whole.abs().max()
    assert same == pytest.approx(losses, rel=1e-6)


def test_a_stand_in_takes_part_and_counts_nothing() -> None:
    objective, data = Seq2Seq(TOKENS), rows_of(5)
    step, real = Step(model_of(), objective), (objective.collate(data), True)
    expected, losses = gradient_of(step, [real])
    found, same = gradient_of(step, [real, (objective.collate(data[:1]), False)])
    assert torch.equal(found, expected)
    assert same == losses


def test_autocast_stays_close_and_leaves_the_weights_wide() -> None:
    objective, data = Seq2Seq(TOKENS, 0.1), rows_of(9)
    step = Step(model_of(), objective)
    exact, losses = gradient_of(step, [(objective.collate(data), True)])
    found, same = gradient_of(step, [(objective.collate(data), True)], torch.bfloat16)
    assert found.dtype == torch.float32
    assert not torch.equal(found, exact)
    assert (found - exact).norm() <= 0.05 * exact.norm()
    assert same == pytest.approx(losses, rel=1e-2)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_activation_checkpointing_changes_no_gradient(dropout: float) -> None:
    objective = Seq2Seq(TOKENS, 0.1)
    step, batch = Step(model_of(dropout), objective), [(objective.collate(rows_of(9)), True)]
    torch.manual_seed(3)
    expected, _ = gradient_of(step, batch)
    for module in step.modules():
        if isinstance(module, Stack):
            module.activation_checkpointing = True
    torch.manual_seed(3)
    assert torch.equal(gradient_of(step, batch)[0], expected)


def moved(clip_norm: float) -> tuple[float, torch.Tensor]:
    """The gradient's length and the momentum, a tenth of the clipped gradient, after one update."""
    torch.manual_seed(0)
    layer = nn.Linear(4, 3)
    optimizer = adamw(layer)
    for parameter in layer.parameters():
        parameter.grad = torch.full_like(parameter, 2.0)
    length = update(layer, optimizer, rate=0.125, clip_norm=clip_norm)
    assert all(parameter.grad is None for parameter in layer.parameters())
    assert {group["lr"] for group in optimizer.param_groups} == {0.125}
    return length, torch.cat([optimizer.state[p]["exp_avg"].flatten() for p in layer.parameters()])


def test_the_gradient_is_clipped_by_the_length_of_all_of_it() -> None:
    length = 2 * math.sqrt(15)
    for clip_norm, clipped in [(1.0, 1.0), (0.0, length), (100.0, length)]:
        found, momentum = moved(clip_norm)
        assert found == pytest.approx(length)
        assert momentum.norm().item() == pytest.approx(0.1 * clipped, rel=1e-5)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
def test_a_gradient_that_is_no_number_moves_nothing(bad: float, clip_norm: float) -> None:
    layer = nn.Linear(2, 2)
    optimizer = adamw(layer)
    before = [p.detach().clone() for p in layer.parameters()]
    for parameter in layer.parameters():
        parameter.grad = torch.ones_like(parameter)
    layer.weight.grad[0, 1] = bad  # type: ignore[index]
    with pytest.raises(FloatingPointError):
        update(layer, optimizer, rate=0.1, clip_norm=clip_norm)
    assert all(torch.equal(a, b) for a, b in zip(before, layer.parameters(), strict=True))
    assert not optimizer.state
