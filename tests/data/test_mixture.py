"""Tasks by weight, exactly; every row once before any twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from headway.data.batching import TokenBatches
from headway.data.cache import PairStore, TokenStore
from headway.data.mixture import Mixture, Task, mixing_rate
from headway.errors import ConfigError, DataError


def pairs_of(count: int, seed: int = 0) -> PairStore:
    """Rows of 0 to 4 tokens a side."""
    random = np.random.default_rng(seed)

    def store() -> TokenStore:
        lengths = random.integers(0, 5, count)
        ids = random.integers(5, 90, lengths.sum()).astype(np.uint16)
        return TokenStore(ids, np.cumsum(lengths) - lengths, lengths)

    return PairStore(store(), store())


def mixture_of(sizes: list[int], weights: list[float], seed: int = 0) -> Mixture:
    tasks = [
        Task(f"task {i}", pairs_of(size, seed=i), weight)
        for i, (size, weight) in enumerate(zip(sizes, weights, strict=True))
    ]
    return Mixture(tasks, seed)


def test_a_row_is_that_of_its_task() -> None:
    first, second = pairs_of(4), pairs_of(3, seed=1)
    mixture = Mixture([Task("a", first, 1.0), Task("b", second, 2.0)])
    rows = [mixture[row] for row in range(len(mixture))]
    assert [source.tolist() for source, _ in rows] == [
        each[row][0].tolist() for each in (first, second) for row in range(len(each))
    ]
    assert [target.tolist() for _, target in rows] == [
        each[row][1].tolist() for each in (first, second) for row in range(len(each))
    ]
    assert {side.dtype for row in rows for side in row} == {np.dtype(np.uint16)}
    assert mixture.lengths.tolist() == [[len(source), len(target)] for source, target in rows]


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0.05, 20.0)), min_size=1, max_size=5), st.integers(0, 3))
def test_an_epoch_is_mixed_by_weight_and_no_row_is_read_twice_before_all_were(
    tasks: list[tuple[int, float]], seed: int
) -> None:
    sizes, weights = [size for size, _ in tasks], [weight for _, weight in tasks]
    parts = sum(sizes) * np.array(weights) / sum(weights)
    assume(parts.min() >= 1)  # else a task may get nothing, which is refused
    mixture, again = mixture_of(sizes, weights, seed), mixture_of(sizes, weights, seed)
    ends = np.cumsum(sizes)
    read = np.zeros(len(mixture), np.int64)
    assert (abs(mixture.shares - parts) < 1 + 1e-9).all()
    assert mixture.shares.sum() == len(mixture) == sum(sizes)
    for number in range(4):
        plan = mixture.epoch(number)
        assert plan.tolist() == again.epoch(number).tolist()
        assert np.bincount(np.searchsorted(ends, plan, side="right")).tolist() == mixture.shares.tolist()
        read += np.bincount(plan, minlength=len(mixture))
        for task in np.split(read, ends[:-1]):
            assert task.max() - task.min() <= 1


def test_weights_that_divide_give_exact_parts() -> None:
    assert mixture_of([70, 20, 10], [1.0, 2.0, 1.0]).shares.tolist() == [25, 50, 25]
    assert mixture_of([6, 4], [26.0, 74.0]).shares.tolist() == [3, 7]
    assert mixture_of([5, 3, 2], [1 / 3, 1 / 3, 1 / 3]).shares.tolist() == [4, 3, 3]


def test_each_pass_over_a_task_has_an_order_of_its_own() -> None:
    mixture, other = mixture_of([40, 40], [1.0, 1.0]), mixture_of([40, 40], [1.0, 1.0], seed=1)
    passes = [
        mixture.epoch(0)[:40].tolist(),
        (mixture.epoch(0)[40:] - 40).tolist(),
        mixture.epoch(1)[:40].tolist(),
        other.epoch(0)[:40].tolist(),
        list(range(40)),
    ]
    assert all(sorted(rows) == list(range(40)) for rows in passes)
    assert len(set(map(tuple, passes))) == len(passes)


def test_batches_follow_the_plan() -> None:
    mixture = mixture_of([60, 10, 5], [1.0, 2.0, 1.0])
    batches = TokenBatches(mixture.lengths + 1, budget=40, seed=2, plan=mixture.epoch)
    for number in range(3):
        made = np.concatenate(batches.epoch(number))
        assert sorted(made) == sorted(mixture.epoch(number))
        assert made.tolist() != mixture.epoch(number).tolist()
    assert sorted(np.concatenate(batches.evaluation())) == list(range(75))


def test_a_rate_is_the_size_flattened() -> None:
    assert mixing_rate(500) == 500.0
    assert mixing_rate(400, temperature=2.0) == 20.0
    assert mixing_rate(500, temperature=1e9) == pytest.approx(mixing_rate(5, temperature=1e9))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="a mixture has no tasks"):
        Mixture([])
    with pytest.raises(DataError, match="the task task 1 of a mixture has no rows"):
        mixture_of([3, 0], [1.0, 1.0])
    for weight in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match=f"the task task 0 has the weight {weight}; it must be a positive number"):
            mixture_of([3, 3], [weight, 1.0])
    with pytest.raises(ConfigError, match=r"the task task 1 has the weight 0\.001, so little that none of the 12 rows"):
        mixture_of([6, 6], [1.0, 0.001])
