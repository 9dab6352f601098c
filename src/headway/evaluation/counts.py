"""Counts and the scores they make, of many resamples at once: what `classification` needs a thousand times.

The conventions are told there. A test compares every score with torchmetrics and with scikit-learn.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.float64]


def confusion_of(given: NDArray[np.int64], right: NDArray[np.int64], labels: int) -> NDArray[np.int64]:
    """References by predictions `(labels, labels + 1)`."""
    return np.bincount(right * (labels + 1) + given, minlength=labels * (labels + 1)).reshape(labels, labels + 1)


def occurs_in(confusion: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which labels stand somewhere, as a reference or as a prediction `(…, labels)`."""
    occurs: NDArray[np.bool_] = confusion.sum(-1) + confusion.sum(-2)[..., :-1] > 0
    return occurs


def ratio(part: Any, whole: Any) -> Numbers:
    """`part / whole`, in the shape that both have together; 0 where there is nothing to divide by."""
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.divide(part, whole, out=np.zeros(np.broadcast_shapes(part.shape, whole.shape)), where=whole > 0)


def single_scores(confusion: NDArray[np.int64]) -> dict[str, Numbers]:
    """Of confusion matrices `(…, labels, labels + 1)`, references by predictions, the last of which is no label."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    support, calls = confusion.sum(-1), confusion.sum(-2)
    f1, occurs = ratio(2 * hits, support + calls[..., :-1]), occurs_in(confusion)
    rows, right = support.sum(-1).astype(np.float64), hits.sum(-1)
    product = (support * calls[..., :-1]).sum(-1)
    spread = (rows**2 - (support**2).sum(-1)) * (rows**2 - (calls**2).sum(-1))
    return {
        "accuracy": right / rows,
        "macro_f1": f1.sum(-1, where=occurs) / occurs.sum(-1),
        "mcc": ratio(right * rows - product, np.sqrt(spread)),
    }


def multi_label_statistics(given: NDArray[np.bool_], right: NDArray[np.bool_]) -> NDArray[np.float32]:
    """What is summed over rows: of each label hits, predictions, references; and exact rows `(rows, 3 labels + 1)`."""
    exact = (given == right).all(1, keepdims=True)
    return np.concatenate([given & right, given, right, exact], axis=1).astype(np.float32)


def multi_label_scores(sums: Numbers, rows: int) -> dict[str, Numbers]:
    """Of sums `(…, 3 labels + 1)` over so many rows."""
    hits, calls, support = np.split(sums[..., :-1], 3, axis=-1)
    return {
        "macro_f1": ratio(2 * hits, calls + support).mean(-1),
        "micro_f1": ratio(2 * hits.sum(-1), (calls + support).sum(-1)),
        "exact_match": sums[..., -1] / rows,
    }


def regression_scores(counts: Numbers, given: Numbers, right: Numbers) -> dict[str, Numbers]:
    """Where each row is counted so often `(resamples, rows)`; NaN where there is no correlation."""
    rows = counts.sum(1)
    (ranks, spread), (other, other_spread) = (_ranked(counts, values) for values in (given, right))
    varies = (spread > 0) & (other_spread > 0)
    x, y = ((values - values.mean()) / (values.std() or 1.0) for values in (given, right))  # sums stay small
    sum_x, sum_y, xx, yy, xy = (counts @ np.stack([x, y, x * x, y * y, x * y], axis=1)).T
    product = np.sqrt((xx - sum_x**2 / rows) * (yy - sum_y**2 / rows), where=varies, out=np.ones(len(rows)))
    return {
        "pearson": np.where(varies, (xy - sum_x * sum_y / rows) / product, np.nan),
        "spearman": ratio((counts * ranks * other).sum(1), np.sqrt(spread * other_spread))
        + np.where(varies, 0, np.nan),
        "rmse": np.sqrt(counts @ (given - right) ** 2 / rows),
    }


def _ranked(counts: Numbers, values: Numbers) -> tuple[Numbers, Numbers]:
    """The rank of each row among those that are counted, less the mean rank, and the sum of the squares.

    Equal values share their mean rank: `(resamples, rows)` and `(resamples,)`.
    """
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    sizes = np.add.reduceat(counts[:, order], starts, axis=1)
    ranks = sizes.cumsum(1) - (sizes - 1) / 2 - (counts.sum(1, keepdims=True) + 1) / 2
    return ranks[:, group], (sizes * ranks**2).sum(1)
