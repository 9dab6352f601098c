"""Every family in bfloat16: as far from its float32 outputs as its twin is, and as the rounding explains.

A rounding to 8 bits is off by 2^-9 / √3 in the mean, and the errors of many add as their squares do: of the weights,
and of some nine results a sublayer. That is what outputs of small weights are off by (here at most 1.5 times as much);
large ones make more of it in every softmax, and there the twin is the measure.
"""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from tests.parity.harness import Row, batch, ours_of, outputs, twin_of
from tests.parity.test_families import FILES
from tests.parity.twins import attentions

ROUNDING, STEPS = 2**-9 / 3**0.5, 9
ROWS: list[Row] = [file.ROWS[0] for file in FILES]


def off(these: list[Tensor], those: list[Tensor]) -> float:
    """Root of the mean squared difference, of all outputs together, as a share of that of the values."""
    a, b = (torch.cat([x.float().flatten() for x in outputs]) for outputs in (these, those))
    return ((a - b).norm() / b.norm()).item()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@torch.no_grad()
def test_bfloat16_is_as_close_as_in_transformers(row: Row) -> None:
    given = batch(row)
    for std in {row.std, 0.02}:
        ours = ours_of(row, std)
        exact, rounded = outputs(row, ours, given), outputs(row, ours.bfloat16(), given)
        theirs = outputs(row, copy.deepcopy(twin_of(row, std)).bfloat16(), given)
        error, their_error = off(rounded, exact), off(theirs, exact)
        assert {output.dtype for output in rounded} == {torch.bfloat16}
        assert error < 1.2 * their_error, std
        assert off(rounded, theirs) < 1.2 * (error**2 + their_error**2) ** 0.5, std
        explained = ROUNDING * (STEPS * 2 * len(attentions(ours))) ** 0.5
        assert error < 1.5 * explained or std != 0.02
        for attention in attentions(ours):
            attention.key, attention.value = attention.value, attention.key
        assert off(outputs(row, ours, given), exact) > 10 * error or std == 0.02, "a wrong model passes"
