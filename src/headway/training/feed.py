"""Rows of a data set as the batches of one process.

The plan of an epoch is the same for any number of processes: a batch is the rows of one optimizer step, and each
process takes its parts of it. So a step means the same whatever computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headway.data.batching import Draws, Rows, TokenBatches
from headway.objectives.losses import Batch
from headway.training.distributed import World


class Rowed(Protocol):
    """An encoded data set: one item a row."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Feed:
    """What the loop asks for batches."""

    rows: Rowed  # the encoded data set
    lengths: NDArray[np.int64]  # `(rows,)` or `(rows, 2)`, in tokens
    batches: TokenBatches
    collate: Callable[[list[Any], Draws], Batch]
    world: World = World()
    accumulation: int = 1
    release: Callable[[], None] = lambda: None  # gives back the memory of what was read of a file

    def epoch(self, number: int) -> list[Rows]:
        """The batches of one pass over the data, as row numbers."""
        return self.batches.epoch(number)

    def parts(self, batch: Rows, epoch: int = 0) -> list[tuple[Batch, bool]]:
        """This process's micro-batches of a batch of an epoch; False marks a stand-in that must count nothing.

        Every process gets as many: those of a sharded model need each other in each forward pass.
        """
        size = self.world.size
        shares = self.batches.split(batch, size * self.accumulation)
        given = [[share for share in shares[rank::size] if len(share)] for rank in range(size)]
        mine = given[self.world.rank]
        parts = [(self._collate(share, epoch), True) for share in mine]
        return parts + [(self._collate(batch[:1], epoch), False)] * (max(map(len, given)) - len(mine))

    def tokens(self, batch: Rows) -> int:
        """The real tokens of a batch."""
        return int(self.lengths[batch].sum())

    def padded_tokens(self, batch: Rows) -> int:
        """The places of a batch's grid, with and without a token."""
        return len(batch) * int(self.lengths[batch].max(axis=0).sum())

    def _collate(self, rows: Rows, epoch: int) -> Batch:
        draws = Draws(rows, seed=self.batches.seed, epoch=epoch)
        return self.collate([self.rows[int(row)] for row in rows], draws)
