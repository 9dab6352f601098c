"""Lines in, a label for every word out, with the place of the word in the line as it was typed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from headway.data.tagged import Span, Unit, units_of
from headway.data.windows import farthest_from_edges, overlapping
from headway.errors import ConfigError, nearest
from headway.models.build import Model
from headway.spec import SingleStackSpec, source_reach
from headway.tasks.rows import CHUNK, STRIDE, TOKENS, Batch, LongText, Row, fit, in_order, label_logits, visible
from headway.text.tokenizer import Tokenizer


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
class Words:
    """The words of a line and the pieces a model reads of it."""

    text: str
    ids: list[int]  # of all pieces, without special ones
    units: list[Span]
    pieces: list[int | None]  # of each unit the piece that speaks for it; None: none does
    windows: list[Span]  # places among the pieces
    window_of: list[int]  # of each unit the window that says its label; 0 where no piece speaks


def words_of(tokenizer: Tokenizer, text: str, unit: Unit, room: int | None, stride: int = STRIDE) -> Words:
    """What training and tagging read of a line: windows of `room` pieces that share `stride`; None: one of all.

    Raises:
        ConfigError: there is no room.
    """
    encoding, units = tokenizer.encode(text), units_of(text, unit)
    total = len(encoding.ids)
    pieces = first_pieces(units, visible(text, encoding.offsets))
    windows = overlapping(total, total if room is None else room, stride) if total else [(0, 0)]
    places = np.array([0 if piece is None else piece for piece in pieces], np.int64)
    return Words(text, encoding.ids, units, pieces, windows, farthest_from_edges(places, windows).tolist())


def tag(
    model: Model,
    tokenizer: Tokenizer,
    lines: Iterable[str],
    unit: Unit = "word",
    *,
    batch_tokens: int = TOKENS,
    chunk: int = CHUNK,
    too_long: LongText = "windows",
    max_length: int | None = None,
    stride: int = STRIDE,
) -> Iterator[Tagged]:
    """A label for every word of each line, or for every character.

    The first sub-word speaks for a word. Where it speaks for several (the characters of a word), `B-X` is for the first
    of them and `I-X` for the others. What no sub-word speaks for, a blank or a word beyond the end of what the model
    reads, has score 0 and the label of the next one if that is `I-X`, for it then lies inside X; else `O`, or the
    first label where there is no `O`.

    A line longer than `max_length`, or than the texts the model was made for, is read in windows, and each word has the
    label of the window where it stands farthest from an edge.

    Args:
        model: one with a head that labels tokens.
        tokenizer: the model's.
        lines: any number of them.
        unit: `word`: what stands between blanks; `char`: every character, blanks too.
        batch_tokens: tokens computed at once, padding counted.
        chunk: windows read ahead.
        too_long: what happens to a longer line; `cut` and `refuse` are of more tokens than there are positions.
        max_length: tokens of a window, special pieces counted; None: as many as the model was made for.
        stride: tokens that neighbouring windows share, at most half of them.

    Raises:
        ConfigError: the model has no such head, `unit` is none of these, or there is no room for a window.
        DataError: with `too_long="refuse"`, a line has more tokens than the model reads.
    """
    if unit not in ("word", "char"):
        raise ConfigError(f"unit is {unit!r}; {nearest(unit, ('word', 'char'))}")
    head, logits = label_logits(model, "tokens", "tag words")
    assert isinstance(model.spec, SingleStackSpec), "only a stack labels tokens"
    most, labels = source_reach(model.spec), head.labels
    longest = model.spec.stack.max_length
    room = min(longest, max_length or longest) - tokenizer.wrapping_cost(False)
    waiting: deque[tuple[Words, int]] = deque()

    def read() -> Iterator[Row | None]:
        """The windows of one line after another; `waiting` keeps the lines whose windows are not all computed."""
        for number, text in enumerate(lines, 1):
            words = words_of(tokenizer, text, unit, room if too_long == "windows" else None, stride)
            cut = 0
            if too_long != "windows":
                cut = fit(tokenizer, most, words.ids, name=f"line {number}", too_long=too_long).cut
                words = _without_end(words, cut) if cut else words
            waiting.append((words, cut))
            for start, end in words.windows:
                yield Row(tokenizer.wrap(words.ids[start:end]), cut) if start < end else None

    def compute(batch: Batch[Row]) -> list[_Said]:
        best = logits(batch).softmax(-1).max(-1)  # (rows, length)
        found = zip(batch.rows, best.indices.tolist(), best.values.tolist(), strict=True)
        starts = ((row.read.first_start, indices, scores) for row, indices, scores in found)
        return [_Said(indices[at:], scores[at:]) for at, indices, scores in starts]

    said = in_order(model, read(), lambda rows, _: rows, compute, _Said([], []), batch_tokens=batch_tokens, chunk=chunk)
    return _joined(said, waiting, labels)


@dataclass(frozen=True, slots=True)
class _Said:
    """Of each piece of a window the best label, by its number, and how probable it is; special pieces may follow."""

    labels: list[int]
    scores: list[float]


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


def _without_end(words: Words, cut: int) -> Words:
    """What is left of a line of which so many pieces are cut off."""
    end = len(words.ids) - cut
    pieces = [None if piece is None or piece >= end else piece for piece in words.pieces]
    return Words(words.text, words.ids, words.units, pieces, [(0, end)], [0] * len(pieces))


def _joined(said: Iterator[_Said], waiting: deque[tuple[Words, int]], labels: tuple[str, ...]) -> Iterator[Tagged]:
    """A line for as many windows as it has; `waiting` grows while `said` is read."""
    for first in said:
        words, cut = waiting.popleft()
        windows = [first, *islice(said, len(words.windows) - 1)]
        yield Tagged(_tags(words, windows, labels), cut)


def _tags(words: Words, said: Sequence[_Said], labels: tuple[str, ...]) -> list[Tag]:
    outside = "O" if "O" in labels else labels[0]
    tags: list[Tag] = []
    following = outside
    for i in reversed(range(len(words.units))):
        (start, end), piece, window = words.units[i], words.pieces[i], words.window_of[i]
        if piece is None:
            label, score = (following if following.startswith("I-") else outside), 0.0
        else:
            place = piece - words.windows[window][0]
            label, score = labels[said[window].labels[place]], said[window].scores[place]
            if label.startswith("B-") and i and words.pieces[i - 1] == piece and f"I-{label[2:]}" in labels:
                label = f"I-{label[2:]}"
        following = label
        tags.append(Tag(words.text[start:end], start, end, label, score))
    return tags[::-1]
