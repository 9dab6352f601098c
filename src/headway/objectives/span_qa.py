"""Where the answer to a question begins in a text and where it ends (Devlin et al. 2019, sections 4.2 and 4.3).

A row is a window of a text with its question. Start and end are each chosen among the tokens of the text and the first
token of the row, which stands for "not in this window": it is right wherever the window does not hold a whole answer.
Of several answers one is drawn each time the row is read, so that what most people gave is learned most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from headway.models.protocols import Labeller
from headway.nn.masks import Layout
from headway.objectives.losses import Losses, wide
from headway.text.template import Wrapped

NOWHERE = (0, 0)  # the place of an answer that is not in the window


class Question(NamedTuple):
    """A question and a window of its text, as the model reads them."""

    read: Wrapped
    context: int  # tokens of the text in it
    answers: Sequence[tuple[int, int]]  # the first and the last token of each answer, counted in the text's; may lack


@dataclass(frozen=True, slots=True)
class SpanBatch:
    """Rows laid end to end, with their answers."""

    ids: Tensor  # `(tokens,)`
    types: Tensor  # `(tokens,)` 0: question, 1: text
    layout: Layout
    can_be: Tensor  # `(tokens,)` bool: may begin or end an answer, or says that there is none
    answers: Tensor  # `(rows, 2)` columns of start and end

    @property
    def labels(self) -> Tensor:
        """What must be said `(2 · rows,)`."""
        return self.answers.flatten()

    @property
    def counts(self) -> dict[str, int]:
        """How many starts and ends each loss counts, and of how many rows it is told whether both are right."""
        rows = len(self.answers)
        return {"loss": 2 * rows, "nll": 2 * rows, "accuracy": rows}

    @property
    def tokens(self) -> int:
        """All that are read."""
        return len(self.ids)

    def to(self, device: torch.device) -> SpanBatch:
        """The same batch on another device."""
        ids, types, can_be, answers = (x.to(device) for x in (self.ids, self.types, self.can_be, self.answers))
        return SpanBatch(ids, types, self.layout.to(device), can_be, answers)


@dataclass(frozen=True, slots=True)
class SpanQA:
    """The objective: cross-entropy of the start and of the end."""

    def collate(self, rows: Sequence[Question], draws: Sequence[np.random.Generator]) -> SpanBatch:
        """Windows → one packed batch; row i draws its answer from `draws[i]`."""
        lengths = [len(row.read.ids) for row in rows]
        can_be = [np.zeros(length, np.bool_) for length in lengths]
        answers = []
        for row, allowed, draw in zip(rows, can_be, draws, strict=True):
            begin = row.read.second_start
            assert begin is not None, "a question and its text are a pair"
            allowed[begin : begin + row.context] = True
            allowed[0] |= row.read.first_start > 0
            chosen = row.answers[int(draw.integers(len(row.answers)))] if row.answers else None
            answers.append(NOWHERE if chosen is None else (begin + chosen[0], begin + chosen[1]))
        return SpanBatch(
            torch.tensor([index for row in rows for index in row.read.ids]),
            torch.tensor([kind for row in rows for kind in row.read.token_types]),
            Layout.packed(lengths),
            torch.from_numpy(np.concatenate(can_be)),
            torch.tensor(answers),
        )

    def loss(self, model: Labeller, batch: SpanBatch) -> Losses:
        """Summed negative log-likelihood in nats of starts and ends, and how many rows have both right."""
        logits = model.label_logits(batch.ids, batch.layout, batch.types)  # (tokens, 2)
        grid = batch.layout.grid(wide(logits))
        grid = grid.masked_fill(~batch.layout.grid(batch.can_be)[..., None], -torch.inf)  # (rows, length, 2)
        nll = F.cross_entropy(grid.transpose(1, 2).flatten(0, 1), batch.labels, reduction="sum")
        right = (grid.detach().argmax(1) == batch.answers).all(1).sum()
        counts = batch.counts
        return {
            "loss": (nll, counts["loss"], 1.0),
            "nll": (nll.detach(), counts["nll"], 0.0),
            "accuracy": (right, counts["accuracy"], 0.0),
        }
