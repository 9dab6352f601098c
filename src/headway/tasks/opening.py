"""From a folder or a hub id to a model that is ready: its weights, its tokenizers, and how it was made to be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from headway.checkpoints import elmo_hdf5, hf, hub, native
from headway.checkpoints.configuration import stacks, stored_spec
from headway.checkpoints.generation import GenerationDefaults, read_generation
from headway.checkpoints.restore import Restored
from headway.config import DecodingConfig, RunConfig, read_config
from headway.decoding.generate import Decoding
from headway.decoding.hypotheses import LengthNorm
from headway.decoding.sampling import Sampling
from headway.errors import CheckpointError, ConfigError, nearest
from headway.models.build import Model
from headway.spec import LabelHeadSpec, ModelSpec, TranslatorSpec, vocabularies
from headway.tasks.reading import Reading
from headway.text.formats import has_tokenizer
from headway.text.tokenizer import Tokenizer, TokenizerPair

DTYPES = {
    "auto": torch.float32,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """What lies in a folder."""

    model: Model
    tokenizer: Tokenizer | TokenizerPair | None
    folder: Path
    decoding: Decoding
    reading: Reading
    fresh: tuple[str, ...]
    unread: tuple[str, ...]


def open_model(
    model: str | Path,
    *,
    device: torch.device,
    dtype: str,
    revision: str | None,
    offline: bool,
    architecture: str | None,
    head: LabelHeadSpec | None,
    allow_missing: bool,
) -> Opened:
    """See `headway.load`."""
    if dtype not in DTYPES:
        raise ConfigError(f"dtype is {dtype!r}; {nearest(dtype, DTYPES)}")
    folder = hub.find(model, revision=revision, offline=offline)
    options: dict[str, Any] = {"dtype": DTYPES[dtype], "device": device, "head": head, "allow_missing": allow_missing}
    restored: Restored
    if (folder / "spec.json").exists():
        spec = stored_spec(folder)
        if (folder / "config.yaml").is_file() and not (folder / "model.safetensors").is_file():
            raise CheckpointError(
                f"{folder} is a run that did not come to its end, without weights; go on with: headway resume {folder}"
            )
        _check_dtype(spec, dtype, folder)
        restored = native.read(spec, folder / "model.safetensors", **options)
    elif (folder / "config.json").exists():
        _check_dtype(hf.read_spec(folder, architecture), dtype, folder)
        restored = hf.read(folder, architecture=architecture, **options)
    elif (elmo := elmo_hdf5.find(folder)) is not None:
        restored = Restored(elmo_hdf5.load(*elmo).to(device, DTYPES[dtype]), (), ())
    else:
        raise CheckpointError(f"{folder} holds no model: neither spec.json nor config.json is there")
    found = restored.model.eval().requires_grad_(False)
    tokenizer = read_tokenizer(folder, found.spec)
    run = read_config(folder / "config.yaml") if (folder / "config.yaml").is_file() else None
    return Opened(
        model=found, tokenizer=tokenizer, folder=folder, decoding=_decoding(folder, found.spec, run),
        reading=Reading() if run is None else Reading.of(run),
        fresh=restored.fresh, unread=restored.unread,
    )  # fmt: skip


def read_tokenizer(folder: Path, spec: ModelSpec) -> Tokenizer | TokenizerPair | None:
    """The tokenizer of a folder, of an encoder-decoder a pair; None: there is no file of one.

    Raises:
        CheckpointError: it is damaged, or has ids that the model has no embedding for.
    """
    if not has_tokenizer(folder):
        return None
    sizes = vocabularies(spec)
    if not isinstance(spec, TranslatorSpec):
        tokenizer = Tokenizer.load(folder)
        _check_embedding(folder, tokenizer, max(sizes))
        return tokenizer
    pair = TokenizerPair.load(folder)
    for side, size in zip(pair, sizes, strict=True):
        _check_embedding(folder, side, size)
    return pair


def _check_embedding(folder: Path, tokenizer: Tokenizer, size: int) -> None:
    if tokenizer.highest_id >= size:
        raise CheckpointError(
            f"{folder}: the tokenizer has ids up to {tokenizer.highest_id:,}, but the model's embedding ends at "
            f"{size - 1:,}; they do not belong together: put the model's own tokenizer there"
        )


def _check_dtype(spec: ModelSpec, dtype: str, folder: Path) -> None:
    if dtype == "float16" and not all(stack.fits_float16 for stack in stacks(spec)):
        raise ConfigError(
            f"{folder}: trained models of the family {spec.family} have activations beyond 65,504, where float16 ends; "
            "use bfloat16, which takes as little memory, or float32"
        )


def build_decoding(config: DecodingConfig) -> Decoding:
    """How the model of a run is asked."""
    return Decoding(beam=config.beam, length_norm=LengthNorm.parse(config.length_norm), stop=config.stop)


def _decoding(folder: Path, spec: ModelSpec, run: RunConfig | None) -> Decoding:
    """How the model was made to be asked: by the configuration of its run, or by its generation settings.

    Raises:
        CheckpointError: a file is damaged, or asks for something that is not known here.
    """
    if run is not None:
        return build_decoding(run.decoding)
    if not (folder / "config.json").is_file() and not (folder / "generation_config.json").is_file():
        return Decoding() if isinstance(spec, TranslatorSpec) else Decoding(beam=1)
    given = read_generation(folder, spec)
    try:
        return _generating(given, spec)
    except ConfigError as error:
        raise CheckpointError(f"{folder / 'generation_config.json'}: {error}") from None


def _generating(given: GenerationDefaults, spec: ModelSpec) -> Decoding:
    sampling = None
    if given.samples:
        sampling = Sampling(temperature=given.temperature, top_k=given.top_k, top_p=given.top_p)
    limit = given.max_length
    if limit is not None and isinstance(spec, TranslatorSpec):
        limit -= 1  # theirs counts the start token
    return Decoding(
        beam=given.beam,
        length_norm=LengthNorm("power", given.length_alpha),
        stop=given.stop,
        sampling=sampling,
        max_length=limit,
        min_length=given.min_length,
        repetition_penalty=given.repetition_penalty,
        force_end=given.forces_end,
        suppress=given.forbidden,
        ends=given.ends,
        unfollowed=given.unfollowed,
    )
