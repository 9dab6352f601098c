"""What training, decoding and evaluation ask of a model, whatever it is made of, and what its `forward` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor
from torch.utils._pytree import register_dataclass

from headway.models.heads import LanguageHead
from headway.nn.masks import Layout
from headway.nn.stack import Memory
from headway.spec import ModelSpec, TranslatorSpec


@dataclass(frozen=True, slots=True)
class Output:
    """What a model's `forward` returns, under the ecosystem's names; None: this model has no such thing."""

    logits: Tensor | None  # `(batch, length, vocabulary or labels)`, of texts `(batch, labels)`
    last_hidden_state: Tensor  # `(batch, length, d_model)`; of an encoder-decoder that of the decoder
    pooler_output: Tensor | None = None  # `(batch, d_model)`
    encoder_last_hidden_state: Tensor | None = None  # `(batch, source length, d_model)`
    start_logits: Tensor | None = None  # `(batch, length)`, as are the next
    end_logits: Tensor | None = None
    prediction_logits: Tensor | None = None  # `(batch, length, vocabulary)`, beside a next-sentence head
    seq_relationship_logits: Tensor | None = None  # `(batch, 2)`


register_dataclass(Output)  # so that `torch.export` knows its way through it


class Labeller(Protocol):
    """Anything that gives labels to texts, to tokens or to starts and ends, and says which by its head's spec."""

    def label_logits(self, ids: Tensor, layout: Layout, types: Tensor | None = None) -> Tensor:
        """Token tensors of `layout` → logits `(rows, labels)` of texts, `(..., labels)` of tokens and of spans."""
        ...


class DecoderState(Protocol):
    """What a decoder remembers between steps, one row a hypothesis."""

    def reorder(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Row i becomes what row `rows[i]` was; of the sources, only `sentences` (all: None) are still needed."""
        ...


class Decoder(Protocol):
    """Anything that writes token after token."""

    @property
    def spec(self) -> ModelSpec:
        """What it was built from."""
        ...

    @property
    def head(self) -> LanguageHead:
        """The projection of hidden states to the vocabulary."""
        ...

    def step(self, ids: Tensor, state: Any, layout: Layout | None = None) -> Tensor:
        """Logits `(rows, vocabulary)` of the token after the last of `ids` `(rows, new tokens)`; `state` moves on.

        `layout` is that of `ids` where they are padded, on the left.
        """
        ...


class LanguageModel(Decoder, Protocol):
    """A decoder without memory: it continues a prompt."""

    def start(self, capacity: int | None = None) -> DecoderState:
        """A state before the first token, with room for `capacity` tokens a row from the start; None: it grows."""
        ...


class Translator(Decoder, Protocol):
    """An encoder-decoder of any kind."""

    @property
    def spec(self) -> TranslatorSpec:
        """What it was built from."""
        ...

    def encode(self, ids: Tensor, layout: Layout | None = None) -> Memory:
        """Read the source: token tensors of `layout`."""
        ...

    def decode(self, ids: Tensor, layout: Layout | None, memory: Memory) -> Tensor:
        """Hidden states `(..., d_model)` of a whole target whose words are known (teacher forcing)."""
        ...

    def start(self, memory: Memory, capacity: int | None = None) -> DecoderState:
        """A state before the first target token; rows that share a source stand next to each other.

        `capacity` is as for a language model.
        """
        ...
