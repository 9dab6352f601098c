"""How well texts are labelled: accuracy, F1, MCC and correlations, each with its 95 % interval by the bootstrap.

Scores are those of torchmetrics. The thousand resamples are scored from counts of our own, which give the same values.
Where a value could be told in two ways:

- F1, precision and recall are 0 where there is nothing to divide by.
- Macro-F1 of one label a row is the mean over the labels that occur, as a reference or as a prediction; of several
  labels a row it is the mean over all labels. So do torchmetrics and scikit-learn when no more is said.
- MCC is 0 where all references, or all predictions, are the same.
- A row that was given no label is wrong, and a prediction of none of the classes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headway.errors import DataError
from headway.evaluation.bootstrap import interval, resampled, resampled_kinds, resampled_sums
from headway.evaluation.counts import (
    Numbers,
    confusion_of,
    multi_label_scores,
    multi_label_statistics,
    occurs_in,
    ratio,
    regression_scores,
    single_scores,
)

BINS = 10  # of confidence, of equal width
POINTS = 2000  # of a regression that are kept for its picture

Metrics: TypeAlias = dict[str, dict[str, Any]]


def classification_metrics(
    predicted: Sequence[str | None], references: Sequence[str], *, labels: Sequence[str]
) -> Metrics:
    """Accuracy, macro-F1 and the correlation of Matthews (1975) of one label a row.

    Args:
        predicted: a label a row; None: the row was given none.
        references: the right one.
        labels: all that the model knows.

    Returns:
        `{"accuracy": {"score", "low", "high"}, "macro_f1": …, "mcc": …}`.

    Raises:
        DataError: no rows, numbers of rows that differ, or a label that is not among `labels`.
    """
    import torch
    from torchmetrics.functional.classification import (
        multiclass_accuracy,
        multiclass_f1_score,
        multiclass_matthews_corrcoef,
    )

    given, right = _single(predicted, references, labels)
    confusion, classes = confusion_of(given, right, len(labels)), len(labels) + 1  # the last one is none of them
    pair = torch.from_numpy(given), torch.from_numpy(right)
    occurs = torch.from_numpy(occurs_in(confusion))
    scores = {
        "accuracy": multiclass_accuracy(*pair, classes, average="micro", validate_args=False),
        "macro_f1": multiclass_f1_score(*pair, classes, average="none", validate_args=False)[:-1][occurs].mean(),
        "mcc": multiclass_matthews_corrcoef(*pair, classes, validate_args=False),
    }
    drawn = resampled_kinds(confusion.ravel()).reshape(-1, *confusion.shape)
    return with_intervals(scores, single_scores(drawn))


def multi_label_metrics(
    predicted: Sequence[Collection[str]], references: Sequence[Collection[str]], *, labels: Sequence[str]
) -> Metrics:
    """Macro-F1, micro-F1 and the share of rows whose labels are exactly right, of several labels a row.

    Args:
        predicted: the labels of each row, perhaps none.
        references: the right ones.
        labels: all that the model knows.

    Returns:
        `{"macro_f1": {"score", "low", "high"}, "micro_f1": …, "exact_match": …}`.

    Raises:
        DataError: no rows, numbers of rows that differ, or a label that is not among `labels`.
    """
    import torch
    from torchmetrics.functional.classification import multilabel_exact_match, multilabel_f1_score

    given, right = _several(predicted, references, labels)
    pair = torch.from_numpy(given.astype(np.int64)), torch.from_numpy(right.astype(np.int64))
    scores = {
        "macro_f1": multilabel_f1_score(*pair, len(labels), average="macro", validate_args=False),
        "micro_f1": multilabel_f1_score(*pair, len(labels), average="micro", validate_args=False),
        "exact_match": multilabel_exact_match(*pair, len(labels), validate_args=False),
    }
    statistics = multi_label_statistics(given, right)
    return with_intervals(scores, multi_label_scores(resampled_sums(statistics), len(given)))


def regression_metrics(predicted: Sequence[float], references: Sequence[float]) -> Metrics:
    """The correlations of Pearson and Spearman, and the root of the mean squared error.

    Where all predictions or all references are one number there is no correlation: those two are left out, and `rmse`
    has a `note` that says so.

    Returns:
        `{"pearson": {"score", "low", "high"}, "spearman": …, "rmse": …}`.

    Raises:
        DataError: no rows, numbers of rows that differ, or a value that is no finite number.
    """
    import torch
    from torchmetrics.functional.regression import mean_squared_error, pearson_corrcoef, spearman_corrcoef

    given, right = _finite(predicted, references)
    pair = torch.from_numpy(given), torch.from_numpy(right)
    scores = {"rmse": mean_squared_error(*pair, squared=False)}
    lacking = [
        f"all {name} are {float(values[0]):g}"
        for name, values in (("predictions", given), ("references", right))
        if np.ptp(values) == 0
    ]
    if not lacking:
        scores = {"pearson": pearson_corrcoef(*pair), "spearman": spearman_corrcoef(*pair)} | scores
    drawn = [regression_scores(counts.astype(np.float64), given, right) for counts in resampled(len(given))]
    metrics = with_intervals(scores, {name: np.concatenate([some[name] for some in drawn]) for name in scores})
    if lacking:
        metrics["rmse"]["note"] = f"no correlation: {' and '.join(lacking)}"
    return metrics


def class_report(
    predicted: Sequence[Any],
    references: Sequence[Any],
    *,
    labels: Sequence[str],
    confidences: Sequence[float | Mapping[str, float]] | None = None,
) -> dict[str, Any]:
    """What the pictures of a labelling show, as plain data: see `explain.label_figures`.

    Args:
        predicted: a label a row, or None; or the labels of each row, a collection.
        references: likewise.
        labels: all that the model knows.
        confidences: of each row the probability of the label that it was given, or that of every label. Rows of several
            labels need the latter; there each label of each row is a question by itself: is it given?

    Returns:
        `labels`; `per_class`: `{label: {"precision", "recall", "f1", "support"}}`; of one label a row `confusion`, rows
        of references and columns of predictions, and where there are such `unlabelled`, how many of each reference were
        given none; with `confidences` `calibration`, `[{"confidence", "accuracy", "count"}]` of each bin of confidence
        that is not empty, and `expected_calibration_error` (Guo et al. 2017, eq. 3).

    Raises:
        DataError: as the metrics do.
    """
    report: dict[str, Any] = {"labels": list(labels)}
    if _is_single(references):
        given, right = _single(predicted, references, labels)
        confusion = confusion_of(given, right, len(labels))
        report["confusion"] = confusion[:, :-1].tolist()
        if confusion[:, -1].any():
            report["unlabelled"] = confusion[:, -1].tolist()
        hits, support, calls = np.diagonal(confusion), confusion.sum(1), confusion.sum(0)[:-1]
    else:
        said, true = _several(predicted, references, labels)
        hits, support, calls = (said & true).sum(0), true.sum(0), said.sum(0)
    rates = np.stack([ratio(hits, calls), ratio(hits, support), ratio(2 * hits, support + calls)], axis=1)
    report["per_class"] = {
        label: dict(zip(("precision", "recall", "f1"), row, strict=True)) | {"support": count}
        for label, row, count in zip(labels, rates.tolist(), support.tolist(), strict=True)
    }
    if confidences is not None:
        report |= _calibration(*_judged(predicted, references, labels, confidences))
    return report


def regression_report(predicted: Sequence[float], references: Sequence[float]) -> dict[str, Any]:
    """`points`, `[[reference, prediction]]`: at most 2,000 of the rows, evenly spaced, for a picture."""
    given, right = _finite(predicted, references)
    chosen = np.unique(np.linspace(0, len(given) - 1, min(len(given), POINTS)).astype(int))
    return {"points": np.stack([right, given], axis=1)[chosen].tolist()}


def _calibration(confidences: Numbers, right: NDArray[np.bool_]) -> dict[str, Any]:
    """The bins are half open, but the last holds 1."""
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    means = [ratio(np.bincount(bins, weights, BINS), counts) for weights in (confidences, right.astype(float))]
    error = np.abs(means[0] - means[1]) @ counts / max(1, counts.sum())
    rows = zip(*(column.tolist() for column in (*means, counts)), strict=True)
    named = [dict(zip(("confidence", "accuracy", "count"), row, strict=True)) for row in rows]
    return {"calibration": [row for row in named if row["count"]], "expected_calibration_error": float(error)}


def _judged(
    predicted: Sequence[Any], references: Sequence[Any], labels: Sequence[str], confidences: Sequence[Any]
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Each probability that was told, and whether what it was told of is so."""
    if len(confidences) != len(references):
        raise DataError(f"{len(confidences):,} confidences of {len(references):,} rows; give one a row")
    told: list[tuple[float, bool]] = []
    for said, right, sure in zip(predicted, references, confidences, strict=True):
        if not isinstance(right, str):
            told += [(sure[label], label in right) for label in labels if label in sure]
        elif said is not None:
            told.append((sure[said] if isinstance(sure, Mapping) else sure, said == right))
    values = np.array(told, float).reshape(-1, 2)
    return values[:, 0], values[:, 1] > 0


