"""How a run is measured, whatever its task: the batches of a split, how long all of it takes, which rows are shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from headway.data.batching import Draws, TokenBatches
from headway.evaluation.loss import mean_losses
from headway.runs.kinds.kind import Encoded, Kind, Learning, Splits, Vocabulary

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]

_SAMPLES = 3
_SEED = 12345  # of what an evaluation draws
_ROWS = 256  # of which a time is extrapolated


def evaluation_of(kind: Kind, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> dict[str, Any]:
    """What goes into `evaluation.json`: what the kind found in a split of which data, and how many seconds it took."""
    config = kind.config
    sources = {key: getattr(config.data, key) for key in ("name", "train", "validation", "test")}
    begun = time.monotonic()
    found = kind.evaluate(model, vocabulary, data, split)
    seconds = round(time.monotonic() - begun, 3)
    return {"task": config.task, "split": split, "data": sources, "seconds": seconds, **found}


def batches_of(
    encoded: Encoded, objective: Learning, budget: int, *, seed: int = _SEED, epoch: int = 0
) -> Iterator[Any]:
    """The rows of a split, packed, to be measured: the same draws every time."""
    for rows in TokenBatches(encoded.lengths, budget=budget).evaluation():
        drawn = Draws(rows, seed=seed, epoch=epoch)
        yield objective.collate([encoded.rows[int(row)] for row in rows], drawn)


def fitting(words: Sequence[str], most: int | None, cost: Callable[[str], int]) -> list[str]:
    """So many of the first words that, with blanks between, they cost at most so much; None: any number."""
    kept = list(words)
    while kept and most is not None and cost(" ".join(kept)) > most:
        kept.pop()
    return kept


def spread(items: int) -> NDArray[np.int64]:
    """A few of so many places, from 0, evenly apart `(few,)`."""
    return np.unique(np.linspace(0, max(0, items - 1), _SAMPLES + 2)[1:-1].astype(np.int64))


def timed(work: Callable[[], object]) -> float:
    """How long that takes, in seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def seconds_of_losses(
    model: Any, encoded: Encoded, objective: Learning, budget: int, *, autocast: torch.dtype | None = None
) -> float:
    """How long the losses of all rows take, from those of a few batches."""
    few = Encoded(encoded.rows, encoded.lengths[:: max(1, len(encoded) // 64)])
    batches = list(batches_of(few, objective, budget))[:4]
    seconds = timed(lambda: mean_losses(model, objective, batches, autocast=autocast))
    return seconds * int(encoded.lengths.sum()) / max(1, sum(batch.tokens for batch in batches))


def seconds_a_row(rows: datasets.Dataset, work: Callable[[datasets.Dataset], object]) -> float:
    """How long `work` takes for each of the rows, from some that are spread over them."""
    some = rows.select(range(0, len(rows), max(1, len(rows) // _ROWS)))
    return timed(lambda: work(some)) / len(some)
