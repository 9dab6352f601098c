"""Two language models at once (ELMo): each word from those before it, and from those after it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from headway.data.blocks import Blocks, labels_of
from headway.errors import ConfigError
from headway.evaluation.bootstrap import mean_with_interval
from headway.evaluation.language import language_metrics
from headway.objectives.bidirectional_lm import BidirectionalLM
from headway.runs.build import choices_of
from headway.runs.kinds.kind import Encoded, Splits, Vocabulary, one, tokens_of
from headway.runs.kinds.measuring import batches_of, spread
from headway.runs.kinds.raw_text import RawText
from headway.spec import BidirectionalSpec, ModelSpec
from headway.text.characters import spellings

_WORDS = 12  # of a sample


@dataclass(frozen=True, slots=True)
class Bidirectional(RawText):
    """Words are read by their characters and said as words of a vocabulary."""

    families: ClassVar[tuple[str, ...]] = ("elmo",)
    template: ClassVar[tuple[str, str]] = ("<s>:0 $A:0 </s>:0", "<s>:0 $A:0 </s>:0 $B:0 </s>:0")
    unit: ClassVar[str] = "blocks"

    def check(self) -> None:
        """See `Kind`; also, that the vocabulary is one of words."""
        RawText.check(self)
        if self.config.tokenizer.type != "word" and not self.config.model.init:
            raise ConfigError(
                f"tokenizer.type is {self.config.tokenizer.type}, but {self.config.model.family} says words and spells "
                "them; set tokenizer.type word"
            )

    def spec(self, vocabulary: Vocabulary, data: Splits) -> BidirectionalSpec:
        """See `Kind`."""
        spec: BidirectionalSpec = choices_of(self.config.model).spec(one(vocabulary).vocab_size, tokens_of(vocabulary))
        return spec

    def suits(self, spec: ModelSpec) -> str:
        """See `Kind`."""
        is_whole = isinstance(spec, BidirectionalSpec) and spec.vocab_size > 0
        return "" if is_whole else "is no pair of language models in both directions"

    def encode(self, data: Splits, split: str, vocabulary: Vocabulary, spec: ModelSpec) -> Encoded:
        """Full blocks; to be measured, the last may be shorter."""
        corpus, tokens = self.corpus(data, split, vocabulary), spec.tokens
        size = self.config.data.max_length
        blocks = Blocks(corpus, size, tokens.start_id, tokens.end_id, drop_last=split == "train")
        return Encoded(blocks, blocks.lengths, release=corpus.release)

    def objective(self, spec: ModelSpec, vocabulary: Vocabulary) -> BidirectionalLM:
        """See `Kind`."""
        return BidirectionalLM(spellings(one(vocabulary)))

    @torch.no_grad()
    def evaluate(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> dict[str, Any]:
        """Bits per byte of each direction, in blocks, and a unigram's beside them; unknown words count as one word."""
        corpus, objective = self.corpus(data, split, vocabulary), self.objective(model.spec, vocabulary)
        encoded = self.encode(data, split, vocabulary, model.spec)
        rows: dict[str, list[float]] = {"forward": [], "backward": []}  # a batch each, in nats
        counts = []
        for batch in batches_of(encoded, objective, self.config.training.batch_tokens):
            losses = objective.loss(model, batch.to(next(model.parameters()).device))
            counts.append(losses["forward_nll"][1])
            for name, sums in rows.items():
                sums.append(float(losses[f"{name}_nll"][0]))
        bits = sum(counts) / corpus.bytes / math.log(2)  # a byte, for each nat a word
        metrics: dict[str, Any] = {
            f"{name}_bits_per_byte": {key: bits * value for key, value in mean_with_interval(sums, counts).items()}
            for name, sums in rows.items()
        }
        if "train" in data:
            baseline = self.unigram(data, vocabulary).nll(labels_of(corpus, model.spec.tokens.end_id))
            metrics["unigram_bits_per_byte"] = language_metrics(baseline, corpus, intervals=False)["bits_per_byte"]
        lines = [one(vocabulary).decode(corpus.line(int(n))[:100].tolist()) for n in spread(len(corpus.lines) - 1)]
        return {
            "metrics": metrics,
            "rows": len(corpus),
            "tokens": sum(counts),
            "bytes": corpus.bytes,
            "samples": [{"source": " ".join(re.split(r"\s+", line.strip())[:_WORDS]), "written": ""} for line in lines],
        }
