"""What specs of every kind are made of: special tokens, heads, dropout, how weights are drawn."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from headway.errors import ConfigError

Activation = Literal["relu", "gelu", "gelu_tanh", "silu"]
Problem = Literal["single", "multi", "regression"]  # a row has one label, several at once, or a number


def check_sizes(spec: Any, *names: str) -> None:
    """Raises ConfigError unless each of these fields is at least 1."""
    for name in names:
        if getattr(spec, name) < 1:
            raise ConfigError(f"{name} is {getattr(spec, name)}; it must be at least 1")


def check_rate(name: str, rate: float) -> None:
    """Raises ConfigError unless `rate` is a share."""
    if not 0 <= rate <= 1:
        raise ConfigError(f"{name} is {rate}; it is a share, so from 0 to 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecialTokens:
    """The ids that have a meaning of their own; −1: there is none."""

    pad_id: int = 0
    start_id: int = 2  # the decoder's first input
    end_id: int = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class DropoutSpec:
    """The share of values set to zero in training, at each of the five places."""

    embedding: float = 0.0  # the sum of all embeddings, after its norm
    attention: float = 0.0  # the attention probabilities
    activation: float = 0.0  # inside the feed-forward, after the activation
    residual: float = 0.0  # the output of every sublayer, before the addition
    final: float = 0.0  # the output of the stack, after the final norm

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            check_rate(f"{field.name} dropout", getattr(self, field.name))


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadSpec:
    """The projection of hidden states to the vocabulary."""

    tied: bool = True  # the weight is the decoder's embedding
    bias: bool = False
    scale: float = 1.0  # of the hidden states, before the projection
    transform: Activation | None = None  # first a layer of its own, this activation and a norm (Devlin et al. 2019)


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelHeadSpec:
    """The projection of hidden states to labels, which are the names of its outputs."""

    of: Literal["text", "tokens", "span", "choices"]  # what is given a label; span: start and end are scored
    labels: tuple[str, ...]
    problem: Problem = "single"
    reads: Literal["pooler", "first", "last", "mean"] = "pooler"  # what speaks for a text: the pooler, a token, or all
    hidden: bool = False  # a tanh layer before the projection
    bias: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not self.labels:
            raise ConfigError("a head has no labels; give at least one")
        if len(set(self.labels)) < len(self.labels):
            raise ConfigError(f"a head has a label twice: {', '.join(self.labels)}")
        if len(self.labels) != {"span": 2, "choices": 1}.get(self.of, len(self.labels)):
            raise ConfigError(f"a head of {self.of} has {len(self.labels)} labels; a span has two, a choice one")
        check_rate("a head's dropout", self.dropout)


@dataclass(frozen=True, kw_only=True, slots=True)
class InitSpec:
    """How fresh weights are drawn."""

    scheme: Literal["xavier", "normal", "fan_in"] = "xavier"  # of the matrices; fan_in: N(0, 1 / inputs)
    std: float = 0.02  # of the matrices, for `normal`
    embedding_std: float | None = None  # None: d_model ** -0.5
    shrinks_residual: bool = False  # `out` and `down` drawn smaller by (2 · layers) ** -0.5 (Radford et al. 2019)

    def __post_init__(self) -> None:
        for std in (self.std, self.embedding_std or 0.0):
            if not 0 <= std < float("inf"):
                raise ConfigError(f"fresh weights are drawn with the deviation {std}; it must be a number from 0 on")
