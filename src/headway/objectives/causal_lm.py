"""Causal language modelling (Radford et al. 2019, section 2): each token is said from those before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from headway.data.blocks import Predictions
from headway.models.heads import LanguageHead
from headway.nn.masks import Layout
from headway.objectives.cross_entropy import linear_cross_entropy
from headway.objectives.losses import Losses


class Reader(Protocol):
    """A model that reads from left to right: any `SingleStack` whose stack is causal and that has a language head."""

    @property
    def head(self) -> LanguageHead:
        """The projection of hidden states to the vocabulary."""
        ...

    def hidden(self, ids: Tensor, layout: Layout | None = None) -> Tensor:
        """Ids, a token tensor of `layout`, → hidden states `(..., d_model)`."""
        ...


@dataclass(frozen=True, slots=True)
class CausalBatch:
    """Pieces of documents laid end to end; each is a row of the layout, so positions restart and none sees another."""

    inputs: Tensor  # `(tokens,)`
    labels: Tensor  # `(tokens,)`, the end token among them
    layout: Layout

    @property
    def counts(self) -> dict[str, int]:
        """How many tokens each loss counts."""
        return {"loss": len(self.labels), "nll": len(self.labels)}

    @property
    def tokens(self) -> int:
        """Tokens read."""
        return len(self.inputs)

    def to(self, device: torch.device) -> CausalBatch:
        """The same batch on another device."""
        return CausalBatch(self.inputs.to(device), self.labels.to(device), self.layout.to(device))


@dataclass(frozen=True, slots=True)
class CausalLM:
    """The objective: cross-entropy of the next token, with label smoothing or without."""

    label_smoothing: float = 0.0

    def collate(self, rows: Sequence[Predictions], draws: Sequence[np.random.Generator]) -> CausalBatch:
        """Blocks or documents → one packed batch; nothing is drawn."""
        inputs, labels, lengths = (
            torch.from_numpy(np.concatenate(parts).astype(np.int64)) for parts in zip(*rows, strict=True)
        )
        return CausalBatch(inputs, labels, Layout.packed(lengths))

    def loss(self, model: Reader, batch: CausalBatch) -> Losses:
        """Summed smoothed loss, and the summed negative log-likelihood for the perplexity, in nats."""
        states = model.head.features(model.hidden(batch.inputs, batch.layout))
        loss, nll = linear_cross_entropy(states, batch.labels, model.head, smoothing=self.label_smoothing)
        count = len(batch.labels)
        return {"loss": (loss, count, 1.0), "nll": (nll, count, 0.0)}
