"""Which pieces of a vocabulary begin a word."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headway.text.tokenizer import Tokenizer


def word_starts(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Whether each piece begins a word `(ids,)`: those without `##` before them; elsewhere those with a blank."""
    pieces = [tokenizer.piece_of(index) for index in range(tokenizer.vocab_size)]
    if tokenizer.type in ("wordpiece", "word"):
        return np.array([not piece.startswith("##") for piece in pieces])
    return np.array([piece.startswith(("▁", "Ġ", "Ċ", " ", "\n")) for piece in pieces])
