"""Where normalised characters came from.

The library's own record is wrong wherever normalisation joins characters (`tokenizers` 0.23): it gives a syllable typed
as three jamo the range of one, and shifts all that follows a letter which is taken apart and joined again. So such text
is normalised here, cluster by cluster, with the library's own normalizer, and the library sees only the finished text.
"""

from __future__ import annotations

import unicodedata
from typing import Protocol


class Normalizer(Protocol):
    """What `tokenizers.normalizers` offer."""

    def normalize_str(self, sequence: str, /) -> str:
        """The normalised text."""


def align(text: str, normalizer: Normalizer | None) -> tuple[str, list[tuple[int, int]] | None]:
    """The text to encode, and for each of its characters the half-open range of `text` it came from.

    The ranges are `None`, and the text is the one given, where the library's own record can be trusted, or is all there
    is, because the normalizer does more than replace characters (adds a prefix, looks at whole words).
    """
    if normalizer is None or unicodedata.is_normalized("NFKC", text):
        return text, None
    clean = normalizer.normalize_str(text)
    if clean == text:
        return text, None
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    for start, end in _clusters(text):
        cluster = text[start:end]
        part = normalizer.normalize_str(cluster)
        parts.append(part)
        spans += [(at, at + 1) for at in range(start, end)] if part == cluster else [(start, end)] * len(part)
    if "".join(parts) != clean or normalizer.normalize_str(clean) != clean:
        return text, None
    return clean, spans


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
