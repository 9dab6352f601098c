"""Batches of about equal work: so many tokens each, padding counted, of rows of like length.

An epoch shuffles all rows, sorts them by length inside blocks of about a hundred batches, cuts the blocks into
batches and shuffles the batches: every batch is a random mixture of rows of one length. The same seed and epoch give
the same batches, so a position in training is two numbers: epoch and batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headway.errors import ConfigError

Rows = NDArray[np.int64]


class TokenBatches:
    """Batches of row numbers by a budget of padded tokens.

    A batch costs rows × (longest source + longest target) tokens, at most `budget`; one row that costs more is a batch
    of its own.

    Args:
        lengths: tokens of each row as the model sees it, special pieces included: `(rows,)`, or `(rows, 2)` for source
            and target.
        budget: padded tokens a batch.
        seed: of the shuffling.
        block: batches that are sorted together, about; more give less padding and less randomness.
        plan: the rows that an epoch reads, by its number, in any order; None: each row once.

    Raises:
        ConfigError: the budget or the block is not positive.
    """

    def __init__(
        self,
        lengths: ArrayLike,
        *,
        budget: int,
        seed: int = 0,
        block: int = 100,
        plan: Callable[[int], Rows] | None = None,
    ) -> None:
        if budget < 1 or block < 1:
            raise ConfigError(f"batches of {budget} tokens, sorted {block} at a time: both must be positive")
        self.lengths = _sides(lengths)
        self.budget, self.seed, self.plan = budget, seed, plan
        self.block = max(1, block * budget * len(self.lengths) // max(1, int(self.lengths.sum())))  # rows

    def epoch(self, number: int) -> list[Rows]:
        """The batches of one epoch: its rows once each, the same for the same seed and number."""
        random = np.random.default_rng([self.seed, number])
        rows = random.permutation(self.plan(number) if self.plan else len(self.lengths))
        blocks = [rows[start : start + self.block] for start in range(0, len(rows), self.block)]
        batches = [batch for block in blocks for batch in self._cut(block[by_length(self.lengths[block])])]
        return [batches[place] for place in random.permutation(len(batches))]

    def evaluation(self) -> list[Rows]:
        """The batches of all rows by length, the longest first, so that too little memory shows at once."""
        return self._cut(by_length(self.lengths))[::-1]

    def split(self, batch: Rows, parts: int) -> list[Rows]:
        """A batch in `parts` parts of about equal real tokens, for ranks × accumulation; some may be empty.

        No part is further from an equal share than the longest row is long. Neighbours in length stay together.
        """
        tokens = self.lengths[batch].sum(axis=1)
        middles = np.cumsum(tokens) - tokens / 2
        place = np.minimum(middles * parts // max(tokens.sum(), 1), parts - 1)
        return np.split(batch, np.searchsorted(place, np.arange(1, parts)))

    def _cut(self, rows: Rows) -> list[Rows]:
        """Consecutive batches, each as large as the budget allows."""
        batches, start = [], 0
        while start < len(rows):
            most = max(1, self.budget // max(1, int(self.lengths[rows[start]].sum())))
            window = rows[start : start + most]
            longest = np.maximum.accumulate(self.lengths[window]).sum(axis=1)  # (window,)
            costs = np.arange(1, len(window) + 1) * longest  # never falls
            size = max(1, int(np.searchsorted(costs, self.budget, side="right")))
            batches.append(window[:size])
            start += size
        return batches


class Draws(Sequence[np.random.Generator]):
    """A source of randomness for each row of a batch, the same whatever batch, process or sitting the row is in.

    >>> Draws(np.array([4, 7]), seed=1, epoch=2)[1].random() == Draws(np.array([7]), seed=1, epoch=2)[0].random()
    True
    """

    def __init__(self, rows: Rows, *, seed: int, epoch: int) -> None:
        self.rows, self.key = rows, (seed, epoch)

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> np.random.Generator: ...

    @overload
    def __getitem__(self, place: slice) -> Draws: ...

    def __getitem__(self, place: int | slice) -> np.random.Generator | Draws:
        """The generator of one row, at its beginning."""
        seed, epoch = self.key
        if isinstance(place, slice):
            return Draws(self.rows[place], seed=seed, epoch=epoch)
        return np.random.default_rng([seed, epoch, int(self.rows[place])])


def by_length(lengths: NDArray[np.int64]) -> Rows:
    """The order of rows by their last side, then the one before, the latter up and down in turn.

    Turning the direction at each step keeps neighbours alike where one length of the target ends and the next begins.

    >>> by_length(np.array([[3, 1], [9, 2], [1, 1], [4, 2]])).tolist()
    [2, 0, 1, 3]
    """
    if lengths.shape[1] == 1:
        return np.argsort(lengths[:, 0], kind="stable")
    target = lengths[:, -1]
    step = np.unique(target, return_inverse=True)[1]
    return np.lexsort([np.where(step % 2, -lengths[:, 0], lengths[:, 0]), target])


def _sides(lengths: ArrayLike) -> NDArray[np.int64]:
    """Lengths as `(rows, sides)`."""
    array = np.asarray(lengths, np.int64)
    return array[:, None] if array.ndim == 1 else array
