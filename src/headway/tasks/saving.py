"""A model as a folder: as transformers reads it, or as our own runs are kept; and from one form to the other."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from headway.checkpoints import hf, native
from headway.checkpoints.configuration import family_of_spec
from headway.checkpoints.files import staged
from headway.checkpoints.generation import GenerationDefaults
from headway.checkpoints.shards import SHARD_SIZE, parse_size
from headway.decoding.generate import Decoding
from headway.errors import ConfigError, nearest
from headway.spec import ModelSpec, TranslatorSpec
from headway.tasks.loaded import Loaded
from headway.tasks.opening import DTYPES

Format = Literal["huggingface", "headway"]
_OTHER: dict[Format, str] = {"huggingface": "spec.json", "headway": "config.json"}


def save(
    loaded: Loaded,
    folder: str | Path,
    *,
    format: Format = "huggingface",
    dtype: str = "float32",
    shard_size: int | str = SHARD_SIZE,
) -> None:
    """Write a model with its tokenizer: `huggingface`, which loads in transformers with the same logits, or `headway`.

    All or nothing is written. A folder that holds a model of the same format is written over.

    Args:
        loaded: what `headway.load` returned.
        folder: where to.
        format: `huggingface` or `headway`.
        dtype: of the stored weights, `float32`, `bfloat16` or `float16`.
        shard_size: the most bytes of a file of weights, such as `200MB`; the format `headway` has one file.

    Raises:
        ConfigError: an argument is none of these, the model has no such form, or the folder holds the other one.
        CapacityError: the disk is full.
    """
    path = Path(folder)
    if format not in get_args(Format):
        raise ConfigError(f"format is {format!r}; {nearest(format, get_args(Format))}")
    if dtype not in DTYPES:
        raise ConfigError(f"dtype is {dtype!r}; {nearest(dtype, DTYPES)}")
    if path.exists() and (not path.is_dir() or (path / _OTHER[format]).exists()):
        raise ConfigError(f"{path} is there already, and no folder of the format {format}; choose another name")
    size, generation = parse_size(shard_size), _generation(loaded.decoding, loaded.spec)
    with staged(path) as part:
        if format == "huggingface":
            hf.save(loaded.model, part, generation, dtype=DTYPES[dtype], shard_size=size)
        else:
            native.save(loaded.model, part, generation, dtype=DTYPES[dtype])
        if loaded.tokenizer is not None:
            loaded.tokenizer.save(part)


def best_format(loaded: Loaded) -> Format:
    """`huggingface` where the model has that form, else `headway`."""
    try:
        family_of_spec(loaded.spec).config(loaded.spec)
    except ConfigError:
        return "headway"
    return "huggingface"


def _generation(decoding: Decoding, spec: ModelSpec) -> GenerationDefaults:
    """How a model is asked, in the words of `generation_config.json`, which has no norm of the kind `gnmt`."""
    norm, sampling, limit = decoding.length_norm, decoding.sampling, decoding.max_length
    if limit is not None and isinstance(spec, TranslatorSpec):
        limit += 1  # theirs counts the start token
    return GenerationDefaults(
        beam=decoding.beam,
        length_alpha=norm.alpha if norm.kind == "power" else 1.0,
        stop=decoding.stop,
        max_length=limit,
        min_length=decoding.min_length,
        ends=decoding.ends,
        forces_end=decoding.force_end,
        forbidden=decoding.suppress,
        repetition_penalty=decoding.repetition_penalty,
        samples=sampling is not None,
        temperature=1.0 if sampling is None else sampling.temperature,
        top_k=50 if sampling is None else sampling.top_k,
        top_p=1.0 if sampling is None else sampling.top_p,
        unfollowed=decoding.unfollowed,
    )
