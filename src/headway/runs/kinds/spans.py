"""Span corruption: an encoder-decoder says what was taken out of a text."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from headway.data.windows import Windows
from headway.decoding.generate import Decoding, decode
from headway.evaluation.proportion import mean_with_interval
from headway.objectives.span_corruption import SpanCorruption
from headway.runs.build import choices_of
from headway.runs.kinds.kind import Encoded, Splits, Vocabulary
from headway.runs.kinds.raw_text import RawText, batches_of, one, seconds_of, spread, tokens_of
from headway.spec import ModelSpec, SingleStackSpec, TranslatorSpec
from headway.text.tokenizer import Tokenizer, TokenizerPair

SENTINELS = tuple(f"<extra_id_{number}>" for number in range(100))  # as T5 calls them


@dataclass(frozen=True, slots=True)
class Spans(RawText):
    """`Thank you <extra_id_0> me </s>` → `<extra_id_0> for inviting </s>`."""

    families: ClassVar[tuple[str, ...]] = ("t5", "vaswani")
    pieces: ClassVar[tuple[str, ...]] = SENTINELS
    template: ClassVar[tuple[str, str]] = ("$A:0 </s>:0", "$A:0 </s>:0 $B:0 </s>:0")

    def learn(self, data: Splits) -> TokenizerPair:
        """See `Kind`: one vocabulary for both sides."""
        learned = one(RawText.learn(self, data))
        return TokenizerPair(learned, learned)

    def open(self, folder: Path) -> TokenizerPair:
        """See `Kind`."""
        return TokenizerPair.load(folder)

    def spec(self, vocabulary: Vocabulary, data: Splits) -> TranslatorSpec:
        """See `Kind`; the padding token starts the decoder (Raffel et al. 2020)."""
        tokens, size = tokens_of(vocabulary), one(vocabulary).vocab_size
        tokens = dataclasses.replace(tokens, start_id=tokens.pad_id)
        spec: TranslatorSpec = choices_of(self.config.model).spec(size, size, tokens)
        return spec

    def suits(self, spec: ModelSpec) -> str:
        """See `Kind`."""
        return "is no encoder-decoder" if isinstance(spec, SingleStackSpec) else self.too_short(spec)

    def encode(self, data: Splits, split: str, vocabulary: Vocabulary, spec: ModelSpec) -> Encoded:
        """Windows whose source, once corrupted, is no longer than `data.max_length`."""
        objective = self.objective(spec, vocabulary)
        longest, _ = objective.exact_lengths(self.config.data.max_length)
        corpus = self.corpus(data, split, vocabulary)
        windows = Windows(corpus, longest, 0)
        return Encoded(windows, objective.lengths(windows.lengths), release=corpus.release)

    def objective(self, spec: ModelSpec, vocabulary: Vocabulary) -> SpanCorruption:
        """See `Kind`."""
        tokenizer, wanted = one(vocabulary), self.config.objective
        return SpanCorruption(
            spec.tokens,
            [tokenizer.id_of(piece) for piece in SENTINELS if piece in tokenizer],
            noise_density=wanted.noise_density,
            mean_span_length=wanted.mean_span_length,
            label_smoothing=self.config.training.label_smoothing,
        )

    @torch.no_grad()
    def evaluate(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> dict[str, Any]:
        """The loss at what was taken out, and a unigram's beside it."""
        begun = time.monotonic()
        objective, encoded = self.objective(model.spec, vocabulary), self.encode(data, split, vocabulary, model.spec)
        unigram = self.unigram(data, vocabulary) if "train" in data else None
        rows: dict[str, list[float]] = {"masked_nll": [], "unigram_nll": []}  # a batch each
        counts = []
        for batch in batches_of(encoded, objective, self.config.training.batch_tokens):
            total, count, _ = objective.loss(model, batch.to(model.head.weight.device))["masked_nll"]
            counts.append(count)
            rows["masked_nll"].append(float(total))
            if unigram is not None:
                rows["unigram_nll"].append(float(unigram.nll(batch.pairs.labels[batch.text].numpy()).sum()))
        return {
            "task": self.config.task,
            "split": split,
            "metrics": {name: mean_with_interval(sums, counts) for name, sums in rows.items() if sums},
            "rows": len(encoded),
            "hidden": int(np.sum(counts)),
            "seconds": round(time.monotonic() - begun, 3),
            "samples": _samples(model, one(vocabulary), objective, encoded),
        }

    def seconds(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> tuple[float, float]:
        """See `Kind`."""
        encoded = self.encode(data, split, vocabulary, model.spec)
        budget = self.config.training.batch_tokens
        return 0.0, seconds_of(model, encoded, self.objective(model.spec, vocabulary), budget)


def _samples(model: Any, tokenizer: Tokenizer, objective: SpanCorruption, encoded: Encoded) -> list[dict[str, str]]:
    """A few texts with gaps, and what the model says of them."""
    rows = [encoded.rows[int(row)][:40] for row in spread(len(encoded))]
    pairs = [objective.collate([row], [np.random.default_rng(number)]).pairs for number, row in enumerate(rows)]
    sources = [pair.source.tolist() for pair in pairs]
    found = decode(model, sources, Decoding(beam=1))
    return [
        {"source": _shown(tokenizer, source), "written": _shown(tokenizer, best[0].ids)}
        for source, best in zip(sources, found, strict=True)
    ]


def _shown(tokenizer: Tokenizer, ids: list[int]) -> str:
    """The text of ids, its sentinels left in place."""
    sentinels = {tokenizer.id_of(piece): piece for piece in SENTINELS if piece in tokenizer}
    text, run = "", list[int]()
    for index in ids:
        if index in sentinels:
            text, run = text + tokenizer.decode(run) + sentinels[index], []
        else:
            run.append(index)
    return text + tokenizer.decode(run)
