"""The rows of a key table: how one of our parameters lies in somebody else's checkpoint, readable both ways.

A family's `keys(spec)` is a list of such rows, one for each parameter of the model; `checkpoints/rename.py` applies it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Same:
    """The same tensor under another name."""

    ours: str
    theirs: str

    def to_ours(self, tensor: Tensor) -> Tensor:
        """Their tensor as ours."""
        return tensor

    def to_theirs(self, tensor: Tensor) -> Tensor:
        """Our tensor as theirs."""
        return tensor


class AsRow(Same):
    """Our vector `(n,)`, their matrix of one row `(1, n)`."""

    __slots__ = ()

    def to_ours(self, tensor: Tensor) -> Tensor:
        """`(1, n)` → `(n,)`."""
        return tensor.flatten()

    def to_theirs(self, tensor: Tensor) -> Tensor:
        """`(n,)` → `(1, n)`."""
        return tensor[None]


def each_layer(rows: Iterable[Same], num_layers: int) -> list[Same]:
    """The rows once for every layer, its number in the place of `{i}`."""
    return [
        replace(row, ours=row.ours.replace("{i}", str(i)), theirs=row.theirs.replace("{i}", str(i)))
        for i in range(num_layers)
        for row in rows
    ]
