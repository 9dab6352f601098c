"""Recurrent layers that label a text, from a `RecurrentClassifierSpec`: what came before the Transformer.

Of the states of an LSTM in both directions the highest of each feature already tells texts apart well (Conneau et al.
2017); here the last and the mean stand beside it, or attention chooses among all states (Yang et al. 2016).
"""

from __future__ import annotations

from torch import Tensor, nn

from headway.models.inputs import check_ids
from headway.models.protocols import Output
from headway.models.text_heads import TextHead
from headway.nn.init import initialise
from headway.nn.masks import Layout
from headway.nn.pooling import AttentivePooling, concat_pool
from headway.nn.recurrent import RecurrentStack, initialise_cells
from headway.spec import InitSpec, RecurrentClassifierSpec


class RecurrentClassifier(nn.Module):
    """A recurrent stack, what is kept of its states, and perhaps labels from it."""

    def __init__(self, spec: RecurrentClassifierSpec) -> None:
        super().__init__()
        self.spec = spec
        tokens = nn.Embedding(spec.vocab_size, spec.d_model)
        self.stack = RecurrentStack(
            spec.cell, tokens, spec.num_layers, bidirectional=spec.bidirectional, dropout=spec.dropout
        )
        self.attention = None if spec.attention == "none" else AttentivePooling(spec.attention, spec.d_model)
        width = spec.d_model if self.attention is not None else 3 * spec.d_model
        self.label_head = None if spec.label_head is None else TextHead(spec.label_head, width)
        initialise(self, InitSpec(), spec.d_model)
        for module in self.modules():
            if isinstance(module, nn.RNNBase):
                initialise_cells(module)

    def hidden(self, ids: Tensor, layout: Layout | None = None) -> Tensor:
        """Ids, a token tensor of `layout` → states `(..., d_model)`."""
        states: Tensor = self.stack(ids, layout or Layout.padded(ids))[0]
        return states

    def pool(self, states: Tensor, layout: Layout) -> Tensor:
        """What is kept of the states of each text: `(rows, d_model)` by attention, else `(rows, 3 · d_model)`."""
        if self.attention is None:
            return concat_pool(states, layout, bidirectional=self.spec.bidirectional)
        kept: Tensor = self.attention(states, layout)
        return kept

    def label_logits(self, ids: Tensor, layout: Layout, types: Tensor | None = None) -> Tensor:
        """Ids, a token tensor of `layout` → logits `(rows, labels)`; segments mean nothing to it."""
        assert self.label_head is not None, "the spec has no label head"
        logits: Tensor = self.label_head(self.pool(self.hidden(ids, layout), layout))
        return logits

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Output:
        """Padded ids `(batch, length)` in; the mask is True or 1 at real tokens.

        Raises:
            ConfigError: a shape is another one, or an id is outside the table.
        """
        check_ids("input_ids", input_ids, self.spec.vocab_size)
        layout = Layout.padded(input_ids, attention_mask)
        states = self.hidden(input_ids, layout)
        return Output(None if self.label_head is None else self.label_head(self.pool(states, layout)), states)
