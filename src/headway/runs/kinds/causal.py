"""Causal language models: each token from those before it, measured in bits per byte."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from headway.data.blocks import Blocks, Documents, labels_of
from headway.data.corpus import Corpus
from headway.data.prompted import Prompted, is_said, part, texts_alone
from headway.data.texts import Texts
from headway.decoding.generate import Decoding
from headway.decoding.sampling import Sampling
from headway.errors import ConfigError, DataError
from headway.evaluation.language import language_metrics, token_nll
from headway.evaluation.ngrams import KneserNey, Unigram
from headway.objectives.causal_lm import CausalLM
from headway.runs.build import choices_of
from headway.runs.kinds.kind import Encoded, Splits, Vocabulary, one, tokens_of
from headway.runs.kinds.measuring import fitting, spread
from headway.runs.kinds.raw_text import RawText
from headway.spec import AwdLstmSpec, ModelSpec, SingleStackSpec, source_reach
from headway.tasks.generate import generate
from headway.text.tokenizer import TokenizerPair

_PROMPT = 8  # words
_COUNTABLE = 20_000_000  # tokens; their 5-grams take less than 2 GB
_SAMPLING = Decoding(beam=1, sampling=Sampling(temperature=0.8, top_k=40), max_length=60)


@dataclass(frozen=True, slots=True)
class Causal(RawText):
    """`<s> w1 … wn` → `w1 … wn </s>`."""

    families: ClassVar[tuple[str, ...]] = ("gpt2", "bloom", "llama", "qwen2", "awd_lstm")
    template: ClassVar[tuple[str, str]] = ("<s>:0 $A:0", "<s>:0 $A:0 $B:0")
    roles: ClassVar[tuple[str, ...]] = ("text", "prompt")

    @property
    def unit(self) -> str:  # type: ignore[override]
        """See `Kind`."""
        return "blocks" if self.config.objective.packing == "blocks" else "texts"

    def check(self) -> None:
        """See `Kind`; also, that texts after prompts have rows of their own."""
        RawText.check(self)
        if self._is_prompted and self.config.objective.packing == "blocks":
            raise ConfigError(
                "data.columns.prompt gives each text a row of its own, and objective.packing is blocks; set it to texts"
            )

    def spec(self, vocabulary: Vocabulary, data: Splits) -> SingleStackSpec | AwdLstmSpec:
        """See `Kind`."""
        spec: SingleStackSpec | AwdLstmSpec = choices_of(self.config.model).spec(
            one(vocabulary).vocab_size, tokens_of(vocabulary)
        )
        return spec

    def suits(self, spec: ModelSpec) -> str:
        """See `Kind`."""
        can = (isinstance(spec, AwdLstmSpec) and spec.head is not None) or (
            isinstance(spec, SingleStackSpec) and spec.stack.causal and spec.language_head is not None
        )
        return self.too_short(spec) if can else "has no causal decoder with a language head"

    def encode(self, data: Splits, split: str, vocabulary: Vocabulary, spec: ModelSpec) -> Encoded:
        """Full blocks, or one document a row; to be measured, the last block may be shorter.

        A prompt begins as it does when the model is asked: with the start token, where the tokenizer puts one.
        """
        corpus, size, tokens = self.corpus(data, split, vocabulary), self.config.data.max_length, spec.tokens
        rows: Blocks | Documents
        if self._is_prompted:
            begins, rule = one(vocabulary).wrap([0]).first_start > 0, self.config.data.too_long
            try:
                texts = Prompted(corpus, size, tokens.start_id, tokens.end_id, begins=begins, too_long=rule)
            except DataError as error:
                raise DataError(f"{split} split: {error} (data.max_length, data.too_long)") from None
            done = "left out" if rule == "drop" else "cut"
            said = f"{texts.too_long:,} texts are longer than {size} tokens with their prompts and were {done}"
            return Encoded(texts, texts.lengths, said if texts.too_long else "", release=corpus.release)
        if self.config.objective.packing == "texts":
            rows = Documents(corpus, size, tokens.start_id, tokens.end_id)
        else:
            rows = Blocks(corpus, size, tokens.start_id, tokens.end_id, drop_last=split == "train")
        return Encoded(rows, rows.lengths, release=corpus.release)

    def objective(self, spec: ModelSpec, vocabulary: Vocabulary) -> CausalLM:
        """See `Kind`."""
        return CausalLM(self.config.training.label_smoothing)

    def evaluate(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> dict[str, Any]:
        """Perplexity and bits per byte, strided, beside those of counts over the training split, where there is one.

        The counts are a unigram's and, of a text that they fit the memory for, an interpolated Kneser-Ney 5-gram's.
        """
        corpus = self.corpus(data, split, vocabulary)
        tokens, longest = model.spec.tokens, self.config.data.max_length
        nll = token_nll(model, corpus, start_id=tokens.start_id, end_id=tokens.end_id, max_length=longest)
        scored, said = self._scored(corpus, data[split])
        found = language_metrics(nll[said], scored)
        metrics = {name: found[name] for name in ("perplexity", "bits_per_byte")}
        if "train" in data:
            train = self.corpus(data, "train", vocabulary)
            size = one(vocabulary).highest_id + 1
            unigram = Unigram(self._scored(train, data["train"])[0], size, tokens.end_id)
            counted = {"unigram": unigram.nll(labels_of(scored, tokens.end_id))}
            if len(train.ids) <= _COUNTABLE:
                counted["kneser_ney"] = KneserNey(train, size, tokens.end_id).nll(corpus)[said]
            for name, baseline in counted.items():
                bits = language_metrics(baseline, scored, intervals=False)["bits_per_byte"]
                metrics[f"{name}_bits_per_byte"] = bits
        return {
            "metrics": metrics,
            "rows": len(corpus),
            "tokens": found["tokens"],
            "bytes": found["bytes"],
            "stride": {"window": longest, "stride": max(1, longest // 2)},
            "samples": self._samples(model, vocabulary, corpus),
        }

    def seconds(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> tuple[float, float]:
        """See `Kind`: with half a window as stride, each token is read twice."""
        scores, losses = RawText.seconds(self, model, vocabulary, data, split)
        return scores, 2 * losses

    @property
    def _is_prompted(self) -> bool:
        return self.config.data.columns.prompt is not None

    def _scored(self, corpus: Corpus, texts: Texts) -> tuple[Corpus, NDArray[np.bool_] | slice]:
        """What of a corpus counts, and which of its predictions that is: all of it, but no prompts."""
        if not self._is_prompted:
            return corpus, slice(None)
        size = sum(len(line.encode()) for line, begins in texts.lines() if not begins)
        return texts_alone(corpus, size), is_said(corpus)

    def _samples(self, model: Any, vocabulary: Vocabulary, corpus: Corpus) -> list[dict[str, str]]:
        """How the model goes on from a few lines of the text, or from prompts."""
        tokenizer, separator = one(vocabulary), self.config.data.prompt_separator if self._is_prompted else ""
        numbers = corpus.documents[:-1] if self._is_prompted else np.arange(len(corpus.lines) - 1)
        lines = [tokenizer.decode(corpus.line(int(numbers[n]))[:100].tolist()) for n in spread(len(numbers))]
        if self._is_prompted:
            prompts = list(dict.fromkeys(line.strip().removesuffix(separator.strip()) for line in lines))
        else:
            prompts = [" ".join(re.split(r"\s+", line.strip())[:_PROMPT]) for line in lines if line.strip()]
        most = source_reach(model.spec)  # of which the start takes one, and what is written another
        words = (
            fitting(prompt.split(" "), most, lambda text: len(tokenizer.encode(text).ids) + 2) for prompt in prompts
        )
        prompts = [" ".join(some) for some in words if some]
        with torch.no_grad():
            pair = TokenizerPair(tokenizer, tokenizer)
            found = list(generate(model, pair, part(prompts, separator), _SAMPLING))
        return [{"source": prompt, "written": best[0].text} for prompt, best in zip(prompts, found, strict=True)]
