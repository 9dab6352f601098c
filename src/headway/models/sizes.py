"""How large models are, counted on the `meta` device: no memory is taken, no number drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from headway.errors import ConfigError
from headway.models.build import build
from headway.models.families import FAMILIES, SIZES_OF, TRANSLATORS
from headway.spec import ModelSpec, SingleStackSpec, TransformerSpec

PIECES = 8000  # of the vocabulary of a family that nobody publishes
PUBLISHED_PIECES = {  # of a family, or of one of its sizes
    "bert": 30522,
    "roberta": 50265,
    "gpt2": 50257,
    "bloom": 250880,
    "t5": 32128,
    "llama": 128256,
    "llama tiny": 32000,
    "llama 2-7b": 32000,
    "qwen2": 151936,
    "qwen2 7b": 152064,
}


def parameters_by_part(spec: ModelSpec) -> dict[str, int]:
    """Parameters of each top part; a table that is shared counts once, under `embeddings`."""
    short, layers = _one_block(spec)
    with torch.device("meta"):
        model = build(short)
    parts: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        top = name.split(".")[0]
        part = "embeddings" if name.endswith("tokens.weight") else top
        times = layers[top] if ".blocks." in name else 1
        parts[part] = parts.get(part, 0) + parameter.numel() * times
    return parts


def _one_block(spec: ModelSpec) -> tuple[ModelSpec, Mapping[str, int]]:
    """The model with one block a stack, and how many each has: all blocks of a stack are alike."""
    match spec:
        case SingleStackSpec(stack=stack):
            return replace(spec, stack=replace(stack, num_layers=1)), {"stack": stack.num_layers}
        case TransformerSpec(encoder=encoder, decoder=decoder):
            short = replace(spec, encoder=replace(encoder, num_layers=1), decoder=replace(decoder, num_layers=1))
            return short, {"encoder": encoder.num_layers, "decoder": decoder.num_layers}
    return spec, {}


def table(vocab_size: int | None = None) -> list[dict[str, Any]]:
    """One row a family and size, with `vocab_size` pieces (None: with those it is published with, or `PIECES`).

    Raises:
        ConfigError: a vocabulary without a piece.
    """
    if vocab_size is not None and vocab_size < 1:
        raise ConfigError(f"vocab_size is {vocab_size}; it must be at least 1")
    return [
        _row(family, size, choices, vocab_size)
        for family, sizes in {**FAMILIES, **SIZES_OF}.items()
        for size, choices in sizes.items()
    ]


def _row(family: str, size: str, choices: Any, vocab_size: int | None) -> dict[str, Any]:
    pieces = vocab_size or PUBLISHED_PIECES.get(f"{family} {size}") or PUBLISHED_PIECES.get(family, PIECES)
    spec = choices.spec(pieces, pieces) if family in TRANSLATORS else choices.spec(pieces)
    return {
        "family": family,
        "size": size,
        "vocab_size": pieces,
        "parameters": sum(parameters_by_part(spec).values()),
        "num_layers": choices.num_layers,
        "d_model": choices.d_model,
    }
