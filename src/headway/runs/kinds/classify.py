"""Labels of texts and of pairs of texts: one of several, several at once, or a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headway.data.cache import TokenStore, encode
from headway.data.tables import rows_of
from headway.data.tagged import parted
from headway.errors import ConfigError, DataError, nearest
from headway.evaluation.classification import (
    class_report,
    classification_metrics,
    multi_label_metrics,
    regression_metrics,
    regression_report,
)
from headway.models.families import CLASSIFIERS
from headway.objectives.classification import Example, LabelTexts
from headway.runs.kinds.kind import Encoded, Splits, Vocabulary, note_of, one
from headway.runs.kinds.labelled import Labelled, Reads, labels_of, says, text_of, with_usual_head
from headway.runs.kinds.measuring import seconds_a_row, spread
from headway.runs.kinds.scale import Scale
from headway.spec import LabelHeadSpec, ModelSpec, Problem, RecurrentSpec, SingleStackSpec, WithoutStack
from headway.tasks.classify import Classification, classify
from headway.tasks.rows import fit
from headway.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]

NUMBER = "number"  # the label of a head that gives one
_LARGEST = float(np.finfo(np.float32).max)  # of the numbers that are learned
_VALIDATED = ("macro_f1", "micro_f1", "pearson")
_SEPARATOR = ","  # of several labels, where the configuration names none


@dataclass(frozen=True, slots=True)
class Classify(Labelled):
    """`<s> a </s>` or `<s> a </s> b </s>` → its label."""

    families: ClassVar[tuple[str, ...]] = tuple(CLASSIFIERS)

    def check(self) -> None:
        """See `Kind`; also, that only several labels are parted."""
        Labelled.check(self)
        separator, problem = self.config.data.label_separator, self._problem()
        if separator and problem != "multi":
            raise ConfigError(
                f"data.label_separator {separator!r} parts several labels, but objective.problem is {problem}; leave "
                "one of them out"
            )

    def load(self) -> datasets.DatasetDict:
        """Columns `text`, perhaps `pair`, and `label`."""
        pair = ("pair",) if self.config.data.columns.pair is not None else ()
        return self.tables(("text", *pair, "label"))

    def learn(self, data: Splits) -> Vocabulary:
        """See `Kind`."""
        return self.vocabulary(
            text for column in _text_columns(data["train"]) for (text,) in rows_of(data["train"], column)
        )

    def spec(self, vocabulary: Vocabulary, data: Splits) -> ModelSpec:
        """See `Kind`; of a fresh encoder all tokens speak for a text: few rows teach that one sooner than its first."""
        spec, reads = self.fresh(vocabulary), self.config.objective.reads
        is_encoder = isinstance(spec, SingleStackSpec) and not spec.stack.causal
        return self._headed(spec, data, reads or ("mean" if is_encoder else None))

    def headed(self, spec: ModelSpec, data: Splits) -> ModelSpec:
        """See `Kind`; a head that was trained for these labels stays, unless another way of reading is asked for."""
        found = self._headed(spec, data, self.config.objective.reads)
        own, new = (says(of) for of in (spec, found))
        return spec if own == new and self.config.objective.reads is None else found

    def _headed(self, spec: ModelSpec, data: Splits, reads: Reads | None) -> ModelSpec:
        problem = self._problem()
        labels = (NUMBER,) if problem == "regression" else labels_of(data["train"], self._separator())
        head = LabelHeadSpec(of="text", labels=labels, problem=problem)
        return with_usual_head(spec, head, reads)

    def suits(self, spec: ModelSpec) -> str:
        """See `Kind`."""
        return "has no encoder to put a head on" if isinstance(spec, RecurrentSpec) else ""

    def encode(self, data: Splits, split: str, vocabulary: Vocabulary, spec: ModelSpec) -> Encoded:
        """Rows as the model reads them; what is too long is cut in the split that is measured.

        Numbers are measured by the scale of those of the training split.
        """
        assert isinstance(spec, SingleStackSpec | WithoutStack)
        rows, tokenizer, head = data[split], one(vocabulary), spec.label_head
        assert head is not None
        stores = [encode(rows[column], tokenizer, title=f"{split} {column}") for column in _text_columns(rows)]
        labels, scale = _numbers(rows, split, head, self._separator()), None
        if head.problem == "regression":
            scale = Scale.of(_numbers(data["train"], "train", head, None), centred=head.bias)
            labels = scale.of_numbers(labels)
        if split == "train" and "test" in data:  # what is wrong there is said now, not when all is learned
            _numbers(data["test"], "test", head, self._separator())
        most, rule, special = self.reach(spec), self.config.data.too_long, tokenizer.wrapping_cost(len(stores) > 1)
        if most < special + len(stores):
            raise ConfigError(
                f"a row of {most} tokens, of which {special} are special, has no room for text; raise data.max_length"
            )
        lengths = np.sum([store.lengths for store in stores], axis=0) + special
        is_long = lengths > most
        kept = np.flatnonzero(~is_long) if rule == "drop" and split == "train" else np.arange(len(rows))
        if not len(kept):
            raise DataError(
                f"{split} split: all {len(rows):,} rows are longer than {most} tokens; raise data.max_length"
            )
        if rule == "refuse" and is_long.any():
            raise DataError(
                f"{split} split: {int(is_long.sum()):,} rows are longer than {most} tokens, the first is row "
                f"{int(is_long.argmax()) + 1:,}; raise data.max_length, or choose data.too_long truncate or drop"
            )
        done = "left out" if len(kept) < len(rows) else "cut"
        note = note_of(split, {f"rows are longer than {most} tokens and were {done}": int(is_long.sum())})
        examples = Examples(stores, labels, tokenizer, most, kept)
        return Encoded(examples, np.minimum(lengths[kept], most), note, scale=scale)

    def objective(self, spec: ModelSpec, vocabulary: Vocabulary) -> LabelTexts:
        """See `Kind`."""
        return LabelTexts(self._problem(), self.config.training.label_smoothing)

    def scores(self, model: Any, vocabulary: Vocabulary, data: Splits) -> dict[str, float]:
        """F1 of several labels, or correlation of numbers, of the first validation rows; of one label losses say it."""
        rows = self.validated(data)
        if self._problem() == "single" or not len(rows):
            return {}
        metrics = self._measured(self._classified(model, vocabulary, rows), rows, model.label_head.spec)["metrics"]
        return {name: metrics[name]["score"] for name in _VALIDATED if name in metrics}

    def evaluate(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> dict[str, Any]:
        """The metrics of the problem with their intervals, and what pictures of classes are drawn from."""
        rows, head = data[split], model.label_head.spec
        found = self._classified(model, vocabulary, rows)
        result = self._measured(found, rows, head)
        if nothing := sum(not classification.scores for classification in found):
            result["empty"] = nothing
        samples = [
            {
                "source": "\t".join(rows[column][int(i)] for column in _text_columns(rows)),
                "written": _written(found[int(i)]),
                "reference": rows["label"][int(i)].strip(),
            }
            for i in spread(len(rows))
        ]
        return result | {"rows": len(rows), "samples": samples}

    def seconds(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> tuple[float, float]:
        """See `Kind`; from rows spread over the split."""
        rows = data[split]
        each = seconds_a_row(rows, lambda some: self._classified(model, vocabulary, some))
        validated = 0 if self._problem() == "single" else len(self.validated(data))
        return each * validated, each * len(rows)

    def _problem(self) -> Problem:
        asked = self.config.objective.problem
        return asked or ("multi" if self.config.data.label_separator else "single")

    def _separator(self) -> str | None:
        """What parts the labels of a row; None: it has one."""
        return (self.config.data.label_separator or _SEPARATOR) if self._problem() == "multi" else None

    def _classified(self, model: Any, vocabulary: Vocabulary, rows: datasets.Dataset) -> list[Classification]:
        columns = _text_columns(rows)
        texts = (row if len(row) > 1 else row[0] for row in rows_of(rows, *columns))
        return list(classify(model, one(vocabulary), texts))

    def _measured(self, found: list[Classification], rows: datasets.Dataset, head: LabelHeadSpec) -> dict[str, Any]:
        """Metrics, and the classes where there are some; an empty text has no label, and the mean number."""
        references, labels = [label for (label,) in rows_of(rows, "label")], head.labels
        if head.problem == "regression":
            numbers = [_number(text, rows, i) for i, text in enumerate(references)]
            given = [_said(row, float(np.mean(numbers))) for row in found]
            return {"metrics": regression_metrics(given, numbers), "classes": regression_report(given, numbers)}
        if head.problem == "multi":
            several = [parted(text, self._separator()) for text in references]
            predicted = [row.labels for row in found]
            scores = [row.scores or dict.fromkeys(labels, 0.0) for row in found]
            return {
                "metrics": multi_label_metrics(predicted, several, labels=labels),
                "classes": class_report(predicted, several, labels=labels, confidences=scores),
            }
        said, references = [row.label for row in found], [_single(text) for text in references]
        confidences = [max(row.scores.values(), default=1 / len(labels)) for row in found]
        return {
            "metrics": classification_metrics(said, references, labels=labels),
            "classes": class_report(said, references, labels=labels, confidences=confidences),
        }


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows of one text or of two, with what stands around them, no longer than `most` tokens."""

    stores: Sequence[TokenStore]
    labels: NDArray[np.generic]
    around: Tokenizer
    most: int
    kept: NDArray[np.int64]  # the rows, by their number in the split

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, place: int) -> Example:
        """One row."""
        row = int(self.kept[place])
        texts = [store[row].tolist() for store in self.stores]
        return Example(fit(self.around, self.most, *texts, name=f"row {row + 1}").read, self.labels[row])


