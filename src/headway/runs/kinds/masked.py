"""Masked language models: hidden words, and perhaps whether two passages belong together."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from headway.data.corpus import Corpus
from headway.data.segments import SentencePairs
from headway.data.windows import Windows
from headway.evaluation.bootstrap import mean_with_interval
from headway.evaluation.proportion import proportion
from headway.models.families.bert import MASKED_LM, NEXT_SENTENCE
from headway.objectives.masked_lm import MaskedLM
from headway.runs.build import choices_of
from headway.runs.kinds.kind import Encoded, Splits, Vocabulary, one, tokens_of
from headway.runs.kinds.measuring import batches_of, fitting, spread
from headway.runs.kinds.raw_text import RawText
from headway.spec import ModelSpec, SingleStackSpec, source_reach
from headway.tasks.fill import MARK, fill_lines
from headway.text.pipeline import MASK
from headway.text.tokenizer import Tokenizer
from headway.text.words import word_starts

_WORDS = 20  # of a sample


@dataclass(frozen=True, slots=True)
class Masked(RawText):
    """`<s> a </s>`, or `<s> a </s> b </s>` where sentences are judged."""

    families: ClassVar[tuple[str, ...]] = ("bert", "roberta")
    pieces: ClassVar[tuple[str, ...]] = (MASK,)
    template: ClassVar[tuple[str, str]] = ("<s>:0 $A:0 </s>:0", "<s>:0 $A:0 </s>:0 $B:1 </s>:1")

    @property
    def unit(self) -> str:  # type: ignore[override]
        """See `Kind`."""
        return "pairs" if self.config.objective.sentences else "texts"

    def spec(self, vocabulary: Vocabulary, data: Splits) -> SingleStackSpec:
        """See `Kind`."""
        choices = choices_of(self.config.model)
        spec: SingleStackSpec = choices.spec(
            one(vocabulary).vocab_size,
            tokens_of(vocabulary),
            language_head=dataclasses.replace(MASKED_LM, transform=choices.activation),
            label_head=NEXT_SENTENCE if self.config.objective.sentences else None,
        )
        return spec

    def suits(self, spec: ModelSpec) -> str:
        """See `Kind`."""
        if not isinstance(spec, SingleStackSpec) or spec.stack.causal or spec.language_head is None:
            return "has no encoder with a language head"
        if self.config.objective.sentences and spec.label_head != NEXT_SENTENCE:
            return "has no next-sentence head (objective.sentences)"
        return self.too_short(spec)

    def encode(self, data: Splits, split: str, vocabulary: Vocabulary, spec: ModelSpec) -> Encoded:
        """Windows of documents, or passages of several lines where sentences are judged."""
        corpus, longest = self.corpus(data, split, vocabulary), self.config.data.max_length
        wanted = self.config.objective
        if wanted.sentences is None:
            windows = Windows(corpus, longest - 2)
            return Encoded(windows, windows.lengths, release=corpus.release)
        pairs = SentencePairs(corpus, longest - 3, fewest=2 if wanted.sentences == "next" else 1)
        single = pairs.single_lines
        note = f"{single:,} documents of one line make no pair" if single else ""
        return Encoded(pairs, pairs.lengths, note, release=corpus.release)

    def objective(self, spec: ModelSpec, vocabulary: Vocabulary) -> MaskedLM:
        """See `Kind`."""
        tokenizer, wanted = one(vocabulary), self.config.objective
        return MaskedLM(
            tokens=tokens_of(vocabulary),
            mask_id=tokenizer.mask_id,
            vocab_size=tokenizer.highest_id + 1,
            special_ids=tokenizer.special_ids,
            share=wanted.mask_share,
            whole_words=wanted.whole_words,
            starts_word=word_starts(tokenizer) if wanted.whole_words else None,
            sentences=wanted.sentences,
        )

    @torch.no_grad()
    def evaluate(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> dict[str, Any]:
        """The loss at hidden words, a unigram's beside it, and how many pairs are judged right."""
        objective, encoded = self.objective(model.spec, vocabulary), self.encode(data, split, vocabulary, model.spec)
        unigram = self.unigram(data, vocabulary) if "train" in data else None
        rows: dict[str, list[float]] = {"masked_nll": [], "unigram_nll": []}  # a batch each
        counts, right, judged = [], 0.0, 0
        for batch in batches_of(encoded, objective, self.config.training.batch_tokens):
            losses = objective.loss(model, batch.to(model.head.weight.device))
            counts.append(losses["nll"][1])
            rows["masked_nll"].append(float(losses["nll"][0]))
            if unigram is not None:
                rows["unigram_nll"].append(float(unigram.nll(batch.labels.numpy()).sum()))
            if "sentence_right" in losses:
                right, judged = right + float(losses["sentence_right"][0]), judged + losses["sentence_right"][1]
        metrics = {name: mean_with_interval(sums, counts) for name, sums in rows.items() if sums and sum(counts)}
        if judged:
            metrics["sentence_accuracy"] = proportion(round(right), judged)
        return {
            "metrics": metrics,
            "rows": len(encoded),
            "hidden": int(np.sum(counts)),
            "samples": _samples(model, one(vocabulary), self.corpus(data, split, vocabulary)),
        }


def _samples(model: Any, tokenizer: Tokenizer, corpus: Corpus) -> list[dict[str, str]]:
    """A few lines of the text with one word hidden, and the words the model would put there."""
    texts = []
    for line in spread(len(corpus.lines) - 1):
        words = re.split(r"\s+", tokenizer.decode(corpus.line(int(line))[:100].tolist()).strip())[:_WORDS]
        words = fitting(
            words, source_reach(model.spec), lambda text: len(tokenizer.wrap(tokenizer.encode(text).ids).ids)
        )
        if len(words) > 1:
            words[len(words) // 2] = MARK
            texts.append(" ".join(words))
    return [
        {"source": text, "written": ", ".join(f"{word.word} {word.score:.0%}" for word in filling.masks[0].words)}
        for text, filling in zip(texts, fill_lines(model, tokenizer, texts), strict=True)
    ]
