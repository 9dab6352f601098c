"""What all pre-training from raw text has in common: documents in, one vocabulary, losses beside those of a unigram."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from headway.config import RunConfig
from headway.data.corpus import Corpus, encode_texts
from headway.data.sources import GROUP, data_folder
from headway.data.texts import Texts, load_texts
from headway.errors import ConfigError
from headway.evaluation.ngrams import Unigram
from headway.runs.build import choices_of, train_vocabulary
from headway.runs.kinds.kind import Kind, Splits, Vocabulary, one
from headway.runs.kinds.measuring import seconds_of_losses
from headway.spec import ModelSpec, source_reach
from headway.spec.transformer import FINITE
from headway.text.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class RawText:
    """The parts of a `Kind` that read, learn a vocabulary and name what was read."""

    config: RunConfig
    families: ClassVar[tuple[str, ...]]  # that can do the task
    pieces: ClassVar[tuple[str, ...]] = ()  # special ones, beside the usual four
    template: ClassVar[tuple[str, str]]  # what stands around one text, and around two
    unit: ClassVar[str] = "texts"
    roles: ClassVar[tuple[str, ...]] = ("text",)  # columns of a table that are read

    def check(self) -> None:
        """See `Kind`: the family can do the task, and its positions hold the longest row."""
        model, longest = self.config.model, self.config.data.max_length
        if self.config.data.columns.prompt is not None and "prompt" not in self.roles:
            raise ConfigError(
                f"data.columns.prompt is for causal-lm; {self.config.task} reads texts alone, leave it out"
            )
        if model.init:
            return
        if model.family not in self.families:
            raise ConfigError(
                f"model.family {model.family} cannot learn {self.config.task}; choose {', '.join(self.families)}"
            )
        if (most := self.positions()) is not None and longest > most:
            raise ConfigError(
                f"data.max_length {longest} is more than the {most} positions of the model; lower it, or raise "
                "model.max_length"
            )

    def positions(self) -> int | None:
        """The most tokens that a fresh model tells apart by their positions; None: any number."""
        choices = choices_of(self.config.model)
        return choices.max_length if getattr(choices, "position", None) in FINITE else None

    def load(self) -> dict[str, Texts]:
        """See `Kind`; relative files are looked for under `HEADWAY_DATA` too."""
        data = self.config.data
        return load_texts(
            name=data.name,
            train=data.train,
            validation=data.validation,
            test=data.test,
            format=data.format,
            columns={role: name for role in (*self.roles, GROUP) if (name := getattr(data.columns, role)) is not None},
            separator=data.prompt_separator,
            header=data.header,
            delimiter=data.delimiter,
            document=data.document,
            seed=self.config.seed,
            folder=data_folder(),
        )

    def learn(self, data: Splits) -> Vocabulary:
        """See `Kind`."""
        lines = (line for line, _ in data["train"].lines())
        return train_vocabulary(self.config.tokenizer, lines, self.pieces).wrapped_by(*self.template)

    def open(self, folder: Path) -> Vocabulary:
        """See `Kind`."""
        return Tokenizer.load(folder)

    def headed(self, spec: ModelSpec, data: Splits) -> ModelSpec:
        """See `Kind`: a trained model has its head."""
        return spec

    def size(self, train: Texts) -> str:
        """See `Kind`."""
        return f"{train.bytes / 1e6:,.1f} MB of text"

    def digest(self, train: Texts) -> str:
        """See `Kind`."""
        return train.digest

    def scores(self, model: Any, vocabulary: Vocabulary, data: Splits) -> dict[str, float]:
        """See `Kind`: the loss says all."""
        return {}

    def seconds(self: Kind, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> tuple[float, float]:
        """See `Kind`: an evaluation takes the losses of all rows."""
        encoded, objective = self.encode(data, split, vocabulary, model.spec), self.objective(model.spec, vocabulary)
        return 0.0, seconds_of_losses(model, encoded, objective, self.config.training.batch_tokens)

    def too_short(self, spec: ModelSpec) -> str:
        """What a trained model says to rows longer than its positions, with a verb; empty: it has enough."""
        most, longest = source_reach(spec), self.config.data.max_length
        if most is None or longest <= most:
            return ""
        return f"reads {most:,} tokens at once, and data.max_length is {longest:,} (--data.max_length {most} would do)"

    def corpus(self, data: Splits, split: str, vocabulary: Vocabulary) -> Corpus:
        """A split as ids, from the cache or encoded."""
        return encode_texts(data[split], one(vocabulary), title=split)

    def unigram(self, data: Splits, vocabulary: Vocabulary) -> Unigram:
        """How frequent each token of the training text is."""
        tokenizer = one(vocabulary)
        return Unigram(self.corpus(data, "train", vocabulary), tokenizer.highest_id + 1, tokenizer.end_id)
