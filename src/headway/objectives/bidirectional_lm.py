"""Two language models at once: from left to right the next word is said, from right to left the one before.

Peters et al. 2018, section 3.1. Words are read by their characters and said as words of a vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from headway.data.blocks import Predictions
from headway.models.elmo import Elmo
from headway.nn.masks import Layout
from headway.objectives.cross_entropy import linear_cross_entropy
from headway.objectives.losses import Losses
from headway.text.characters import Spelling


@dataclass(frozen=True, slots=True)
class BidirectionalBatch:
    """Pieces of documents laid end to end, each a row of the layout: none sees another, in neither direction.

    A piece of n predictions is n + 1 words, from the first that is read to the last that is said.
    """

    characters: Tensor  # `(words, max_length)`
    layout: Layout
    nexts: Tensor  # `(predictions,)`, said from left to right
    befores: Tensor  # `(predictions,)`, said from right to left
    seen_before: Tensor  # `(predictions,)`, where in `characters` each of `nexts` is said from
    seen_after: Tensor  # the same of `befores`

    @property
    def counts(self) -> dict[str, int]:
        """How many words each loss counts."""
        count = len(self.nexts)
        return {"loss": 2 * count, "nll": 2 * count, "forward_nll": count, "backward_nll": count}

    @property
    def labels(self) -> Tensor:
        """What is said from left to right `(predictions,)`."""
        return self.nexts

    @property
    def tokens(self) -> int:
        """Words read."""
        return len(self.characters)

    def to(self, device: torch.device) -> BidirectionalBatch:
        """The same batch on another device."""
        return BidirectionalBatch(
            self.characters.to(device),
            self.layout.to(device),
            self.nexts.to(device),
            self.befores.to(device),
            self.seen_before.to(device),
            self.seen_after.to(device),
        )


@dataclass(frozen=True, slots=True, eq=False)
class BidirectionalLM:
    """The objective: the mean cross-entropy of both directions, each of which is reported."""

    spellings: Spelling  # `(vocabulary, max_length)`, the characters of each word: `text.characters.spellings`

    def collate(self, rows: Sequence[Predictions], draws: Sequence[np.random.Generator]) -> BidirectionalBatch:
        """Blocks or documents → one packed batch; nothing is drawn."""
        inputs, labels, lengths = (
            np.concatenate(parts).astype(np.int64) for parts in zip(*(row[:3] for row in rows), strict=True)
        )
        ends = lengths.cumsum()
        words = np.insert(inputs, ends, labels[ends - 1])
        lasts = ends + np.arange(len(ends))  # of each piece among `words`
        places = np.arange(len(words))
        return BidirectionalBatch(
            torch.from_numpy(self.spellings[words].astype(np.int64)),
            Layout.packed(torch.from_numpy(lengths + 1)),
            torch.from_numpy(labels),
            torch.from_numpy(inputs),
            torch.from_numpy(np.delete(places, lasts)),
            torch.from_numpy(np.delete(places, lasts - lengths)),
        )

    def loss(self, model: Elmo, batch: BidirectionalBatch) -> Losses:
        """Summed negative log-likelihoods in nats, of both directions together and of each."""
        forth, back = model.directions(batch.characters, batch.layout)
        forward, forward_nll = linear_cross_entropy(forth.index_select(0, batch.seen_before), batch.nexts, model.head)
        backward, backward_nll = linear_cross_entropy(back.index_select(0, batch.seen_after), batch.befores, model.head)
        count = len(batch.nexts)
        return {
            "loss": (forward + backward, 2 * count, 1.0),
            "nll": (forward_nll + backward_nll, 2 * count, 0.0),
            "forward_nll": (forward_nll, count, 0.0),
            "backward_nll": (backward_nll, count, 0.0),
        }
