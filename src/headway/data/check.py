"""A report on a data set: how many rows, how long, which are empty or repeated, and what test shares with training.

Memory use is 8 bytes a row and column: rows are compared by their hashes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from headway.data.progress import progress
from headway.data.tagged import labels_of, parted, units_of
from headway.errors import ConfigError

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]

_CHUNK = 4096  # rows read at once
_LABEL = "label"
_OUTSIDE = "O"  # what a word is labelled that belongs to no name


class Tokenizer(Protocol):
    """What the report needs of `headway.text.tokenizer.Tokenizer`."""

    @property
    def unk_id(self) -> int:
        """The id of what the vocabulary lacks; ConfigError where there is none."""
        ...

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text."""
        ...


@dataclass(frozen=True)
class Lengths:
    """The spread of the lengths of one column."""

    mean: float
    median: int
    percentile_95: int
    percentile_99: int
    longest: int


@dataclass(frozen=True)
class ColumnReport:
    """One text column; `unknown` is the share of tokens that the vocabulary lacks, 0 to 1."""

    empty: int
    characters: Lengths
    tokens: Lengths | None
    unknown: float | None


@dataclass(frozen=True)
class SplitReport:
    """One split; `duplicates` are rows equal to an earlier one, `labels` the rows (or words) of each label."""

    rows: int
    duplicates: int
    columns: Mapping[str, ColumnReport]
    labels: Mapping[str, int] | None
    unlabelled: int = 0  # rows without a label
    by_word: bool = False  # every row has as many labels as words, and one says that a word is nothing, or repeats


@dataclass(frozen=True)
class Leak:
    """Rows of a split that also stand in an earlier one: whole, or in their first column (`inputs`)."""

    split: str
    earlier: str
    rows: int
    inputs: int


@dataclass(frozen=True)
class Report:
    """What `check` found."""

    splits: Mapping[str, SplitReport]
    leaks: Sequence[Leak]


def check(
    data: Mapping[str, datasets.Dataset],
    *,
    tokenizers: Mapping[str, Tokenizer] | None = None,
    separator: str | None = None,
) -> Report:
    """Looks at every row.

    Args:
        data: the splits, as `sources.load` gives them.
        tokenizers: by column; columns without one are measured in characters only.
        separator: parts the labels of a row that has several.
    """
    splits: dict[str, SplitReport] = {}
    hashes: dict[str, tuple[_Hashes, _Hashes]] = {}
    for name, table in data.items():
        splits[name], hashes[name] = _check_split(name, table, tokenizers or {}, separator)
    names = list(data)
    leaks = [
        Leak(later, earlier, *(int(np.isin(hashes[later][i], hashes[earlier][i]).sum()) for i in (0, 1)))
        for place, later in enumerate(names)
        for earlier in names[:place]
    ]
    return Report(splits, leaks)


_Hashes = NDArray[np.uint64]


def _check_split(
    name: str, table: datasets.Dataset, tokenizers: Mapping[str, Tokenizer], separator: str | None
) -> tuple[SplitReport, tuple[_Hashes, _Hashes]]:
    """The report on one split, and the hashes of its rows and of their first column."""
    columns = [column for column in table.column_names if column != _LABEL]
    measures = {column: _Measure(tokenizers.get(column)) for column in columns}
    labels: Counter[str] = Counter()
    unlabelled, as_many, repeats = 0, {"text", _LABEL} <= set(table.column_names), False
    rows, inputs = np.empty(len(table), np.uint64), np.empty(len(table), np.uint64)
    with progress(f"checking {name}", len(table), "rows") as advance:
        for start in range(0, len(table), _CHUNK):
            chunk = table[start : start + _CHUNK]
            texts = [chunk[column] for column in table.column_names]
            end = start + len(texts[0])
            rows[start:end] = list(map(_hash, zip(*texts, strict=True)))
            inputs[start:end] = [_hash((text,)) for text in texts[0]]
            for column in columns:
                measures[column].add(chunk[column])
            for cell in chunk.get(_LABEL, []):
                found = parted(cell, separator)
                labels.update(found)
                unlabelled += not found
                repeats = repeats or len(set(found)) < len(found)
            as_many = as_many and all(map(_are_as_many, chunk["text"], chunk[_LABEL]))
            advance(end - start)
    report = SplitReport(
        rows=len(table),
        duplicates=len(table) - len(np.unique(rows)),
        columns={column: measure.report() for column, measure in measures.items()},
        labels=dict(labels.most_common()) if _LABEL in table.column_names else None,
        unlabelled=unlabelled,
        by_word=as_many and (repeats or _OUTSIDE in labels),
    )
    return report, (rows, inputs)


