"""Where normalised characters came from.

The library's own record is wrong wherever normalisation joins characters (`tokenizers` 0.23): it gives a syllable typed
as three jamo the range of one, and shifts all that follows a letter which is taken apart and joined again. So such text
is joined here, cluster by cluster, or normalised whole with the library's own normalizer, before the library sees it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

from headway.errors import DataError


class Normalizer(Protocol):
    """What `tokenizers.normalizers` offer."""

    def normalize_str(self, sequence: str, /) -> str:
        """The normalised text."""


def readings(text: str, normalizer: Normalizer | None) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Texts to encode in place of `text`, the best first, each with the half-open range of every character in `text`.

    Normalised they are what `text` is normalised, and the library's record of them can be trusted. There are none where
    its record of `text` itself can be, or is all there is. Special pieces that stand in the text may be lost in them.
    """
    if normalizer is None or unicodedata.is_normalized("NFKC", text):
        return
    clean = normalizer.normalize_str(text)
    if clean == text:
        return
    whole, spans = _by_cluster(text, normalizer.normalize_str)
    if whole == clean and normalizer.normalize_str(clean) == clean:
        yield whole, spans
    composed, spans = _by_cluster(text, partial(unicodedata.normalize, "NFC"))
    if composed != text and normalizer.normalize_str(composed) == clean:
        yield composed, spans


def _by_cluster(text: str, change: Callable[[str], str]) -> tuple[str, list[tuple[int, int]]]:
    """The text changed cluster by cluster; a cluster that stays keeps the range of each of its characters."""
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    for start, end in _clusters(text):
        cluster = text[start:end]
        part = change(cluster)
        parts.append(part)
        spans += [(at, at + 1) for at in range(start, end)] if part == cluster else [(start, end)] * len(part)
    return "".join(parts), spans


def _clusters(text: str) -> list[tuple[int, int]]:
    """Cuts a text before every character that cannot join the one before it under NFC or NFKC."""
    starts = [at for at, character in enumerate(text) if at == 0 or not _joins(character)]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _joins(character: str) -> bool:
    r"""Whether a character, taken apart, begins with a mark or with a Hangul vowel or final consonant.

    ㅏ (U+314F) does not: no normalizer of ours takes compatibility jamo apart.

    >>> [_joins(character) for character in ("e", "\u0301", "\u1161", "가", "ㅏ")]
    [False, True, True, False, False]
    """
    if character.isascii() or "\u3131" <= character <= "\u318e":
        return False
    head = unicodedata.normalize("NFKD", character)[0]
    return "\u1160" <= head <= "\u11ff" or unicodedata.category(head).startswith("M")


def check_text(text: str) -> None:
    """Refuses a text that no UTF-8 file can hold.

    Raises:
        DataError: it holds half of a surrogate pair.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = f"U+{ord(text[error.start]):04X}"
        raise DataError(
            f"character {error.start} of a text is {half}, half of a pair; repair the text: {text!r:.80}"
        ) from None
