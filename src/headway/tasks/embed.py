"""Texts in, vectors out: the hidden states of any layers, pooled or a vector a token."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from headway.errors import ConfigError, nearest
from headway.models.awd_lstm import AwdLstm
from headway.models.build import Model, TranslationModel
from headway.models.elmo import Elmo
from headway.models.recurrent import RecurrentEncoderDecoder
from headway.models.recurrent_classifier import RecurrentClassifier
from headway.models.single import SingleStack
from headway.models.text_cnn import TextCnn
from headway.nn.masks import Layout
from headway.nn.pooling import highest, mean
from headway.nn.states import layer_states
from headway.spec import BidirectionalSpec, RecurrentSpec, SingleStackSpec, source_reach
from headway.tasks.rows import CHUNK, TOKENS, Batch, Row, TooLong, fit, in_order, unfit
from headway.text.characters import pieces_of, spelled
from headway.text.template import Wrapped
from headway.text.tokenizer import Tokenizer

Pool = Literal["mean", "cls", "max", "none"]
_TOKEN_CHUNK = 50  # lines read ahead where each has a vector a token


@dataclass(frozen=True, slots=True)
class Embedding:
    """What became of one text."""

    vector: NDArray[np.float32]  # `(width,)`, or with pool `none` `(tokens, width)`
    tokens: list[str]  # what the model read, special pieces included
    cut: int = 0  # tokens at its end that the model could not read


@dataclass(frozen=True, slots=True)
class Layers:
    """Which hidden states are taken: 0 is the embeddings, 1 the first layer, −1 the last one with its norm."""

    first: int
    last: int
    how: Literal["sum", "concat"] = "sum"

    @classmethod
    def parse(cls, text: str) -> Layers:
        """`-1`, `last`, `0`, `sum:-4..-1`, `concat:-4..-1`; both ends belong to a range.

        Raises:
            ConfigError: it is none of these.
        """
        found = re.fullmatch(r"(?:(sum|concat):)?(-?\d+)(?:\.\.(-?\d+))?", "-1" if text == "last" else text)
        if found is None or (found[3] is not None and found[1] is None):
            raise ConfigError(f"layer is {text!r}; expected -1, last, 0 (the embeddings), sum:-4..-1 or concat:-4..-1")
        return cls(int(found[2]), int(found[3] or found[2]), "concat" if found[1] == "concat" else "sum")

    def of(self, states: list[Tensor]) -> Tensor:
        """The states `(rows, length, d_model)` of the embeddings and each layer → `(rows, length, width)`."""
        first, last = self.range(len(states) - 1)
        chosen = states[first : last + 1]
        return torch.cat(chosen, -1) if self.how == "concat" else torch.stack(chosen).sum(0)

    def range(self, num_layers: int) -> tuple[int, int]:
        """The first and the last layer, counted from the embeddings.

        Raises:
            ConfigError: a model of so many layers does not have them.
        """
        count = num_layers + 1
        for layer in (self.first, self.last):
            if not -count <= layer < count:
                raise ConfigError(
                    f"layer {layer} was asked for, but there are 0 (the embeddings) to {num_layers}, "
                    f"or from the end -1 to {-count}"
                )
        first, last = self.first % count, self.last % count
        if first > last:
            raise ConfigError(f"layers {self.first}..{self.last} stand in the wrong order; give the lower one first")
        return first, last


def embed(
    model: Model,
    tokenizer: Tokenizer,
    texts: Iterable[str],
    layer: str = "-1",
    pool: Pool = "mean",
    normalize: bool = False,
    *,
    batch_tokens: int = TOKENS,
    chunk: int = CHUNK,
    too_long: TooLong = "cut",
) -> Iterator[Embedding]:
    """The vector of each text; of an empty one it is zero.

    Args:
        model: one stack, a translator, of which the encoder is asked, or ELMo, whose tokens are words.
        tokenizer: that of the stack, or of the source.
        texts: any number of them.
        layer: `-1` or `last`, another one (0: the embeddings), `sum:-4..-1` or `concat:-4..-1`.
        pool: `mean` or `max` over all tokens, special ones included; `cls`: the first token; `none`: a vector a token.
        normalize: give every vector length 1.
        batch_tokens: tokens computed at once, padding counted.
        chunk: texts read ahead.
        too_long: what happens to a text of more tokens than the model reads.

    Raises:
        ConfigError: the model has no such layer, or `pool` is none of these.
        DataError: with `too_long="refuse"`, a text has more tokens than the model reads.
    """
    if pool not in _POOLS and pool != "none":
        raise ConfigError(f"pool is {pool!r}; {nearest(pool, [*_POOLS, 'none'])}")
    if isinstance(model, AwdLstm | TextCnn | RecurrentClassifier):
        raise unfit(model.spec, "give the vectors of texts")
    layers, spec = Layers.parse(layer), model.spec
    if isinstance(spec, BidirectionalSpec):
        num_layers, d_model, tokenizer = spec.num_layers, 2 * spec.d_model, spelled(tokenizer)
    elif isinstance(spec, RecurrentSpec):
        num_layers, d_model = spec.num_layers, spec.d_model
    else:
        stack = spec.stack if isinstance(spec, SingleStackSpec) else spec.encoder
        num_layers, d_model = stack.num_layers, stack.d_model
    first, last = layers.range(num_layers)
    if isinstance(spec, RecurrentSpec) and first < num_layers:
        raise ConfigError(f"layer is {layer!r}; of a recurrent model only the last layer can be read: -1")
    width = d_model * (last - first + 1 if layers.how == "concat" else 1)
    empty = Embedding(np.zeros((0, width) if pool == "none" else width, np.float32), [])
    around = tokenizer if isinstance(spec, SingleStackSpec | BidirectionalSpec) else _End(spec.tokens.end_id)

    def read(part: list[str], number: int) -> list[Row | None]:
        rows = [
            fit(around, source_reach(spec), ids, name=f"line {i}", too_long=too_long)
            for i, ids in enumerate(tokenizer.encode_batch(part), number)
        ]
        return [row if text.strip() else None for text, row in zip(part, rows, strict=True)]

    def compute(batch: Batch[Row]) -> list[Embedding]:
        found, layout = _states(model, batch, layers)
        states = layout.grid(found.float()) if pool == "none" else _POOLS[pool](found.float(), layout)
        vectors = (F.normalize(states, dim=-1) if normalize else states).cpu().numpy()
        return [_embedding(tokenizer, row, vector) for row, vector in zip(batch.rows, vectors, strict=True)]

    chunk = min(chunk, _TOKEN_CHUNK) if pool == "none" else chunk
    return in_order(model, texts, read, compute, empty, batch_tokens=batch_tokens, chunk=chunk)


class _End(NamedTuple):
    """What stands around a text for a translator: its end, as when it is translated."""

    end_id: int

    def wrap(self, first: Sequence[int], second: Sequence[int] | None = None) -> Wrapped:
        """The ids and the end."""
        return Wrapped([*first, self.end_id], [0] * (len(first) + 1), 0, None)

    def wrapping_cost(self, pair: bool) -> int:
        """One."""
        return 1


def _states(model: SingleStack | Elmo | TranslationModel, batch: Batch[Row], layers: Layers) -> tuple[Tensor, Layout]:
    """The states `(..., width)` of the layers, and where they stand: those of ELMo are of words, and it reads bytes."""
    if isinstance(model, Elmo):
        states, words = model.spelled_states(batch.ids, batch.layout)
        return layers.of([torch.cat(directions, -1) for directions in states]), words
    if isinstance(model, RecurrentEncoderDecoder):
        return model.encode(batch.ids, batch.layout).states, batch.layout
    stack = model.stack if isinstance(model, SingleStack) else model.encoder
    num_layers = stack.spec.num_layers
    if layers.range(num_layers) == (num_layers, num_layers):
        last: Tensor = stack(batch.ids, batch.layout, types=batch.types)
        return last, batch.layout
    with layer_states(stack) as between:
        stack(batch.ids, batch.layout, types=batch.types)
    return layers.of(between), batch.layout


def _embedding(tokenizer: Tokenizer, row: Row, vector: NDArray[np.float32]) -> Embedding:
    tokens = pieces_of(tokenizer, row.read.ids)
    return Embedding(vector if vector.ndim == 1 else vector[: len(tokens)], tokens, row.cut)


_POOLS: dict[str, Callable[[Tensor, Layout], Tensor]] = {
    "mean": mean,
    "max": highest,
    "cls": lambda states, layout: layout.first(states),
}
