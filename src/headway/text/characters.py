"""Words as characters for a convolution to read: the bytes of their UTF-8, between two marks, filled up.

The ids are those of the published ELMo models (`bilm/data.py` of allenai/bilm-tf): bytes are 0 to 255, then the five
marks below.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headway.text.tokenizer import Tokenizer

TEXT_START, TEXT_END, WORD_START, WORD_END, PAD = range(256, 261)
LENGTH = 50

Spelling = NDArray[np.int16]


def spell(words: Sequence[str], length: int = LENGTH) -> Spelling:
    """`(words, length)`: each word's bytes between the marks of its ends; what is too long is cut.

    >>> spell(["ab"], 6).tolist()
    [[258, 97, 98, 259, 260, 260]]
    """
    table = np.full((len(words), length), PAD, dtype=np.int16)
    for row, word in zip(table, words, strict=True):
        _write(row, list(word.encode("utf-8", "ignore")[: length - 2]))
    return table


def spell_text(words: Sequence[str], length: int = LENGTH) -> Spelling:
    """`(words + 2, length)`: a text of words between its start and its end, as a model of characters reads it."""
    return np.concatenate([_mark(TEXT_START, length), spell(words, length), _mark(TEXT_END, length)])


def spellings(tokenizer: Tokenizer, length: int = LENGTH) -> Spelling:
    """`(vocabulary, length)`: how each piece of `tokenizer` is spelled; its start and end are the marks of a text."""
    pieces = [tokenizer.piece_of(number) for number in range(tokenizer.highest_id + 1)]
    table = spell(pieces, length)
    for number, mark in ((tokenizer.start_id, TEXT_START), (tokenizer.end_id, TEXT_END)):
        table[number] = _mark(mark, length)[0]
    return table


def _mark(mark: int, length: int) -> Spelling:
    row = np.full((1, length), PAD, dtype=np.int16)
    _write(row[0], [mark])
    return row


def _write(row: Spelling, characters: list[int]) -> None:
    row[: len(characters) + 2] = [WORD_START, *characters, WORD_END]
