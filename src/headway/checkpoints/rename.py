"""Applies the key table of a family (`models/keys.py`), both ways: one is the inverse of the other, to the bit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor

from headway.checkpoints.files import check_names
from headway.models.keys import Same


def to_ours(tensors: Mapping[str, Tensor], rows: Iterable[Same], path: Path | str) -> dict[str, Tensor]:
    """Their tensors, read from `path`, under our names.

    Raises:
        CheckpointError: a tensor of the table is missing, or one is left over; the message lists them.
    """
    table = {row.theirs: row for row in rows}
    check_names(missing=table.keys() - tensors.keys(), left_over=tensors.keys() - table.keys(), path=path)
    return {
        name: tensor
        for theirs, row in table.items()
        for name, tensor in zip(row.names, row.to_ours(tensors[theirs]), strict=True)
    }


def to_theirs(tensors: Mapping[str, Tensor], rows: Iterable[Same]) -> dict[str, Tensor]:
    """Our tensors under their names; what several rows name is written by each."""
    return {row.theirs: row.to_theirs([tensors[name] for name in row.names]) for row in rows}
