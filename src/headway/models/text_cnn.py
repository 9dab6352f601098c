"""TextCNN, from a `TextCnnSpec`: Kim 2014, with words learned from nothing (his CNN-rand).

Left out: word vectors from elsewhere, and the bound on the norm of the last layer's weights, which changes little
(Zhang & Wallace 2017, section 4.6).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from headway.models.inputs import check_ids
from headway.models.protocols import Output
from headway.models.text_heads import TextHead
from headway.nn.convolution import MaxOverTime
from headway.nn.init import initialise
from headway.nn.masks import Layout
from headway.nn.recurrent import Order, arrange
from headway.spec import InitSpec, TextCnnSpec


class TextCnn(nn.Module):
    """Words, filters of several widths over them, and perhaps labels from what the filters found."""

    def __init__(self, spec: TextCnnSpec) -> None:
        super().__init__()
        self.spec = spec
        self.tokens = nn.Embedding(spec.vocab_size, spec.d_model)
        self.convolutions = nn.ModuleList(MaxOverTime(spec.d_model, spec.num_filters, width) for width in spec.widths)
        width = spec.num_filters * len(spec.widths)
        self.label_head = None if spec.label_head is None else TextHead(spec.label_head, width)
        initialise(self, InitSpec(), spec.d_model)

    def features(self, ids: Tensor, layout: Layout | None = None) -> Tensor:
        """Ids, a token tensor of `layout` → what each filter found, `(rows, filters of all widths)`."""
        layout = layout or Layout.padded(ids)
        grid, order = layout.grid(self.tokens(ids)), Order.of(layout, reverse=False)
        lengths = None if layout.keep is None else layout.keep.sum(1)
        if layout.keep is not None:
            grid = grid * layout.keep[..., None]
        if order is not None:
            grid = arrange(grid, order.there)
        return torch.cat([convolution(grid, lengths).relu() for convolution in self.convolutions], -1)

    def label_logits(self, ids: Tensor, layout: Layout, types: Tensor | None = None) -> Tensor:
        """Ids, a token tensor of `layout` → logits `(rows, labels)`; segments mean nothing to it."""
        assert self.label_head is not None, "the spec has no label head"
        logits: Tensor = self.label_head(self.features(ids, layout))
        return logits

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Output:
        """Padded ids `(batch, length)` in; the mask is True or 1 at real tokens. The states are those of the words.

        Raises:
            ConfigError: a shape is another one, or an id is outside the table.
        """
        check_ids("input_ids", input_ids, self.spec.vocab_size)
        found = self.features(input_ids, Layout.padded(input_ids, attention_mask))
        return Output(None if self.label_head is None else self.label_head(found), self.tokens(input_ids))
