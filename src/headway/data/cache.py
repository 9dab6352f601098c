"""Encoded texts on disk: token ids in one memory-mapped file, row after row, made once for each text and tokenizer.

A store is keyed by the texts' bytes, the tokenizer's fingerprint and the format's version, never by names or times, so
it can neither be stale nor be another tokenizer's. Rows that are too long are kept whole on disk; cutting or dropping
them is a view of the store, which costs nothing and can be changed without encoding again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from headway.data.progress import progress
from headway.data.storage import check_space, find_entry, new_entry
from headway.errors import ConfigError, DataError

STORE_VERSION = 1
CHUNK = 4096  # rows encoded at once

TooLong = Literal["truncate", "drop", "refuse"]
Ids = NDArray[np.uint16] | NDArray[np.uint32]


class Column(Protocol):
    """A list of texts, or a text column of a `datasets.Dataset`."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Sequence[str]: ...


class Tokenizer(Protocol):
    """What a store needs of `headway.text.tokenizer.Tokenizer`."""

    @property
    def vocab_size(self) -> int:
        """Ids are below it."""
        ...

    @property
    def fingerprint(self) -> str:
        """The hash of everything that decides the ids."""
        ...

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text."""
        ...


@dataclass(frozen=True)
class TokenStore:
    """Rows of token ids.

    Attributes:
        ids: all ids, memory-mapped `(tokens,)`.
        starts: where each row begins `(rows,)`.
        lengths: tokens of each row, without special pieces `(rows,)`.
        too_long: rows that were longer than a limit set by `limited`, before it was set.
    """

    ids: Ids
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    too_long: int = 0

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, row: int) -> Ids:
        """The ids of one row `(length,)`, a view of the file."""
        start = self.starts[row]
        return self.ids[start : start + self.lengths[row]]

    def limited(self, max_length: int, too_long: TooLong) -> TokenStore:
        """The store with no row longer than `max_length` tokens.

        Raises:
            DataError: with `refuse`, where a row is longer.
        """
        is_long = self.lengths > max_length
        keep = _keep(is_long, max_length, too_long)
        return TokenStore(
            self.ids, self.starts[keep], np.minimum(self.lengths[keep], max_length), too_long=int(is_long.sum())
        )


@dataclass(frozen=True)
class PairStore:
    """Two stores whose rows belong together; `too_long` counts the rows of which a side was."""

    source: TokenStore
    target: TokenStore
    too_long: int = 0

    def __post_init__(self) -> None:
        assert len(self.source) == len(self.target)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, row: int) -> tuple[Ids, Ids]:
        """The ids of one row's source and target, views of the files."""
        return self.source[row], self.target[row]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row's source and target, without special pieces `(rows, 2)`."""
        return np.stack([self.source.lengths, self.target.lengths], axis=1)

    def limited(self, max_length: int, too_long: TooLong) -> PairStore:
        """The pairs with no side longer than `max_length` tokens; `drop` drops both sides.

        Raises:
            DataError: with `refuse`, where a side is longer.
        """
        is_long = (self.source.lengths > max_length) | (self.target.lengths > max_length)
        keep = _keep(is_long, max_length, too_long)
        source, target = (
            TokenStore(side.ids, side.starts[keep], np.minimum(side.lengths[keep], max_length))
            for side in (self.source, self.target)
        )
        return PairStore(source, target, too_long=int(is_long.sum()))


def encode(texts: Column, tokenizer: Tokenizer, *, title: str = "texts") -> TokenStore:
    """The store of `texts`, from the cache or written to it in constant memory.

    Args:
        texts: one text a row.
        tokenizer: gives ids without special pieces.
        title: what a person calls the texts, for the bar and the list of the cache.

    Raises:
        CapacityError: the disk has no room.
    """
    key, characters = _key(texts, tokenizer, title)
    folder = find_entry("tokens", key)
    if folder is None:
        with new_entry("tokens", key, title=f"{title}, {len(texts):,} rows") as unfinished:
            _write(unfinished, texts, tokenizer, characters, title)
        folder = find_entry("tokens", key)
        assert folder is not None
    ids = np.load(folder / "ids.npy", mmap_mode="r")
    offsets = np.load(folder / "offsets.npy", mmap_mode="r")
    return TokenStore(ids, offsets[:-1], np.diff(offsets))