def _are_as_many(text: str, cell: str) -> bool:
    """Whether there is a list with a label for each word."""
    labels = labels_of(cell)
    return labels != [cell] and len(labels) == len(units_of(text, "word"))


class _Measure:
    """Sums up one column."""

    def __init__(self, tokenizer: Tokenizer | None) -> None:
        self._tokenizer, self._unk_id = tokenizer, _unk_id(tokenizer)
        self._characters: list[NDArray[np.int64]] = []
        self._tokens: list[NDArray[np.int64]] = []
        self._unknown = self._empty = 0

    def add(self, texts: Sequence[str]) -> None:
        self._characters.append(np.fromiter(map(len, texts), np.int64, len(texts)))
        self._empty += sum(not text.strip() for text in texts)
        if self._tokenizer is not None:
            encoded = self._tokenizer.encode_batch(texts)
            self._tokens.append(np.fromiter(map(len, encoded), np.int64, len(encoded)))
            self._unknown += sum(ids.count(self._unk_id) for ids in encoded) if self._unk_id is not None else 0

    def report(self) -> ColumnReport:
        tokens = _lengths(self._tokens) if self._tokenizer is not None else None
        total = sum(int(part.sum()) for part in self._tokens)
        unknown = None if tokens is None else self._unknown / max(total, 1)
        return ColumnReport(self._empty, _lengths(self._characters), tokens, unknown)


def _unk_id(tokenizer: Tokenizer | None) -> int | None:
    """The id of unknown pieces, or None where nothing is unknown."""
    try:
        return tokenizer.unk_id if tokenizer is not None else None
    except ConfigError:
        return None


def _lengths(parts: Sequence[NDArray[np.int64]]) -> Lengths:
    lengths = np.concatenate([*parts, np.empty(0, np.int64)])
    if not len(lengths):
        return Lengths(0.0, 0, 0, 0, 0)
    middle, high, higher, longest = np.percentile(lengths, [50, 95, 99, 100], method="lower").astype(int).tolist()
    return Lengths(round(float(lengths.mean()), 2), middle, high, higher, longest)


def _hash(texts: Sequence[str]) -> int:
    """64 bits of what the texts are, and of where one ends and the next begins."""
    row = "".join(f"{len(text)} {text}" for text in texts)
    return int.from_bytes(hashlib.blake2b(row.encode(), digest_size=8).digest(), "little")


def warnings(report: Report) -> Iterator[str]:
    """What a person should know before training, a sentence each."""
    for name, split in report.splits.items():
        for column, found in split.columns.items():
            if found.empty:
                yield f"{name}: {_rows_have(found.empty)} an empty {column}"
            if found.unknown is not None and found.unknown > 0.01:
                yield f"{name}: {found.unknown:.1%} of the tokens of {column} are unknown to the tokenizer"
        if split.unlabelled:
            yield f"{name}: {_rows_have(split.unlabelled)} no label"
        if split.labels is not None and len(split.labels) == 1:
            yield f"{name}: the only label is {next(iter(split.labels))}; at least two are needed to tell texts apart"
        if split.duplicates:
            yield f"{name}: {split.duplicates:,} rows repeat an earlier one"
    for leak in report.leaks:
        if leak.inputs:
            share = leak.inputs / report.splits[leak.split].rows
            known = f"{leak.inputs:,} rows ({share:.1%}) have an input that stands in {leak.earlier}"
            yield f"{leak.split}: {known}, {leak.rows:,} of them as a whole row"


def _rows_have(count: int) -> str:
    return "1 row has" if count == 1 else f"{count:,} rows have"
