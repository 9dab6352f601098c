"""What all tasks that give labels have in common: tables in, one vocabulary, a head for labels on any model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from headway.checkpoints.restore import with_head
from headway.config import RunConfig
from headway.data.sources import data_folder, load
from headway.data.tables import rows_digest, rows_of
from headway.data.tagged import Unit, parted
from headway.errors import ConfigError, DataError
from headway.models.families import CLASSIFIERS, SPELLED
from headway.runs.build import choices_of, train_vocabulary
from headway.runs.kinds.kind import Splits, Vocabulary, one, tokens_of
from headway.spec import (
    LabelHeadSpec,
    ModelSpec,
    SingleStackSpec,
    TransformerSpec,
    WithoutStack,
    labelled,
    source_reach,
)
from headway.spec.transformer import FINITE
from headway.text.characters import spelled
from headway.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]

Reads = Literal["pooler", "first", "last", "mean"]  # what speaks for a text
_SHOWN = 40  # characters of a text in an error


@dataclass(frozen=True, slots=True)
class Labelled:
    """The parts of a `Kind` that read rows with labels, learn a vocabulary and put a head on a model."""

    config: RunConfig
    families: ClassVar[tuple[str, ...]]  # that can do the task
    template: ClassVar[tuple[str, str]] = ("<s>:0 $A:0 </s>:0", "<s>:0 $A:0 </s>:0 $B:1 </s>:1")
    unit: ClassVar[str] = "rows"

    def check(self) -> None:
        """See `Kind`: the family can do the task."""
        model = self.config.model
        if not model.init and model.family not in self.families:
            raise ConfigError(
                f"model.family {model.family} cannot learn to {self.config.task}; choose {', '.join(self.families)}"
            )

    def open(self, folder: Path) -> Vocabulary:
        """See `Kind`."""
        return Tokenizer.load(folder)

    def size(self, train: datasets.Dataset) -> str:
        """See `Kind`."""
        return f"{len(train):,} rows"

    def digest(self, train: datasets.Dataset) -> str:
        """See `Kind`."""
        return rows_digest(rows_of(train, *train.column_names))

    def scores(self, model: object, vocabulary: Vocabulary, data: Splits) -> dict[str, float]:
        """See `Kind`: the losses say all."""
        return {}

    def validated(self, data: Splits) -> datasets.Dataset:
        """The rows of which a validation measures more than the loss."""
        rows = data["validation"]
        return rows.select(range(min(self.config.training.validation_rows, len(rows))))

    def tables(self, roles: Sequence[str], unit: Unit | None = None) -> datasets.DatasetDict:
        """Columns for the roles; relative files are looked for under `HEADWAY_DATA` too; `data.share` is drawn.

        With a `unit`, each word or character has a label.

        Raises:
            DataError: what the files say.
            ConfigError: what the keys say.
        """
        data = self.config.data
        given = {role: getattr(data.columns, role, None) for role in (*roles, "group")}
        return load(
            name=data.name,
            train=data.train,
            validation=data.validation,
            test=data.test,
            format=data.format,
            columns={role: column for role, column in given.items() if column is not None},
            roles=roles,
            header=data.header,
            delimiter=data.delimiter,
            split_at=data.split_at,
            unit=unit,
            share=data.share,
            seed=self.config.seed,
            folder=data_folder(),
        )

    def vocabulary(self, texts: Iterator[str]) -> Tokenizer:
        """A vocabulary of the texts, with what stands around one text and two; or bytes, where words are spelled."""
        learned = train_vocabulary(self.config.tokenizer, texts).wrapped_by(*self.template)
        return spelled(learned) if self.config.model.family in SPELLED else learned

    def fresh(self, vocabulary: Vocabulary) -> ModelSpec:
        """The model without a head that the family, its size and the choices make.

        It has as many positions as the longest row, where they are not asked for otherwise: more would stay untrained.
        """
        config, longest = self.config.model, self.config.data.max_length
        choices = choices_of(config, CLASSIFIERS)
        if config.max_length is None and getattr(choices, "position", None) in FINITE:
            choices = dataclasses.replace(choices, max_length=longest)
        size = one(vocabulary).vocab_size
        sizes = (size, size) if config.family == "t5" else (size,)
        spec: ModelSpec = choices.spec(*sizes, tokens_of(vocabulary))
        return spec

    def reach(self, spec: ModelSpec) -> int:
        """The most tokens of a row, special pieces included."""
        most, longest = source_reach(spec), self.config.data.max_length
        return longest if most is None else min(longest, most)


def with_usual_head(spec: ModelSpec, head: LabelHeadSpec, reads: Reads | None = None) -> SingleStackSpec | WithoutStack:
    """The spec with this head instead of its own, as its family is published; of an encoder-decoder the encoder.

    Where `reads` does not say what speaks for a text, the pooler does where segments are known (Devlin et al. 2019), a
    layer of its own on the first token where there is one kind of segment (Liu et al. 2019), of a decoder the last
    token, which has read all, else the mean of all tokens. Nothing is dropped before labels of a text by a decoder.
    """
    if isinstance(spec, WithoutStack):
        return labelled(spec, head)
    if isinstance(spec, TransformerSpec):
        spec = SingleStackSpec(family=spec.family, stack=spec.encoder, init=spec.init, tokens=spec.tokens)
    assert isinstance(spec, SingleStackSpec), f"{spec.family} has no stack of blocks"  # `suits` said so
    stack, is_text = spec.stack, head.of == "text"
    if is_text and reads is not None:
        head = dataclasses.replace(head, reads=reads)
    elif is_text and stack.token_types > 1:
        head = dataclasses.replace(head, reads="pooler")
    elif is_text and stack.token_types == 1:
        head = dataclasses.replace(head, reads="first", hidden=True)
    elif is_text:
        head = dataclasses.replace(head, reads="last" if stack.causal else "mean", bias=not stack.causal)
    if head.of == "tokens" or (is_text and not stack.causal):
        head = dataclasses.replace(head, dropout=stack.dropout.residual)
    return with_head(spec, head)


def says(spec: ModelSpec) -> tuple[object, ...]:
    """What the head for labels says, and of what; empty: there is none."""
    head: LabelHeadSpec | None = getattr(spec, "label_head", None)
    return () if head is None else (head.of, head.labels, head.problem)


def text_of(rows: datasets.Dataset, number: int) -> str:
    """What an error calls a row; see `quoted`."""
    return quoted(str(rows[number][rows.column_names[0]]), number)


def quoted(text: str, number: int) -> str:
    """What an error calls a row: its number in the split, which is that in a file where no share is held out of it."""
    return f"row {number + 1:,}, the text {text if len(text) <= _SHOWN else f'{text[:_SHOWN]}…'!r},"


def labels_of(rows: datasets.Dataset, separator: str | None) -> tuple[str, ...]:
    """The labels there are, numbers by size and words by alphabet.

    Raises:
        DataError: there is only one, or without a `separator` a row has not one.
    """
    found: set[str] = set()
    for number, (cell,) in enumerate(rows_of(rows, "label")):
        labels = parted(cell, separator)
        if not labels and not separator:
            raise DataError(f"train split: {text_of(rows, number)} has no label; give it one, or leave the row out")
        if len(labels) > 1 and not separator:
            raise DataError(
                f"train split: {text_of(rows, number)} has the labels {', '.join(labels)}; one is expected, unless "
                "objective.problem is multi"
            )
        found.update(labels)
    if len(found) < 2:
        raise DataError(
            f"train split: the only label is {', '.join(found) or 'empty'}; at least two are needed to tell texts "
            "apart (is data.columns.label the right column?)"
        )
    return tuple(
        sorted(found, key=lambda label: (not label.isdecimal(), int(label) if label.isdecimal() else 0, label))
    )
