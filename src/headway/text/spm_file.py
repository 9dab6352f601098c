"""A SentencePiece model file, without the sentencepiece package (`sentencepiece_model.proto`, version 0.2).

A message of protocol buffers is a row of fields: a number with the field's kind in its last three bits, then the value.
Only what changes the ids is kept.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
UNIGRAM, BPE = 1, 2
_KINDS = {3: "words", 4: "characters"}
_Value = int | bytes


@dataclass(frozen=True)
class Piece:
    """A piece, its log probability (unigram) or the negative of its rank (bpe), and one of the six types above."""

    text: str
    score: float
    type: int


@dataclass(frozen=True)
class SentencePieceModel:
    """What a model file says.

    Args:
        pieces: in the order of their ids.
        kind: UNIGRAM or BPE.
        unknown: the piece for what is unknown.
        byte_fallback: whether what is unknown is written in bytes.
        charsmap: the replacements of characters (`charsmap.py`), empty for none.
        add_dummy_prefix: whether a text begins with a blank.
        remove_extra_whitespaces: whether outer blanks go and inner ones are joined.
        escape_whitespaces: whether a blank is written as `▁`.
    """

    pieces: tuple[Piece, ...]
    kind: int
    unknown: str
    byte_fallback: bool
    charsmap: bytes
    add_dummy_prefix: bool
    remove_extra_whitespaces: bool
    escape_whitespaces: bool


def parse(content: bytes) -> SentencePieceModel:
    """Reads a model file.

    Raises:
        ValueError: it is damaged, or has something that the Rust library cannot do.
    """
    pieces: list[Piece] = []
    trainer: dict[int, _Value] = {}
    normalizer: dict[int, _Value] = {}
    for number, value in _fields(content):
        if number == 1:
            pieces.append(_piece(_bytes(value), len(pieces)))
        elif number == 2:
            trainer |= _fields(_bytes(value))
        elif number == 3:
            normalizer |= _fields(_bytes(value))
    unknown = [piece.text for piece in pieces if piece.type == UNKNOWN]
    if len(unknown) != 1 or len({piece.text for piece in pieces}) < len(pieces):
        raise ValueError(
            f"it has {len(pieces):,} pieces, {len(unknown)} of them for what is unknown; expected different ones, "
            "and one for what is unknown"
        )
    kind = _int(trainer.get(3, UNIGRAM))
    if kind not in (UNIGRAM, BPE):
        raise ValueError(f"it is a model of {_KINDS.get(kind, kind)}; expected unigram or bpe")
    if trainer.get(24) or any(piece.type == UNUSED for piece in pieces):
        raise ValueError("it has blanks at the end of words, or unused pieces; neither can be kept exactly")
    return SentencePieceModel(
        tuple(pieces),
        kind,
        unknown[0],
        bool(trainer.get(35, 0)),
        _bytes(normalizer.get(2, b"")),
        bool(normalizer.get(3, 1)),
        bool(normalizer.get(4, 1)),
        bool(normalizer.get(5, 1)),
    )


def write(model: SentencePieceModel) -> bytes:
    """The content of a model file, which `parse` and the sentencepiece package read."""
    pieces = [
        _field(1, piece.text.encode()) + b"\x15" + struct.pack("<f", piece.score) + _field(3, piece.type)
        for piece in model.pieces
    ]
    trainer = (
        _field(3, model.kind)
        + _field(4, len(model.pieces))
        + _field(35, int(model.byte_fallback))
        + _field(45, model.unknown.encode())
    )
    normalizer = (
        _field(1, b"" if model.charsmap else b"identity")
        + _field(2, model.charsmap)
        + _field(3, int(model.add_dummy_prefix))
        + _field(4, int(model.remove_extra_whitespaces))
        + _field(5, int(model.escape_whitespaces))
    )
    return b"".join(_field(1, piece) for piece in pieces) + _field(2, trainer) + _field(3, normalizer)


def _field(number: int, value: _Value) -> bytes:
    if isinstance(value, int):
        return _number(number << 3) + _number(value)
    return _number(number << 3 | 2) + _number(len(value)) + value


def _number(value: int) -> bytes:
    """A number in groups of seven bits, the lowest first."""
    groups = b""
    while value > 127:
        groups, value = groups + bytes([value & 127 | 128]), value >> 7
    return groups + bytes([value])


def _piece(message: bytes, index: int) -> Piece:
    found = dict(_fields(message))
    text, score = _bytes(found.get(1, b"")).decode(), struct.unpack("<f", _bytes(found.get(2, bytes(4))))[0]
    kind = _int(found.get(3, NORMAL))
    if not text or not math.isfinite(score) or not NORMAL <= kind <= BYTE:
        raise ValueError(f"piece {index} is {text!r:.40} with score {score} and type {kind}")
    return Piece(text, score, kind)


def _fields(message: bytes) -> Iterator[tuple[int, _Value]]:
    """Number and value of each field; numbers of fixed width stay bytes."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        if key & 7 == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        size = {1: 8, 5: 4}.get(key & 7)
        if key & 7 == 2:
            size, at = _varint(message, at)
        if size is None or at + size > end:
            raise ValueError(f"byte {at} of {end:,}: a field of {size if size is not None else 'no known'} size")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError(f"byte {at} of {len(message):,}: a number without an end")


def _bytes(value: _Value) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError(f"a field holds the number {value}, expected bytes")
    return value


def _int(value: _Value) -> int:
    if not isinstance(value, int):
        raise ValueError(f"a field holds {len(value)} bytes, expected a number")
    return value
