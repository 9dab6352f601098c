"""Span corruption: runs of tokens are taken out of a text, and said by the model (Raffel et al. 2020, section 3.1.4).

The source is the text with a sentinel in place of each run; the target is the runs, each behind its sentinel:

    Thank you <0> me to your party <1>  →  <0> for inviting <1> last week

Both end with the end token. Spans are drawn as T5's own `random_spans_noise_mask` does, and put into words as its
`noise_span_to_unique_sentinel` and `nonnoise_span_to_unique_sentinel` do: a text begins with a run that stays and ends
with one that goes. So no sentinel closes the target; the figure in the paper, whose text ends otherwise, has one.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from headway.errors import ConfigError
from headway.models.protocols import Translator
from headway.objectives.cross_entropy import linear_cross_entropy
from headway.objectives.losses import Losses
from headway.objectives.seq2seq import Ids, Seq2Seq, Seq2SeqBatch
from headway.spec import SpecialTokens

Lengths = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SpanBatch:
    """Corrupted texts, and which of the labels are text."""

    pairs: Seq2SeqBatch
    text: Tensor  # `(text labels,)` places in `pairs.labels` of tokens that were taken out
    marks: Tensor  # `(other labels,)` places of sentinels and end tokens

    @property
    def counts(self) -> dict[str, int]:
        """How many tokens each loss counts."""
        return {**self.pairs.counts, "masked_nll": len(self.text)}

    @property
    def labels(self) -> Tensor:
        """`(target tokens,)`."""
        return self.pairs.labels

    @property
    def tokens(self) -> int:
        """Source and target tokens."""
        return self.pairs.tokens

    def to(self, device: torch.device) -> SpanBatch:
        """The same batch on another device."""
        return SpanBatch(self.pairs.to(device), self.text.to(device), self.marks.to(device))


@dataclass(frozen=True, slots=True)
class SpanCorruption:
    """The objective: cross-entropy of the target, which is what was taken out of the text.

    Of a text, `round(length × noise_density)` tokens go, at least one and not all, in `round(these /
    mean_span_length)` runs, at least one and no more than there are sentinels or tokens that stay; a half is rounded
    to the even number. Among such masks all are equally likely. A text of a single token loses nothing: its source is
    itself, its target the first sentinel, as with T5.

    Raises:
        ConfigError: no sentinel, or a density or a mean length that cannot be.
    """

    tokens: SpecialTokens
    sentinels: Sequence[int]  # ids, in the order of their use
    noise_density: float = 0.15
    mean_span_length: float = 3.0
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not len(self.sentinels):
            raise ConfigError("span corruption has no sentinels; use a vocabulary with pieces such as <extra_id_0>")
        if not 0 < self.noise_density < 1:
            raise ConfigError(f"the noise density is {self.noise_density}; it must be more than 0 and less than 1")
        if not 1 <= self.mean_span_length < float("inf"):
            raise ConfigError(f"the mean span length is {self.mean_span_length} tokens; it must be at least 1")

    @property
    def seq2seq(self) -> Seq2Seq:
        """What is left to do once source and target are made."""
        return Seq2Seq(self.tokens, self.label_smoothing)

    def lengths(self, lengths: ArrayLike) -> Lengths:
        """Tokens of source and target, end tokens included `(texts, 2)`, of texts of so many tokens `(texts,)`.

        >>> SpanCorruption(SpecialTokens(), range(100)).lengths([568]).tolist()
        [[512, 114]]
        """
        sizes = np.asarray(lengths, np.int64)
        noise, spans = self._amounts(sizes)
        sides = np.stack([sizes - noise, noise], axis=-1) + spans[..., None] + 1
        return np.where(sizes[..., None] < 2, sizes[..., None] + 1, sides)

    def exact_lengths(self, length: int) -> tuple[int, int]:
        """The longest text whose source is `length` tokens, end token included, and how long its target is.

        Both are T5's `random_spans_helper`, but for tiny texts, where that forgets that one token always goes.

        >>> SpanCorruption(SpecialTokens(), range(100)).exact_lengths(512)
        (568, 114)

        Raises:
            ConfigError: no text that loses a token has such a source.
        """
        enough = int(length / (1 - self.noise_density)) + 2  # a text of so many tokens has a longer source
        tokens = bisect.bisect_right(range(enough), length, key=lambda size: int(self.lengths(size)[0])) - 1
        source, target = self.lengths(max(tokens, 2)).tolist()
        if source != length:
            raise ConfigError(
                f"no text has a source of exactly {length} tokens at a noise density of {self.noise_density} and a "
                f"mean span length of {self.mean_span_length}; {source} tokens would do"
            )
        return tokens, target

    def collate(self, rows: Sequence[Ids], draws: Sequence[np.random.Generator]) -> SpanBatch:
        """Texts as ids without special tokens → one packed batch; `draws[i]` decides what goes of text i."""
        noise, spans = self._amounts(np.array([len(row) for row in rows]))
        parts = [self._corrupt(*item) for item in zip(rows, noise.tolist(), spans.tolist(), draws, strict=True)]
        pairs = self.seq2seq.collate([(source, target) for source, target, _ in parts], draws)
        is_text = np.concatenate([piece for _, _, said in parts for piece in (said, [False])])
        text, marks = (torch.from_numpy(np.flatnonzero(places)) for places in (is_text, ~is_text))
        return SpanBatch(pairs, text, marks)

    def loss(self, model: Translator, batch: SpanBatch) -> Losses:
        """As of `Seq2Seq`, and `masked_nll`: the summed negative log-likelihood, in nats, of labels that are text."""
        states, labels = self.seq2seq.states(model, batch.pairs), batch.pairs.labels
        (text, text_nll), (marks, marks_nll) = (
            linear_cross_entropy(
                states.index_select(0, places), labels[places], model.head, smoothing=self.label_smoothing
            )
            for places in (batch.text, batch.marks)
        )
        count = len(labels)
        return {
            "loss": (text + marks, count, 1.0),
            "nll": (text_nll + marks_nll, count, 0.0),
            "masked_nll": (text_nll, len(batch.text), 0.0),
        }

    def _amounts(self, lengths: Lengths) -> tuple[Lengths, Lengths]:
        """How many tokens go, and in how many runs, of texts of at least two tokens."""
        noise = np.clip(np.rint(lengths * self.noise_density), 1, lengths - 1)
        most = np.minimum(lengths - noise, len(self.sentinels))
        spans = np.clip(np.rint(noise / self.mean_span_length), 1, most)
        return noise.astype(np.int64), spans.astype(np.int64)

    def _corrupt(
        self, row: Ids, noise: int, spans: int, draw: np.random.Generator
    ) -> tuple[Lengths, Lengths, NDArray[np.bool_]]:
        """A text's source, its target, and which tokens of the target are text."""
        ids = np.asarray(row, np.int64)
        runs = np.ones_like(ids)  # of fewer than two tokens, all stay
        if len(ids) > 1:
            gone, kept = _segments(noise, spans, draw), _segments(len(ids) - noise, spans, draw)
            runs = np.stack([kept, gone], axis=1).ravel()  # (2 · spans,), in turn
        goes = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        begins = np.cumsum(runs) - runs
        is_first, marked = np.zeros(len(ids), np.bool_), ids.copy()
        is_first[begins], marked[begins] = True, np.repeat(self.sentinels[:spans], 2)[: len(runs)]
        in_target = goes | is_first
        source = np.where(goes, marked, ids)[~goes | is_first]
        return source, np.where(goes, ids, marked)[in_target], goes[in_target]


def _segments(items: int, parts: int, draw: np.random.Generator) -> Lengths:
    """Lengths `(parts,)`, none of them 0, of `items` in a row that are cut anywhere: each way is equally likely."""
    cuts = 1 + np.sort(draw.choice(items - 1, parts - 1, replace=False, shuffle=False))
    return np.diff(cuts, prepend=0, append=items)
