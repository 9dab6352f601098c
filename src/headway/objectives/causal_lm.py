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
    labels: Tensor  # `(said,)`, the end token among them
    layout: Layout
    said: Tensor | None = None  # `(said,)` places in `inputs` after which something must be said; None: after each

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
        said = None if self.said is None else self.said.to(device)
        return CausalBatch(self.inputs.to(device), self.labels.to(device), self.layout.to(device), said)


@dataclass(frozen=True, slots=True)
class CausalLM:
    """The objective: cross-entropy of the next token, with label smoothing or without."""

    label_smoothing: float = 0.0

    def collate(self, rows: Sequence[Predictions], draws: Sequence[np.random.Generator]) -> CausalBatch:
        """Blocks, documents or texts after prompts → one packed batch; nothing is drawn."""
        inputs, labels, lengths = (
            torch.from_numpy(np.concatenate(parts).astype(np.int64))
            for parts in zip(*(row[:3] for row in rows), strict=True)
        )
        layout = Layout.packed(lengths)
        if not any(row.given for row in rows):
            return CausalBatch(inputs, labels, layout)
        asked = [np.arange(len(row.labels)) >= row.given for row in rows]
        said = torch.from_numpy(np.flatnonzero(np.concatenate(asked)))
        return CausalBatch(inputs, labels[said], layout, said)

    def loss(self, model: Reader, batch: CausalBatch) -> Losses:
        """Summed smoothed loss, and the summed negative log-likelihood for the perplexity, in nats."""
        hidden = model.hidden(batch.inputs, batch.layout)
        states = model.head.features(hidden if batch.said is None else hidden.index_select(0, batch.said))
        loss, nll = linear_cross_entropy(states, batch.labels, model.head, smoothing=self.label_smoothing)
        count = len(batch.labels)
        return {"loss": (loss, count, 1.0), "nll": (nll, count, 0.0)}
