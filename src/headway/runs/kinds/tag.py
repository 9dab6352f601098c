"""Labels of words, or of characters: parts of speech, and names as `B-X` and `I-X`."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headway.data.progress import progress
from headway.data.tables import rows_of
from headway.data.tagged import Unit, labels_of, names_of, units_of
from headway.errors import ConfigError, DataError, nearest
from headway.evaluation.entities import Lexicon, is_bio, tagging_metrics, tagging_report
from headway.objectives.tagging import TaggedWindow, TagWords
from headway.runs.kinds.kind import Encoded, Splits, Vocabulary, note_of, one
from headway.runs.kinds.labelled import Labelled, quoted, with_usual_head
from headway.runs.kinds.measuring import seconds_a_row, spread
from headway.spec import LabelHeadSpec, ModelSpec, SingleStackSpec, TransformerSpec
from headway.tasks.tag import Tagged, Words, tag, words_of

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]

_MAIN = ("entity_f1", "macro_f1", "accuracy")


@dataclass(frozen=True, slots=True)
class Tag(Labelled):
    """`<s> a b c </s>` → a label for each word."""

    families: ClassVar[tuple[str, ...]] = ("bert", "roberta", "gpt2", "bloom", "t5", "llama", "qwen2")
    unit: ClassVar[str] = "sentences"

    def load(self) -> datasets.DatasetDict:
        """Columns `text` and `label`: a label for each word, or character, as `data.tagged` has them."""
        return self.tables(("text", "label"), self.config.data.unit)

    def learn(self, data: Splits) -> Vocabulary:
        """See `Kind`."""
        return self.vocabulary(_texts(data["train"]))

    def spec(self, vocabulary: Vocabulary, data: Splits) -> ModelSpec:
        """See `Kind`; it is made for sentences of `data.max_length`, if nothing else is said."""
        spec, longest = self.headed(self.fresh(vocabulary), data), self.config.model.max_length
        assert isinstance(spec, SingleStackSpec)
        stack = dataclasses.replace(spec.stack, max_length=longest or self.config.data.max_length)
        return dataclasses.replace(spec, stack=stack)

    def headed(self, spec: ModelSpec, data: Splits) -> ModelSpec:
        """See `Kind`; a model that gives all the labels of the data to words stays as it is."""
        labels = tags_of(data["train"])
        head = spec.label_head if isinstance(spec, SingleStackSpec) else None
        if head is not None and head.of == "tokens" and {*labels} <= {*head.labels}:
            return spec
        return with_usual_head(spec, LabelHeadSpec(of="tokens", labels=labels))

    def suits(self, spec: ModelSpec) -> str:
        """See `Kind`."""
        return "" if isinstance(spec, SingleStackSpec | TransformerSpec) else "has no encoder to put a head on"

    def encode(self, data: Splits, split: str, vocabulary: Vocabulary, spec: ModelSpec) -> Encoded:
        """Sentences as the model reads them, in windows that overlap where they are longer than that."""
        assert isinstance(spec, SingleStackSpec)
        assert spec.label_head is not None
        config, tokenizer = self.config.data, one(vocabulary)
        room = self.reach(spec) - tokenizer.wrapping_cost(False)
        if room < 1:
            raise ConfigError(f"data.max_length {config.max_length} leaves no room for a word; raise it")
        places = {label: place for place, label in enumerate(spec.label_head.labels)}
        rows, seen = _Rows(), _Seen()
        with progress(f"encoding {split}", len(data[split]), "rows") as advance:
            for number, (text, cell) in enumerate(rows_of(data[split], "text", "label")):
                labels = labels_of(cell)
                words = words_of(tokenizer, text, config.unit, room, config.stride)
                seen.add(words, labels)
                numbers = _numbers(words, labels, places, f"{split} split: {quoted(text, number)}")
                for window, labelled in _labelled(words, numbers):
                    wrapped = tokenizer.wrap(words.ids[slice(*words.windows[window])])
                    shift = wrapped.first_start - words.windows[window][0]
                    rows.add(wrapped.ids, [(piece + shift, label) for piece, label in labelled])
                advance(1)
        if config.too_long == "refuse" and seen.long:
            raise DataError(
                f"{split} split: {seen.long:,} sentences are longer than {room} tokens; raise data.max_length, or let "
                "them be read in windows (data.too_long drop)"
            )
        if not len(rows):
            raise DataError(f"{split} split: none of {len(data[split]):,} rows has a word; give a file with words")
        return Encoded(rows, rows.lengths, seen.note(split, room))

    def objective(self, spec: ModelSpec, vocabulary: Vocabulary) -> TagWords:
        """See `Kind`."""
        return TagWords(self.config.training.label_smoothing)

    def scores(self, model: Any, vocabulary: Vocabulary, data: Splits) -> dict[str, float]:
        """Entity F1, or where labels are no names macro-F1, of the first validation rows."""
        rows = self.validated(data)
        metrics = tagging_metrics(self._tagged(model, vocabulary, rows), _labels(rows)) if len(rows) else {}
        return {name: metrics[name]["score"] for name in _MAIN[:2] if name in metrics}

    def evaluate(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> dict[str, Any]:
        """F1 and accuracy with intervals, those of a lexicon beside them, and the F1 of each type."""
        rows, references, unit = data[split], _labels(data[split]), self.config.data.unit
        predicted = self._tagged(model, vocabulary, rows)
        metrics = tagging_metrics(predicted, references)
        if "train" in data:
            lexicon = Lexicon(_texts(data["train"]), _labels(data["train"]), unit)
            known = tagging_metrics([lexicon.tag(text) for text in _texts(rows)], references)
            metrics |= {f"lexicon_{name}": known[name] for name in _MAIN if name in known}
        unseen = sorted({label for row in references for label in row} - {*model.label_head.spec.labels})
        shown = [(rows["text"][int(i)], predicted[int(i)], references[int(i)]) for i in spread(len(rows))]
        return {
            "metrics": metrics,
            "classes": tagging_report(predicted, references),
            **({"unseen_labels": unseen} if unseen else {}),
            "rows": len(rows),
            "words": sum(map(len, references)),
            "samples": [
                {"source": text, "written": _written(text, given, unit), "reference": _written(text, right, unit)}
                for text, given, right in shown
            ],
        }

    def seconds(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> tuple[float, float]:
        """See `Kind`; from rows spread over the split."""
        rows = data[split]
        each = seconds_a_row(rows, lambda some: self._tagged(model, vocabulary, some))
        return each * len(self.validated(data)), each * len(rows)

    def _tagged(self, model: Any, vocabulary: Vocabulary, rows: datasets.Dataset) -> list[list[str]]:
        """The labels of each row, as the command gives them."""
        unit, stride, most = self.config.data.unit, self.config.data.stride, self.reach(model.spec)
        found: Iterator[Tagged] = tag(model, one(vocabulary), _texts(rows), unit, max_length=most, stride=stride)
        return [[word.label for word in line.tokens] for line in found]


class _Rows:
    """Windows and the labels in them, end to end."""

    def __init__(self) -> None:
        self._ids, self._places, self._labels = array("i"), array("i"), array("i")
        self._ends, self._label_ends = array("q", [0]), array("q", [0])

    def add(self, ids: Sequence[int], labelled: Sequence[tuple[int, int]]) -> None:
        """One window: what the model reads, and the places and numbers of its labels."""
        self._ids.extend(ids)
        self._places.extend(place for place, _ in labelled)
        self._labels.extend(label for _, label in labelled)
        self._ends.append(len(self._ids))
        self._label_ends.append(len(self._labels))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each window `(rows,)`."""
        ends = np.array(self._ends, np.int64)
        return ends[1:] - ends[:-1]

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, row: int) -> TaggedWindow:
        """One window."""
        read, said = (slice(ends[row], ends[row + 1]) for ends in (self._ends, self._label_ends))
        parts = (self._ids[read], self._places[said], self._labels[said])
        return TaggedWindow(*(np.array(part, np.int64) for part in parts))


