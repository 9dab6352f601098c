"""From `config.json` to a family and a spec, or from `spec.json`; whether its sizes can be believed; without torch."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from headway import spec as specs
from headway.checkpoints.files import read_json
from headway.errors import CheckpointError, ConfigError
from headway.models.families import PUBLISHED
from headway.models.families.exchange import Published
from headway.spec import ModelSpec, SingleStackSpec, StackSpec, TextCnnSpec, TransformerSpec, TranslatorSpec

LIMITS = {"num_layers": 10_000, "num_heads": 1 << 16, "head_dim": 1 << 16, "labels": 100_000}
LARGEST_TABLE = 1 << 26  # numbers in a table of sines


def read_config(folder: Path) -> dict[str, Any]:
    """The `config.json` of a folder.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    return read_json(folder / "config.json", "a model's configuration")


def with_names(config: dict[str, Any], names: Container[str]) -> dict[str, Any]:
    """A configuration and what only the `names` of the tensors tell: whether a T5 has a head of its own.

    transformers 5 writes that every T5 is tied, and lets the weights decide.
    """
    has_own = config.get("scale_decoder_outputs") is False and "lm_head.weight" in names
    return {**config, "tie_word_embeddings": False} if has_own else config


def family_of(config: Mapping[str, Any], folder: Path) -> Published:
    """The family that a configuration names.

    Raises:
        CheckpointError: none of those that are known.
    """
    named = config.get("model_type")
    if not isinstance(named, str) or named not in PUBLISHED:
        raise CheckpointError(f"{folder / 'config.json'}: model_type is {named!r}; known: {', '.join(PUBLISHED)}")
    return PUBLISHED[named]


def family_of_spec(spec: ModelSpec) -> Published:
    """The family whose form a model is published in: its own, or Marian's for a Transformer of Vaswani et al.

    Raises:
        ConfigError: there is none.
    """
    if spec.family in PUBLISHED:
        return PUBLISHED[spec.family]
    if isinstance(spec, TransformerSpec):
        return PUBLISHED["marian"]
    known = ", ".join(PUBLISHED)
    raise ConfigError(
        f"models of the family {spec.family} have no form that transformers reads (it has one for {known}); "
        "keep it as a run folder, with the format headway"
    )


def spec_of(config: Mapping[str, Any], folder: Path, architecture: str | None = None) -> ModelSpec:
    """The model that a configuration describes.

    Raises:
        CheckpointError: of an unknown family, or with a value that this family cannot have.
    """
    path = folder / "config.json"
    family = family_of(config, folder)
    for key in ("num_labels", "_num_labels"):
        if isinstance(config.get(key), int) and config[key] > LIMITS["labels"]:
            raise CheckpointError(f"{path}: {key} is {config[key]:,}; at most {LIMITS['labels']:,} is believed")
    try:
        spec: ModelSpec = family.spec(config, architecture)
        specs.from_json(json.loads(json.dumps(specs.to_json(spec))))  # each value is of its type
    except (CheckpointError, ConfigError) as error:
        said = str(error).replace("spec.json", "config.json").removeprefix("config.json").removeprefix(":").lstrip()
        raise CheckpointError(f"{path}: {said}") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise CheckpointError(
            f"{path} has a value of a wrong kind ({reason:.200}); write or download it again"
        ) from None
    check_sizes(spec, path)
    return spec


def stored_spec(folder: Path) -> ModelSpec:
    """The spec of a run folder, or of another that we wrote: its `spec.json`.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    path = folder / "spec.json"
    spec = specs.from_json(read_json(path, "the spec of a model"))
    check_sizes(spec, path)
    return spec


def check_sizes(spec: ModelSpec, path: object) -> None:
    """Raises CheckpointError where a damaged number would take all memory, or all time, before it is seen."""
    head = None if isinstance(spec, TranslatorSpec) else spec.label_head
    labels = () if head is None else head.labels
    sizes = {"num_layers": [s.num_layers for s in stacks(spec)], "labels": [len(labels)]}
    sizes |= {name: [getattr(s.attention, name) for s in stacks(spec)] for name in ("num_heads", "head_dim")}
    if not isinstance(spec, SingleStackSpec | TransformerSpec | TextCnnSpec):
        sizes["num_layers"] = [spec.num_layers]
    for name, found in sizes.items():
        if any(size > LIMITS[name] for size in found):
            raise CheckpointError(f"{path}: {name} is {max(found):,}; at most {LIMITS[name]:,} is believed")
    for stack in stacks(spec):
        if stack.position.kind == "sinusoidal" and stack.max_length * stack.d_model > LARGEST_TABLE:
            raise CheckpointError(
                f"{path}: {stack.max_length:,} positions of width {stack.d_model:,} are more sines than are believed"
            )


def stacks(spec: ModelSpec) -> list[StackSpec]:
    """The stacks of a model; a recurrent one has none."""
    match spec:
        case SingleStackSpec():
            return [spec.stack]
        case TransformerSpec():
            return [spec.encoder, spec.decoder]
    return []
