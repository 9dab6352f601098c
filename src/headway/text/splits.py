"""One text cut in several ways: into characters, into words, and by tokenizers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from headway.text.alignment import check_text
from headway.text.pipeline import words
from headway.text.tokenizer import Tokenizer


class Split(NamedTuple):
    """The pieces of a text with the half-open ranges of its characters; `unknown_rate` is None without a vocabulary."""

    name: str
    pieces: list[str]
    offsets: list[tuple[int, int]]
    unknown_rate: float | None = None


def splits(text: str, tokenizers: Mapping[str, Tokenizer]) -> list[Split]:
    """The characters, the words (rows of letters and digits, single marks), and what each tokenizer makes of `text`.

    Raises:
        DataError: the text holds half of a surrogate pair.
    """
    check_text(text)
    found = [_split("characters", ((letter, (at, at + 1)) for at, letter in enumerate(text)))]
    found.append(_split("words", words(text)))
    for name, tokenizer in tokenizers.items():
        encoding = tokenizer.encode(text)
        found.append(Split(name, encoding.pieces, encoding.offsets, tokenizer.unknown_rate([text])))
    return found


def _split(name: str, pairs: Iterable[tuple[str, tuple[int, int]]]) -> Split:
    rows = list(pairs)
    return Split(name, [piece for piece, _ in rows], [span for _, span in rows])
