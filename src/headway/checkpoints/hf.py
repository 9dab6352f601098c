"""Folders as transformers writes and reads them: `config.json` and one `model.safetensors`, in and out.

A family says what its keys mean (`models/families/`). Nothing is guessed: a tensor that is missing, left over, or not
what the tie it repeats says is an error.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from headway.checkpoints.generation import GREEDY, GenerationDefaults
from headway.checkpoints.native import fill, read_json, read_tensors, write_json, write_tensors
from headway.checkpoints.rename import to_ours, to_theirs
from headway.errors import CheckpointError
from headway.models.families import marian
from headway.models.transformer import EncoderDecoder
from headway.spec import TransformerSpec

FAMILIES = {marian.MODEL_TYPE: marian}


def load(folder: Path) -> EncoderDecoder:
    """The model of a folder, in float32, whatever its weights are stored in.

    Raises:
        CheckpointError: a file is missing or damaged, the model is of an unknown family or has an unknown option, or
            the weights are not those of the model.
    """
    spec = read_spec(folder)
    path = folder / "model.safetensors"
    if not path.exists():
        others = sorted(file.name for file in folder.iterdir() if file.suffix in (".bin", ".safetensors", ".h5"))
        raise CheckpointError(
            f"{folder} has no model.safetensors (it has {', '.join(others) or 'no weights'}); "
            "load it with transformers and write it again with save_pretrained"
        )
    tensors = _without_copies(read_tensors(path), spec, path)
    model = EncoderDecoder(spec)
    fill(model, to_ours(tensors, marian.keys(spec), path), path)
    return model.eval()


def read_spec(folder: Path) -> TransformerSpec:
    """The spec that a folder's `config.json` describes.

    Raises:
        CheckpointError: the file is missing or damaged, or of an unknown family.
    """
    config = read_json(folder / "config.json", "a model's configuration")
    if config.get("model_type") not in FAMILIES:
        raise CheckpointError(
            f"{folder / 'config.json'}: model_type is {config.get('model_type')!r}; known: {', '.join(FAMILIES)}"
        )
    return marian.spec(config)


def save(model: EncoderDecoder, folder: Path, generation: GenerationDefaults = GREEDY) -> None:
    """Write `model` so that `MarianMTModel.from_pretrained(folder)` gives the same logits.

    Any model will do that Marian can express, as can be the Vaswani family's; a head without a bias gets zeros.

    Raises:
        ConfigError: the model has something that Marian has not; the message names it.
        CapacityError: the disk is full.
    """
    config = marian.config(model.spec)
    tensors = {name: weight.detach() for name, weight in model.named_parameters()}
    tensors.setdefault("head.bias", torch.zeros(model.spec.decoder.vocab_size))
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(to_theirs(tensors, marian.keys(model.spec)), folder / "model.safetensors")
    write_json(folder / "generation_config.json", generation.to_json(model.spec.tokens))
    write_json(folder / "config.json", config)


def _without_copies(tensors: dict[str, Tensor], spec: TransformerSpec, path: Path) -> dict[str, Tensor]:
    """The tensors that the key table names; repeated ties and fixed tables are looked at and dropped."""
    for copy, name in marian.copies(spec).items():
        if copy in tensors and not torch.equal(tensors[copy], tensors.setdefault(name, tensors[copy])):
            raise CheckpointError(f"{path}: {copy} and {name} are tied by config.json, but hold different numbers")
    buffers = {
        name: make for pattern, make in marian.BUFFERS.items() for name in tensors if re.fullmatch(pattern, name)
    }
    for name, make in buffers.items():
        table = make(spec)
        if tensors[name].shape != table.shape or not torch.allclose(tensors[name].float(), table, atol=1e-3):
            raise CheckpointError(f"{path}: {name} does not hold what this family computes")
    return {name: tensor for name, tensor in tensors.items() if name not in {*marian.copies(spec), *buffers}}
