"""Span corruption: an encoder-decoder says what was taken out of a text."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F

from headway.data.blocks import Joined
from headway.data.windows import Windows
from headway.decoding.generate import Decoding, decode
from headway.errors import ConfigError
from headway.evaluation.bootstrap import mean_with_interval
from headway.objectives.span_corruption import SpanCorruption
from headway.runs.build import choices_of
from headway.runs.kinds.kind import Encoded, Splits, Vocabulary, one, tokens_of
from headway.runs.kinds.measuring import batches_of, spread
from headway.runs.kinds.raw_text import RawText
from headway.spec import ModelSpec, SingleStackSpec, SpecialTokens, TransformerSpec, TranslatorSpec
from headway.text.tokenizer import Tokenizer, TokenizerPair

_END = "</s>"
SENTINELS = tuple(f"<extra_id_{number}>" for number in range(100))  # as T5 calls them


@dataclass(frozen=True, slots=True)
class Spans(RawText):
    """`Thank you <extra_id_0> me </s>` → `<extra_id_0> for inviting </s>`."""

    families: ClassVar[tuple[str, ...]] = ("t5", "vaswani")
    pieces: ClassVar[tuple[str, ...]] = SENTINELS
    template: ClassVar[tuple[str, str]] = ("$A:0 </s>:0", "$A:0 </s>:0 $B:0 </s>:0")

    def check(self) -> None:
        """See `Kind`; also, that the decoder's positions hold what is taken out."""
        RawText.check(self)
        _, gaps = self._lengths()
        if not self.config.model.init and (most := self.positions()) is not None and gaps > most:
            raise ConfigError(
                f"what is taken out of a text has {gaps} tokens, more than the {most} positions of the model; lower "
                "data.max_length or objective.noise_density, or raise model.max_length"
            )

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
        if isinstance(spec, SingleStackSpec):
            return "is no encoder-decoder"
        (_, gaps), most = self._lengths(), spec.decoder.reach if isinstance(spec, TransformerSpec) else None
        if most is not None and gaps > most:
            return f"writes {most:,} tokens at once, and what is taken out of a text has {gaps:,}"
        return self.too_short(spec)

    def encode(self, data: Splits, split: str, vocabulary: Vocabulary, spec: ModelSpec) -> Encoded:
        """Documents end to end, or windows of each, whose source is no longer than `data.max_length` once corrupted.

        What goes last in a row is its end, so of a document alone that is too short for two gaps the last words are
        all that is ever asked. End to end, every row has as many gaps as it should.
        """
        objective = self.objective(spec, vocabulary)
        size, _ = objective.exact_lengths(self.config.data.max_length)
        corpus = self.corpus(data, split, vocabulary)
        is_joined = self.config.objective.packing == "blocks"
        rows: Joined | Windows = Joined(corpus, size, spec.tokens.end_id) if is_joined else Windows(corpus, size, 0)
        return Encoded(rows, objective.lengths(rows.lengths), release=corpus.release)

    def objective(self, spec: ModelSpec, vocabulary: Vocabulary) -> SpanCorruption:
        """See `Kind`."""
        tokenizer = one(vocabulary)
        return self._rule(spec.tokens, [tokenizer.id_of(piece) for piece in SENTINELS if piece in tokenizer])

    @torch.no_grad()
    def evaluate(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> dict[str, Any]:
        """The loss at what was taken out, and a unigram's beside it.

        The unigram is told that a word comes; the model must find out where a gap ends. So `word_nll` is the loss of
        the model once it is told the same: of its probabilities without those of sentinels.
        """
        objective, encoded = self.objective(model.spec, vocabulary), self.encode(data, split, vocabulary, model.spec)
        unigram = self.unigram(data, vocabulary) if "train" in data else None
        sentinels = torch.tensor(objective.sentinels, device=model.head.weight.device)
        rows: dict[str, list[float]] = {"masked_nll": [], "word_nll": [], "unigram_nll": []}  # a batch each
        counts = []
        for batch in batches_of(encoded, objective, self.config.training.batch_tokens):
            here = batch.to(sentinels.device)
            labels = here.labels[here.text]
            states = objective.seq2seq.states(model, here.pairs).index_select(0, here.text)
            logits = F.linear(states, model.head.weight, model.head.bias).float()  # (text labels, vocabulary)
            rows["masked_nll"].append(float(F.cross_entropy(logits, labels, reduction="sum")))
            words = logits.index_fill(1, sentinels, -torch.inf)
            rows["word_nll"].append(float(F.cross_entropy(words, labels, reduction="sum")))
            counts.append(len(labels))
            if unigram is not None:
                rows["unigram_nll"].append(float(unigram.nll(batch.labels[batch.text].numpy()).sum()))
        return {
            "metrics": {name: mean_with_interval(sums, counts) for name, sums in rows.items() if sums},
            "rows": len(encoded),
            "hidden": int(np.sum(counts)),
            "samples": _samples(model, one(vocabulary), objective, encoded),
        }

    def _rule(self, tokens: SpecialTokens, sentinels: Sequence[int]) -> SpanCorruption:
        wanted = self.config.objective
        return SpanCorruption(
            tokens,
            sentinels,
            noise_density=wanted.noise_density,
            mean_span_length=wanted.mean_span_length,
            label_smoothing=self.config.training.label_smoothing,
        )

    def _lengths(self) -> tuple[int, int]:
        """Tokens of the longest text, and of what is taken out of it, sentinels and end token included."""
        return self._rule(SpecialTokens(), range(len(SENTINELS))).exact_lengths(self.config.data.max_length)


def _samples(model: Any, tokenizer: Tokenizer, objective: SpanCorruption, encoded: Encoded) -> list[dict[str, str]]:
    """A few texts with gaps, and what the model says of them."""
    rows = [encoded.rows[int(row)][:40] for row in spread(len(encoded))]
    pairs = [objective.collate([row], [np.random.default_rng(number)]).pairs for number, row in enumerate(rows)]
    sources = [pair.source.tolist() for pair in pairs]
    found = decode(model, sources, Decoding(beam=1))
    return [
        {"source": _shown(tokenizer, source[:-1]), "written": _shown(tokenizer, best[0].ids)}
        for source, best in zip(sources, found, strict=True)
    ]


def _shown(tokenizer: Tokenizer, ids: list[int]) -> str:
    """The text of ids, its sentinels and the ends of documents left in place."""
    marks = {tokenizer.id_of(piece): piece for piece in SENTINELS if piece in tokenizer}
    marks[tokenizer.end_id] = _END
    text, run = "", list[int]()
    for index in ids:
        if index in marks:
            text, run = text + tokenizer.decode(run) + marks[index], []
        else:
            run.append(index)
    return text + tokenizer.decode(run)
