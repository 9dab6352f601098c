"""Labels of words, each said by its first sub-word; the others say nothing (Devlin et al. 2019, section 5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headway.models.protocols import Labeller
from headway.nn.masks import Layout
from headway.objectives.losses import Losses, label_losses, wide


class TaggedWindow(NamedTuple):
    """A sentence, or a window of one, as the model reads it."""

    ids: NDArray[np.int64]  # `(length,)` special pieces included
    places: NDArray[np.int64]  # `(words,)` of the first sub-word of each word
    labels: NDArray[np.int64]  # `(words,)` their numbers


@dataclass(frozen=True, slots=True)
class TagBatch:
    """Windows laid end to end, with the labels of their words."""

    ids: Tensor  # `(tokens,)`
    layout: Layout
    places: Tensor  # `(words,)` the tokens that have a label, among all
    labels: Tensor  # `(words,)`

    @property
    def counts(self) -> dict[str, int]:
        """How many words each loss counts."""
        return dict.fromkeys(("loss", "nll", "accuracy"), len(self.labels))

    @property
    def tokens(self) -> int:
        """All that are read."""
        return len(self.ids)

    def to(self, device: torch.device) -> TagBatch:
        """The same batch on another device."""
        return TagBatch(self.ids.to(device), self.layout.to(device), self.places.to(device), self.labels.to(device))


@dataclass(frozen=True, slots=True)
class TagWords:
    """The objective: cross-entropy of the labels, of the tokens that have one.

    Args:
        label_smoothing: the share of probability spread over all labels.
    """

    label_smoothing: float = 0.0

    def collate(self, rows: Sequence[TaggedWindow], draws: Sequence[np.random.Generator]) -> TagBatch:
        """Windows → one packed batch; nothing is drawn."""
        lengths = [len(row.ids) for row in rows]
        starts = np.cumsum([0, *lengths[:-1]])
        places = [row.places + start for row, start in zip(rows, starts, strict=True)]
        return TagBatch(
            torch.from_numpy(np.concatenate([row.ids for row in rows])),
            Layout.packed(lengths),
            torch.from_numpy(np.concatenate(places)),
            torch.from_numpy(np.concatenate([row.labels for row in rows])),
        )

    def loss(self, model: Labeller, batch: TagBatch) -> Losses:
        """Summed over words, in nats; `nll` is the same without smoothing, `accuracy` how many labels are right."""
        logits = model.label_logits(batch.ids, batch.layout).index_select(0, batch.places)  # (words, labels)
        return label_losses(wide(logits), batch.labels, smoothing=self.label_smoothing)
