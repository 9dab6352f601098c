"""How large models are, counted on the `meta` device: no memory is taken, no number drawn."""

from __future__ import annotations

from typing import Any

import torch

from headway.errors import ConfigError
from headway.models.build import build
from headway.models.families import FAMILIES
from headway.spec import ModelSpec


def parameters_by_part(spec: ModelSpec) -> dict[str, int]:
    """Parameters of each top part; a table that is shared counts once, under `embeddings`."""
    with torch.device("meta"):
        model = build(spec)
    parts: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        part = "embeddings" if name.endswith("tokens.weight") else name.split(".")[0]
        parts[part] = parts.get(part, 0) + parameter.numel()
    return parts


def table(vocab_size: int) -> list[dict[str, Any]]:
    """One row a family and size, for a joint vocabulary of `vocab_size` pieces.

    Raises:
        ConfigError: a vocabulary without a piece.
    """
    if vocab_size < 1:
        raise ConfigError(f"vocab_size is {vocab_size}; it must be at least 1")
    return [
        {
            "family": family,
            "size": size,
            "parameters": sum(parameters_by_part(choices.spec(vocab_size, vocab_size)).values()),
            "num_layers": choices.num_layers,
            "d_model": choices.d_model,
        }
        for family, sizes in FAMILIES.items()
        for size, choices in sizes.items()
    ]
