"""The table of replacements inside a SentencePiece model (`precompiled_charsmap`), checked before it is trusted.

Four bytes with the size of a double-array trie, the trie (darts-clone: units of 32 bits), and the texts it points to,
each ended by a zero. The library follows it without looking where it leads; what would lead outside is refused here.
"""

from __future__ import annotations

import base64
import json
import sys
from array import array
from typing import Any

_LEAF, _HAS_LEAF, _LONG = 1 << 31, 1 << 8, 1 << 9


def check(charsmap: bytes) -> None:
    """Refuses a table that leads outside of itself.

    Raises:
        ValueError: it does.
    """
    size = int.from_bytes(charsmap[:4], "little")
    if len(charsmap) < 4 or size % 1024 or not 1024 <= size <= len(charsmap) - 4:
        raise ValueError(f"its table of replacements is damaged: a trie of {size:,} in {len(charsmap):,} bytes")
    units, texts = array("I", charsmap[4 : 4 + size]), charsmap[4 + size :]
    if sys.byteorder == "big":
        units.byteswap()
    texts.decode()
    count, end = len(units), len(texts)
    for place, unit in enumerate(units):
        if unit & _LEAF and place:  # the first is followed whatever it is
            continue
        target = place ^ ((unit >> 10) << ((unit & _LONG) >> 6))
        if target | 0xFF >= count:
            raise ValueError(f"its table of replacements is damaged: unit {place} leads to {target}, of {count} units")
        if unit & _HAS_LEAF:
            start = units[target] & ~_LEAF
            if start >= end or texts[start] & 0xC0 == 0x80:
                raise ValueError(f"its table of replacements is damaged: unit {place} names no text")


def check_definition(definition: bytes) -> None:
    """Checks every such table in a `tokenizer.json`.

    Raises:
        ValueError: one leads outside of itself.
    """
    if b"precompiled_charsmap" in definition:
        _check_part(json.loads(definition))


def _check_part(part: Any) -> None:
    if isinstance(part, list):
        for inner in part:
            _check_part(inner)
    elif isinstance(part, dict):
        for key, inner in part.items():
            if key == "precompiled_charsmap" and isinstance(inner, str) and inner:
                check(base64.b64decode(inner))
            elif key in ("normalizer", "normalizers"):
                _check_part(inner)
