"""What is looked at before a model reads: an id that no table has is said by its name, before anything is looked up."""

from __future__ import annotations

import torch
from torch import Tensor

from headway.errors import ConfigError


def check_ids(name: str, ids: Tensor | None, size: int) -> None:
    """`ids`, if there are any, are rows of a table of `size`.

    Looked at where that costs nothing: on a CPU, and not while the model is compiled or exported.

    Raises:
        ConfigError: one is not; the message names it.
    """
    if ids is None or ids.device.type != "cpu" or not ids.numel() or torch.compiler.is_compiling():
        return
    if ids.is_floating_point() or ids.dtype == torch.bool:
        raise ConfigError(f"{name} is of type {ids.dtype}; expected whole numbers")
    low, high = (int(bound) for bound in ids.aminmax())
    if low < 0 or high >= size:
        raise ConfigError(f"{name} holds {low if low < 0 else high}; this model has 0 to {size - 1:,}")
