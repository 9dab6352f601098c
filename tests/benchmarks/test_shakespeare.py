"""The benchmark of Shakespeare: what is scored, and how fast nanoGPT learns."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks import shakespeare


def test_every_character_but_the_first_is_scored_from_those_before_it_in_its_block() -> None:
    ids = np.arange(2 * shakespeare.LENGTH + 11) % 7
    seen = []

    def logits(inputs: Tensor) -> Tensor:
        seen.append(inputs)
        return torch.nn.functional.one_hot((inputs + 1) % 7, 7) * 3.0

    expected = math.log(math.exp(3.0) + 6) - 3.0
    assert shakespeare.score(logits, ids) == pytest.approx(expected)
    assert [tuple(inputs.shape) for inputs in seen] == [(2, shakespeare.LENGTH), (1, 10)]
    assert torch.cat([inputs.flatten() for inputs in seen]).tolist() == ids[:-1].tolist()


def test_nothing_is_learned_that_is_scored() -> None:
    text = "abcdefg\n" * 20  # nine tenths end at a line's end
    assert shakespeare.split(text) == ("abcdefg\n" * 18, "abcdefg\n" * 2)
    learned, scored = shakespeare.split("x" + text)
    assert len(learned) == 144
    assert ("x" + text).endswith(scored)
    assert scored == "abcdefg\n" * 2


def test_the_rate_rises_and_falls_to_a_tenth() -> None:
    rates = [shakespeare.rate(step) for step in range(shakespeare.STEPS)]
    assert max(rates) == rates[shakespeare.WARMUP] == shakespeare.RATE
    assert rates[0] == pytest.approx(shakespeare.RATE / 101)
    assert rates[-1] == pytest.approx(shakespeare.LOWEST, rel=1e-4)
