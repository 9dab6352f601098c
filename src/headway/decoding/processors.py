"""What forbids, forces or discourages tokens: changes of the scores of one step, in place.

Scores are log-probabilities in a beam search and logits where one token is chosen after the other, as in transformers;
only a repetition penalty can tell. A token that is forbidden gets −inf and the rest keeps what it had (a distribution
that is sampled from is normalised again).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from headway.decoding.hypotheses import NO_TOKEN
from headway.errors import ConfigError


class Moment(NamedTuple):
    """Where decoding stands when a token is about to be chosen."""

    length: int  # of the hypotheses with that token
    last: Tensor  # `(rows,)` bool: this token is the last that the length limit allows
    first: Tensor  # `(sentences, tokens)`: what was read before, a prompt or the start token; NO_TOKEN is padding
    written: Tensor  # `(rows, length - 1)`; the rows of a sentence stand next to each other

    @property
    def ids(self) -> Tensor:
        """`(rows, tokens)`: all that was read and written so far."""
        return torch.cat([self.first.repeat_interleave(len(self.written) // len(self.first), 0), self.written], 1)


class Processor(Protocol):
    """Anything that changes the scores `(rows, vocabulary)` of one step in place."""

    def __call__(self, scores: Tensor, moment: Moment) -> None:
        """Forbid, force or discourage."""
        ...


class RepetitionPenalty:
    """Tokens that were there before score less: divided by `penalty`, or times it where negative (Keskar et al. 2019).

    The prompt of a language model counts; the source of a translator does not.
    """

    def __init__(self, penalty: float) -> None:
        if not 0 < penalty < math.inf:
            raise ConfigError(f"repetition_penalty is {penalty}; it must be above 0 and finite (1: none, 1.2 is usual)")
        self.penalty = penalty

    def __call__(self, scores: Tensor, moment: Moment) -> None:
        """Each token once, however often it was there."""
        ids = moment.ids
        ids = torch.where(ids == NO_TOKEN, ids.amax(1, keepdim=True), ids)  # any real one: each counts once
        values = scores.gather(1, ids)
        scores.scatter_(1, ids, torch.where(values < 0, values * self.penalty, values / self.penalty))


class Suppress:
    """Tokens that are never chosen, such as padding."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = list(ids)

    def __call__(self, scores: Tensor, moment: Moment) -> None:
        """Forbid them."""
        scores[:, self.ids] = -torch.inf


class MinLength:
    """No end token before `length` tokens, the end token counted."""

    def __init__(self, length: int, ends: Sequence[int]) -> None:
        self.length, self.ends = length, list(ends)

    def __call__(self, scores: Tensor, moment: Moment) -> None:
        """Forbid the end tokens while the hypothesis would be too short."""
        if moment.length < self.length:
            scores[:, self.ends] = -torch.inf


class ForceEnd:
    """The end token where the length limit is reached, at no cost: `forced_eos_token_id` of transformers."""

    def __init__(self, end_id: int) -> None:
        self.end_id = end_id

    def __call__(self, scores: Tensor, moment: Moment) -> None:
        """Make the end token certain in the rows at their limit."""
        if moment.last.any():
            scores.masked_fill_(moment.last[:, None], -torch.inf)
            scores[:, self.end_id].masked_fill_(moment.last, 0.0)
