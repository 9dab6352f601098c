"""What a run of one task does in its own way; everything else of a run is the same for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headway.config import RunConfig
from headway.data.batching import Rows
from headway.objectives.losses import Losses
from headway.runs.kinds.scale import Scale
from headway.spec import ModelSpec, SpecialTokens
from headway.text.tokenizer import Tokenizer, TokenizerPair
from headway.training.feed import Rowed

Vocabulary: TypeAlias = Tokenizer | TokenizerPair
Splits: TypeAlias = Mapping[str, Any]  # each kind knows what its splits are


@dataclass(frozen=True, slots=True)
class Encoded:
    """A split as the objective takes it."""

    rows: Rowed
    lengths: NDArray[np.int64]  # `(rows,)` or `(rows, 2)`: tokens as the model sees them
    note: str = ""  # what a person should know of rows that were cut, left out or passed over
    plan: Callable[[int], Rows] | None = None  # the rows that an epoch reads, by its number; None: each once
    release: Callable[[], None] = lambda: None  # gives back the memory of what was read of a file
    scale: Scale | None = None  # of the numbers that a head for labels learns; None: it learns none

    def __len__(self) -> int:
        return len(self.lengths)


class Learning(Protocol):
    """An objective with its collate."""

    def collate(self, rows: Sequence[Any], draws: Sequence[np.random.Generator]) -> Any:
        """Rows → one packed batch; `draws[i]` is the randomness of row i."""
        ...

    def loss(self, model: Any, batch: Any) -> Losses:
        """`{name: (sum, count, weight)}`."""
        ...


class Kind(Protocol):
    """A task of `config.task`, for one configuration."""

    @property
    def config(self) -> RunConfig:
        """All of it."""
        ...

    @property
    def unit(self) -> str:
        """What a training row is called, in the plural."""
        ...

    def check(self) -> None:
        """What can be said before anything is read.

        Raises:
            ConfigError: the configuration cannot be.
        """
        ...

    def load(self) -> Splits:
        """The splits there are.

        Raises:
            DataError: what the files say.
            ConfigError: what the keys say.
        """
        ...

    def learn(self, data: Splits) -> Vocabulary:
        """The vocabulary of the training split."""
        ...

    def open(self, folder: Path) -> Vocabulary:
        """The vocabulary of a run folder."""
        ...

    def spec(self, vocabulary: Vocabulary, data: Splits) -> ModelSpec:
        """The model that the family, its size and the choices on top of it make; labels are those of the data."""
        ...

    def headed(self, spec: ModelSpec, data: Splits) -> ModelSpec:
        """A trained model of `spec`, which suits, with the head of this task in the place of its own."""
        ...

    def suits(self, spec: ModelSpec) -> str:
        """Why a trained model of `spec` cannot do this task, with a verb; empty: it can."""
        ...

    def encode(self, data: Splits, split: str, vocabulary: Vocabulary, spec: ModelSpec) -> Encoded:
        """The rows of a split.

        Raises:
            DataError: none is left, or one is refused.
        """
        ...

    def objective(self, spec: ModelSpec, vocabulary: Vocabulary) -> Learning:
        """What is learned."""
        ...

    def scores(self, model: Any, vocabulary: Vocabulary, data: Splits) -> dict[str, float]:
        """What a validation measures beside the loss."""
        ...

    def evaluate(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> dict[str, Any]:
        """What is found in a split: `metrics`, how many `rows`, `samples`, …; `model` is in evaluation mode."""
        ...

    def seconds(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> tuple[float, float]:
        """Measured on little: how long `scores` and `evaluate` take, in seconds, for a fresh model."""
        ...

    def size(self, train: Any) -> str:
        """How much training text there is, in words."""
        ...

    def digest(self, train: Any) -> str:
        """The hash of the training text, 64 digits."""
        ...


def one(vocabulary: Vocabulary) -> Tokenizer:
    """The vocabulary of all text."""
    return vocabulary.target if isinstance(vocabulary, TokenizerPair) else vocabulary


def tokens_of(vocabulary: Vocabulary) -> SpecialTokens:
    """The ids that have a meaning of their own."""
    tokenizer = one(vocabulary)
    return SpecialTokens(pad_id=tokenizer.pad_id, start_id=tokenizer.start_id, end_id=tokenizer.end_id)


def note_of(split: str, counts: Mapping[str, int]) -> str:
    """What a person should know of the rows of a split: of each kind how many there are, where there are any."""
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    return f"{split}: {said}" if said else ""
