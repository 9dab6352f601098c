"""A text with masks in, the best words for each mask out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from headway.errors import ConfigError, DataError
from headway.models.build import Model
from headway.models.single import SingleStack
from headway.spec import source_reach
from headway.tasks.rows import CHUNK, TOKENS, Batch, Row, TooLong, fit, in_order, unfit
from headway.text.tokenizer import Tokenizer

MARK = "[MASK]"  # understood by every model, whatever its own mask piece is


@dataclass(frozen=True, slots=True)
class Word:
    """One candidate for a mask."""

    word: str  # `##` before it: it continues the word before the mask
    score: float  # its probability


@dataclass(frozen=True, slots=True)
class Mask:
    """One mask, and what may stand there."""

    start: int  # characters of the text as typed
    end: int
    words: list[Word]  # the most probable first


@dataclass(frozen=True, slots=True)
class Filling:
    """What became of one text."""

    text: str  # with the best word in each mask
    masks: list[Mask]
    cut: int = 0  # tokens at its end that the model could not read


@dataclass(frozen=True, slots=True)
class _Masked(Row):
    text: str  # its masks as the tokenizer writes them
    marks: list[tuple[int, int]]  # the masks as typed
    places: list[tuple[int, int]]  # the masks as the tokenizer found them, some with the blank before them
    columns: list[int]


def fill(model: Model, tokenizer: Tokenizer, text: str, k: int = 5) -> Filling:
    """The `k` most probable words for each mask of one text, each mask on its own.

    Raises:
        ConfigError: the model fills no masks.
        DataError: the text has no mask, or one beyond what the model reads.
    """
    return next(fill_lines(model, tokenizer, [text], k))


def no_words(tokenizer: Tokenizer, vocab_size: int) -> Tensor:
    """Which of the ids are never put in the place of a mask, `(vocab_size,)`: special pieces, and ids without one."""
    special, count = tokenizer.special_ids, tokenizer.vocab_size
    return torch.tensor([index in special or index >= count for index in range(vocab_size)])


def fill_lines(
    model: Model,
    tokenizer: Tokenizer,
    lines: Iterable[str],
    k: int = 5,
    *,
    batch_tokens: int = TOKENS,
    chunk: int = CHUNK,
    too_long: TooLong = "cut",
) -> Iterator[Filling]:
    """As `fill`, of every line; an empty line stays one.

    A mask is `[MASK]` or the tokenizer's own mask piece. Probabilities are those of the whole vocabulary, but no
    special piece is a candidate.

    Raises:
        ConfigError: the model fills no masks, or `k` is none of 1, 2, 3 and so on.
        DataError: a line has no mask, or one beyond what the model reads; it is named.
    """
    if k < 1:
        raise ConfigError(f"k is {k}; ask for at least 1 word")
    if not isinstance(model, SingleStack) or model.spec.language_head is None or model.spec.stack.causal:
        raise unfit(model.spec, "fill masks")
    filler = _Filler(model, tokenizer, k, too_long)
    empty = Filling("", [])
    return in_order(model, lines, filler.read, filler.compute, empty, batch_tokens=batch_tokens, chunk=chunk)


class _Filler:
    """A model, its tokenizer, and which of the pieces are words."""

    def __init__(self, model: SingleStack, tokenizer: Tokenizer, k: int, too_long: TooLong) -> None:
        self.model, self.tokenizer, self.too_long = model, tokenizer, too_long
        self.own = tokenizer.piece_of(tokenizer.mask_id)
        self.mark = re.compile(f"{re.escape(MARK)}|{re.escape(self.own)}")
        self.no_word = no_words(tokenizer, model.spec.stack.vocab_size).to(model.stack.tokens.weight.device)
        self.k = min(k, int((~self.no_word).sum()))

    def read(self, lines: list[str], number: int) -> list[_Masked | None]:
        """The masks of some lines, of which the first has this number."""
        return [self._read(line, f"line {i}") if line.strip() else None for i, line in enumerate(lines, number)]

    def _read(self, line: str, name: str) -> _Masked:
        marks = [found.span() for found in self.mark.finditer(line)]
        if not marks:
            masks = MARK if self.own == MARK else f"{MARK} or {self.own}"
            raise DataError(f"{name} has no mask; put {masks} where a word is wanted: {line!r:.60}")
        text, mask = self.mark.sub(lambda found: self.own, line), self.tokenizer.mask_id
        encoding = self.tokenizer.encode(text, special=True)
        row = fit(self.tokenizer, source_reach(self.model.spec), encoding.ids, name=name, too_long=self.too_long)
        columns = [column for column, index in enumerate(row.read.ids) if index == mask]
        if len(columns) < len(marks):
            raise DataError(f"{name} has a mask among the {row.cut} tokens at its end that the model cannot read")
        places = [place for place, index in zip(encoding.offsets, encoding.ids, strict=True) if index == mask]
        return _Masked(row.read, row.cut, text, marks, places, columns)

    def compute(self, batch: Batch[_Masked]) -> list[Filling]:
        """A filling for each row."""
        states = self.model.hidden(batch.ids, batch.layout, types=batch.types)
        rows = [i for i, row in enumerate(batch.rows) for _ in row.columns]
        logits = self.model.head(states[rows, [column for row in batch.rows for column in row.columns]])
        found = logits.float().softmax(-1).masked_fill(self.no_word, -1.0).topk(self.k)  # (masks, k)
        best = zip(found.indices.tolist(), found.values.tolist(), strict=True)
        return [self._filling(row, [next(best) for _ in row.columns]) for row in batch.rows]

    def _filling(self, row: _Masked, best: list[tuple[list[int], list[float]]]) -> Filling:
        text, done, masks = "", 0, []
        for mark, (start, end), (ids, scores) in zip(row.marks, row.places, best, strict=True):
            words = [spoken.strip() or spoken for spoken in self.tokenizer.decode_batch([[index] for index in ids])]
            masks.append(Mask(*mark, [Word(word, score) for word, score in zip(words, scores, strict=True)]))
            text, done = _put(text + row.text[done:start], self.tokenizer.piece_of(ids[0]), words[0]), end
        return Filling(text + row.text[done:], masks, row.cut)


def _put(before: str, piece: str, word: str) -> str:
    """The text before a mask and the word in it, joined as its piece says.

    >>> _put("the ", "##s", "##s"), _put("the", "▁cat", "cat"), _put("the ", "cat", "cat")
    ('thes', 'the cat', 'the cat')
    """
    if piece.startswith("##"):
        return before.rstrip() + word.removeprefix("##")
    opens = piece.startswith(("▁", "Ġ")) and before and not before[-1].isspace()
    return f"{before} {word}" if opens else before + word