class _Seen:
    """What a person should know of the sentences of a split."""

    def __init__(self) -> None:
        self.long = self._silent = self._headless = 0

    def add(self, words: Words, labels: Sequence[str]) -> None:
        """One sentence."""
        self.long += len(words.windows) > 1
        pairs = zip(words.units, words.pieces, strict=True)
        self._silent += sum(piece is None and not words.text[slice(*span)].isspace() for span, piece in pairs)
        self._headless += sum(labels[start][0] == "I" for _, start, _ in names_of(labels))

    def note(self, split: str, room: int) -> str:
        """All of it."""
        counts = {
            f"sentences are longer than {room} tokens and are read in windows": self.long,
            "words are nothing to the tokenizer and their labels are not learned": self._silent,
            "names begin with I-, not B-, and are taken as they are": self._headless,
        }
        return note_of(split, counts)


def tags_of(rows: datasets.Dataset) -> tuple[str, ...]:
    """The labels there are, by alphabet, `O` first.

    Raises:
        DataError: there is only one, or none.
    """
    found = {label for row in _labels(rows) for label in row}
    if len(found) < 2:
        raise DataError(
            f"train split: the only label is {', '.join(found) or 'missing'}; at least two are needed to tell words "
            "apart (is data.columns.label the right column?)"
        )
    return tuple(sorted(found, key=lambda label: (label != "O", label)))


def _numbers(words: Words, labels: Sequence[str], places: dict[str, int], name: str) -> list[int]:
    """The numbers of the labels of a row, which an error calls by its name.

    Raises:
        DataError: there is not one for each word, or the model does not know one.
    """
    if len(labels) != len(words.units):
        raise DataError(f"{name} has {len(words.units)} words and {len(labels)} labels; each needs one (data.unit)")
    for label in labels:
        if label not in places:
            raise DataError(f"{name} has the label {label!r}, which no training row has; {nearest(label, places)}")
    return [places[label] for label in labels]


def _labelled(words: Words, numbers: Sequence[int]) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Each window in which something has a label, with the pieces that have one; of several words the first says it."""
    found: dict[int, list[tuple[int, int]]] = {}
    before = None
    for piece, window, number in zip(words.pieces, words.window_of, numbers, strict=True):
        if piece is not None and piece != before:
            found.setdefault(window, []).append((piece, number))
        before = piece
    yield from found.items()


def _texts(rows: datasets.Dataset) -> Iterator[str]:
    return (text for (text,) in rows_of(rows, "text"))


def _labels(rows: datasets.Dataset) -> list[list[str]]:
    return [labels_of(cell) for (cell,) in rows_of(rows, "label")]


def _written(text: str, labels: Sequence[str], unit: Unit) -> str:
    """The names with their types, or where labels are none each word with its own."""
    units = units_of(text, unit)
    if not is_bio(labels) and {*labels} - {"O"}:
        return " ".join(f"{text[start:end]}/{label}" for (start, end), label in zip(units, labels, strict=True))
    names = [f"{text[units[start][0] : units[end - 1][1]]} {kind}" for kind, start, end in names_of(labels)]
    return ", ".join(names) or "no names"
