"""What a model of characters reads of a whole text, written down here a second time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def spell_text(words: Sequence[str], length: int = 50) -> NDArray[np.int16]:
    """`(words + 2, length)`: a text of words, each between its marks, between its start and its end."""
    insides = [[256], *([*word.encode()][: length - 2] for word in words), [257]]
    rows = [[258, *inside, 259] for inside in insides]
    return np.array([row + [260] * (length - len(row)) for row in rows], np.int16)
