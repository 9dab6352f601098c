"""Which rows a process gets of which step."""

from __future__ import annotations

import numpy as np
import pytest

from headway.data.batching import TokenBatches
from headway.training.distributed import World
from headway.training.feed import Feed

LENGTHS = np.array([[3, 2], [5, 5], [2, 9], [4, 4], [7, 1], [1, 1], [6, 3]])


def feed(rank: int = 0, size: int = 1, accumulation: int = 1) -> Feed:
    batches = TokenBatches(LENGTHS, budget=1000, seed=1)
    return Feed(
        [f"row {i}" for i in range(7)], LENGTHS, batches, lambda rows, draws: rows, World(rank, size), accumulation
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "accumulation"), [(1, 1), (1, 3), (2, 1), (2, 2), (3, 4), (9, 1), (2, 9)])
def test_the_processes_share_every_batch_without_gap_or_repetition(size: int, accumulation: int) -> None:
    batch = feed().epoch(0)[0]
    assert sorted(batch) == list(range(7))
    shares = [feed(rank, size, accumulation).parts(batch) for rank in range(size)]
    assert all(shares), "every process needs a part, or the others wait for ever"
    assert max(map(len, shares)) <= accumulation
    real = [row for parts in shares for rows, is_real in parts if is_real for row in rows]
    assert sorted(real) == [f"row {i}" for i in range(7)]
    assert len(set(map(len, shares))) == 1, "of a sharded model all processes must do as many forward passes"
    for parts in shares:
        is_real = [real for _, real in parts]
        assert is_real == sorted(is_real, reverse=True)


def test_the_plan_is_the_same_for_any_number_of_processes() -> None:
    plans = [[batch.tolist() for batch in feed(rank, size).epoch(3)] for rank, size in [(0, 1), (1, 2), (4, 5)]]
    assert plans[0] == plans[1] == plans[2]


def test_tokens_and_places_of_a_batch() -> None:
    batch = np.array([0, 2])
    assert feed().tokens(batch) == 3 + 2 + 2 + 9
    assert feed().padded_tokens(batch) == 2 * (3 + 9)
