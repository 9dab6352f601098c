"""What training, decoding and evaluation ask of a translator, be it a Transformer or a recurrent net."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from headway.nn.linear import Linear
from headway.nn.masks import Layout
from headway.nn.stack import Memory
from headway.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Output:
    """What a model's `forward` returns, under the ecosystem's names."""

    logits: Tensor  # `(batch, target length, vocabulary)`
    last_hidden_state: Tensor  # `(batch, target length, d_model)`, of the decoder
    encoder_last_hidden_state: Tensor  # `(batch, source length, d_model)`


class DecoderState(Protocol):
    """What a decoder remembers between steps, one row a hypothesis."""

    def reorder(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Row i becomes what row `rows[i]` was; of the sources, only `sentences` (all: None) are still needed."""
        ...


class Translator(Protocol):
    """An encoder-decoder of any kind."""

    @property
    def spec(self) -> ModelSpec:
        """What it was built from."""
        ...

    @property
    def head(self) -> Linear:
        """The projection of hidden states to the vocabulary."""
        ...

    def encode(self, ids: Tensor, layout: Layout | None = None) -> Memory:
        """Read the source: token tensors of `layout`."""
        ...

    def decode(self, ids: Tensor, layout: Layout | None, memory: Memory) -> Tensor:
        """Hidden states `(..., d_model)` of a whole target whose words are known (teacher forcing)."""
        ...

    def start(self, memory: Memory) -> DecoderState:
        """A state before the first target token; rows that share a source stand next to each other."""
        ...

    def step(self, ids: Tensor, state: Any) -> Tensor:
        """Logits `(rows, vocabulary)` of the token after `ids` `(rows, new tokens)`; `state` moves on."""
        ...
