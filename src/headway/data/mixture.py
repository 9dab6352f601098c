"""Several tasks learned at once, mixed by weight (Raffel et al. 2020, section 3.5.2).

A mixture's rows are those of all tasks, one task after another. How often each is read is the plan of an epoch
(`Mixture.epoch`), which says row numbers, so that nothing is copied and lengths never change.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headway.data.batching import Rows
from headway.data.cache import Ids
from headway.errors import ConfigError, DataError


class Pairs(Protocol):
    """Rows of source and target, such as `headway.data.cache.PairStore`."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> tuple[Ids, Ids]: ...

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row's source and target `(rows, 2)`."""
        ...


@dataclass(frozen=True)
class Task:
    """One of the tasks of a mixture."""

    name: str
    rows: Pairs
    weight: float  # of 3 and 1, the first is read three times as often


def mixing_rate(examples: int, *, temperature: float = 1.0) -> float:
    """The weight of a task by its size, as in seqio's `mixing_rate_num_examples`.

    At temperature 1 examples are mixed in proportion; a higher one moves all tasks towards equal weight.

    Args:
        examples: rows of the task.
        temperature: T of `rate ** (1 / T)`.

    >>> mixing_rate(65_536, temperature=2.0)
    256.0
    """
    return float(examples ** (1 / temperature))


class Mixture:
    """The rows of several tasks, in the order of the tasks, and which of them an epoch reads.

    An epoch reads as many rows as the tasks have together. Each task has its part of them, by weight, the same in every
    epoch and exact to one row. Of a task no row is read twice before all were read once: an epoch begins where the one
    before it ended, and each pass over a task is in an order of its own.

    Args:
        tasks: at least one.
        seed: of the orders.

    Attributes:
        tasks: as given.
        lengths: tokens of each row's source and target `(rows, 2)`.
        shares: how many rows of each task an epoch reads `(tasks,)`; the sum is the number of rows.

    Raises:
        ConfigError: no task, a weight that is not positive, or one so small that its task would never be read.
        DataError: a task without rows.
    """

    def __init__(self, tasks: Sequence[Task], seed: int = 0) -> None:
        if not tasks:
            raise ConfigError("a mixture has no tasks; give at least one")
        for task in tasks:
            if not len(task.rows):
                raise DataError(f"the task {task.name} of a mixture has no rows; leave it out or give it some")
            if not 0 < task.weight < math.inf:
                raise ConfigError(f"the task {task.name} has the weight {task.weight}; it must be a positive number")
        self.tasks, self.seed = tuple(tasks), seed
        self.lengths = np.concatenate([task.rows.lengths for task in tasks])
        self._starts = [0, *np.cumsum([len(task.rows) for task in tasks]).tolist()]
        self.shares = _apportion(len(self), np.array([task.weight for task in tasks]))
        for task, share in zip(tasks, self.shares, strict=True):
            if not share:
                raise ConfigError(
                    f"the task {task.name} has the weight {task.weight}, so little that none of the {len(self):,} rows "
                    "of an epoch would be its own; raise the weight or leave the task out"
                )

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, row: int) -> tuple[Ids, Ids]:
        """The ids of one row's source and target."""
        task = bisect.bisect_right(self._starts, row) - 1
        return self.tasks[task].rows[row - self._starts[task]]

    def epoch(self, number: int) -> Rows:
        """The rows that an epoch reads `(rows,)`, task after task: it is for the batches to shuffle them."""
        return np.concatenate(
            [
                self._starts[task] + self._read(task, number * share, (number + 1) * share)
                for task, share in enumerate(self.shares.tolist())
            ]
        )

    def _read(self, task: int, start: int, end: int) -> Rows:
        """The rows of a task that are read from the `start`-th reading, counted from 0, up to the `end`-th."""
        size = len(self.tasks[task].rows)
        (first, skipped), (last, rest) = divmod(start, size), divmod(end, size)
        if first == last:
            return self._order(task, first)[skipped:rest]
        whole = np.tile(np.arange(size), last - first - 1)
        return np.concatenate([self._order(task, first)[skipped:], whole, self._order(task, last)[:rest]])

    def _order(self, task: int, number: int) -> Rows:
        """The order in which the rows of a task are read for the `number`-th time."""
        return np.random.default_rng([self.seed, task, number]).permutation(len(self.tasks[task].rows))


def _apportion(total: int, weights: NDArray[np.float64]) -> Rows:
    """`total` in whole parts in proportion to `weights`; rounded down, and the rest to the largest remainders."""
    exact = total * (weights / weights.sum())
    parts = np.floor(exact).astype(np.int64)
    most = np.argsort(parts - exact, kind="stable")
    parts[most[: total - int(parts.sum())]] += 1
    return parts
