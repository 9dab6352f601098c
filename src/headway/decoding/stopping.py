"""Text at which an output ends: strings that stop it, found as they are written and cut from what is returned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from headway.decoding.hypotheses import NO_TOKEN
from headway.errors import ConfigError
from headway.text.tokenizer import Tokenizer


class Ending(Protocol):
    """Says which outputs are complete."""

    def __call__(self, written: Tensor) -> Tensor:
        """Ids `(rows, tokens)`, NO_TOKEN behind the last of a row → bool `(rows,)`."""
        ...


class StopStrings:
    """Outputs are complete when their text, without the prompt, holds one of some strings."""

    def __init__(self, tokenizer: Tokenizer, strings: Sequence[str]) -> None:
        """`tokenizer` turns ids into the text that is searched.

        Raises:
            ConfigError: there is no string, or one is empty.
        """
        if not strings or not all(strings):
            raise ConfigError(f"stop strings are {list(strings)!r}; expected at least one, and none of them empty")
        self.tokenizer, self.strings = tokenizer, tuple(strings)
        self._bytes = byte_pieces(tokenizer)
        longest = max(len(string.encode()) for string in strings)
        self._window = longest + 8  # pieces: each has a byte at least, but a few special ones

    def __call__(self, written: Tensor) -> Tensor:
        """Looks at the last pieces only, and at all of them where something was found."""
        rows = [[token for token in row if token != NO_TOKEN] for row in written.tolist()]
        tails = self.tokenizer.decode_batch([self._tail(row) for row in rows])
        hits = [
            self.find(tail) is not None and self.find(self.tokenizer.decode(row)) is not None
            for row, tail in zip(rows, tails, strict=True)
        ]
        return torch.tensor(hits, device=written.device)

    def find(self, text: str) -> int | None:
        """Where the first of the strings begins, in characters; None: it holds none."""
        places = [place for string in self.strings if (place := text.find(string)) >= 0]
        return min(places, default=None)

    def pending(self, text: str) -> int:
        """How many characters at the end of `text` may be the beginning of one of the strings.

        >>> StopStrings(tokenizer, ["<end>"]).pending("a <en")  # doctest: +SKIP
        3
        """
        lengths = range(max(map(len, self.strings)) - 1, 0, -1)
        return next((n for n in lengths if any(s[:n] == text[-n:] for s in self.strings if len(s) > n)), 0)

    def _tail(self, row: list[int]) -> list[int]:
        start = max(0, len(row) - self._window)
        while start > 0 and row[start] in self._bytes:  # a run of bytes is text as a whole, or not at all
            start -= 1
        return row[start:]


def byte_pieces(tokenizer: Tokenizer) -> frozenset[int]:
    """The ids of the pieces that are one byte each, of characters that the vocabulary lacks."""
    pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    return frozenset(tokenizer.id_of(piece) for piece in pieces if piece in tokenizer)