def _single(
    predicted: Sequence[Any], references: Sequence[Any], labels: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of labels `(rows,)`; none is the one after the last."""
    _same_rows(predicted, references)
    number = {label: place for place, label in enumerate(labels)}
    _known([[label] for label in references], number, "reference")
    _known([[label] for label in predicted if label is not None], number, "prediction")
    given = [len(labels) if label is None else number[label] for label in predicted]
    return np.array(given), np.array([number[label] for label in references])


def _several(
    predicted: Sequence[Collection[str]], references: Sequence[Collection[str]], labels: Sequence[str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each row has each label `(rows, labels)`."""
    _same_rows(predicted, references)
    number = {label: place for place, label in enumerate(labels)}
    tables = []
    for rows, name in ((predicted, "prediction"), (references, "reference")):
        _known(rows, number, name)
        table = np.zeros((len(rows), len(labels)), bool)
        for row, found in enumerate(rows):
            table[row, [number[label] for label in found]] = True
        tables.append(table)
    return tables[0], tables[1]


def _known(rows: Sequence[Collection[str]], number: Mapping[str, int], name: str) -> None:
    for row, found in enumerate(rows, 1):
        for label in found:
            if label not in number:
                shown = ", ".join(list(number)[:8]) + (", …" if len(number) > 8 else "")
                raise DataError(f"row {row:,}: the {name} {label!r} is none of the {len(number)} labels ({shown})")


def _finite(predicted: Sequence[float], references: Sequence[float]) -> tuple[Numbers, Numbers]:
    _same_rows(predicted, references)
    given, right = np.asarray(predicted, float), np.asarray(references, float)
    for values, name in ((given, "prediction"), (right, "reference")):
        if len(wrong := np.flatnonzero(~np.isfinite(values))):
            raise DataError(f"row {wrong[0] + 1:,}: the {name} is {values[wrong[0]]}; a finite number is expected")
    return given, right


def _same_rows(predicted: Sequence[Any], references: Sequence[Any]) -> None:
    if len(predicted) != len(references) or not len(references):
        raise DataError(f"{len(predicted):,} predictions against {len(references):,} references; give one a row")


def _is_single(references: Sequence[Any]) -> bool:
    return bool(len(references)) and isinstance(references[0], str)


def with_intervals(scores: Mapping[str, Any], drawn: Mapping[str, Numbers]) -> Metrics:
    """Each score with the interval of those drawn; scores are of single precision, so six digits are told."""
    return {name: {"score": round(float(score), 6)} | interval(drawn[name]) for name, score in scores.items()}
