"""Masked language modelling (Devlin et al. 2019, section 3.1): say the words that were hidden.

What is hidden is drawn whenever a row is read, so that it differs each epoch (Liu et al. 2019, section 4.1). Where rows
are pairs of texts, a second head says whether the second follows the first (Devlin et al. 2019), or whether the two
stand in their order (Lan et al. 2020).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from headway.data.cache import Ids
from headway.data.segments import Passage
from headway.errors import ConfigError
from headway.models.heads import pool
from headway.models.single import SingleStack
from headway.nn.masks import Layout
from headway.objectives.cross_entropy import linear_cross_entropy
from headway.objectives.losses import Losses, wide
from headway.spec import SpecialTokens

MASKED, KEPT = 0.8, 0.1  # of what is chosen: replaced by the mask, left as it is; the rest by a random piece

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MaskedBatch:
    """Rows laid end to end, with what is to be said of them."""

    ids: Tensor  # `(tokens,)` as the model reads them
    layout: Layout
    types: Tensor | None  # `(tokens,)` 0: first text, 1: second; None: rows of one text
    places: Tensor  # `(chosen,)` the tokens to be said, among all
    labels: Tensor  # `(chosen,)` what stood there
    sentences: Tensor | None  # `(rows,)` 0: the texts stand as in their document

    @property
    def counts(self) -> dict[str, int]:
        """How many tokens, or rows, each loss counts."""
        words = {"loss": len(self.labels), "nll": len(self.labels)}
        rows = self.layout.rows
        return words if self.sentences is None else words | {"sentence": rows, "sentence_right": rows}

    @property
    def tokens(self) -> int:
        """All that are read."""
        return len(self.ids)

    def to(self, device: torch.device) -> MaskedBatch:
        """The same batch on another device."""
        return MaskedBatch(
            self.ids.to(device),
            self.layout.to(device),
            None if self.types is None else self.types.to(device),
            self.places.to(device),
            self.labels.to(device),
            None if self.sentences is None else self.sentences.to(device),
        )


class _Row(NamedTuple):
    ids: Whole
    types: Whole
    places: Whole
    labels: Whole
    sentence: int


@dataclass(frozen=True, eq=False)
class MaskedLM:
    """The objective: cross-entropy of the tokens that were chosen, perhaps of the pairs of sentences too.

    Raises:
        ConfigError: `share` is no share, or nothing says where words begin although whole ones are asked for.
    """

    tokens: SpecialTokens  # start and end stand around each text: [CLS] and [SEP]
    mask_id: int
    vocab_size: int  # ids are below it
    special_ids: Collection[int]  # never chosen, never a replacement
    share: float = 0.15  # of the tokens of a row that are no special pieces, rounded, but one at least
    whole_words: bool = False  # choose all pieces of a word or none
    starts_word: NDArray[np.bool_] | None = None  # of each id, for whole words: `text.words.word_starts`
    sentences: Literal["next", "order"] | None = None  # rows are passages, and the pairs that they become are judged

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ConfigError(f"the share of tokens to hide is {self.share}; it must be above 0 and at most 1")
        if self.whole_words and (self.starts_word is None or len(self.starts_word) < self.vocab_size):
            raise ConfigError(f"whole words are to be hidden; say of all {self.vocab_size:,} ids which begin a word")
        if self.whole_words and self.starts_word is not None and not self.starts_word.any():
            raise ConfigError("no piece of the tokenizer begins with a blank, so nothing tells where words begin")

    def collate(self, rows: Sequence[Ids | Passage], draws: Sequence[np.random.Generator]) -> MaskedBatch:
        """Windows of ids, or passages where sentences are judged → one packed batch; row i draws from `draws[i]`."""
        read = [self._read(row, draw) for row, draw in zip(rows, draws, strict=True)]
        lengths = [len(row.ids) for row in read]
        starts = np.cumsum([0, *lengths[:-1]])
        is_pairs = self.sentences is not None
        return MaskedBatch(
            ids=_tensor([row.ids for row in read]),
            layout=Layout.packed(lengths),
            types=_tensor([row.types for row in read]) if is_pairs else None,
            places=_tensor([row.places + start for row, start in zip(read, starts, strict=True)]),
            labels=_tensor([row.labels for row in read]),
            sentences=torch.tensor([row.sentence for row in read]) if is_pairs else None,
        )

    def loss(self, model: SingleStack, batch: MaskedBatch) -> Losses:
        """Summed negative log-likelihoods in nats, of words and of pairs, and how many pairs were judged right."""
        has_types = model.spec.stack.token_types > 1
        states = model.hidden(batch.ids, batch.layout, types=batch.types if has_types else None)
        chosen = model.head.features(states.index_select(0, batch.places))
        loss, nll = linear_cross_entropy(chosen, batch.labels, model.head)
        losses: Losses = {"loss": (loss, len(batch.labels), 1.0), "nll": (nll, len(batch.labels), 0.0)}
        if batch.sentences is None:
            return losses
        assert model.label_head is not None
        pooled = None if model.pooler is None else pool(model.pooler, states, batch.layout)
        logits = wide(model.label_head(states, batch.layout, pooled))  # (rows, 2)
        right = (logits.argmax(-1) == batch.sentences).sum()
        return losses | {
            "sentence": (F.cross_entropy(logits, batch.sentences, reduction="sum"), len(logits), 1.0),
            "sentence_right": (right, len(logits), 0.0),
        }

    def _read(self, row: Ids | Passage, draw: np.random.Generator) -> _Row:
        """One row as the model reads it, something of it hidden."""
        start, end = [self.tokens.start_id], [self.tokens.end_id]
        if isinstance(row, Passage):
            pair = row.next_sentence(draw) if self.sentences == "next" else row.sentence_order(draw)
            parts, sentence = [start, pair.first, end, pair.second, end], pair.label
        else:
            parts, sentence = [start, row, end], 0
        ids: Whole = np.concatenate(parts, dtype=np.int64)
        types = (np.arange(len(ids)) >= sum(map(len, parts[:3]))).astype(np.int64)
        places = self._chosen(ids, draw)
        return _Row(self._hidden(ids, places, draw), types, places, ids[places], sentence)

    def _chosen(self, ids: Whole, draw: np.random.Generator) -> Whole:
        """The tokens of a row to be said, in their order `(chosen,)`."""
        free = np.flatnonzero(~self._is_special[ids])
        wanted = max(1, round(self.share * len(free)))
        if self.starts_word is None or not self.whole_words or not len(free):
            return np.sort(draw.permutation(free)[:wanted])
        begins = self.starts_word[ids] | self._is_special[ids]
        word = np.unique(np.cumsum(begins)[free], return_inverse=True)[1]  # the number of each token's word
        sizes = np.bincount(word)
        order = draw.permutation(len(sizes))
        count = 1 + np.abs(np.cumsum(sizes[order]) - wanted).argmin()  # words that together come nearest
        chosen: Whole = free[np.isin(word, order[:count])]
        return chosen

    def _hidden(self, ids: Whole, places: Whole, draw: np.random.Generator) -> Whole:
        """The ids, of which those at `places` are masked, replaced, or left."""
        hidden, fate = ids.copy(), draw.random(len(places))
        hidden[places[fate < MASKED]] = self.mask_id
        replaced = places[fate >= MASKED + KEPT]
        hidden[replaced] = self._ordinary[draw.integers(len(self._ordinary), size=len(replaced))]
        return hidden

    @cached_property
    def _is_special(self) -> NDArray[np.bool_]:
        """Of each id."""
        special = np.zeros(self.vocab_size, np.bool_)
        named = {self.mask_id, self.tokens.pad_id, self.tokens.start_id, self.tokens.end_id, *self.special_ids}
        special[[index for index in named if index >= 0]] = True
        return special

    @cached_property
    def _ordinary(self) -> Whole:
        """The ids that are no special pieces."""
        return np.flatnonzero(~self._is_special)


def _tensor(parts: Sequence[Whole]) -> Tensor:
    return torch.from_numpy(np.concatenate(parts))
