"""LSTM layers: the scan in the open is torch's own, bounds bind, and weights are dropped in training only."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from headway.nn.dropout import drop
from headway.nn.lstm import ClippedLSTM, WeightDropLSTM

ANY = 1e9  # a bound that binds nothing, so that the scan runs


def grid(rows: int = 3, length: int = 7, width: int = 4) -> Tensor:
    return torch.randn(rows, length, width, generator=torch.Generator().manual_seed(0), requires_grad=True)


@pytest.mark.parametrize("d_cell", [4, 9])
def test_the_scan_is_the_lstm_of_torch(d_cell: int) -> None:
    torch.manual_seed(1)
    fast, open_ = ClippedLSTM(4, d_cell, None, None), ClippedLSTM(4, d_cell, ANY, ANY)
    open_.load_state_dict(fast.state_dict())
    x, weights = grid(), torch.randn(3, 7, 4)
    found = [layer(x) for layer in (fast, open_)]
    torch.testing.assert_close(*found)
    first, second = (torch.autograd.grad((out * weights).sum(), [x, *layer.parameters()])
                     for out, layer in zip(found, (fast, open_), strict=True))  # fmt: skip
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other)


@torch.no_grad()
def test_bounds_hold_for_cells_and_for_projected_states() -> None:
    torch.manual_seed(1)
    layer = ClippedLSTM(4, 9, 0.2, 0.05)
    for weight in layer.parameters():
        weight *= 8
    assert float(layer(grid()).abs().max()) == pytest.approx(0.05)
    free = ClippedLSTM(4, 9, 0.2, None)
    free.load_state_dict(layer.state_dict())
    most = float(layer.weight_hr_l0.abs().sum(1).max()) * float(torch.tensor(0.2).tanh())
    assert 0.05 < float(free(grid()).abs().max()) <= most
    assert ClippedLSTM(4, 4, None, 0.1).clip_state is None  # nothing is projected there


def test_weights_are_dropped_in_training_only_and_afresh() -> None:
    torch.manual_seed(1)
    layer, plain, x = WeightDropLSTM(4, 6, 0.5), nn.LSTM(4, 6, batch_first=True), grid()
    plain.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer.eval()(x), plain(x))
    layer.train()
    first, second = layer(x)[0], layer(x)[0]
    assert not torch.equal(first, second)
    torch.testing.assert_close(first[:, 0], plain(x)[0][:, 0])  # no weight from state to state is asked yet
    torch.manual_seed(5)
    found, carried = layer(x)
    torch.manual_seed(5)
    kept = drop(layer.weight_hh_l0.detach(), 0.5)
    with torch.no_grad():
        plain.weight_hh_l0.copy_(kept)
    expected, last = plain(x)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(carried, last)
    found.sum().backward()
    assert layer.weight_hh_l0.grad is not None
    assert bool((layer.weight_hh_l0.grad[kept == 0] == 0).all())
    assert bool((layer.weight_hh_l0.grad[kept != 0] != 0).any())


@pytest.mark.parametrize("training", [True, False])
def test_what_is_carried_is_of_the_last_token_of_each_row(training: bool) -> None:
    torch.manual_seed(1)
    layer, x, lengths = WeightDropLSTM(4, 6, 0.0).train(training), grid(), torch.tensor([7, 2, 5])
    states, (h, c) = layer(x, None, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone, (h_alone, c_alone) = layer(x[row : row + 1, :length])
        torch.testing.assert_close(states[row, :length], alone[0])
        torch.testing.assert_close(h[:, row], h_alone[:, 0])
        torch.testing.assert_close(c[:, row], c_alone[:, 0])
    whole = layer(x)[0]
    before = layer(x[:, :3])[1]
    torch.testing.assert_close(layer(x[:, 3:], before)[0], whole[:, 3:])
