"""Strings to ids and back, over the Rust `tokenizers` library and its `tokenizer.json`.

A `Tokenizer` never changes after it was made: no padding, truncation or special-token switch is left on it, so the same
text has the same ids wherever it is called, and `fingerprint` (a hash of `tokenizer.json`) is all a cache has to know.

Text is text: `<s>` typed by a user is three characters, not a sentence start, unless `special=True` asks for it.
Offsets are characters of the text as it was typed, also where normalisation shortens it (Hangul typed as jamo).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer as RustTokenizer

from headway.errors import CheckpointError, ConfigError
from headway.text import formats, unigram
from headway.text.alignment import check_text, readings
from headway.text.files import FILE, SETTINGS, write_folder
from headway.text.pipeline import type_of
from headway.text.special import ROLES, library_errors, roles
from headway.text.template import Template, Wrapped, around, read_template

PROBE = "A word, 한국어 ㅋ e\u0301 漢 😀"
BATCH = 10_000  # texts handed to the library at once: bounds the memory of its encodings


class Encoding(NamedTuple):
    """What one text became: three lists of equal length.

    `offsets[i]` is the half-open range of characters of the typed text that piece `i` stands for. Starts and ends never
    decrease; two pieces share a character where one character became several pieces (the bytes of an emoji).
    """

    ids: list[int]
    pieces: list[str]
    offsets: list[tuple[int, int]]


class Tokenizer:
    """Strings to ids and back; immutable, picklable, equal where the definitions are equal.

    Args:
        definition: the bytes of a `tokenizer.json`.
        settings: the content of `tokenizer_config.json`, which names the special pieces (`pad_token`, `bos_token`, …).

    Raises:
        ValueError: the definition is not one of a tokenizer.
    """

    def __init__(self, definition: bytes, settings: Mapping[str, Any]) -> None:
        self._definition = definition
        self._settings = dict(settings)
        self._text = _rust(definition)
        self._text.encode_special_tokens = True
        self._roles = roles(self._settings, self._text)
        added = self._text.get_added_tokens_decoder()
        self._special = frozenset({index for index, token in added.items() if token.special} | {*self._roles.values()})
        controls = {index for role, index in self._roles.items() if role != "unk"}
        self._silent = self._special - ({self._roles.get("unk", -1)} - controls)

    @classmethod
    def load(cls, folder: str | Path) -> Tokenizer:
        """Reads a tokenizer as we write it, or in any format that `formats.py` lists.

        Raises:
            CheckpointError: there is no tokenizer in the folder, or a file of it is damaged.
        """
        return cls._checked(*formats.read(Path(folder)), Path(folder))

    @classmethod
    def _checked(cls, definition: bytes, settings: dict[str, Any], folder: Path) -> Tokenizer:
        """A tokenizer that was used once, so that what is damaged deep inside a file shows."""
        try:
            with library_errors():
                tokenizer = cls(definition, settings)
                tokenizer.encode(PROBE)
            return tokenizer
        except ValueError as error:
            path = folder / FILE
            raise CheckpointError(f"{path} is damaged, or no {FILE} ({error}); write it again") from error

    def save(self, folder: str | Path) -> None:
        """Writes `tokenizer.json` and `tokenizer_config.json`, as `transformers.PreTrainedTokenizerFast` reads them.

        A unigram tokenizer that was trained here is written as `spiece.model` too, for the sentencepiece package.
        """
        model = self._cutter.content if self._cutter else b""
        write_folder(Path(folder), self._definition, self._settings, model)

    def encode(self, text: str, *, special: bool = False) -> Encoding:
        """Ids, pieces and offsets of one text; no special pieces are added.

        Args:
            text: any text; what lies outside the vocabulary becomes `<unk>`.
            special: read special pieces that stand in the text (`<mask>`) as such instead of as characters.

        Raises:
            DataError: the text holds half of a surrogate pair, which no UTF-8 file can.
        """
        rust = self._markup if special else self._text
        check_text(text)
        encoding = rust.encode(text, add_special_tokens=False)
        offsets = encoding.offsets
        for reading, spans in readings(text, rust.normalizer):
            found = rust.encode(reading, add_special_tokens=False)
            if found.ids == encoding.ids:
                ranges = found.offsets
                offsets = [(spans[start][0], spans[end - 1][1]) if start < end else (0, 0) for start, end in ranges]
                break
        return Encoding(encoding.ids, [self.piece_of(index) for index in encoding.ids], offsets)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of every text, on all cores, without offsets; the same ids as `encode`.

        Raises:
            DataError: a text holds half of a surrogate pair.
        """
        ids: list[list[int]] = []
        for first in range(0, len(texts), BATCH):
            batch = texts[first : first + BATCH]
            for text in batch:
                check_text(text)
            ids += self._cutter.encode_batch(batch) if self._cutter else unigram.encode_batch(self._text, batch)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids. Special pieces are left out; `<unk>` is shown, because it stands for text that was lost."""
        return self.decode_batch([ids])[0]

    def decode_batch(self, batch: Sequence[Sequence[int]]) -> list[str]:
        """The text of every list of ids, on all cores."""
        spoken = [[index for index in ids if index not in self._silent] for ids in batch]
        return self._text.decode_batch(spoken, skip_special_tokens=False)

    def wrap(self, first: Sequence[int], second: Sequence[int] | None = None) -> Wrapped:
        """Puts what its model wants around the ids of one or two texts: `[CLS] a [SEP] b [SEP]`, `a </s>`, or nothing.

        >>> tokenizer.wrap([7, 8], [9])  # doctest: +SKIP
        Wrapped(ids=[2, 7, 8, 3, 9, 3], token_types=[0, 0, 0, 0, 1, 1], first_start=1, second_start=4)
        """
        return self._around.wrap(first, second)

    def wrapped_by(self, single: str, pair: str) -> Tokenizer:
        """The same tokenizer with another template: `"<s>:0 $A:0 </s>:0"` and `"<s>:0 $A:0 </s>:0 $B:1 </s>:1"`.

        Raises:
            ValueError: a piece of the template is not in the vocabulary.
        """
        rust = _rust(self._definition)
        rust.post_processor = around(single, pair, {}, rust)
        return Tokenizer(rust.to_str().encode(), self._settings)

    def wrapping_cost(self, pair: bool) -> int:
        """How many special pieces `wrap` adds to one text, or to a pair."""
        return self._around.cost(pair)

    def unknown_rate(self, texts: Sequence[str]) -> float:
        """The share of pieces that are `<unk>`, 0 to 1; more than 0.01 says that these are texts of another kind."""
        if "unk" not in self._roles:
            return 0.0
        batch = self.encode_batch(texts)
        return sum(ids.count(self.unk_id) for ids in batch) / max(1, sum(map(len, batch)))

    def id_of(self, piece: str) -> int:
        """The id of a piece.

        Raises:
            ConfigError: there is no such piece; ask with `piece in tokenizer`.
        """
        index = self._text.token_to_id(piece)
        if index is None:
            raise ConfigError(
                f"the tokenizer has no piece {piece!r} among its {self.vocab_size:,}; train it with that piece"
            )
        return index

    def piece_of(self, index: int) -> str:
        """The piece of an id.

        Raises:
            ConfigError: the id lies outside the vocabulary.
        """
        piece = self._text.id_to_token(index) if index >= 0 else None
        if piece is None:
            raise ConfigError(f"id {index} is no piece of this tokenizer; expected 0 to {self.vocab_size - 1}")
        return piece

    def __contains__(self, piece: str) -> bool:
        return self._text.token_to_id(piece) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self._definition == other._definition

    def __hash__(self) -> int:
        return hash(self._definition)

    def __reduce__(self) -> tuple[type[Tokenizer], tuple[bytes, dict[str, Any]]]:
        return Tokenizer, (self._definition, self._settings)

    @property
    def vocab_size(self) -> int:
        """How many pieces there are, special ones included."""
        return self._text.get_vocab_size()

    @property
    def highest_id(self) -> int:
        """The largest id; a model needs an embedding with at least one row more. -1 without any piece."""
        return max(self._text.get_vocab().values(), default=-1)

    @property
    def special_ids(self) -> frozenset[int]:
        """The ids of all special pieces."""
        return self._special

    @property
    def pad_id(self) -> int:
        """The id that fills short rows; the end, or else 0, where a tokenizer has none of its own (masks hide it)."""
        return self._roles.get("pad", self._roles.get("end", 0))

    @property
    def unk_id(self) -> int:
        """The id of what the vocabulary lacks. Raises ConfigError where there is none, as do the next three."""
        return self._role("unk")

    @property
    def start_id(self) -> int:
        """The id of the start of a sequence (`<s>`, `[CLS]`)."""
        return self._role("start")

    @property
    def end_id(self) -> int:
        """The id of the end of a sequence (`</s>`, `[SEP]`)."""
        return self._role("end")

    @property
    def mask_id(self) -> int:
        """The id of a masked piece (`<mask>`, `[MASK]`)."""
        return self._role("mask")

    @property
    def has_roles(self) -> frozenset[str]:
        """Which of pad, unk, start, end and mask there are."""
        return frozenset(self._roles)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of `tokenizer.json`, in hexadecimal."""
        return hashlib.sha256(self._definition).hexdigest()

    @property
    def type(self) -> str:
        """One of `trainer.TYPES`, seen from the definition (so for tokenizers trained elsewhere too)."""
        return type_of(self.definition)

    @property
    def definition(self) -> dict[str, Any]:
        """The content of `tokenizer.json`, a fresh copy."""
        content: dict[str, Any] = json.loads(self._definition)
        return content

    @cached_property
    def _cutter(self) -> unigram.Cutter | None:
        """Sentencepiece, where it gives the same ids."""
        model = unigram.model_of(self.definition)
        return unigram.Cutter(self.definition, model, self._text) if model else None

    @cached_property
    def _markup(self) -> RustTokenizer:
        """The twin that reads special pieces."""
        return _rust(self._definition)

    @cached_property
    def _around(self) -> Template:
        """What stands around texts."""
        return read_template(self._text)

    def _role(self, role: str) -> int:
        if role not in self._roles:
            keys = " or ".join(ROLES[role])
            raise ConfigError(
                f"the tokenizer names no {role} piece; set {keys} in its {SETTINGS}, or train one with it"
            )
        return self._roles[role]


