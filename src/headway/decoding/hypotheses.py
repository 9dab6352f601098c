"""What decoding returns, and by what its score is made comparable across lengths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from headway.errors import ConfigError, nearest

STEEPEST = 5  # alpha: beyond, the divisors of long outputs leave the range of float32


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One output of a model for one source.

    The score can be computed again: `log_probability / length_norm(len(ids))`.
    """

    ids: list[int]  # after the start token; the end token is the last one, where there is one
    score: float  # by which hypotheses of one source are ranked
    log_probability: float  # nats, of all `ids`; an end token that was forced counts 0
    hit_limit: bool  # as long as the length limit lets it be, so probably cut off


@dataclass(frozen=True, slots=True)
class LengthNorm:
    """What the log-probability of a hypothesis is divided by.

    `power`: length ** alpha, so alpha 0 is no normalisation, alpha 1 the average over tokens (`length_penalty` of
    transformers). `gnmt`: ((5 + length) / 6) ** alpha (Wu et al. 2016, eq. 14). The end token counts.

    >>> LengthNorm.parse("gnmt:1")(7)
    2.0
    """

    kind: Literal["power", "gnmt"] = "power"
    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not -STEEPEST <= self.alpha <= STEEPEST:
            raise ConfigError(f"the alpha of a length norm is {self.alpha}; expected -{STEEPEST} to {STEEPEST}")

    @classmethod
    def parse(cls, text: str) -> LengthNorm:
        """The norm named `none`, `avg`, `gnmt:ALPHA` or `power:ALPHA`.

        Raises:
            ConfigError: no such name, or an alpha that is no number, or far from 1.
        """
        name, colon, alpha = text.partition(":")
        try:
            match name, bool(colon):
                case "none", False:
                    return cls("power", 0.0)
                case "avg", False:
                    return cls("power", 1.0)
                case ("gnmt" | "power") as kind, True if math.isfinite(float(alpha)):
                    return cls(kind, float(alpha))
        except ValueError:
            pass
        hint = f"{name} needs a number, such as {name}:0.6" if name in ("gnmt", "power") else nearest(name, _NAMES)
        raise ConfigError(f"length norm {text!r} is not one of none, avg, gnmt:ALPHA, power:ALPHA; {hint}")

    def __call__(self, length: int) -> float:
        """The divisor at `length` tokens."""
        base = length if self.kind == "power" else (5 + length) / 6
        return float(base**self.alpha)

    def table(self, longest: int, device: torch.device | None = None) -> Tensor:
        """The divisors of the lengths 0 to `longest`; that of 0 is 1, and never used."""
        return torch.tensor([1.0, *map(self, range(1, longest + 1))], dtype=torch.float32, device=device)


AVERAGE = LengthNorm()
NO_TOKEN = -1  # stands to the right of the last token


def read(ids: Tensor, scores: Tensor, limits: Tensor, norm: LengthNorm) -> list[list[Hypothesis]]:
    """Tensors as plain data: `ids` `(sentences, hypotheses, longest)`; where a score is −inf there is no hypothesis."""
    found = []
    for rows, values, limit in zip(ids.tolist(), scores.tolist(), limits.tolist(), strict=True):
        outputs = [([t for t in row if t != NO_TOKEN], value) for row, value in zip(rows, values, strict=True)]
        found.append(
            [
                Hypothesis(row, value, value * norm(len(row)), hit_limit=len(row) == limit)
                for row, value in outputs
                if value > -math.inf
            ]
        )
    return found


_NAMES = ("none", "avg", "gnmt:ALPHA", "power:ALPHA")
