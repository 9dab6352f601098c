"""A question and a text in, the words of the text that answer it out."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import torch
from torch import Tensor

from headway.data.windows import pair_windows
from headway.errors import ConfigError, DataError
from headway.models.build import Model
from headway.spec import source_reach
from headway.tasks.rows import CHUNK, STRIDE, TOKENS, Batch, LongText, Row, in_order, label_logits, visible
from headway.text.tokenizer import Tokenizer

MAX_TOKENS = 30  # of an answer
_CONTEXTS = 64  # that are kept cut into pieces, for questions about one text stand together


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the context."""

    answer: str
    start: int  # characters of the context as typed
    end: int
    score: float  # the probability of its start times that of its end


@dataclass(frozen=True, slots=True)
class Answer:
    """The best answer to a question, and the next best."""

    best: Span  # empty where the context has no words
    alternatives: list[Span]
    no_answer: float | None  # the score of "not in this text"; None: the model has no token that says so
    cut: int = 0  # tokens that the model could not read: at the end of the context, or of a question that fills it

    @property
    def answer(self) -> str:
        """The best answer."""
        return self.best.answer

    @property
    def start(self) -> int:
        """Where it begins, in characters of the context as typed."""
        return self.best.start

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.best.end

    @property
    def score(self) -> float:
        """Its score."""
        return self.best.score


def answer(
    model: Model,
    tokenizer: Tokenizer,
    question: str,
    context: str,
    k: int = 5,
    *,
    max_length: int | None = None,
    stride: int = STRIDE,
) -> Answer:
    """The `k` best answers in one context; see `answer_pairs`."""
    return next(answer_pairs(model, tokenizer, [(question, context)], k, max_length=max_length, stride=stride))


def answer_pairs(
    model: Model,
    tokenizer: Tokenizer,
    pairs: Iterable[tuple[str, str]],
    k: int = 5,
    *,
    max_tokens: int = MAX_TOKENS,
    batch_tokens: int = TOKENS,
    chunk: int = CHUNK,
    too_long: LongText = "windows",
    max_length: int | None = None,
    stride: int = STRIDE,
) -> Iterator[Answer]:
    """The `k` best answers to each question in its context, of all spans of at most `max_tokens` tokens.

    A span lies in the context and begins and ends with a character that is no blank. Starts and ends each share
    probability among the tokens of the context and the first token, which says that the answer is not there (Devlin et
    al. 2019, section 4.3). A longer context is read in windows, which share one sum of probability: spans of all
    compete by their logits, and of the windows' first tokens the least sure counts, so `no_answer` is above the best
    score where the null score of SQuAD 2.0 is above 0. Where the context has no words the answer is empty.

    Args:
        model: one with a head for spans.
        tokenizer: the model's.
        pairs: questions and contexts.
        k: how many answers.
        max_tokens: tokens of one answer.
        batch_tokens: tokens computed at once, padding counted.
        chunk: windows read ahead.
        too_long: what happens to a context of more tokens than the model reads with the question.
        max_length: tokens read at once, special pieces counted; None: as many as the model reads.
        stride: tokens that neighbouring windows share, at most half of them; answers longer than that and one more
            may lie in no window.

    Raises:
        ConfigError: the model has no head for spans, or a number is out of its range or too small.
        DataError: a question is empty, or, with `too_long="refuse"`, it and its context have more tokens than the model
            reads.
    """
    for name, value in (("k", k), ("max_tokens", max_tokens)):
        if value < 1:
            raise ConfigError(f"{name} is {value}; it must be at least 1")
    _, logits = label_logits(model, "span", "answer questions")
    reach = min((size for size in (source_reach(model.spec), max_length) if size is not None), default=None)
    most = None if reach is None else room_of(tokenizer, reach)
    waiting: deque[tuple[str, int, int]] = deque()  # context, windows and lost tokens of what is not all computed

    @lru_cache(_CONTEXTS)
    def pieces_of(context: str) -> tuple[list[int], list[tuple[int, int]]]:
        encoding = tokenizer.encode(context)
        return encoding.ids, visible(context, encoding.offsets)

    def read() -> Iterator[_Window | None]:
        """The windows of one pair after another."""
        for number, (question, context) in enumerate(pairs, 1):
            if not question.strip():
                raise DataError(f"question {number} is empty; ask something")
            asked = tokenizer.encode(question).ids
            ids, pieces = pieces_of(context)
            first, spans = pair_windows(len(asked), len(ids), most, stride)
            if too_long == "refuse" and (len(spans) > 1 or first < len(asked)):
                raise DataError(
                    f"question {number} and its context have {len(asked) + len(ids)} tokens, but the model reads at "
                    f"most {most}; shorten them, or let them be read in windows with --too-long windows"
                )
            spans = spans[:1] if too_long == "cut" else spans
            waiting.append((context, len(spans), len(asked) - first + len(ids) - spans[-1][1]))
            for start, end in spans:
                wrapped = tokenizer.wrap(asked[:first], ids[start:end])
                yield _Window(wrapped, 0, pieces[start:end]) if context.strip() else None

    def compute(batch: Batch[_Window]) -> list[_Found | None]:
        found = logits(batch).cpu()  # (rows, length, 2)
        return [_found(row, found[i], k, max_tokens) for i, row in enumerate(batch.rows)]

    found = in_order(model, read(), lambda rows, _: rows, compute, None, batch_tokens=batch_tokens, chunk=chunk)
    return _joined(found, waiting, k)


