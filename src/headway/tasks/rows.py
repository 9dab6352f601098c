"""Texts in, batches for a model through them, results out: in the order of the texts, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, Literal, Protocol, TypeVar, cast

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from headway.data.batching import TokenBatches
from headway.errors import ConfigError, DataError
from headway.models.build import Model
from headway.models.protocols import Labeller
from headway.models.single import SingleStack
from headway.nn.masks import Layout
from headway.spec import (
    AwdLstmSpec,
    BidirectionalSpec,
    LabelHeadSpec,
    ModelSpec,
    SingleStackSpec,
    TranslatorSpec,
    vocabularies,
)
from headway.text.template import Wrapped

CHUNK = 1000  # texts read ahead and sorted together
TOKENS = 1500  # of a batch, padding counted; more are slower on two cores
STRIDE = 64  # tokens that neighbouring windows of a long text share
TooLong = Literal["cut", "refuse"]
LongText = Literal["windows", "cut", "refuse"]  # where a longer text can be read in windows


@dataclass(frozen=True, slots=True)
class Row:
    """What a model reads of one text, or of a pair."""

    read: Wrapped
    cut: int  # tokens that were left out because the model reads no more


R = TypeVar("R", bound=Row)
Text = TypeVar("Text")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Batch(Generic[R]):
    """Rows of like length, padded on the right."""

    rows: list[R]
    ids: Tensor  # `(rows, length)`
    types: Tensor | None  # as `ids`; None: the model knows no segments
    layout: Layout


def in_order(
    model: Model,
    texts: Iterable[Text],
    read: Callable[[list[Text], int], Sequence[R | None]],
    compute: Callable[[Batch[R]], Sequence[Result]],
    empty: Result,
    *,
    batch_tokens: int = TOKENS,
    chunk: int = CHUNK,
) -> Iterator[Result]:
    """What `compute` says about each text, in their order.

    Args:
        model: the one that `compute` asks.
        texts: what is read, `chunk` of them ahead, so that texts of like length share a batch.
        read: some texts and the number of the first of them → what the model reads of each; None, or no id: nothing.
        compute: a batch → a result for each of its rows; runs without gradients.
        empty: the result of a text of which nothing is read.
        batch_tokens: tokens of a batch, padding counted.
        chunk: texts read ahead.

    Raises:
        ConfigError: `batch_tokens` is less than 1.
        DataError: the tokenizer gives ids that the model does not have.
    """
    if batch_tokens < 1:
        raise ConfigError(f"batch_tokens is {batch_tokens}; it must be at least 1")
    source, number = iter(texts), 1
    while part := list(islice(source, chunk)):
        kept = {place: row for place, row in enumerate(read(part, number)) if row is not None and row.read.ids}
        places, rows = list(kept), list(kept.values())
        found = [empty] * len(part)
        for batch in TokenBatches([len(row.read.ids) for row in rows], budget=batch_tokens).evaluation():
            with torch.inference_mode():
                results = compute(_collate(model, [rows[i] for i in batch]))
            for i, result in zip(batch, results, strict=True):
                found[places[i]] = result
        yield from found
        number += len(part)


def _collate(model: Model, rows: list[R]) -> Batch[R]:
    highest, most = max(max(row.read.ids) for row in rows), vocabularies(model.spec)[0] - 1
    if highest > most:
        raise DataError(
            f"the tokenizer gives the id {highest}, but the model knows 0 to {most}; use the one it was trained with"
        )
    device = next(model.parameters()).device
    lengths = torch.tensor([len(row.read.ids) for row in rows])
    ids = _padded([row.read.ids for row in rows], max(0, model.spec.tokens.pad_id)).to(device)
    types = None
    if isinstance(model, SingleStack) and model.spec.stack.token_types > 1:
        types = _padded([row.read.token_types for row in rows], 0).to(device)
    keep = torch.arange(ids.shape[1]) < lengths[:, None]
    return Batch(rows, ids, types, Layout.padded(ids, keep.to(device)))


def _padded(rows: list[list[int]], filler: int) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=filler)


class Wraps(Protocol):
    """What puts special pieces around texts: a tokenizer."""

    def wrap(self, first: Sequence[int], second: Sequence[int] | None = None) -> Wrapped:
        """What the model reads of one text or two."""
        ...

    def wrapping_cost(self, pair: bool) -> int:
        """How many special pieces that adds."""
        ...


def fit(
    around: Wraps,
    most: int | None,
    first: list[int],
    second: list[int] | None = None,
    *,
    name: str,
    too_long: TooLong = "cut",
) -> Row:
    """What the model reads of one text or two: special pieces around them, and no more than `most` tokens in all.

    Of a pair the longer text is cut until both fit. A message calls them `name`.

    Raises:
        DataError: there are more tokens, and `too_long` is `refuse`.
    """
    total = len(first) + len(second or [])
    room = total if most is None else max(0, most - around.wrapping_cost(second is not None))
    over = max(0, total - room)
    if over and too_long == "refuse":
        raise DataError(
            f"{name} has {total} tokens, but the model reads at most {room}; shorten it, or let it be cut "
            "with --too-long cut"
        )
    if over and second is None:
        first = first[:room]
    elif over and second is not None:
        kept = max(min(len(second), room // 2), room - len(first))
        first, second = first[: room - kept], second[:kept]
    return Row(around.wrap(first, second), over)


def visible(text: str, offsets: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges of pieces without the blanks at their ends; equal start and end where nothing else is there.

    >>> visible("a bc", [(0, 1), (1, 4), (1, 2)])
    [(0, 1), (2, 4), (2, 2)]
    """
    spans = []
    for start, end in offsets:
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        spans.append((start, end))
    return spans