class TokenizerPair(NamedTuple):
    """The tokenizers of source and target: one object twice where the vocabulary is joint."""

    source: Tokenizer
    target: Tokenizer

    @classmethod
    def load(cls, folder: str | Path) -> TokenizerPair:
        """Reads a joint tokenizer from the folder itself, separate ones from its `source/` and `target/`, or Marian's.

        Marian's two are separate even where they share their ids, because each cuts its own language.

        Raises:
            CheckpointError: there is neither, or both, or a file is damaged.
        """
        folder = Path(folder)
        separate = (folder / "source" / FILE).is_file()
        if separate and (folder / FILE).is_file():
            raise CheckpointError(
                f"{folder} holds a joint tokenizer and separate ones; remove the one that is not meant"
            )
        if separate:
            return cls(Tokenizer.load(folder / "source"), Tokenizer.load(folder / "target"))
        marian = formats.read_pair(folder)
        if marian is not None:
            return cls(*(Tokenizer._checked(*read, folder) for read in marian))
        joint = Tokenizer.load(folder)
        return cls(joint, joint)

    def save(self, folder: str | Path) -> None:
        """Writes what `load` reads."""
        if self.is_joint:
            self.source.save(folder)
        else:
            self.source.save(Path(folder) / "source")
            self.target.save(Path(folder) / "target")

    @property
    def is_joint(self) -> bool:
        """Whether source and target share one vocabulary."""
        return self.source is self.target

    @property
    def fingerprint(self) -> str:
        """The joint tokenizer's fingerprint, or the SHA-256 of both fingerprints, in hexadecimal."""
        if self.is_joint:
            return self.source.fingerprint
        return hashlib.sha256(f"{self.source.fingerprint} {self.target.fingerprint}".encode()).hexdigest()


def _rust(definition: bytes) -> RustTokenizer:
    with library_errors():
        rust = RustTokenizer.from_buffer(definition)
    rust.no_truncation()
    rust.no_padding()
    return rust
