"""Texts or pairs of texts in, labels and their probabilities out; or numbers, where the model gives numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from headway.errors import DataError
from headway.models.build import Model
from headway.spec import Problem, source_reach
from headway.tasks.rows import CHUNK, TOKENS, Batch, Row, TooLong, fit, in_order, label_logits
from headway.text.tokenizer import Tokenizer

THRESHOLD = 0.5  # of several labels at once, those that are more probable are given
_MISFIT = {  # what is said where the model learned pairs, or did not
    True: "one text, but the model learned pairs; give a second text, with a tab between",
    False: "a pair, but the model learned single texts; give the text alone, without a tab",
}


@dataclass(frozen=True, slots=True)
class Classification:
    """What a model says about one text."""

    problem: Problem  # what the model was made for
    labels: tuple[str, ...]  # the best one; of several at once those above 0.5, the most probable first
    scores: dict[str, float]  # of every label its probability, or the number itself; nothing of an empty text
    cut: int = 0  # tokens that the model could not read

    @property
    def label(self) -> str | None:
        """The most probable label that is given; None: none is."""
        return self.labels[0] if self.labels else None


def classify(
    model: Model,
    tokenizer: Tokenizer,
    texts: Iterable[str | tuple[str, str]],
    *,
    batch_tokens: int = TOKENS,
    chunk: int = CHUNK,
    too_long: TooLong = "cut",
    pairs: bool | None = None,
) -> Iterator[Classification]:
    """The label of each text or pair; of an empty one (of a pair both) none.

    Labels are those of the model's head, by name. One that gives a single label shares probability among all of them,
    one that gives several has a probability for each; a regression gives numbers and no label.

    Args:
        model: one with a head that labels texts.
        tokenizer: the model's.
        texts: any number of them.
        batch_tokens: tokens computed at once, padding counted.
        chunk: texts read ahead.
        too_long: what happens to a text of more tokens than the model reads.
        pairs: whether the model learned pairs, or single texts; None: nobody knows, and it is given either.

    Raises:
        ConfigError: the model has no head that labels texts.
        DataError: a text is given where the model learned pairs, or the reverse; or, with `too_long="refuse"`, it has
            more tokens than the model reads.
    """
    head, logits = label_logits(model, "text", "classify")
    most = source_reach(model.spec)

    def read(part: list[str | tuple[str, str]], number: int) -> list[Row | None]:
        given = [(text, None) if isinstance(text, str) else text for text in part]
        for i, (a, b) in enumerate(given, number):
            if pairs is not None and (a or b) and pairs != (b is not None):
                raise DataError(f"line {i} is {_MISFIT[pairs]}")
        first = tokenizer.encode_batch([a for a, _ in given])
        second = iter(tokenizer.encode_batch([b for _, b in given if b is not None]))
        rows: list[Row | None] = []
        for i, (ids, (a, b)) in enumerate(zip(first, given, strict=True), number):
            other = None if b is None else next(second)
            row = fit(tokenizer, most, ids, other, name=f"line {i}", too_long=too_long)
            rows.append(row if a.strip() or (b or "").strip() else None)
        return rows

    def compute(batch: Batch[Row]) -> list[Classification]:
        scores = logits(batch)
        if head.problem == "single":
            scores = scores.softmax(-1)
        elif head.problem == "multi":
            scores = scores.sigmoid()
        found = []
        for row, values in zip(batch.rows, scores.tolist(), strict=True):
            by_label: dict[str, float] = dict(zip(head.labels, values, strict=True))
            ranked = sorted(by_label, key=by_label.__getitem__, reverse=True)
            if head.problem == "multi":
                ranked = [label for label in ranked if by_label[label] > THRESHOLD]
            given = {"single": ranked[:1], "multi": ranked, "regression": []}[head.problem]
            found.append(Classification(head.problem, tuple(given), by_label, row.cut))
        return found

    empty = Classification(head.problem, (), {})
    return in_order(model, texts, read, compute, empty, batch_tokens=batch_tokens, chunk=chunk)
