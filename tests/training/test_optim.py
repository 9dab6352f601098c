"""AdamW, the moving average and the mean of checkpoints."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from headway.models.build import build
from headway.models.families.t5 import T5
from headway.models.groups import layer_groups
from headway.nn.masks import Layout
from headway.training.optim import MovingAverage, Unfreezing, adamw, average
from headway.training.step import update
from tests.training.translator import model_of


def test_only_matrices_decay() -> None:
    model = model_of()
    optimizer = adamw(model, beta2=0.9, weight_decay=0.5)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for group in optimizer.param_groups:
        group["lr"] = 0.1
        assert (group["betas"], group["eps"], group["fused"]) == ((0.9, 0.9), 1e-9, True)
    optimizer.step()
    sides = {True: 0, False: 0}
    for name, parameter in model.named_parameters():
        is_matrix = parameter.dim() > 1
        torch.testing.assert_close(parameter.detach(), before[name] * (0.95 if is_matrix else 1.0), rtol=1e-6, atol=0)
        sides[is_matrix] += parameter.numel()
    assert all(sides.values())
    assert sum(sides.values()) == sum(p.numel() for p in model.parameters())  # a tied weight once, and none left out


def test_a_step_of_adam_is_that_of_the_paper() -> None:
    weight = nn.Linear(1, 1, bias=False).double()
    optimizer = adamw(weight, beta2=0.98, weight_decay=0.1)
    for group in optimizer.param_groups:
        group["lr"] = 0.01
    value, first, second = weight.weight.item(), 0.0, 0.0
    for step, gradient in enumerate([2.0, -0.5, 3.0], 1):
        weight.weight.grad = torch.tensor([[gradient]], dtype=torch.float64)
        optimizer.step()
        first, second = 0.9 * first + 0.1 * gradient, 0.98 * second + 0.02 * gradient**2
        corrected = (first / (1 - 0.9**step)) / ((second / (1 - 0.98**step)) ** 0.5 + 1e-9)
        value -= 0.01 * (corrected + 0.1 * value)
        assert weight.weight.item() == pytest.approx(value, rel=1e-12)


def test_the_moving_average_moves_and_steps_aside() -> None:
    model = model_of()
    moving = MovingAverage(model, 0.8)
    own = next(iter(dict(model.named_parameters())))
    expected = model.get_parameter(own).detach().double()
    for step in range(1, 60):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.1 * step
        moving.update(model, step)
        share = min(0.8, step / (step + 9))
        expected = share * expected + (1 - share) * model.get_parameter(own).detach().double()
    torch.testing.assert_close(moving.parameters[own].double(), expected, rtol=1e-5, atol=0)
    now = {name: p.detach().clone() for name, p in model.named_parameters()}
    hold = list(model.parameters())

    def read() -> None:
        with moving.applied(model):
            for name, parameter in model.named_parameters():
                assert torch.equal(parameter, moving.parameters[name])
                assert not torch.equal(parameter, now[name])
            raise KeyError

    with pytest.raises(KeyError):
        read()
    for (name, parameter), held in zip(model.named_parameters(), hold, strict=True):
        assert parameter is held
        assert torch.equal(parameter, now[name])
        assert parameter.requires_grad
    assert not any(tensor.requires_grad for tensor in moving.parameters.values())


def test_the_average_is_summed_wide() -> None:
    states = [{"a": torch.tensor([2.0**25]), "b": torch.tensor([1.0], dtype=torch.bfloat16)}]
    states += [{"a": torch.tensor([one]), "b": torch.tensor([2.0], dtype=torch.bfloat16)} for one in (1.0, 1.0, 2.0)]
    mean = average(states)
    assert mean["a"].dtype == torch.float32
    assert mean["a"].item() == 2.0**23 + 1  # in float32 each small one would vanish
    assert (mean["b"].dtype, mean["b"].item()) == (torch.bfloat16, 1.75)
    assert states[0]["a"].item() == 2.0**25


def height_of(optimizer: torch.optim.Optimizer, parameter: nn.Parameter) -> int:
    return next(part["height"] for part in optimizer.param_groups if any(p is parameter for p in part["params"]))


def test_each_group_learns_slower_than_the_one_above() -> None:
    model = model_of()
    groups = layer_groups(model)
    optimizer = adamw(model, weight_decay=0.5, groups=groups, decay=2.6)
    assert sum(len(part["params"]) for part in optimizer.param_groups) == len(list(model.parameters()))
    before = {p: p.detach().clone() for p in model.parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    update(model, optimizer, rate=0.01, clip_norm=0.0)
    for height, group in enumerate(groups):
        rate = 0.01 / 2.6 ** (len(groups) - 1 - height)
        for parameter in group:
            moved = before[parameter] - parameter.detach()  # a first step of Adam is the rate itself
            decayed = rate * 0.5 * before[parameter] if parameter.dim() > 1 else 0.0
            torch.testing.assert_close(moved, rate + torch.zeros_like(moved) + decayed, rtol=1e-3, atol=1e-6)


def test_a_group_more_learns_each_epoch_from_the_top() -> None:
    model = model_of()
    groups = layer_groups(model)
    optimizer = adamw(model, weight_decay=0.5, groups=groups)
    unfreezing, count = Unfreezing(optimizer), len(groups)
    for epoch in range(count + 2):
        unfreezing.begin(epoch)
        before = {p: p.detach().clone() for p in model.parameters()}
        sum(((p * p).sum() + p.sum() for p in model.parameters()), torch.zeros(())).backward()
        update(model, optimizer, rate=0.01, clip_norm=1.0)
        for parameter in model.parameters():
            learns = height_of(optimizer, parameter) >= count - 1 - epoch
            assert torch.equal(parameter, before[parameter]) != learns
            assert (parameter in optimizer.state) == learns
    Unfreezing(optimizer).begin(0)  # as after a resume in the first epoch
    assert [p.requires_grad for p in groups[-1]] == [True] * len(groups[-1])
    assert not any(p.requires_grad for group in groups[:-1] for p in group)


def test_a_weight_whose_products_are_scaled_moves_as_one_with_the_scale_in_it() -> None:
    """T5, and the same model with the scale of its scores outside its queries, say the same before a step and after."""
    spec = T5(num_layers=1, d_model=16, d_ff=32, num_heads=2, head_dim=4, dropout=0.0).spec(20, 20)
    ids = torch.arange(1, 9).view(2, 4)
    layout = Layout(2, 4, torch.device("cpu"))

    def logits(model: Any) -> Tensor:
        out: Tensor = model.head(model.decode(ids, layout, model.encode(ids, layout)))
        return out

    torch.manual_seed(0)
    ours = build(spec).double()
    other = copy.deepcopy(ours)
    for block in [*other.encoder.blocks, *other.decoder.blocks]:
        for attention in (block.attention, *([block.cross_attention] if block.has_memory else [])):
            attention.scale = attention.head_dim**-0.5
            with torch.no_grad():
                attention.query.weight.mul_(attention.head_dim**0.5)
    torch.testing.assert_close(logits(ours), logits(other))
    for model in (ours, other):
        optimizer = adamw(model, weight_decay=0.1)
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * group["scale"]
        logits(model).square().mean().backward()
        optimizer.step()
    torch.testing.assert_close(logits(ours), logits(other), rtol=1e-6, atol=1e-9)
    table = [group for group in adamw(ours, weight_decay=0.1).param_groups if group["scale"] == 4.0]
    assert [len(group["params"]) for group in table] == [1]  # 16 ** 0.5, of the table that the head shares
    assert table[0]["weight_decay"] == pytest.approx(0.025)
