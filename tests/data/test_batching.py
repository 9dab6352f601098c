"""Every row once, the budget kept, the same for the same seed, little padding."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headway.data.batching import TokenBatches, by_length
from headway.data.sources import load
from headway.errors import ConfigError

LENGTHS = st.integers(1, 2).flatmap(
    lambda sides: st.lists(st.lists(st.integers(0, 40), min_size=sides, max_size=sides), max_size=80).map(
        lambda rows: np.array(rows, np.int64).reshape(-1, sides)
    )
)


def cost(lengths: NDArray[np.int64], batch: NDArray[np.int64]) -> int:
    return len(batch) * int(lengths[batch].max(axis=0).sum())


def padding_share(lengths: NDArray[np.int64], batches: list[NDArray[np.int64]]) -> float:
    """The share of padding among the tokens of `batches`, 0 to 1."""
    padded = sum(cost(lengths, batch) for batch in batches)
    return 1 - lengths.sum() / padded if padded else 0.0


@given(LENGTHS, st.integers(1, 200), st.integers(0, 3), st.integers(0, 3), st.integers(1, 4))
def test_batches(lengths: NDArray[np.int64], budget: int, seed: int, epoch: int, block: int) -> None:
    made = TokenBatches(lengths, budget=budget, seed=seed, block=block)
    for batches in (made.epoch(epoch), made.evaluation()):
        rows = np.concatenate([*batches, np.empty(0, np.int64)])
        assert sorted(rows) == list(range(len(lengths)))
        assert all(len(batch) and (len(batch) == 1 or cost(lengths, batch) <= budget) for batch in batches)
        assert 0 <= padding_share(lengths, batches) < 1


@given(LENGTHS, st.integers(1, 200), st.integers(1, 9))
def test_parts_share_a_batch_evenly(lengths: NDArray[np.int64], budget: int, parts: int) -> None:
    made = TokenBatches(lengths, budget=budget)
    for batch in made.epoch(0):
        split = made.split(batch, parts)
        assert len(split) == parts
        np.testing.assert_array_equal(np.concatenate(split), batch)
        tokens = lengths[batch].sum(axis=1)
        ends = np.cumsum([lengths[part].sum() for part in split])
        assert (np.abs(ends - tokens.sum() * np.arange(1, parts + 1) / parts) <= tokens.max() / 2).all()


def test_epochs_and_seeds_differ_and_repeat() -> None:
    lengths = np.random.default_rng(0).integers(1, 30, (500, 2))

    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(TokenBatches(lengths, budget=300, seed=seed).epoch(epoch)).tolist()

    assert order(1, 0) == order(1, 0)
    orders = [order(1, 0), order(1, 1), order(2, 0)]
    assert all(a != b for i, a in enumerate(orders) for b in orders[:i])


def test_small_blocks_mix_and_the_longest_comes_first_in_evaluation() -> None:
    lengths = np.random.default_rng(0).integers(1, 30, (2000, 2))
    mixed, sorted_ = (TokenBatches(lengths, budget=300, block=block).epoch(0) for block in (1, 1000))
    assert padding_share(lengths, mixed) > 2 * padding_share(lengths, sorted_)
    batches = TokenBatches(lengths, budget=300).evaluation()
    assert lengths[batches[0], 1].max() == 29
    assert lengths[batches[-1], 1].max() <= 2


def test_positions_of_batches_do_not_follow_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 30, (5000, 2))
    longest = [lengths[batch].max() for batch in TokenBatches(lengths, budget=300).epoch(0)]
    assert abs(np.corrcoef(longest[1:], longest[:-1])[0, 1]) < 0.15


def test_a_single_side_needs_no_second_axis() -> None:
    lengths = [3, 1, 2, 9]
    assert sorted(map(sorted, TokenBatches(lengths, budget=6).epoch(0))) == [[0], [1, 2], [3]]
    assert by_length(np.array(lengths)[:, None]).tolist() == [1, 2, 0, 3]
    with pytest.raises(ConfigError, match="batches of 0 tokens"):
        TokenBatches(lengths, budget=0)


@pytest.mark.skipif("HEADWAY_DATA" not in os.environ, reason="HEADWAY_DATA is not set")
def test_padding_on_multi30k(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path))
    rows = load(name="multi30k", folder=os.environ["HEADWAY_DATA"])["train"]
    words = [[len(text.split()) + 1 for text in rows[side][:]] for side in ("source", "target")]
    lengths = np.array(words).T
    batches = TokenBatches(lengths, budget=5000)
    assert padding_share(lengths, batches.epoch(0)) < 0.08
    assert padding_share(lengths, batches.epoch(1)) < 0.08
    assert padding_share(lengths, batches.evaluation()) < 0.05
