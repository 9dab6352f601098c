"""Ids in, pieces of text out: each as soon as no later id can change it, and never half a character."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headway.decoding.stopping import StopStrings, byte_pieces
from headway.text.tokenizer import Tokenizer

CONTEXT = 8  # pieces that are decoded again with the next one, for what a decoder does between pieces
_OPEN = re.compile("[\u1100-\u11a7\ua960-\ua97f\ud7b0-\ud7ca]*\ufffd*\\Z")  # half a syllable, or half a character


class TextStream:
    """The text of ids that come one by one; what `push` and `finish` return, joined, is what `continuations` gives.

    A stop string is not part of it, nor what follows: `is_stopped` says that one came, and only what may still become
    one is held back.
    """

    def __init__(self, tokenizer: Tokenizer, stops: StopStrings | None = None, prompt: Sequence[int] = ()) -> None:
        """`prompt` is what the ids continue."""
        self.tokenizer, self.stops, self.is_stopped = tokenizer, stops, False
        self._bytes = byte_pieces(tokenizer)
        self._looks_ahead = _looks_ahead(tokenizer)
        self._ids = [] if self._looks_ahead else list(prompt[-CONTEXT:])  # the last ones
        self._sent = len(tokenizer.decode(self._ids))  # characters of their text that left
        self._held = ""  # left, but may be the beginning of a stop string

    def push(self, index: int) -> str:
        """The text that has become sure with this id; often empty."""
        self._ids.append(index)
        if index in self._bytes:
            return ""  # one byte that does not fit changes the whole run
        text = self.tokenizer.decode(self._ids)
        sure = max(len(text) - self._unsure(text), self._sent)
        piece, self._sent = text[self._sent : sure], sure
        if sure == len(text) and len(self._ids) > 2 * CONTEXT:
            self._ids = self._ids[-CONTEXT:]
            self._sent = len(self.tokenizer.decode(self._ids))
        return self._before_stop(piece)

    def finish(self) -> str:
        """What was held back: nothing follows."""
        return self._before_stop(self.tokenizer.decode(self._ids)[self._sent :], is_last=True)

    def _unsure(self, text: str) -> int:
        """How many characters at the end may change with the next pieces."""
        begin = _OPEN.search(text)
        count = len(text) - begin.start() if begin else 0
        if self._looks_ahead and " " in text[-3:]:
            count = max(count, 3 - text[-3:].rjust(3, "x").index(" "))
        return count

    def _before_stop(self, piece: str, *, is_last: bool = False) -> str:
        if self.stops is None or self.is_stopped:
            return "" if self.is_stopped else piece
        text = self._held + piece
        place = self.stops.find(text)
        if place is not None:
            self.is_stopped = True
            return text[:place]
        sure = len(text) - (0 if is_last else self.stops.pending(text))
        self._held = text[sure:]
        return text[:sure]


def continuations(
    tokenizer: Tokenizer, prompts: Sequence[Sequence[int]], outputs: Sequence[Sequence[int]]
) -> list[str]:
    """The text that each of `outputs` adds to its prompt: with the blank between the two, where pieces know of one."""
    length = 0 if _looks_ahead(tokenizer) else CONTEXT
    contexts = [list(prompt[-length:]) if length else [] for prompt in prompts]
    before = tokenizer.decode_batch(contexts)
    whole = tokenizer.decode_batch([[*context, *ids] for context, ids in zip(contexts, outputs, strict=True)])
    return [text[len(first) :] for text, first in zip(whole, before, strict=True)]


def _looks_ahead(tokenizer: Tokenizer) -> bool:
    """Blanks vanish before what comes after them: `don '` becomes `don't`."""
    return tokenizer.type in ("word", "wordpiece")
