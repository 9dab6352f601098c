"""How pieces of a vocabulary are spelled for a reader: bytes, names, and where each stands in the text.

Byte-level vocabularies write every byte as one printable letter (Radford et al. 2019, section 2.2, and its published
encoder); SentencePiece writes a byte it has no piece for as `<0xEB>` (Kudo and Richardson 2018). One Hangul syllable is
three bytes, so several pieces may share one: each of them then has the offsets of the whole syllable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from headway.text.characters import BYTES

_BYTE_OF = {letter: byte for byte, letter in enumerate(BYTES)}
_BLANKS = {" ": "␣", "\n": "⏎", "\t": "⇥"}


def byte_level(piece: str) -> bytes | None:
    """The bytes a byte-level piece stands for, or None where it is none.

    >>> byte_level("Ġbank")
    b' bank'
    """
    return bytes(_BYTE_OF[letter] for letter in piece) if all(letter in _BYTE_OF for letter in piece) else None


def spell(piece: str, *, of_bytes: bool) -> tuple[str, str]:
    """What a piece says to a reader, and its bytes in hexadecimal where they are only part of a character.

    >>> spell("Ġbank", of_bytes=True), spell("ìĿ", of_bytes=True), spell("<0xEB>", of_bytes=False)
    ((' bank', ''), ('EC 9D', 'ec9d'), ('EB', 'eb'))
    """
    fallback = re.fullmatch(r"<0x([0-9A-F]{2})>", piece)
    raw = bytes.fromhex(fallback[1]) if fallback else byte_level(piece) if of_bytes else None
    if raw is None:
        return piece.replace("▁", " "), ""
    try:
        return raw.decode(), ""
    except UnicodeDecodeError:
        return raw.hex(" ").upper(), raw.hex()


def name(text: str) -> str:
    """A short name for a piece's text: without the spaces around it, or a sign where it is nothing else.

    >>> name(" bank"), name(" "), name("")
    ('bank', '␣', '·')
    """
    return text.strip() or "".join(_BLANKS.get(letter, "␣") for letter in text) or "·"


def shared(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """For each span, whose characters it shares: (number from 1, how many share, first character, last character + 1).

    >>> shared([(0, 1), (0, 1), (1, 3)])
    [(1, 2, 0, 1), (2, 2, 0, 1), (1, 1, 1, 3)]
    """
    groups: list[list[int]] = []
    ends: list[int] = []
    for index, (start, end) in enumerate(spans):
        if groups and start < end and start < ends[-1]:
            groups[-1].append(index)
            ends[-1] = max(ends[-1], end)
        else:
            groups.append([index])
            ends.append(end)
    return [
        (n + 1, len(group), min(spans[i][0] for i in group), end)
        for group, end in zip(groups, ends, strict=True)
        for n, _ in enumerate(group)
    ]


def spans_by_decoding(ids: Sequence[int], decode: Callable[[Sequence[int]], str]) -> list[tuple[int, int]]:
    """Where each id of a written text stands in `decode(ids)`, for a text that was never encoded.

    Decodes every beginning of the sequence: a beginning that stops inside a character ends in something else than the
    whole text does, and the piece then spans that whole character. An id that adds nothing has an empty span.

    Returns:
        One (start, end) in characters an id, in order; ends never decrease.
    """
    whole = decode(ids)
    spans: list[tuple[int, int]] = []
    start = 0
    for count in range(1, len(ids) + 1):
        begun = decode(ids[:count])
        agree = next(
            (n for n, (a, b) in enumerate(zip(begun, whole, strict=False)) if a != b), min(len(begun), len(whole))
        )
        same = max(start, agree)
        end = same if begun == whole[:same] else min(same + 1, len(whole))
        spans.append((start, end))
        start = same
    return spans


def utf16(text: str) -> list[int]:
    """For every character boundary of `text`, its offset in UTF-16 units, the way a browser counts.

    >>> utf16("a😀b")
    [0, 1, 3, 4]
    """
    offsets = [0]
    for letter in text:
        offsets.append(offsets[-1] + (2 if ord(letter) > 0xFFFF else 1))
    return offsets
