"""ELMo's language models of both directions over the characters of words, from a `BidirectionalSpec`; or labels.

Peters et al. 2018; the convolution is that of Jozefowicz et al. 2016. Each direction has layers of its own, and both
share the words' vectors and the projection to the vocabulary. Rows stand alone: no state is carried between them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from headway.errors import ConfigError
from headway.models.inputs import check_ids
from headway.models.protocols import Output
from headway.models.spelling import words_of
from headway.models.text_heads import MixHead
from headway.nn.characters import CharacterEncoder, Highway
from headway.nn.dropout import Dropout
from headway.nn.init import initialise
from headway.nn.linear import Linear
from headway.nn.lstm import ClippedLSTM
from headway.nn.masks import Layout
from headway.nn.recurrent import Order, arrange, initialise_cells
from headway.spec import BidirectionalSpec, InitSpec

Directions = tuple[Tensor, Tensor]  # states `(..., d_model)` of who has read up to here, and of who has from here on


class Elmo(nn.Module):
    """Words from their characters, LSTM layers for each direction, and perhaps a projection to words, or labels.

    Labels are given to spelled texts: a token is a byte of a word (`text.characters.spelled`), and no word is unknown.
    """

    head: Linear  # where the spec has a vocabulary

    def __init__(self, spec: BidirectionalSpec) -> None:
        super().__init__()
        self.spec = spec
        self.characters = CharacterEncoder(spec.characters, spec.d_model)
        self.layers = nn.ModuleList(
            nn.ModuleList(ClippedLSTM(spec.d_model, spec.d_cell, spec.clip_cell, spec.clip_state) for _ in range(2))
            for _ in range(spec.num_layers)
        )
        self.dropout = Dropout(spec.dropout)
        if spec.vocab_size:
            self.head = Linear(spec.d_model, spec.vocab_size)
        self.label_head = None
        if spec.label_head is not None:
            self.label_head = MixHead(spec.label_head, spec.num_layers + 1, 2 * spec.d_model, spec.d_label)
        self._initialise()

    def layer_states(self, characters: Tensor, layout: Layout | None = None) -> list[Directions]:
        """Characters of words `(..., max_length)`, a token tensor of `layout` → states of each direction by layer.

        The first of the list are the vectors of the words, the same for both.
        """
        layout = layout or Layout.padded(characters[..., 0])
        words = self.characters(characters)
        ways = [self._read(layout.grid(words), layout, direction) for direction in range(2)]
        layers = [(layout.tokens(forth), layout.tokens(back)) for forth, back in zip(*ways, strict=True)]
        return [(words, words), *layers]

    def directions(self, characters: Tensor, layout: Layout | None = None) -> Directions:
        """The states of the last layer: what predicts the next word, and what predicts the one before."""
        forth, back = self.layer_states(characters, layout)[-1]
        return self.dropout(forth), self.dropout(back)

    def hidden(self, characters: Tensor, layout: Layout | None = None) -> Tensor:
        """The states of the last layer, both directions beside each other: `(..., 2 · d_model)`."""
        return torch.cat(self.directions(characters, layout), -1)

    def spelled_states(self, ids: Tensor, layout: Layout) -> tuple[list[Directions], Layout]:
        """Bytes of words, a token tensor of `layout` → states of the words by layer, packed, and where they stand."""
        characters, words = words_of(ids, layout, self.spec.characters)
        return self.layer_states(characters, words), words

    def label_logits(self, ids: Tensor, layout: Layout, types: Tensor | None = None) -> Tensor:
        """Bytes of words, a token tensor of `layout` → logits `(rows, labels)`; segments mean nothing to it."""
        assert self.label_head is not None, "the spec has no label head"
        logits: Tensor = self.label_head(*self.spelled_states(ids, layout))
        return logits

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Output:
        """Characters of padded words `(batch, length, max_length)`; the mask is True or 1 at real words.

        A model with labels reads padded bytes of words `(batch, length)`, and its states are those of words, packed.

        Raises:
            ConfigError: a shape is another one, or there is no such character.
        """
        if self.label_head is not None:
            check_ids("input_ids", input_ids, self.spec.characters.token_ids)
            layers, words = self.spelled_states(input_ids, Layout.padded(input_ids, attention_mask))
            return Output(self.label_head(layers, words), torch.cat(layers[-1], -1))
        most = self.spec.characters.max_length
        if input_ids.dim() != 3 or input_ids.shape[-1] != most:
            raise ConfigError(f"the characters are of shape {tuple(input_ids.shape)}; expected (batch, length, {most})")
        check_ids("input_ids", input_ids, self.spec.characters.vocab_size)
        return Output(None, self.hidden(input_ids, Layout.padded(input_ids[..., 0], attention_mask)))

    def _read(self, grid: Tensor, layout: Layout, direction: int) -> list[Tensor]:
        """The states `(rows, length, d_model)` of each layer in one direction, 0 or 1."""
        order = Order.of(layout, reverse=direction == 1)
        x = grid if order is None else arrange(grid, order.there)
        states = []
        for i, layer in enumerate(self.layers):
            x = self.dropout(x)
            out = layer[direction](x)  # type: ignore[index]
            x = out + x if i and self.spec.skips else out
            states.append(x if order is None else arrange(x, order.back))
        return states

    def _initialise(self) -> None:
        """Matrices N(0, 1 / inputs), characters in (−1, 1), and gates that at first let a word pass, as in bilm-tf."""
        if any(weight.is_meta for weight in self.parameters()):
            return
        initialise(self, InitSpec(scheme="fan_in"), self.spec.d_model)
        nn.init.uniform_(self.characters.table.weight, -1.0, 1.0)
        for module in self.modules():
            if isinstance(module, Highway):
                nn.init.constant_(module.gate.bias, -2.0)
            elif isinstance(module, ClippedLSTM):
                initialise_cells(module)
