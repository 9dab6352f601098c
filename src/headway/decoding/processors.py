"""What forbids or forces tokens: changes of the log-probabilities of one step, in place.

A token that is forbidden gets −inf and the rest keeps what it had, as in the beam search of transformers (a
distribution that is sampled from is normalised again).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Moment(NamedTuple):
    """Where decoding stands when a token is about to be chosen."""

    length: int  # of the hypotheses with that token
    last: Tensor  # `(rows,)` bool: this token is the last that the length limit allows


class Processor(Protocol):
    """Anything that changes the log-probabilities `(rows, vocabulary)` of one step in place."""

    def __call__(self, scores: Tensor, moment: Moment) -> None:
        """Forbid or force."""
        ...


class Suppress:
    """Tokens that are never chosen, such as padding."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = list(ids)

    def __call__(self, scores: Tensor, moment: Moment) -> None:
        """Forbid them."""
        scores[:, self.ids] = -torch.inf


class MinLength:
    """No end token before `length` tokens, the end token counted."""

    def __init__(self, length: int, end_id: int) -> None:
        self.length, self.end_id = length, end_id

    def __call__(self, scores: Tensor, moment: Moment) -> None:
        """Forbid the end token while the hypothesis would be too short."""
        if moment.length < self.length:
            scores[:, self.end_id] = -torch.inf


class ForceEnd:
    """The end token where the length limit is reached, at no cost: `forced_eos_token_id` of transformers."""

    def __init__(self, end_id: int) -> None:
        self.end_id = end_id

    def __call__(self, scores: Tensor, moment: Moment) -> None:
        """Make the end token certain in the rows at their limit."""
        if moment.last.any():
            scores.masked_fill_(moment.last[:, None], -torch.inf)
            scores[:, self.end_id].masked_fill_(moment.last, 0.0)
