"""The tensors of a folder, each read when it is asked for: safetensors or pickled, in one file or in shards.

Memory never holds more than one tensor that is not wanted any longer: of safetensors each is mapped by itself; a
pickled file, which torch maps whole, is opened anew after every part of it.
"""

from __future__ import annotations

import mmap
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from headway.checkpoints.files import check_regular, some
from headway.checkpoints.header import Entry, read_headers, weight_files
from headway.errors import CheckpointError

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_PART = 32  # a pickled file is opened anew after each such part of it


class Weights(Protocol):
    """The tensors of a folder."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor."""
        ...

    @property
    def may_be_kept(self) -> bool:
        """Whether a tensor of `get` holds on to no memory but its own; else copy what is kept."""
        ...

    def get(self, name: str) -> Tensor:
        """One tensor, mapped from the disk where that is possible."""
        ...


def open_weights(folder: Path) -> Weights:
    """The tensors of a folder.

    Raises:
        CheckpointError: there are none, or a file is damaged.
    """
    files = weight_files(folder)
    pickled = [path.suffix == ".bin" for path in files]
    if any(pickled) != all(pickled):
        raise CheckpointError(f"{folder} mixes safetensors and pickled shards; download one kind")
    return PickledWeights(files) if all(pickled) else MappedWeights(read_headers(files))


class MappedWeights:
    """Tensors of safetensors files, each mapped by itself and copied when it is written to."""

    may_be_kept = True

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor."""
        return {name: entry.shape for name, entry in self._entries.items()}

    def get(self, name: str) -> Tensor:
        """One tensor, mapped.

        Raises:
            CheckpointError: the file cannot be read any longer.
        """
        entry = self._entries[name]
        dtype = DTYPES[entry.dtype]
        if not entry.size:
            return torch.empty(entry.shape, dtype=dtype)
        page = entry.start % mmap.ALLOCATIONGRANULARITY
        first = entry.start - page
        try:
            with entry.path.open("rb") as file:
                part = mmap.mmap(file.fileno(), entry.stop - first, access=mmap.ACCESS_COPY, offset=first)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{entry.path} cannot be read ({error}); it was changed while it was read") from None
        if page % dtype.itemsize:  # a header of an odd length
            return torch.frombuffer(part, dtype=torch.uint8, offset=page).clone().view(dtype).view(entry.shape)
        return torch.frombuffer(part, dtype=dtype, offset=page).view(entry.shape)


class PickledWeights:
    """Tensors of files that `torch.save` wrote; read without running what else a pickle may hold, never written."""

    may_be_kept = False

    def __init__(self, paths: list[Path]) -> None:
        self._places: dict[str, Path] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        for path in paths:
            tensors = read_pickled(path)
            if twice := sorted(self._places.keys() & tensors.keys()):
                raise CheckpointError(f"{path} repeats tensors of {self._places[twice[0]]}: {some(twice)}")
            self._places |= dict.fromkeys(tensors, path)
            self._shapes |= {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        self._path, self._left = paths[0], 0  # what is open, and the bytes after which it is opened anew
        self._tensors: dict[str, Tensor] = {}

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor."""
        return self._shapes

    def get(self, name: str) -> Tensor:
        """One tensor, of a mapping that goes when no tensor of the file is left.

        Raises:
            CheckpointError: the file was changed meanwhile.
        """
        path = self._places[name]
        if self._left <= 0 or path != self._path:
            self._tensors = {}  # the old mapping goes before the new one comes
            self._path, self._tensors, self._left = path, read_pickled(path), path.stat().st_size // _PART
        if name not in self._tensors or tuple(self._tensors[name].shape) != self._shapes[name]:
            raise CheckpointError(f"{path} was changed while it was read")
        self._left -= self._tensors[name].nbytes
        return self._tensors[name]


def read_pickled(path: Path) -> dict[str, Tensor]:
    """The tensors of a file of `torch.save`, mapped from the disk where it is of the form written since 2020.

    Raises:
        CheckpointError: the file is missing or damaged, or holds anything but tensors, such as code.
    """
    check_regular(path, "the weights of a model")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old forms, which are read all the same
            found: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # a damaged pickle raises whatever it likes
        if type(error).__name__ == "UnpicklingError" and "nsupported" in str(error):
            raise CheckpointError(
                f"{path} holds more than tensors, perhaps code, and was not read further; "
                "ask for the weights as safetensors"
            ) from None
        reason = str(error).strip().partition("\n")[0]
        raise CheckpointError(
            f"{path} is not a whole file of torch.save ({reason:.200}); it has {path.stat().st_size:,} bytes: "
            "copy or download it again"
        ) from None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise CheckpointError(f"{path} holds {type(found).__name__}; expected tensors by their names")
    for name, tensor in found.items():
        if not isinstance(tensor, Tensor) or tensor.layout != torch.strided or tensor.dtype not in DTYPES.values():
            raise CheckpointError(f"{path}: {name} is {type(tensor).__name__}, and no plain tensor of numbers")
    return {name: tensor.detach() for name, tensor in found.items()}
