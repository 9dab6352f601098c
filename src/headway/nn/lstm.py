"""LSTM layers that torch's own leaves room for: values that are clipped, recurrent weights that are dropped.

Both are torch's module with its parameters, and run as torch runs it wherever it can.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from headway.nn.dropout import drop

Carried = tuple[Tensor, Tensor]  # h `(1, rows, width)` and c `(1, rows, d_cell)`


class ClippedLSTM(nn.LSTM):
    """One layer whose states are projected where cells are wider (Sak et al. 2014), and whose values may be bounded.

    Bounded, it steps through time in the open; without bounds torch does all steps in one call.
    """

    weight_ih_l0: Tensor  # `(4 · d_cell, d_model)`: input, forget, new, output, as are the next
    weight_hh_l0: Tensor  # `(4 · d_cell, d_model)`
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor
    weight_hr_l0: Tensor  # `(d_model, d_cell)`, where states are projected

    def __init__(self, d_model: int, d_cell: int, clip_cell: float | None, clip_state: float | None) -> None:
        """`clip_cell` bounds what a memory cell holds and `clip_state` what is projected; None: nothing."""
        super().__init__(d_model, d_cell, batch_first=True, proj_size=d_model if d_cell > d_model else 0)
        self.clip_cell, self.clip_state = clip_cell, clip_state if d_cell > d_model else None

    def forward(self, grid: Tensor) -> Tensor:  # type: ignore[override]
        """`(rows, length, d_model)`, from the first column to the last, → states of the same shape."""
        grid = grid.to(self.weight_ih_l0.dtype)
        with torch.autocast(grid.device.type, enabled=False):
            if self.clip_cell is None and self.clip_state is None:
                with warnings.catch_warnings():  # that oneDNN has no projections, so that torch does them itself
                    warnings.filterwarnings("ignore", "LSTM with projections")
                    states: Tensor = super().forward(grid)[0]
                return states
            return self._scan(grid)

    def _scan(self, grid: Tensor) -> Tensor:
        given = nn.functional.linear(grid, self.weight_ih_l0, self.bias_ih_l0 + self.bias_hh_l0)
        cell, state = given.new_zeros(len(grid), self.hidden_size), grid.new_zeros(len(grid), self.input_size)
        states = []
        for at in given.unbind(1):
            sum_in, sum_forget, sum_new, sum_out = torch.addmm(at, state, self.weight_hh_l0.t()).chunk(4, -1)
            cell = sum_forget.sigmoid() * cell + sum_in.sigmoid() * sum_new.tanh()
            cell = _clip(cell, self.clip_cell)
            state = sum_out.sigmoid() * cell.tanh()
            if self.proj_size:
                state = _clip(state @ self.weight_hr_l0.t(), self.clip_state)
            states.append(state)
        return torch.stack(states, 1)


def _clip(x: Tensor, most: float | None) -> Tensor:
    return x if most is None else x.clamp(-most, most)


class WeightDropLSTM(nn.LSTM):
    """One layer that loses the same share of its weights from state to state in all steps of a pass (Wan et al. 2013).

    So says Merity et al. 2018, section 2: a row's every step sees the same lesser matrix, and torch's kernel runs it.
    """

    weight_ih_l0: Tensor  # `(4 · d_cell, d_input)`
    weight_hh_l0: Tensor  # `(4 · d_cell, d_cell)`
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, d_input: int, d_cell: int, rate: float) -> None:
        """`rate` is the share of weights that training loses."""
        super().__init__(d_input, d_cell, batch_first=True)
        self.rate = rate

    def forward(  # type: ignore[override]
        self, grid: Tensor, carried: Carried | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Carried]:
        """`(rows, length, d_input)` after `carried` → states `(rows, length, d_cell)` and what to carry on.

        What is carried is of the last column; with `lengths` `(rows,)`, on the CPU, of the last token of each row.
        """
        grid = grid.to(self.weight_ih_l0.dtype)
        with torch.autocast(grid.device.type, enabled=False):
            if lengths is not None:
                packed = pack_padded_sequence(grid, lengths, batch_first=True, enforce_sorted=False)
                read, last = super().forward(packed, carried)
                return pad_packed_sequence(read, batch_first=True, total_length=grid.shape[1])[0], last
            if not self.training or not self.rate:
                states, last = super().forward(grid, carried)
                return states, last
            kept = drop(self.weight_hh_l0, self.rate)
            weights = [self.weight_ih_l0, kept, self.bias_ih_l0, self.bias_hh_l0]
            if carried is None:
                zeros = grid.new_zeros(1, len(grid), self.hidden_size)
                carried = zeros, zeros
            states, h, c = torch.lstm(grid, list(carried), weights, True, 1, 0.0, True, False, True)
            return states, (h, c)