def encode_pairs(source: Column, target: Column, source_tokenizer: Tokenizer, target_tokenizer: Tokenizer) -> PairStore:
    """The stores of parallel texts.

    Raises:
        CapacityError: the disk has no room.
    """
    return PairStore(encode(source, source_tokenizer, title="source"), encode(target, target_tokenizer, title="target"))


def _keep(is_long: NDArray[np.bool_], max_length: int, too_long: TooLong) -> NDArray[np.bool_]:
    """Which rows stay `(rows,)`."""
    if max_length < 1:
        raise ConfigError(f"a maximum length of {max_length} tokens: at least 1 is needed")
    if too_long == "refuse" and is_long.any():
        row, count = int(is_long.argmax()) + 1, int(is_long.sum())
        raise DataError(
            f"{count:,} of {len(is_long):,} rows are longer than {max_length:,} tokens, the first is row {row:,}; "
            "raise the maximum length, or choose truncate or drop"
        )
    return ~is_long if too_long == "drop" else np.ones_like(is_long)


def _key(texts: Column, tokenizer: Tokenizer, title: str) -> tuple[str, int]:
    """The hash of everything a store depends on, and the number of characters."""
    digest = hashlib.sha256(f"{STORE_VERSION} {tokenizer.fingerprint} {tokenizer.vocab_size} ".encode())
    characters = 0
    with progress(f"hashing {title}", len(texts), "rows") as advance:
        for chunk in _chunks(texts):
            lengths = np.fromiter(map(len, chunk), np.int64, len(chunk))
            digest.update(lengths.tobytes())
            digest.update("".join(chunk).encode())
            characters += int(lengths.sum())
            advance(len(chunk))
    return digest.hexdigest(), characters


def _write(folder: Path, texts: Column, tokenizer: Tokenizer, characters: int, title: str) -> None:
    """Writes `ids.npy` and `offsets.npy`; what they need is estimated from the first chunk."""
    kind = kind_of_ids(tokenizer)
    with (
        ArrayFile(folder / "ids.npy", kind) as ids,
        ArrayFile(folder / "offsets.npy", np.dtype(np.int64)) as offsets,
        progress(f"encoding {title}", len(texts), "rows") as advance,
    ):
        offsets.append(np.zeros(1, np.int64))
        for chunk in _chunks(texts):
            encoded = tokenizer.encode_batch(chunk)
            ends = ids.size + np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)))
            flat = np.fromiter(chain.from_iterable(encoded), kind, int(ends[-1]) - ids.size)
            if offsets.size == 1:
                share = len(flat) / max(sum(map(len, chunk)), 1)  # tokens a character
                check_space(folder, int(share * characters * kind.itemsize * 1.1) + 8 * len(texts))
            ids.append(flat)
            offsets.append(ends)
            advance(len(chunk))


def kind_of_ids(tokenizer: Tokenizer) -> np.dtype[np.generic]:
    """The smallest kind of number that holds its ids."""
    return np.dtype(np.uint16 if tokenizer.vocab_size <= 1 << 16 else np.uint32)


class ArrayFile:
    """A `.npy` file of one dimension that grows; `size` is its length so far, `bytes` its size."""

    def __init__(self, path: Path, kind: np.dtype[np.generic]) -> None:
        self._file, self._kind, self.size = path.open("wb"), kind, 0

    @property
    def bytes(self) -> int:
        """Of the numbers."""
        return self.size * self._kind.itemsize

    def __enter__(self) -> ArrayFile:
        self._write_header()
        return self

    def append(self, values: NDArray[np.generic]) -> None:
        """Write more numbers behind those that are there."""
        self._file.write(values.astype(self._kind, copy=False).data)
        self.size += len(values)

    def __exit__(self, *_: object) -> None:
        with self._file:
            self._file.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        """The format pads it so that its length does not depend on the size."""
        description = {"descr": self._kind.newbyteorder("<").str, "fortran_order": False, "shape": (self.size,)}
        np.lib.format.write_array_header_1_0(self._file, description)


def _chunks(texts: Column) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), CHUNK):
        yield texts[start : start + CHUNK]
