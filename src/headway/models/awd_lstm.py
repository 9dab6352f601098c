"""The AWD-LSTM, from an `AwdLstmSpec`: a language model (Merity et al. 2018), or ULMFiT's classifier made of one.

The classifier keeps the last, the highest and the mean of all states, and has two layers on that (Howard & Ruder 2018,
section 3.3); a long text is read whole, where theirs keeps the gradients of its last part alone.

Rows stand alone: no state is carried from one block of a long document to the next. The regularisation of activations
(Merity et al., section 4.6) and averaged SGD are left out.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from headway.models.heads import LanguageHead
from headway.models.inputs import check_ids
from headway.models.protocols import Output
from headway.models.text_heads import TextHead
from headway.nn.held_dropout import LockedDropout, WordDropout
from headway.nn.init import initialise
from headway.nn.lstm import Carried, WeightDropLSTM
from headway.nn.masks import Layout
from headway.nn.pooling import concat_pool
from headway.nn.recurrent import Order, arrange, initialise_cells
from headway.spec import AwdLstmSpec, InitSpec


class AwdLstm(nn.Module):
    """Embedding, LSTM layers, and a projection that shares the embedding's table, or labels."""

    head: LanguageHead  # where the spec asks for one

    def __init__(self, spec: AwdLstmSpec) -> None:
        super().__init__()
        self.spec = spec
        widths = [spec.d_model, *[spec.d_cell] * (spec.num_layers - 1), spec.d_model]
        self.tokens = nn.Embedding(spec.vocab_size, spec.d_model)
        self.layers = nn.ModuleList(WeightDropLSTM(*pair, spec.weight_dropout) for pair in pairwise(widths))
        self.word_dropout = WordDropout(spec.vocab_size, spec.word_dropout)
        self.input_dropout = LockedDropout(spec.input_dropout)
        self.layer_dropout = LockedDropout(spec.layer_dropout)
        self.output_dropout = LockedDropout(0.0 if spec.head is None else spec.output_dropout)
        if spec.head is not None:
            self.head = LanguageHead(spec.head, spec.d_model, self.tokens)
        self.label_head = None
        if spec.label_head is not None:
            self.label_head = TextHead(spec.label_head, 3 * spec.d_model, d_label=spec.d_label)
        initialise(self, InitSpec(), spec.d_model)
        for layer in self.layers:
            assert isinstance(layer, WeightDropLSTM)
            initialise_cells(layer)

    def hidden(self, ids: Tensor, layout: Layout | None = None) -> Tensor:
        """Ids, a token tensor of `layout` → hidden states `(..., d_model)`."""
        return self._read(ids, layout or Layout.padded(ids))[0]

    def label_logits(self, ids: Tensor, layout: Layout, types: Tensor | None = None) -> Tensor:
        """Ids, a token tensor of `layout` → logits `(rows, labels)`; segments mean nothing to it."""
        assert self.label_head is not None, "the spec has no label head"
        logits: Tensor = self.label_head(concat_pool(self.hidden(ids, layout), layout, bidirectional=False))
        return logits

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Output:
        """Padded ids `(batch, length)` in; the mask is True or 1 at real tokens.

        Raises:
            ConfigError: a shape is another one, or an id is outside the table.
        """
        check_ids("input_ids", input_ids, self.spec.vocab_size)
        layout = Layout.padded(input_ids, attention_mask)
        states = self.hidden(input_ids, layout)
        if self.label_head is not None:
            return Output(self.label_head(concat_pool(states, layout, bidirectional=False)), states)
        return Output(None if self.spec.head is None else self.head(states), states)

    def start(self, capacity: int | None = None) -> LstmState:
        """The state before the first token, of the same size at any length."""
        return LstmState()

    def step(self, ids: Tensor, state: LstmState, layout: Layout | None = None) -> Tensor:
        """Logits `(rows, vocabulary)` of the token after the last of `ids` `(rows, new tokens)`."""
        layout = layout or Layout.padded(ids)
        lengths = None if layout.keep is None else layout.keep.sum(1).cpu()
        states, state.carried = self._read(ids, layout, state.carried, lengths)
        logits: Tensor = self.head(states[:, -1])
        return logits

    def _read(
        self, ids: Tensor, layout: Layout, carried: list[Carried] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, list[Carried]]:
        """States, and what to carry on: of the last tokens of rows of `lengths`, else of the last column."""
        grid = self.input_dropout(layout.grid(self.word_dropout(self.tokens(ids), ids)))
        order = Order.of(layout, reverse=False)
        if order is not None:
            grid = arrange(grid, order.there)
        last: list[Carried] = []
        for i, layer in enumerate(self.layers):
            grid = self.layer_dropout(grid) if i else grid
            grid, after = layer(grid, carried[i] if carried else None, lengths)
            last.append(after)
        if order is not None:
            grid = arrange(grid, order.back)
        return layout.tokens(self.output_dropout(grid)), last


class LstmState:
    """What each layer carries from token to token, one row a hypothesis."""

    def __init__(self) -> None:
        self.carried: list[Carried] | None = None

    def reorder(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Row i becomes what row `rows[i]` was."""
        if self.carried is not None:
            self.carried = [(h.index_select(1, rows), c.index_select(1, rows)) for h, c in self.carried]
