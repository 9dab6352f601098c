"""How well words are labelled: names found exactly (nervaluate, strict) where labels are `B-X` and `I-X`, else F1.

A name is right if its first word, its last word and its type are. `I-X` that follows neither `B-X` nor `I-X` begins a
name, as with nervaluate. Intervals are by the bootstrap over sentences. A lexicon that knows no context stands beside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway.data.tagged import Unit, units_of
from headway.errors import DataError
from headway.evaluation.bootstrap import resampled_sums
from headway.evaluation.classification import Metrics, class_report, with_intervals
from headway.evaluation.counts import Numbers, ratio

Sentences = Sequence[Sequence[str]]  # of labels


def is_bio(labels: Iterable[str]) -> bool:
    """Whether these labels are of the BIO scheme: `O`, `B-X` and `I-X`, and not `O` alone."""
    found = set(labels) - {"O"}
    return bool(found) and all(label[:2] in ("B-", "I-") for label in found)


def tagging_metrics(predicted: Sentences, references: Sentences) -> Metrics:
    """Entity F1, precision and recall, and accuracy of words; without `B-X` and `I-X` macro-F1 and accuracy.

    Macro-F1 is the mean over the labels that occur, as a reference or as a prediction.

    Returns:
        `{"entity_f1": {"score", "low", "high", "signature"}, "entity_precision": …, …}`, from 0 to 1.

    Raises:
        DataError: there are no sentences, or one has not as many predictions as references.
    """
    _check(predicted, references)
    words = np.array([[_hits(*pair), len(pair[0])] for pair in zip(predicted, references, strict=True)], np.float32)
    is_named = is_bio(label for rows in (predicted, references) for row in rows for label in row)
    found, signature = (_entities if is_named else _labels)(predicted, references)
    statistics = np.concatenate([words, found], axis=1)
    scores = _scores(statistics.sum(0, dtype=np.float64, keepdims=True), is_named=is_named)
    drawn = _scores(resampled_sums(statistics), is_named=is_named)
    metrics = with_intervals({name: score[0] for name, score in scores.items()}, drawn)
    if signature:
        metrics["entity_f1"]["signature"] = signature
    return metrics


def tagging_report(predicted: Sentences, references: Sentences) -> dict[str, Any]:
    """Precision, recall, F1 and count of each type of name, or of each label, as `class_report` has them."""
    _check(predicted, references)
    flat = [[label for row in rows for label in row] for rows in (predicted, references)]
    if not is_bio([*flat[0], *flat[1]]):
        return class_report(flat[0], flat[1], labels=sorted({*flat[0], *flat[1]}))
    hits, calls, support = Counter[str](), Counter[str](), Counter[str]()
    for given, right in zip(_names(predicted), _names(references), strict=True):
        for counter, names in ((hits, {*given} & {*right}), (calls, given), (support, right)):
            counter.update(name.label for name in names)
    types = sorted(calls | support)
    return {
        "labels": types,
        "per_class": {
            kind: {
                "precision": float(ratio(hits[kind], calls[kind])),
                "recall": float(ratio(hits[kind], support[kind])),
                "f1": float(ratio(2 * hits[kind], calls[kind] + support[kind])),
                "support": support[kind],
            }
            for kind in types
        },
    }


class Lexicon:
    """The most frequent labels of each word of the training text: what can be said without context.

    Where characters have labels, a word's labels are those of its characters. Unknown words and blanks are `O`, or the
    most frequent label, but a blank before `I-X` is `I-X`.
    """

    def __init__(self, texts: Iterable[str], labels: Iterable[Sequence[str]], unit: Unit) -> None:
        counts: dict[str, Counter[tuple[str, ...]]] = {}
        every = Counter[str]()
        for text, row in zip(texts, labels, strict=True):
            every.update(row)
            for word, said in _words(text, list(row), unit):
                counts.setdefault(word, Counter())[tuple(said)] += 1
        self.unit = unit
        self.outside = "O" if "O" in every else every.most_common(1)[0][0]
        self.known = {word: found.most_common(1)[0][0] for word, found in counts.items()}

    def tag(self, text: str) -> list[str]:
        """The labels of a line."""
        units = units_of(text, self.unit)
        said = [self.outside] * len(units)
        for word, places in _words(text, list(range(len(units))), self.unit):
            for place, label in zip(places, self.known.get(word, ()), strict=False):
                said[place] = label
        for place in reversed(range(len(units) - 1)):
            if text[slice(*units[place])].isspace() and said[place + 1].startswith("I-"):
                said[place] = said[place + 1]
        return said


def _words(text: str, values: list[Any], unit: Unit) -> Iterable[tuple[str, list[Any]]]:
    """Each word with the values of its units."""
    for number, (start, end) in enumerate(units_of(text, "word")):
        yield text[start:end], values[number : number + 1] if unit == "word" else values[start:end]


def _entities(predicted: Sentences, references: Sentences) -> tuple[NDArray[np.float32], str]:
    """Of each sentence how many names are right, given and there `(sentences, 3)`, and who counted."""
    from importlib.metadata import version

    from nervaluate.strategies import StrictEvaluation  # type: ignore[import-untyped]

    strict, rows = StrictEvaluation(), zip(_names(predicted), _names(references), strict=True)
    found = [strict.evaluate(right, given, [])[0] for given, right in rows]
    counts = np.array([[one.correct, one.actual, one.possible] for one in found], np.float32)
    return counts, f"nervaluate {version('nervaluate')} strict"


def _names(sentences: Sentences) -> list[list[Any]]:
    """The names in each sentence."""
    from nervaluate.loaders import ListLoader  # type: ignore[import-untyped]

    names: list[list[Any]] = ListLoader().load([list(row) for row in sentences])
    return names


def _labels(predicted: Sentences, references: Sentences) -> tuple[NDArray[np.float32], str]:
    """Of each sentence and label how often it is right, given and there `(sentences, 3 · labels)`."""
    labels = {label for rows in (predicted, references) for row in rows for label in row}
    names = {label: i for i, label in enumerate(sorted(labels))}
    counts = np.zeros((len(references), 3, len(names)), np.float32)
    for row, (said, true) in enumerate(zip(predicted, references, strict=True)):
        for given, right in zip(said, true, strict=True):
            counts[row, 1, names[given]] += 1
            counts[row, 2, names[right]] += 1
            counts[row, 0, names[right]] += given == right
    return counts.reshape(len(references), -1), ""


def _scores(sums: Numbers, *, is_named: bool) -> dict[str, Numbers]:
    """Of sums `(…, 2 + 3 · n)`: right words and words, then what `_entities` or `_labels` counts."""
    accuracy = ratio(sums[:, 0], sums[:, 1])
    hits, calls, support = np.split(sums[:, 2:], 3, axis=1)  # (…, n)
    f1 = ratio(2 * hits, calls + support)
    if not is_named:
        occurs = calls + support > 0
        return {"accuracy": accuracy, "macro_f1": ratio(f1.sum(1), occurs.sum(1))}
    rates = {"entity_f1": f1, "entity_precision": ratio(hits, calls), "entity_recall": ratio(hits, support)}
    return {**{name: rate[:, 0] for name, rate in rates.items()}, "accuracy": accuracy}


def _hits(predicted: Sequence[str], references: Sequence[str]) -> int:
    return sum(given == right for given, right in zip(predicted, references, strict=True))


def _check(predicted: Sentences, references: Sentences) -> None:
    if len(predicted) != len(references) or not len(references):
        raise DataError(f"labels of {len(predicted):,} sentences against {len(references):,}; give one a sentence")
    for number, (given, right) in enumerate(zip(predicted, references, strict=True), 1):
        if len(given) != len(right):
            raise DataError(f"sentence {number:,}: {len(given)} labels against {len(right)}; give one a word")
