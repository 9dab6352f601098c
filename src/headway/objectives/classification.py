"""Labels of texts: one of several (Devlin et al. 2019, section 4.1), several at once, or a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from headway.models.protocols import Labeller
from headway.nn.masks import Layout
from headway.objectives.losses import Losses, label_losses
from headway.spec import Problem
from headway.text.template import Wrapped

_LOSSES: dict[Problem, tuple[str, ...]] = {
    "single": ("loss", "nll", "accuracy"),
    "multi": ("loss", "nll"),
    "regression": ("loss",),
}


class Example(NamedTuple):
    """A text or a pair as the model reads it, and what it is."""

    read: Wrapped
    label: NDArray[np.generic]  # the label's number `()`, or of several labels 0 and 1 `(labels,)`, or a number `(1,)`


@dataclass(frozen=True, slots=True)
class LabelledBatch:
    """Rows laid end to end, with their labels."""

    ids: Tensor  # `(tokens,)`
    types: Tensor  # `(tokens,)` 0: first text, 1: second
    layout: Layout
    labels: Tensor  # `(rows,)` numbers of labels, or `(rows, labels)` 0.0 and 1.0, or `(rows, 1)` numbers
    losses: tuple[str, ...]  # what is computed of them

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each loss counts."""
        return dict.fromkeys(self.losses, len(self.labels))

    @property
    def tokens(self) -> int:
        """All that are read."""
        return len(self.ids)

    def to(self, device: torch.device) -> LabelledBatch:
        """The same batch on another device."""
        ids, types, labels = (x.to(device) for x in (self.ids, self.types, self.labels))
        return LabelledBatch(ids, types, self.layout.to(device), labels, self.losses)


@dataclass(frozen=True, slots=True)
class LabelTexts:
    """The objective: cross-entropy of a label, with label smoothing or without; binary ones of several; or the square.

    Args:
        problem: what a row's label is.
        label_smoothing: the share of probability spread over all labels, where a row has one.
    """

    problem: Problem
    label_smoothing: float = 0.0

    def collate(self, rows: Sequence[Example], draws: Sequence[np.random.Generator]) -> LabelledBatch:
        """Examples → one packed batch; nothing is drawn."""
        lengths = [len(row.read.ids) for row in rows]
        return LabelledBatch(
            torch.tensor([index for row in rows for index in row.read.ids]),
            torch.tensor([kind for row in rows for kind in row.read.token_types]),
            Layout.packed(lengths),
            torch.from_numpy(np.stack([row.label for row in rows])),
            _LOSSES[self.problem],
        )

    def loss(self, model: Labeller, batch: LabelledBatch) -> Losses:
        """Summed loss, of numbers the squared error; of labels `nll` is the same without smoothing, in nats a row."""
        logits, labels = model.label_logits(batch.ids, batch.layout, batch.types).float(), batch.labels
        rows = len(labels)
        if self.problem == "single":
            return label_losses(logits, labels, smoothing=self.label_smoothing)
        if self.problem == "multi":
            loss = F.binary_cross_entropy_with_logits(logits, labels, reduction="sum")
            return {"loss": (loss, rows, 1.0), "nll": (loss.detach(), rows, 0.0)}
        return {"loss": (F.mse_loss(logits, labels, reduction="sum"), rows, 1.0)}
