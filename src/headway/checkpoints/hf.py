"""Folders as transformers writes and reads them, in and out: `config.json` and the weights.

A family says what its keys mean (`models/families/`). Nothing is guessed: a tensor that is missing, left over, or not
what the tie it repeats says is an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from headway.checkpoints.configuration import family_of, family_of_spec, read_config, spec_of, with_names
from headway.checkpoints.files import check_names, write_json
from headway.checkpoints.generation import GREEDY, GenerationDefaults
from headway.checkpoints.naming import Names, buffer_of, known_names, match
from headway.checkpoints.restore import Restored, is_new, restore, with_head
from headway.checkpoints.shards import SHARD_SIZE, Stored, write_weights
from headway.checkpoints.weights import Weights, open_weights
from headway.errors import CheckpointError
from headway.models.build import Model
from headway.models.families.exchange import Published
from headway.models.keys import Repeated, Same
from headway.spec import LabelHeadSpec, ModelSpec


def load(
    folder: Path,
    *,
    architecture: str | None = None,
    head: LabelHeadSpec | None = None,
    allow_missing: bool = False,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Model:
    """The model of a folder, in `dtype`, whatever its weights are stored in; see `read`."""
    return read(
        folder, architecture=architecture, head=head, allow_missing=allow_missing, dtype=dtype, device=device
    ).model


def read(
    folder: Path,
    *,
    architecture: str | None = None,
    head: LabelHeadSpec | None = None,
    allow_missing: bool = False,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Restored:
    """The model of a folder, in evaluation mode.

    Args:
        folder: with `config.json` and the weights.
        architecture: the class of transformers it is read as; None: the one that `config.json` names.
        head: a head that stands on the stack instead of those of the folder; it is always fresh.
        allow_missing: draw at random what the folder lacks, instead of refusing it.
        dtype: of the parameters.
        device: where they are put.

    Raises:
        CheckpointError: a file is missing or damaged, the model is of an unknown family or has an unknown option, or
            the weights are not those of the model.
        ConfigError: the family has no such head.
    """
    config = read_config(folder)
    family = family_of(config, folder)
    spec_of(config, folder, architecture)  # what it cannot be is said first
    weights = open_weights(folder)
    config = with_names(config, weights.shapes)
    spec = spec_of(config, folder, architecture)
    if head is not None:
        spec = with_head(spec, head)
    rows = family.keys(spec)
    wanted = [row.theirs for row in rows if not any(is_new(name, head) for name in row.names)]
    names = match(wanted, weights.shapes, family, spec)
    strange = set(names.left_over)
    if strange:  # parts that other classes of the family have are known, and left unread
        strange = set() if allow_missing else strange - known_names(family, config)
    check_names(missing=() if allow_missing else names.missing, left_over=strange, path=folder)
    _check_repeats(rows, names, weights, folder)
    model = restore(spec, rows, weights, names.stored, path=folder, dtype=dtype, device=device)
    _check_buffers(names, weights, family, model, folder)
    drawn = tuple(dict.fromkeys(name for row in rows if row.theirs not in names.stored for name in row.names))
    return Restored(model.eval(), drawn, names.left_over)


def read_spec(folder: Path, architecture: str | None = None) -> ModelSpec:
    """The spec that a folder's `config.json` describes.

    Raises:
        CheckpointError: the file is missing or damaged, or of an unknown family.
    """
    return spec_of(read_config(folder), folder, architecture)


def save(
    model: Model,
    folder: Path,
    generation: GenerationDefaults = GREEDY,
    *,
    dtype: torch.dtype | None = None,
    shard_size: int = SHARD_SIZE,
) -> None:
    """Write `model` so that the `from_pretrained` of its class gives the same logits.

    An encoder-decoder of the Vaswani family is written as Marian where Marian can express it; a head without a bias
    gets zeros. `dtype` None: the one it has; `shard_size` is the most bytes of a file.

    Raises:
        ConfigError: the model has something that its family has not; the message names it.
        CapacityError: the disk is full.
    """
    family = family_of_spec(model.spec)
    config = family.config(model.spec)
    parameters = {name: weight.detach() for name, weight in model.named_parameters()}
    if "head.bias" not in parameters and (head := getattr(model, "head", None)) is not None:
        parameters["head.bias"] = torch.zeros(head.out_features)
    kind = dtype or parameters[next(iter(parameters))].dtype
    tensors = [
        Stored(
            row.theirs,
            math.prod(row.shape([tuple(parameters[name].shape) for name in row.names])) * kind.itemsize,
            _maker(row, parameters, kind),
        )
        for row in family.keys(model.spec)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    write_weights(folder, tensors, shard_size)
    write_json(folder / "generation_config.json", generation.to_json(model.spec))
    write_json(folder / "config.json", {**config, "dtype": str(kind).removeprefix("torch.")})


def _maker(row: Same, parameters: Mapping[str, Tensor], dtype: torch.dtype) -> Callable[[], Tensor]:
    return lambda: row.to_theirs([parameters[name].to("cpu", dtype) for name in row.names]).to(dtype)


def _check_repeats(rows: Iterable[Same], names: Names, weights: Weights, folder: Path) -> None:
    left = {names.stored.get(row.theirs) for row in rows if isinstance(row, Repeated)}  # zeros there say nothing
    unread = {name for name in left if name is not None and not weights.get(name).any()}
    for name, copy in names.repeats:
        if unread & {name, copy}:
            continue
        if weights.shapes[name] != weights.shapes[copy] or not torch.equal(weights.get(name), weights.get(copy)):
            raise CheckpointError(f"{folder}: {copy} and {name} are one parameter, but hold different numbers")


def _check_buffers(names: Names, weights: Weights, family: Published, model: Model, folder: Path) -> None:
    for name in names.buffers:
        ours = family.BUFFERS[buffer_of(name, family) or ""]
        table = None if ours is None else model.get_buffer(ours).cpu()
        if table is not None and (
            weights.shapes[name] != tuple(table.shape)
            or not torch.allclose(weights.get(name).float(), table, atol=1e-3)
        ):
            raise CheckpointError(f"{folder}: {name} does not hold what this family computes")
