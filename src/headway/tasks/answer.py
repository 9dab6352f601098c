"""A question and a text in, the words of the text that answer it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from headway.decoding.options import source_reach
from headway.errors import ConfigError, DataError
from headway.models.build import Model
from headway.tasks.rows import CHUNK, TOKENS, Batch, Row, TooLong, fit, in_order, label_logits, visible
from headway.text.tokenizer import Tokenizer

MAX_TOKENS = 30  # of an answer


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
    no_answer: float | None  # the score of the first token, which stands for "not in this text"; None: there is none
    cut: int = 0  # tokens at the end of the context that the model could not read

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


@dataclass(frozen=True, slots=True)
class _Question(Row):
    context: str
    pieces: list[tuple[int, int]]  # characters of each piece of the context that is read


def answer(model: Model, tokenizer: Tokenizer, question: str, context: str, k: int = 5) -> Answer:
    """The `k` best answers in one context; see `answer_pairs`."""
    return next(answer_pairs(model, tokenizer, [(question, context)], k))


def answer_pairs(
    model: Model,
    tokenizer: Tokenizer,
    pairs: Iterable[tuple[str, str]],
    k: int = 5,
    *,
    max_tokens: int = MAX_TOKENS,
    batch_tokens: int = TOKENS,
    chunk: int = CHUNK,
    too_long: TooLong = "cut",
) -> Iterator[Answer]:
    """The `k` best answers to each question in its context, of all spans of at most `max_tokens` tokens.

    A span lies in the context and begins and ends with a character that is no blank. Starts and ends each share
    probability among the tokens of the context and the first token (Devlin et al. 2019, section 4.3). Where the context
    has no words the answer is empty.

    Raises:
        ConfigError: the model has no head for spans, or `k` or `max_tokens` is none of 1, 2, 3 and so on.
        DataError: a question is empty or leaves no room for the context, or, with `too_long="refuse"`, both together
            have more tokens than the model reads.
    """
    for name, value in (("k", k), ("max_tokens", max_tokens)):
        if value < 1:
            raise ConfigError(f"{name} is {value}; it must be at least 1")
    _, logits = label_logits(model, "span", "answer questions")
    most = source_reach(model.spec)

    def read(part: list[tuple[str, str]], number: int) -> list[_Question | None]:
        return [_read(question, context, f"question {i}") for i, (question, context) in enumerate(part, number)]

    def _read(question: str, context: str, name: str) -> _Question | None:
        if not question.strip():
            raise DataError(f"{name} is empty; ask something")
        asked, text = tokenizer.encode(question), tokenizer.encode(context)
        room = len(text.ids) if most is None else most - tokenizer.wrapping_cost(True) - len(asked.ids)
        if text.ids and room < 1:
            raise DataError(f"{name} has {len(asked.ids)} tokens, which leaves no room for the context; shorten it")
        row = fit(tokenizer, most, asked.ids, text.ids, name=name, too_long=too_long, whole_first=True)
        return _Question(row.read, row.cut, context, visible(context, text.offsets[:room])) if context.strip() else None

    def compute(batch: Batch[_Question]) -> list[Answer]:
        starts, ends = logits(batch).cpu().unbind(-1)  # (rows, length)
        return [_answer(row, starts[i], ends[i], k, max_tokens) for i, row in enumerate(batch.rows)]

    return in_order(model, pairs, read, compute, _NOTHING, batch_tokens=batch_tokens, chunk=chunk)


_NO_SPAN = Span("", 0, 0, 0.0)
_NOTHING = Answer(_NO_SPAN, [], None)


def _answer(row: _Question, start_logits: Tensor, end_logits: Tensor, k: int, max_tokens: int) -> Answer:
    """The best spans of one row, of logits `(length,)`."""
    first, second = row.read.first_start, row.read.second_start
    assert second is not None, "a question and its context are a pair"
    context = slice(second, second + len(row.pieces))
    columns = torch.zeros(len(start_logits), dtype=torch.bool)
    columns[context] = True
    columns[0] |= first > 0
    starts, ends = (x.masked_fill(~columns, -torch.inf).softmax(-1) for x in (start_logits, end_logits))
    no_answer = float(starts[0] * ends[0]) if first > 0 else None
    spans = best_spans(starts[context], ends[context], row.pieces, k, max_tokens)
    best, *others = [Span(row.context[start:end], start, end, score) for start, end, score in spans] or [_NO_SPAN]
    return Answer(best, others, no_answer, row.cut)


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
    found: dict[tuple[int, int], float] = {}
    for place in scores.argsort(descending=True, stable=True).tolist():
        if len(found) == k or scores[place] < 0:
            break
        start, width = divmod(place, widths)
        found.setdefault((pieces[start][0], pieces[start + width][1]), float(scores[place]))
    return [(start, end, score) for (start, end), score in found.items()]
