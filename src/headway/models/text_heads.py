"""Heads for the labels of texts on models that have no stack of blocks: on one vector a text, and on ELMo's layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from headway.nn.characters import ScalarMix
from headway.nn.dropout import Dropout
from headway.nn.linear import Linear
from headway.nn.masks import Layout
from headway.nn.pooling import concat_pool
from headway.nn.recurrent import BothWays
from headway.spec import LabelHeadSpec


class TextHead(nn.Module):
    """Scores of labels from one vector a text, perhaps through a layer of its own."""

    def __init__(self, spec: LabelHeadSpec, width: int, *, d_label: int | None = None) -> None:
        """`d_label`: the width of a layer between, with relu (Howard & Ruder 2018, section 3.3); None: there is none.

        ULMFiT has batch normalisation there, left out: with one, of a batch or of a layer, dropout drowned the small
        differences between the pooled states of fresh cells, and on a made task they stayed at chance.
        """
        super().__init__()
        self.spec, self.dropout = spec, Dropout(spec.dropout)
        self.hidden = None if d_label is None else Linear(width, d_label)
        self.out = Linear(d_label or width, len(spec.labels), bias=spec.bias)

    def forward(self, read: Tensor) -> Tensor:
        """`(rows, width)` → logits `(rows, labels)`."""
        read = self.dropout(read)
        if self.hidden is not None:
            read = self.dropout(self.hidden(read).relu())
        logits: Tensor = self.out(read)
        return logits


class MixHead(nn.Module):
    """ELMo in a task (Peters et al. 2018, section 3.3): a learned mixture of all layers, read by a layer of the task.

    That is one LSTM layer in both directions, of which the last, the highest and the mean of the states are kept.
    """

    def __init__(self, spec: LabelHeadSpec, num_layers: int, width: int, d_label: int) -> None:
        """`num_layers` counts the vectors of the words as one; `width` is that of both directions together."""
        super().__init__()
        self.spec, self.dropout = spec, Dropout(spec.dropout)
        self.mix = ScalarMix(num_layers)
        self.reader = BothWays("lstm", width, d_label)
        self.out = Linear(3 * d_label, len(spec.labels), bias=spec.bias)

    def forward(self, layers: list[tuple[Tensor, Tensor]], layout: Layout) -> Tensor:
        """States of both directions by layer, token tensors of `layout` → logits `(rows, labels)`."""
        mixed = self.mix([torch.cat(directions, -1) for directions in layers])  # (..., width)
        states = self.reader(self.dropout(mixed), layout)
        logits: Tensor = self.out(self.dropout(concat_pool(states, layout, bidirectional=True)))
        return logits
