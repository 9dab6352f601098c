"""Texts with labels as a recipe reads them, and the linear models that `tfidf` and `features` put on their vectors."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headway.config import load_recipe, parse_overrides
from headway.data.tagged import parted
from headway.errors import ConfigError
from headway.evaluation.classification import (
    Metrics,
    classification_metrics,
    multi_label_metrics,
    regression_metrics,
)
from headway.runs.kinds import kind_of
from headway.runs.kinds.labelled import labels_of

MOST_ITERATIONS = 500
Predict = Callable[[Any], list[Any]]


@dataclass(frozen=True)
class Rows:
    """One split; of a pair both texts stand in one, parted by a line end."""

    texts: list[str]
    labels: list[Any]  # a label, a list of them, or a number


@dataclass(frozen=True)
class Labelled:
    """The rows of a recipe: exactly those that `headway train` learns from, chooses by and is measured on."""

    problem: str
    labels: tuple[str, ...]  # none of numbers
    splits: dict[str, Rows]

    @property
    def measured(self) -> str:
        """The split that the score is told of."""
        return "test" if "test" in self.splits else "validation"

    def measure(self, predicted: Sequence[Any], split: str) -> Metrics:
        """The metrics of the problem, the one that choices are made by first."""
        references = self.splits[split].labels
        if self.problem == "regression":
            return regression_metrics(predicted, references)
        measure = multi_label_metrics if self.problem == "multi" else classification_metrics
        return measure(predicted, references, labels=self.labels)


def read(recipe: str, overrides: Sequence[str] = ()) -> Labelled:
    """The splits of a recipe, with keys such as `--data.share 0.1` on top.

    Raises:
        ConfigError: the recipe does not classify, or has no validation rows to choose by.
    """
    config = load_recipe(recipe, parse_overrides(overrides))
    if config.task != "classify":
        raise ConfigError(f"{recipe} learns to {config.task}; name a recipe whose task is classify")
    tables, separator = kind_of(config).load(), config.data.label_separator
    if not {"train", "validation"} <= set(tables):
        raise ConfigError(f"{recipe} has the splits {', '.join(tables)}; choices need --data.validation too")
    problem = config.objective.problem or ("multi" if separator else "single")
    labels = () if problem == "regression" else labels_of(tables["train"], separator)

    def label(text: str) -> Any:
        if problem == "multi":
            return parted(text, separator or ",")
        return float(text) if problem == "regression" else text

    splits = {}
    for split, table in tables.items():
        columns = [table[column][:] for column in ("text", "pair") if column in table.column_names]
        texts = ["\n".join(parts) for parts in zip(*columns, strict=True)]
        splits[split] = Rows(texts, [label(text) for text in table["label"]])
    return Labelled(problem, labels, splits)


def fit(data: Labelled, vectors: Any, strength: float) -> Predict:
    """Logistic regression, one for each label where there are several, or ridge regression: vectors → labels.

    Args:
        data: its training rows are learned.
        vectors: of these rows `(rows, width)`, perhaps sparse.
        strength: C of scikit-learn, the inverse of the regularisation.
    """
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier

    references = data.splits["train"].labels
    if data.problem == "regression":
        ridge = Ridge(alpha=1 / strength).fit(vectors, references)
        return lambda found: ridge.predict(found).tolist()
    logistic = LogisticRegression(C=strength, max_iter=MOST_ITERATIONS)
    if data.problem == "single":
        logistic.fit(vectors, references)
        return lambda found: logistic.predict(found).tolist()
    number = {name: place for place, name in enumerate(data.labels)}
    table = np.zeros((len(references), len(number)), int)
    for row, names in enumerate(references):
        table[row, [number[name] for name in names]] = 1
    several = OneVsRestClassifier(logistic).fit(vectors, table)
    return lambda found: [[data.labels[i] for i in np.flatnonzero(row)] for row in several.predict(found)]


def choose(data: Labelled, vectors: dict[str, Any], strengths: Sequence[float], *, title: str) -> dict[str, Any]:
    """The model of the strength that is best on the validation rows, measured on the test rows.

    Args:
        data: what was read.
        vectors: of each split.
        strengths: those that are tried.
        title: what a person is told of, on stderr.

    Returns:
        `strength`, its `validation` score, the `metrics` and the `seconds` that the fits took.
    """
    begun, best = time.perf_counter(), None
    for strength in strengths:
        predict = fit(data, vectors["train"], strength)
        name, values = next(iter(data.measure(predict(vectors["validation"]), "validation").items()))
        print(f"{title}, C {strength:g}: {name} {values['score']:.4f} on validation", file=sys.stderr)
        if best is None or values["score"] > best[0]:
            best = values["score"], strength, predict
    assert best is not None
    return {
        "strength": best[1],
        "validation": {name: best[0]},
        "metrics": data.measure(best[2](vectors[data.measured]), data.measured),
        "seconds": round(time.perf_counter() - begun, 1),
    }


def sizes(data: Labelled) -> dict[str, int]:
    """Rows of each split."""
    return {split: len(rows.texts) for split, rows in data.splits.items()}
