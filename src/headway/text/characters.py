"""Words as characters for a convolution to read: the bytes of their UTF-8, between two marks, filled up.

The ids are those of the published ELMo models (`bilm/data.py` of allenai/bilm-tf): bytes are 0 to 255, then the five
marks below.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as RustTokenizer

from headway.text.pipeline import word_cuts
from headway.text.tokenizer import Tokenizer

TEXT_START, TEXT_END, WORD_START, WORD_END, PAD = range(256, 261)
LENGTH = 50
_MARKS = ("<s>", "</s>", "<w>", "</w>", "<pad>")  # what the five are called in a tokenizer
_PRINTED = [*range(33, 127), *range(161, 173), *range(174, 256)]  # bytes that stand for themselves
_OTHERS = [byte for byte in range(256) if byte not in _PRINTED]
BYTES = [chr(byte if byte in _PRINTED else 256 + _OTHERS.index(byte)) for byte in range(256)]  # as the library does
_BLANK = BYTES[ord(" ")]
_SETTINGS = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": _MARKS[0],
    "eos_token": _MARKS[1],
    "pad_token": _MARKS[4],
    "extra_special_tokens": [_MARKS[2], _MARKS[3]],
    "split_special_tokens": True,
    "clean_up_tokenization_spaces": False,
}

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


def spellings(tokenizer: Tokenizer, length: int = LENGTH) -> Spelling:
    """`(vocabulary, length)`: how each piece of `tokenizer` is spelled; its start and end are the marks of a text."""
    pieces = [tokenizer.piece_of(number) for number in range(tokenizer.highest_id + 1)]
    table = spell(pieces, length)
    for number, mark in ((tokenizer.start_id, TEXT_START), (tokenizer.end_id, TEXT_END)):
        table[number] = _mark(mark, length)[0]
    return table


def spelled(tokenizer: Tokenizer) -> Tokenizer:
    """A tokenizer of the bytes of words: in the Unicode form of `tokenizer`, with the cuts of the type `word`.

    Its ids are the characters above, and no word is unknown: 0 to 255 are bytes inside a word, then come the marks, and
    from 261 on each byte once more at the start of a word. One that spells is returned as it is.
    """
    if _spells(tokenizer):
        return tokenizer
    pieces = [*BYTES, *_MARKS, *(f"{_BLANK}{byte}" for byte in BYTES)]
    merges = [(_BLANK, byte) for byte in BYTES]
    rust = RustTokenizer(models.BPE({piece: number for number, piece in enumerate(pieces)}, merges))
    normalizer = RustTokenizer.from_str(json.dumps(tokenizer.definition)).normalizer
    if normalizer is not None:
        rust.normalizer = normalizer
    bytes_of_words = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)
    rust.pre_tokenizer = pre_tokenizers.Sequence([word_cuts(), bytes_of_words])
    rust.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    rust.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in _MARKS])
    made = Tokenizer(rust.to_str().encode(), _SETTINGS)
    return made.wrapped_by("<s>:0 $A:0 </s>:0", "<s>:0 $A:0 </s>:0 $B:1 </s>:1")


def _spells(tokenizer: Tokenizer) -> bool:
    return "start" in tokenizer.has_roles and tokenizer.start_id == TEXT_START


def pieces_of(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """What stands for the tokens of a model: pieces, or whole words where `tokenizer` spells them."""
    if not _spells(tokenizer):
        return [tokenizer.piece_of(number) for number in ids]
    words: list[list[int]] = []
    for number in ids:
        if number >= TEXT_START or not words:
            words.append([])
        words[-1].append(number)
    marks = {mark: tokenizer.piece_of(mark) for mark in tokenizer.special_ids}
    return [marks[word[0]] if word[0] in marks else tokenizer.decode(word) for word in words]


def _mark(mark: int, length: int) -> Spelling:
    row = np.full((1, length), PAD, dtype=np.int16)
    _write(row[0], [mark])
    return row


def _write(row: Spelling, characters: list[int]) -> None:
    row[: len(characters) + 2] = [WORD_START, *characters, WORD_END]
