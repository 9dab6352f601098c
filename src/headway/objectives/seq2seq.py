"""Sequence to sequence by teacher forcing: the decoder reads the target, shifted by one, and must say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headway.models.protocols import Translator
from headway.nn.masks import Layout
from headway.objectives.cross_entropy import linear_cross_entropy
from headway.objectives.losses import Losses
from headway.spec import SpecialTokens

Ids = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Seq2SeqBatch:
    """Sentence pairs laid end to end: no padding is ever computed on."""

    source: Tensor  # `(source tokens,)`, each row ends with the end token
    source_layout: Layout
    inputs: Tensor  # `(target tokens,)`, each row begins with the start token
    labels: Tensor  # `(target tokens,)`, each row ends with the end token
    target_layout: Layout

    @property
    def counts(self) -> dict[str, int]:
        """How many tokens each loss counts."""
        return {"loss": len(self.labels), "nll": len(self.labels)}

    @property
    def tokens(self) -> int:
        """Source and target tokens."""
        return len(self.source) + len(self.labels)

    def to(self, device: torch.device) -> Seq2SeqBatch:
        """The same batch on another device."""
        return Seq2SeqBatch(
            self.source.to(device),
            self.source_layout.to(device),
            self.inputs.to(device),
            self.labels.to(device),
            self.target_layout.to(device),
        )


@dataclass(frozen=True, slots=True)
class Seq2Seq:
    """The objective: label-smoothed cross-entropy of the next target token."""

    tokens: SpecialTokens
    label_smoothing: float = 0.0

    def collate(self, rows: Sequence[tuple[Ids, Ids]], draws: Sequence[np.random.Generator] = ()) -> Seq2SeqBatch:
        """Pairs of ids without special tokens → one packed batch; nothing is drawn."""
        start, end = [self.tokens.start_id], [self.tokens.end_id]
        sources = [part for source, _ in rows for part in (source, end)]
        inputs = [part for _, target in rows for part in (start, target)]
        labels = [part for _, target in rows for part in (target, end)]
        return Seq2SeqBatch(
            _tensor(sources),
            Layout.packed([len(source) + 1 for source, _ in rows]),
            _tensor(inputs),
            _tensor(labels),
            Layout.packed([len(target) + 1 for _, target in rows]),
        )

    def loss(self, model: Translator, batch: Seq2SeqBatch) -> Losses:
        """Summed smoothed loss, and the summed negative log-likelihood for the perplexity, in nats."""
        states = self.states(model, batch)
        loss, nll = linear_cross_entropy(states, batch.labels, model.head, smoothing=self.label_smoothing)
        count = len(batch.labels)
        return {"loss": (loss, count, 1.0), "nll": (nll, count, 0.0)}

    def states(self, model: Translator, batch: Seq2SeqBatch) -> Tensor:
        """What the head projects to the vocabulary, one row a label `(target tokens, d_model)`."""
        memory = model.encode(batch.source, batch.source_layout)
        return model.head.features(model.decode(batch.inputs, batch.target_layout, memory))


def _tensor(parts: Sequence[Ids | list[int]]) -> Tensor:
    return torch.from_numpy(np.concatenate(parts).astype(np.int64))
