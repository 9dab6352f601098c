"""Lines in, a label for every word out, with the place of the word in the line as it was typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from headway.decoding.options import source_reach
from headway.errors import ConfigError, nearest
from headway.models.build import Model
from headway.tasks.rows import CHUNK, TOKENS, Batch, Row, TooLong, fit, in_order, label_logits, visible
from headway.text.tokenizer import Tokenizer

Unit = Literal["word", "char"]
Span = tuple[int, int]
_UNITS = {"word": re.compile(r"\S+"), "char": re.compile(r".", re.DOTALL)}


@dataclass(frozen=True, slots=True)
class Tag:
    """One word and its label."""

    word: str
    start: int  # characters of the line as typed
    end: int
    label: str
    score: float  # the probability of the label; 0: the model read nothing of the word


@dataclass(frozen=True, slots=True)
class Tagged:
    """What a model says about one line."""

    tokens: list[Tag]  # one for every word
    cut: int = 0  # tokens at its end that the model could not read


@dataclass(frozen=True, slots=True)
class _Line(Row):
    text: str
    units: list[Span]
    columns: list[int | None]  # of each unit the token that speaks for it; None: none does


def tag(
    model: Model,
    tokenizer: Tokenizer,
    lines: Iterable[str],
    unit: Unit = "word",
    *,
    batch_tokens: int = TOKENS,
    chunk: int = CHUNK,
    too_long: TooLong = "cut",
) -> Iterator[Tagged]:
    """A label for every word of each line, or for every character.

    The first sub-word speaks for a word. Where it speaks for several (the characters of a word), `B-X` is for the first
    of them and `I-X` for the others. What no sub-word speaks for, a blank or a word beyond the end of what the model
    reads, has score 0 and the label of the next one if that is `I-X`, for it then lies inside X; else `O`, or the
    first label where there is no `O`.

    Args:
        model: one with a head that labels tokens.
        tokenizer: the model's.
        lines: any number of them.
        unit: `word`: what stands between blanks; `char`: every character, blanks too.
        batch_tokens: tokens computed at once, padding counted.
        chunk: lines read ahead.
        too_long: what happens to a line of more tokens than the model reads.

    Raises:
        ConfigError: the model has no such head, or `unit` is none of these.
        DataError: with `too_long="refuse"`, a line has more tokens than the model reads.
    """
    if unit not in _UNITS:
        raise ConfigError(f"unit is {unit!r}; {nearest(unit, _UNITS)}")
    head, logits = label_logits(model, "tokens", "tag words")
    most, labels = source_reach(model.spec), head.labels

    def read(part: list[str], number: int) -> list[_Line | None]:
        return [_read(text, f"line {i}") if text.strip() else None for i, text in enumerate(part, number)]

    def _read(text: str, name: str) -> _Line:
        encoding = tokenizer.encode(text)
        row = fit(tokenizer, most, encoding.ids, name=name, too_long=too_long)
        units = [found.span() for found in _UNITS[unit].finditer(text)]
        pieces = visible(text, encoding.offsets[: len(encoding.ids) - row.cut])
        at = row.read.first_start
        columns = [None if place is None else at + place for place in first_pieces(units, pieces)]
        return _Line(row.read, row.cut, text, units, columns)

    def compute(batch: Batch[_Line]) -> list[Tagged]:
        best = logits(batch).softmax(-1).max(-1)  # (rows, length)
        found = zip(batch.rows, best.indices.tolist(), best.values.tolist(), strict=True)
        return [_tagged(row, [labels[i] for i in indices], scores, labels) for row, indices, scores in found]

    return in_order(model, lines, read, compute, Tagged([]), batch_tokens=batch_tokens, chunk=chunk)


def first_pieces(units: Sequence[Span], pieces: Sequence[Span]) -> list[int | None]:
    """Of each unit the first piece that shares a character with it; None: there is none. Both stand in order.

    >>> first_pieces([(0, 3), (4, 5), (6, 9)], [(0, 2), (2, 3), (6, 9)])
    [0, None, 2]
    """
    found: list[int | None] = []
    at = 0
    for start, end in units:
        while at < len(pieces) and (pieces[at][1] <= start or pieces[at][0] == pieces[at][1]):
            at += 1
        found.append(at if at < len(pieces) and pieces[at][0] < end else None)
    return found


def _tagged(row: _Line, token_labels: list[str], scores: list[float], labels: tuple[str, ...]) -> Tagged:
    outside = "O" if "O" in labels else labels[0]
    tags: list[Tag] = []
    following = outside
    for i in reversed(range(len(row.units))):
        (start, end), column = row.units[i], row.columns[i]
        if column is None:
            label, score = (following if following.startswith("I-") else outside), 0.0
        else:
            label, score = token_labels[column], scores[column]
            if label.startswith("B-") and i and row.columns[i - 1] == column and f"I-{label[2:]}" in labels:
                label = f"I-{label[2:]}"
        following = label
        tags.append(Tag(row.text[start:end], start, end, label, score))
    return Tagged(tags[::-1], row.cut)
