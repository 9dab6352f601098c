"""Rows into Arrow tables in the cache, keyed by content; shares of the training rows held out by group."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headway.data.lines import PACKED, open_bytes
from headway.data.progress import progress
from headway.data.readers import Row
from headway.data.storage import find_entry, new_entry
from headway.errors import DataError

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]

TABLE_VERSION = 1
_CHUNK = 10_000  # rows written at once
_READ = 1000  # rows read at once
_BLOCK = 1 << 20  # bytes read at once


@dataclass(frozen=True)
class Part:
    """One split before it is a table.

    Attributes:
        title: what a person calls it.
        digest: hash of everything its rows depend on.
        size: bytes of text, about.
        rows: reads them from the start; a row is one string a role, and its group after them where there is one.
    """

    title: str
    digest: str
    size: int
    rows: Callable[[], Iterator[Row]]


def file_digest(path: Path) -> tuple[str, int]:
    """Sha256 and number of the unpacked bytes of a file."""
    digest, size = hashlib.sha256(), 0
    total = None if path.suffix in PACKED else path.stat().st_size
    with open_bytes(path) as file, progress(f"hashing {path.name}", total, "bytes") as advance:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
            advance(len(block))
    return digest.hexdigest(), size


def rows_of(table: datasets.Dataset, *columns: str) -> Iterator[tuple[Any, ...]]:
    """The rows of some columns, one after another; little of the table is in memory."""
    for part in table.select_columns(list(dict.fromkeys(columns))).iter(_READ):
        yield from zip(*(part[column] for column in columns), strict=True)


def rows_digest(rows: Iterable[Sequence[str]]) -> str:
    """The hash of rows, columns parted by tabs, whatever files they came from."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(("\t".join(row) + "\n").encode())
    return digest.hexdigest()


def build_tables(
    parts: Mapping[str, Part], *, roles: Sequence[str], shares: Mapping[str, float], seed: int
) -> datasets.DatasetDict:
    """The splits as memory-mapped tables with the columns `roles`, from the cache where they were made before.

    Args:
        parts: by split; with `shares` there must be `train`.
        roles: the columns.
        shares: split → share of the training rows that it takes from them, 0 to 1. Rows of one group (the last
            string of a row with a group, else the first role's) stay on one side.
        seed: which groups are held out.

    Raises:
        DataError: a row cannot be read, or the rows are of too few groups to be shared out.
        CapacityError: no room in the cache.
    """
    import datasets

    digests = {split: part.digest for split, part in parts.items()}
    recipe = [TABLE_VERSION, digests, list(roles), dict(shares), seed if shares else None]
    key = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()
    folder = find_entry("tables", key)
    if folder is None:
        title = ", ".join(f"{split}: {part.title}" for split, part in parts.items())
        needed = sum(part.size for part in parts.values()) * 11 // 10
        with new_entry("tables", key, title=title, needed=needed) as unfinished:
            for split, part in parts.items():
                held_out = _hold_out(part, roles, shares, seed) if split == "train" and shares else None
                _write(unfinished, split, part, roles, held_out)
        folder = find_entry("tables", key)
        assert folder is not None
    splits = [split for split in ("train", "validation", "test") if split in parts or split in shares]
    tables = {split: datasets.Dataset.from_file(str(folder / f"{split}.arrow")) for split in splits}
    return datasets.DatasetDict(tables)


def _write(folder: Path, split: str, part: Part, roles: Sequence[str], held_out: Iterator[str] | None) -> None:
    """Writes `<split>.arrow`; with `held_out`, which names a split for every row, one file for each of those."""
    import pyarrow as pa  # type: ignore[import-untyped]

    schema = pa.schema([(role, pa.string()) for role in roles])
    writers: dict[str, pa.RecordBatchStreamWriter] = {}
    waiting: dict[str, list[Row]] = {}

    def flush(target: str) -> None:
        if target not in writers:
            writers[target] = pa.ipc.new_stream(str(folder / f"{target}.arrow"), schema)
        columns = [pa.array(column, pa.string()) for column in zip(*waiting[target], strict=True)][: len(roles)]
        writers[target].write_batch(pa.record_batch(columns, schema=schema))
        waiting[target].clear()

    try:
        with progress(f"reading {part.title}", part.size, "bytes") as advance:
            for row in part.rows():
                target = next(held_out) if held_out is not None else split
                rows = waiting.setdefault(target, [])
                rows.append(row)
                if len(rows) == _CHUNK:
                    advance(sum(len(text.encode()) + 1 for row in rows for text in row))
                    flush(target)
        for target, rows in waiting.items():
            if rows:
                flush(target)
    finally:
        for writer in writers.values():
            writer.close()


def _hold_out(part: Part, roles: Sequence[str], shares: Mapping[str, float], seed: int) -> Iterator[str]:
    """The split of every row."""
    salt = str(seed).encode()

    def place(row: Row) -> int:
        key = row[len(roles)] if len(row) > len(roles) else row[0]
        return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8, salt=salt).digest(), "little")

    places = np.fromiter((place(row) for row in part.rows()), np.uint64)
    try:
        sides = share_out(places, list(shares.values()))
    except ValueError as error:
        raise DataError(
            f"{part.title}: {error} of rows cannot be shared out among {', '.join(['train', *shares])}: "
            f"rows of equal {roles[0]} or group stay together; give files instead"
        ) from None
    names = [*shares, "train"]
    return (names[side] for side in sides)


def share_out(places: NDArray[np.unsignedinteger[Any]], shares: Sequence[float]) -> NDArray[np.uint8]:
    """Which share every row is in `(rows,)`, the rest being the last.

    Args:
        places: a hash of each row's group `(rows,)`; groups stand in their order, each share takes the next ones.
        shares: of the rows, 0 to 1.

    Raises:
        ValueError: there are fewer groups than there must be.
    """
    groups, sizes = np.unique(places, return_counts=True)
    if len(groups) <= len(shares):
        raise ValueError(f"{len(groups)} group(s)")
    ends = np.cumsum(sizes)
    cuts, wanted = [0], 0.0
    for index, share in enumerate(shares):
        wanted += share * len(places)
        cut = int(np.abs(ends - wanted).argmin()) + 1
        cuts.append(min(max(cut, cuts[-1] + 1), len(groups) - len(shares) + index))
    ends_at = groups[cuts[1:]]
    return np.searchsorted(ends_at, places, side="right").astype(np.uint8)  # how many shares end at or before the group