def _text_columns(rows: datasets.Dataset) -> list[str]:
    return [column for column in ("text", "pair") if column in rows.column_names]


def _numbers(rows: datasets.Dataset, split: str, head: LabelHeadSpec, separator: str | None) -> NDArray[np.generic]:
    """Labels as the loss takes them.

    Raises:
        DataError: a row has a label that the model has not, or no number where one is learned.
    """
    column = [label for (label,) in rows_of(rows, "label")]
    if head.problem == "regression":
        return np.array([[_number(text, rows, i, split)] for i, text in enumerate(column)], np.float32)
    places = {label: place for place, label in enumerate(head.labels)}
    if head.problem == "single":
        return np.array([_place(_single(text), places, rows, i, split) for i, text in enumerate(column)], np.int64)
    table = np.zeros((len(rows), len(places)), np.float32)
    for i, text in enumerate(column):
        for label in parted(text, separator or _SEPARATOR):
            table[i, _place(label, places, rows, i, split)] = 1
    return table


def _single(cell: str) -> str:
    """The label of a row that has one."""
    return ", ".join(parted(cell, None))


def _place(label: str, places: dict[str, int], rows: datasets.Dataset, row: int, split: str) -> int:
    if label not in places:
        what = f"{split} split: {text_of(rows, row)} has"
        raise DataError(
            f"{what} the label {label!r}, which no training row has; {nearest(label, places)}"
            if label.strip()
            else f"{what} no label; give it one, or leave the row out"
        )
    return places[label]


def _number(text: str, rows: datasets.Dataset, row: int, split: str = "") -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) <= _LARGEST:
        raise DataError(
            f"{f'{split} split: ' if split else ''}{text_of(rows, row)} has the label {text!r}; a number is expected"
        )
    return value


def _said(found: Classification, otherwise: float) -> float:
    """The number of a text, whatever the model calls it; an empty text has none."""
    return next(iter(found.scores.values()), otherwise)


def _written(found: Classification) -> str:
    if found.problem == "regression":
        return f"{_said(found, 0.0):.2f}"
    return ", ".join(f"{label} {found.scores[label]:.0%}" for label in found.labels)