def label_logits(
    model: Model, of: Literal["text", "tokens", "span"], task: str
) -> tuple[LabelHeadSpec, Callable[[Batch[Any]], Tensor]]:
    """What the label head of a model is, and the function of a batch that gives its logits in float32.

    They are `(rows, labels)` of texts, and `(rows, length, labels)` of tokens and spans.

    Raises:
        ConfigError: the model has no head of this kind; the message names the command that fits it.
    """
    head = getattr(model, "label_head", None)
    if head is None or head.spec.of != of:
        raise unfit(model.spec, task)
    labeller = cast(Labeller, model)

    def logits(batch: Batch[Any]) -> Tensor:
        return labeller.label_logits(batch.ids, batch.layout, batch.types).float()

    return head.spec, logits


def unfit(spec: ModelSpec, task: str) -> ConfigError:
    """The error of a model that was asked for what it has no head for."""
    does, command = _use(spec)
    recipe = _RECIPES.get(task)
    instead = f" (one that can: headway train {recipe} --model.init MODEL --data.train FILE)" if recipe else ""
    return ConfigError(f"a model of the family {spec.family} that {does} cannot {task}; it is for {command}{instead}")


_RECIPES = {  # of what a model may be asked, how it is learned
    "classify": "classify",
    "tag words": "tag",
    "answer questions": "answer",
    "fill masks": "masked-lm",
    "write variants of texts": "masked-lm",
}


def _use(spec: ModelSpec) -> tuple[str, str]:
    """What a model does, and how it is asked to."""
    if isinstance(spec, TranslatorSpec):
        return "translates", "headway translate"
    if spec.label_head is not None and (not isinstance(spec, SingleStackSpec) or spec.language_head is None):
        return {
            "text": ("gives labels to texts", "headway classify"),
            "tokens": ("gives labels to words", "headway tag"),
            "span": ("finds answers in a text", "headway answer"),
            "choices": ("chooses among texts", "`headway.load(…).model`"),
        }[spec.label_head.of]
    if isinstance(spec, AwdLstmSpec) and spec.head is not None:
        return "continues texts", "headway generate"
    if isinstance(spec, BidirectionalSpec):
        return "reads words by their characters", "headway embed"
    if not isinstance(spec, SingleStackSpec) or spec.language_head is None:
        return "has no head", "headway embed"
    if spec.stack.causal:
        return "continues texts", "headway generate"
    return "fills masks", "headway fill"
