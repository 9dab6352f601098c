"""The rows of a key table: how our parameters lie in somebody else's checkpoint, readable both ways.

A family's `keys(spec)` is a list of such rows that names each parameter of the model once, but for `Repeated` ones;
`checkpoints/rename.py` applies it. A row is one tensor of theirs and one or several of ours, and an operation with its
inverse. The names are there without torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Same:
    """The same tensor under another name."""

    ours: str | tuple[str, ...]
    theirs: str

    @property
    def names(self) -> tuple[str, ...]:
        """Our names, also of one."""
        return (self.ours,) if isinstance(self.ours, str) else self.ours

    def to_ours(self, tensor: Tensor) -> Sequence[Tensor]:
        """Their tensor as ours, in the order of `names`."""
        return [tensor]

    def to_theirs(self, tensors: Sequence[Tensor]) -> Tensor:
        """Ours, in the order of `names`, as their tensor."""
        return tensors[0]

    def shape(self, shapes: Sequence[Shape]) -> Shape:
        """The shape of theirs, from those of ours."""
        return shapes[0]

    def of_layer(self, i: int) -> Self:
        """The row with `i` in the place of `{i}`."""
        ours = tuple(name.replace("{i}", str(i)) for name in self.names)
        theirs = self.theirs.replace("{i}", str(i))
        return replace(self, ours=ours if len(ours) > 1 else ours[0], theirs=theirs)


class AsRow(Same):
    """Our vector `(n,)`, their matrix of one row `(1, n)`."""

    __slots__ = ()

    def to_ours(self, tensor: Tensor) -> Sequence[Tensor]:
        """`(1, n)` → `(n,)`."""
        return [tensor.flatten()]

    def to_theirs(self, tensors: Sequence[Tensor]) -> Tensor:
        """`(n,)` → `(1, n)`."""
        return tensors[0][None]

    def shape(self, shapes: Sequence[Shape]) -> Shape:
        """`(n,)` → `(1, n)`."""
        return 1, *shapes[0]


class Transposed(Same):
    """Our weight `(out, in)`, theirs `(in, out)`, as the Conv1D of GPT-2 keeps it."""

    __slots__ = ()

    def to_ours(self, tensor: Tensor) -> Sequence[Tensor]:
        """`(in, out)` → `(out, in)`."""
        return [tensor.T]

    def to_theirs(self, tensors: Sequence[Tensor]) -> Tensor:
        """`(out, in)` → `(in, out)`."""
        return tensors[0].T

    def shape(self, shapes: Sequence[Shape]) -> Shape:
        """`(out, in)` → `(in, out)`."""
        return shapes[0][::-1]


class Stacked(Same):
    """Ours one below the other along the first dimension, equally long."""

    __slots__ = ()

    def to_ours(self, tensor: Tensor) -> Sequence[Tensor]:
        """`(n · out, ...)` → n times `(out, ...)`."""
        return tensor.chunk(len(self.names))

    def to_theirs(self, tensors: Sequence[Tensor]) -> Tensor:
        """n times `(out, ...)` → `(n · out, ...)`."""
        import torch

        return torch.cat(list(tensors))

    def shape(self, shapes: Sequence[Shape]) -> Shape:
        """n times `(out, ...)` → `(n · out, ...)`."""
        return sum(shape[0] for shape in shapes), *shapes[0][1:]


class StackedTransposed(Stacked):
    """Ours one below the other, and the whole transposed: query, key and value of GPT-2."""

    __slots__ = ()

    def to_ours(self, tensor: Tensor) -> Sequence[Tensor]:
        """`(in, n · out)` → n times `(out, in)`."""
        return tensor.T.chunk(len(self.names))

    def to_theirs(self, tensors: Sequence[Tensor]) -> Tensor:
        """n times `(out, in)` → `(in, n · out)`."""
        import torch

        return torch.cat(list(tensors)).T

    def shape(self, shapes: Sequence[Shape]) -> Shape:
        """n times `(out, in)` → `(in, n · out)`."""
        return Stacked.shape(self, shapes)[::-1]


@dataclass(frozen=True, slots=True)
class PerHead(Same):
    """Ours interleaved head by head: query, key and value of head 0, then of head 1, as BLOOM keeps them."""

    heads: int

    def to_ours(self, tensor: Tensor) -> Sequence[Tensor]:
        """`(heads · n · head_dim, ...)` → n times `(heads · head_dim, ...)`."""
        parts = tensor.unflatten(0, (self.heads, len(self.names), -1))
        return [parts[:, i].flatten(0, 1) for i in range(len(self.names))]

    def to_theirs(self, tensors: Sequence[Tensor]) -> Tensor:
        """n times `(heads · head_dim, ...)` → `(heads · n · head_dim, ...)`."""
        import torch

        return torch.stack([tensor.unflatten(0, (self.heads, -1)) for tensor in tensors], 1).flatten(0, 2)

    def shape(self, shapes: Sequence[Shape]) -> Shape:
        """n times `(heads · head_dim, ...)` → `(heads · n · head_dim, ...)`."""
        return sum(shape[0] for shape in shapes), *shapes[0][1:]


class Repeated(Same):
    """The same as the row after it that has our name: transformers 4 wrote it twice or once, 5 leaves zeros here."""

    __slots__ = ()

    def to_theirs(self, tensors: Sequence[Tensor]) -> Tensor:
        """A copy, for a file holds no memory twice."""
        return tensors[0].clone()


def each_layer(rows: Iterable[Same], num_layers: int) -> list[Same]:
    """The rows once for every layer, its number in the place of `{i}`."""
    return [row.of_layer(i) for i in range(num_layers) for row in rows]


def weight_and_bias(ours: str, theirs: str, row: type[Same] = Same) -> list[Same]:
    """The two rows of a layer that has both; `row` is the operation on the weight."""
    return [row(f"{ours}.weight", f"{theirs}.weight"), Same(f"{ours}.bias", f"{theirs}.bias")]
