"""Weights out as transformers expects them: one file, or shards of a bounded size and an index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from headway.checkpoints.files import write_json
from headway.checkpoints.header import INDEX, SINGLE
from headway.checkpoints.native import write_tensors
from headway.errors import ConfigError

SHARD_SIZE = 5 * 10**9  # bytes
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def parse_size(given: int | str) -> int:
    """Bytes of a size such as `200MB`.

    >>> parse_size("5GB"), parse_size("1.5 MiB"), parse_size(10)
    (5000000000, 1572864, 10)

    Raises:
        ConfigError: it is no size, or none at all.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", str(given).strip())
    size = 0 if found is None or found[2].upper() not in _UNITS else int(float(found[1]) * _UNITS[found[2].upper()])
    if size < 1:
        raise ConfigError(f"a shard size of {given!r}; expected one such as 5GB or 200MB")
    return size


class Stored(NamedTuple):
    """A tensor that is about to be written."""

    name: str
    size: int  # bytes
    make: Callable[[], Tensor]


def write_weights(folder: Path, tensors: Iterable[Stored], shard_size: int = SHARD_SIZE) -> None:
    """Write the tensors in files of at most `shard_size` bytes, or of one tensor; one file at a time is in memory.

    Raises:
        CapacityError: the disk is full.
    """
    parts: list[list[Stored]] = [[]]
    filled = 0
    for stored in tensors:
        if parts[-1] and filled + stored.size > shard_size:
            parts.append([])
            filled = 0
        parts[-1].append(stored)
        filled += stored.size
    if len(parts) == 1:
        write_tensors({stored.name: stored.make() for stored in parts[0]}, folder / SINGLE)
        return
    places: dict[str, str] = {}
    for number, part in enumerate(parts, 1):
        file = f"model-{number:05}-of-{len(parts):05}.safetensors"
        write_tensors({stored.name: stored.make() for stored in part}, folder / file)
        places |= {stored.name: file for stored in part}
    total = sum(stored.size for part in parts for stored in part)
    write_json(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": places})
