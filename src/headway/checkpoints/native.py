"""The weights and the JSON files of a run folder.

Every file is written under another name and renamed when it is whole: a killed run leaves the old file or the new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from headway import spec as specs
from headway.checkpoints.files import check_names, read_json, replace_file, some, write_json
from headway.checkpoints.generation import GREEDY, GenerationDefaults
from headway.checkpoints.header import read_header
from headway.checkpoints.restore import Restored, empty, is_new, restore, with_head
from headway.checkpoints.weights import MappedWeights
from headway.errors import CheckpointError
from headway.models.build import Model
from headway.models.keys import Same
from headway.spec import LabelHeadSpec, ModelSpec

__all__ = [
    "check_names",
    "fill",
    "load",
    "load_weights",
    "read",
    "read_json",
    "read_tensors",
    "save",
    "save_weights",
    "write_json",
    "write_tensors",
]


def save_weights(model: nn.Module, path: Path) -> None:
    """Write every parameter of `model` once, under its first name, with its own dtype.

    Raises:
        CapacityError: the disk is full.
    """
    write_tensors({name: weight.detach() for name, weight in model.named_parameters()}, path)


def save(model: Model, folder: Path, generation: GenerationDefaults = GREEDY, *, dtype: torch.dtype) -> None:
    """Write a folder that `headway.load` reads, with weights of `dtype`, but without a tokenizer.

    Raises:
        CapacityError: the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: weight.detach().to("cpu", dtype) for name, weight in model.named_parameters()}
    write_tensors(tensors, folder / "model.safetensors")
    write_json(folder / "generation_config.json", generation.to_json(model.spec))
    write_json(folder / "spec.json", specs.to_json(model.spec))


def load_weights(model: nn.Module, path: Path) -> None:
    """Read into the parameters of `model`, in place: tied parameters stay tied, and the dtype stays the model's.

    Raises:
        CheckpointError: the file is missing or damaged, or its names or shapes are not those of `model`.
    """
    fill(model, read_tensors(path), path)


def load(spec: ModelSpec, path: Path) -> Model:
    """The model of `spec` with the weights of a file, in float32; see `read`."""
    return read(spec, path).model


def read(
    spec: ModelSpec,
    path: Path,
    *,
    head: LabelHeadSpec | None = None,
    allow_missing: bool = False,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Restored:
    """The model of `spec` with the weights of a file, in evaluation mode; the arguments are those of `hf.read`.

    Raises:
        CheckpointError: the file is missing or damaged, or its names or shapes are not those of the model.
    """
    weights = MappedWeights(read_header(path))
    spec = spec if head is None else with_head(spec, head)
    names = [name for name, _ in empty(spec, path).named_parameters()]
    stored = {name: name for name in names if name in weights.shapes and not is_new(name, head)}
    fresh = tuple(name for name in names if name not in stored)
    unread = tuple(sorted(name for name in weights.shapes if name not in stored))
    missing = {name for name in fresh if not is_new(name, head)}
    strange = unread if head is None else ()
    check_names(missing=() if allow_missing else missing, left_over=() if allow_missing else strange, path=path)
    rows = [Same(name, name) for name in names]
    model = restore(spec, rows, weights, stored, path=path, dtype=dtype, device=device)
    return Restored(model.eval(), fresh, unread)


def fill(model: nn.Module, tensors: Mapping[str, Tensor], path: Path | str) -> None:
    """Copy `tensors`, read from `path`, into the parameters of `model`, in place; all of them or none.

    Raises:
        CheckpointError: a name is missing or left over, or a shape differs; the message lists them.
    """
    own = dict(model.named_parameters())
    check_names(missing=own.keys() - tensors.keys(), left_over=tensors.keys() - own.keys(), path=path)
    if wrong := [
        f"{name} is {list(tensors[name].shape)}, expected {list(weight.shape)}"
        for name, weight in own.items()
        if tensors[name].shape != weight.shape
    ]:
        raise CheckpointError(f"{path}: not the shapes of this model: {some(wrong)}")
    with torch.no_grad():
        for name, weight in own.items():
            weight.copy_(tensors[name])


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a safetensors file by its name, mapped from the disk and not yet read.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    weights = MappedWeights(read_header(path))
    return {name: weights.get(name) for name in weights.shapes}


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write a safetensors file that the whole ecosystem reads.

    Raises:
        CapacityError: the disk is full.
    """
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    replace_file(path, lambda part: save_file(contiguous, part, metadata={"format": "pt"}))
