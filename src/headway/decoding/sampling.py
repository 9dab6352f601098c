"""How one token is chosen by the scores of a step: the most probable one, or a draw."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from headway.decoding.vocabulary import highest
from headway.errors import ConfigError

COLDEST = 1e-6  # below, scores divided by it leave the range of float32


class Choice(Protocol):
    """Logits, or log-probabilities, `(rows, vocabulary)` → one token id a row."""

    def __call__(self, scores: Tensor) -> Tensor:
        """Choose."""
        ...


def most_probable(scores: Tensor) -> Tensor:
    """Greedy: the highest of each row."""
    return highest(scores, 1)[1][:, 0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """From what a token is drawn."""

    temperature: float = 1.0  # scores are divided by it
    top_k: int = 0  # only among the k most probable; 0: all
    top_p: float = 1.0  # only among the fewest that together reach this probability (Holtzman et al. 2020)
    seed: int = 1

    def __post_init__(self) -> None:
        if not COLDEST <= self.temperature < math.inf:
            raise ConfigError(
                f"temperature is {self.temperature}; expected at least {COLDEST}, and finite (leave it out for greedy)"
            )
        if self.top_k < 0:
            raise ConfigError(f"top_k is {self.top_k}; it must be 1 or more, or 0 for all")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p is {self.top_p}; it must be above 0 and at most 1")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed is {self.seed}; it must be at least 0 and below 2**63")


class Draw:
    """Draws tokens with a generator of its own, so that nothing else changes what it draws."""

    def __init__(self, sampling: Sampling, device: torch.device) -> None:
        self.sampling = sampling
        self.generator = torch.Generator(device).manual_seed(sampling.seed)

    def __call__(self, scores: Tensor) -> Tensor:
        """One token a row, from what temperature, then top-k, then top-p leave of the distribution."""
        return torch.multinomial(self.probabilities(scores), 1, generator=self.generator)[:, 0]

    def probabilities(self, scores: Tensor) -> Tensor:
        """`(rows, vocabulary)`: what is drawn from."""
        scores = scores / self.sampling.temperature
        if 0 < self.sampling.top_k < scores.shape[-1]:
            scores = scores.masked_fill(scores < scores.topk(self.sampling.top_k).values[:, -1:], -torch.inf)
        probabilities = scores.softmax(-1)
        if self.sampling.top_p < 1:
            descending, order = probabilities.sort(descending=True)
            before = descending.cumsum(-1) - descending  # what the more probable tokens hold already
            kept = descending.masked_fill(before >= self.sampling.top_p, 0.0)
            probabilities = torch.zeros_like(probabilities).scatter(1, order, kept)
        return probabilities
