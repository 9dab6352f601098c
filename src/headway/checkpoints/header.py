"""What a safetensors file says about itself: names, dtypes, shapes and where each tensor lies. Without torch.

The format: eight bytes with the length of a JSON object, the object, then the tensors one after the other.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headway.checkpoints.files import check_regular, read_json, some
from headway.errors import CheckpointError

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLED, PICKLED_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
WIDTHS = {  # bytes of a number
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
LARGEST_HEADER = 100_000_000  # bytes; the limit of the format
_SHARD = re.compile(r"[\w.-]+\.(safetensors|bin)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor of a file."""

    path: Path
    dtype: str  # as safetensors calls it
    shape: tuple[int, ...]
    start: int  # byte of the file

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def stop(self) -> int:
        """The byte after its last."""
        return self.start + self.size * WIDTHS[self.dtype]


def read_header(path: Path) -> dict[str, Entry]:
    """The tensors of a safetensors file by their names.

    Raises:
        CheckpointError: the file is missing or damaged; where it was cut, the message has both sizes.
    """
    check_regular(path, "the weights of a model")
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, LARGEST_HEADER):
                raise ValueError(f"{size:,} bytes cannot hold a header of {length:,}")
            table = json.loads(file.read(length))
        table.pop("__metadata__", None)
        entries = {name: _entry(path, 8 + length, given) for name, given in table.items()}
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror})") from None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{path} is not a whole safetensors file ({reason}); copy or download it again") from None
    _check_places(path, 8 + length, size, entries.values())
    return entries


def _entry(path: Path, data: int, given: Mapping[str, Any]) -> Entry:
    dtype, shape, (start, stop) = given["dtype"], given["shape"], given["data_offsets"]
    if dtype not in WIDTHS:
        raise ValueError(f"a tensor of dtype {dtype}; known: {', '.join(WIDTHS)}")
    if not all(type(number) is int and 0 <= number < 1 << 60 for number in (*shape, start, stop)):
        raise ValueError(f"a tensor of shape {shape} at {start} to {stop}")
    entry = Entry(path, dtype, tuple(shape), data + start)
    if entry.stop != data + stop:
        raise ValueError(f"a tensor of {dtype} and shape {shape} in {stop - start:,} bytes")
    return entry


def _check_places(path: Path, data: int, size: int, entries: Iterable[Entry]) -> None:
    """The tensors fill the file, one after the other.

    Raises:
        CheckpointError: they do not.
    """
    end = data
    for entry in sorted(entries, key=lambda entry: (entry.start, entry.stop)):
        if entry.start != end:
            raise CheckpointError(
                f"{path} is damaged: its tensors leave gaps or lie over each other; download it again"
            )
        end = entry.stop
    if end != size:
        raise CheckpointError(
            f"{path} has {size:,} bytes, but its header describes {end:,}; it was cut off or changed: "
            "copy or download it again"
        )


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights of a folder: safetensors where there are both kinds.

    Raises:
        CheckpointError: there are none, or an index is damaged, or names files that are not there.
    """
    for single, index in ((SINGLE, INDEX), (PICKLED, PICKLED_INDEX)):
        if (folder / single).exists():
            return [folder / single]
        if (folder / index).exists():
            return _shards(folder / index)
    others = sorted(path.name for path in folder.iterdir() if path.suffix in (".h5", ".msgpack", ".ot", ".gguf", ".pt"))
    there = f"; {', '.join(others)} cannot be read here: load it with transformers and save it again" if others else ""
    raise CheckpointError(f"{folder} has no weights: neither {SINGLE} nor {PICKLED}, nor an index of shards{there}")


def _shards(index: Path) -> list[Path]:
    table = read_json(index, "an index of shards").get("weight_map")
    if not isinstance(table, dict) or not table or not all(isinstance(name, str) for name in table.values()):
        raise CheckpointError(f"{index} has no weight_map; expected the file of each tensor")
    names = sorted(set(table.values()))
    if strange := [name for name in names if not _SHARD.fullmatch(name)]:
        raise CheckpointError(f"{index} names {some(strange)}; expected files of the same folder")
    if absent := [name for name in names if not (index.parent / name).is_file()]:
        raise CheckpointError(f"{index} names files that are not there: {some(absent)}; download them too")
    return [index.parent / name for name in names]


def read_headers(paths: Iterable[Path]) -> dict[str, Entry]:
    """The tensors of several safetensors files.

    Raises:
        CheckpointError: a file is damaged, or two hold the same tensor.
    """
    entries: dict[str, Entry] = {}
    for path in paths:
        header = read_header(path)
        if twice := sorted(entries.keys() & header.keys()):
            raise CheckpointError(f"{path} repeats tensors of {entries[twice[0]].path}: {some(twice)}")
        entries |= header
    return entries