def room_of(tokenizer: Tokenizer, reach: int) -> int:
    """How many of `reach` tokens are left to a question and its text.

    Raises:
        ConfigError: not one for each.
    """
    special = tokenizer.wrapping_cost(True)
    if reach < special + 2:
        raise ConfigError(
            f"{reach} tokens at a time, of which {special} are special, have no room for a question and a text; raise "
            "the maximum length"
        )
    return reach - special


@dataclass(frozen=True, slots=True)
class _Window(Row):
    """A question and a part of its context."""

    pieces: list[tuple[int, int]]  # characters of each piece of the part


@dataclass(frozen=True, slots=True)
class _Found:
    """What one window says."""

    spans: list[tuple[int, int, float]]  # characters, and the probability if an answer lies in this window
    totals: tuple[float, ...]  # of its part of the context: the logits of start and end, summed as probabilities are
    nowhere: tuple[float, ...] | None  # those of the first token


_NO_SPAN = Span("", 0, 0, 0.0)
_NOTHING = Answer(_NO_SPAN, [], None)


def _found(row: _Window, logits: Tensor, k: int, max_tokens: int) -> _Found:
    """The best spans of one window, of logits `(length, 2)`."""
    first, second = row.read.first_start, row.read.second_start
    assert second is not None, "a question and its context are a pair"
    part = logits[second : second + len(row.pieces)]
    totals = part.logsumexp(0)
    starts, ends = (part - totals).exp().unbind(-1)  # (pieces,)
    spans = best_spans(starts, ends, row.pieces, k, max_tokens)
    return _Found(spans, tuple(totals.tolist()), tuple(logits[0].tolist()) if first > 0 else None)


def _joined(found: Iterator[_Found | None], waiting: deque[tuple[str, int, int]], k: int) -> Iterator[Answer]:
    """An answer for as many windows as a pair has; `waiting` grows while `found` is read."""
    for first in found:
        context, windows, cut = waiting.popleft()
        parts = [part for part in (first, *islice(found, windows - 1)) if part is not None]
        yield _answer(context, parts, k, cut) if parts else _NOTHING


def _answer(context: str, parts: Sequence[_Found], k: int, cut: int) -> Answer:
    """The best spans of all windows, and the null score of the window that is least sure of it."""
    nowhere = min((part.nowhere for part in parts if part.nowhere is not None), key=sum, default=None)
    logits = [part.totals for part in parts] + ([] if nowhere is None else [nowhere])
    total = float(torch.tensor(logits, dtype=torch.float64).logsumexp(0).sum())
    found: dict[tuple[int, int], float] = {}
    for part in parts:
        share = math.exp(sum(part.totals) - total)
        for start, end, score in part.spans:
            found[start, end] = max(share * score, found.get((start, end), 0.0))
    best = sorted(found.items(), key=lambda item: -item[1])[:k]
    spans = [Span(context[start:end], start, end, score) for (start, end), score in best] or [_NO_SPAN]
    return Answer(spans[0], spans[1:], None if nowhere is None else math.exp(sum(nowhere) - total), cut)


def best_spans(
    starts: Tensor, ends: Tensor, pieces: list[tuple[int, int]], k: int, max_tokens: int
) -> list[tuple[int, int, float]]:
    """The `k` different ranges of characters with the highest start · end, and that product, best first.

    Args:
        starts: how probable each piece is as the first of an answer, `(pieces,)`.
        ends: the same of the last one.
        pieces: the characters of each piece; an answer neither begins nor ends with a piece that has none.
        k: how many.
        max_tokens: pieces of an answer.
    """
    if not pieces:
        return []
    silent = torch.tensor([start == end for start, end in pieces], dtype=torch.bool)
    starts, ends = starts.masked_fill(silent, -1.0), ends.masked_fill(silent, -1.0)
    widths = min(max_tokens, len(pieces))
    reach = torch.cat([ends, ends.new_full((widths - 1,), -1.0)]).unfold(0, widths, 1)  # (pieces, widths)
    scores = torch.where((starts[:, None] < 0) | (reach < 0), -1.0, starts[:, None] * reach).flatten()
    take = min(2 * k, len(scores))  # more than k, for several ranges of pieces may be one of characters
    while True:
        best = scores.topk(take)
        found: dict[tuple[int, int], float] = {}
        for score, place in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            start, width = divmod(place, widths)
            if score >= 0 and len(found) < k:
                found.setdefault((pieces[start][0], pieces[start + width][1]), score)
        if len(found) == k or take == len(scores) or best.values[-1] < 0:
            return [(start, end, score) for (start, end), score in found.items()]
        take = min(4 * take, len(scores))
