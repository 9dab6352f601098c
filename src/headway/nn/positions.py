"""Position encodings: objects with three hooks, each the identity unless a scheme needs it.

The stack calls the hooks once a forward and hands tensors down, so attention never learns which scheme it serves.
Embeddings and rotations take positions; a bias takes grid columns, whose differences are the same under any padding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from headway.spec import RotaryScaling, StackSpec

Rotation = tuple[Tensor, Tensor]


class Position(nn.Module):
    """No positions at all, and the form the schemes fill in."""

    is_bounded = False  # a table ends at the model's maximum length; formulas and distances do not
    takes_places = False  # places can be prescribed; distances are counted

    def embed(self, x: Tensor, positions: Tensor) -> Tensor:
        """Add to the embedding `(..., d_model)` of tokens at `positions` `(...)`."""
        return x

    def rotation(self, positions: Tensor) -> Rotation | None:
        """What `rotate` turns query and key by."""
        return None

    def bias(self, query: Tensor, key: Tensor) -> Tensor | None:
        """What is added to the scores: columns `(1, query)` and `(1, key)` → `(1, heads, query, key)`."""
        return None

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """A model in half precision keeps its formulas in full: a rounded frequency is wrong by turns far out."""
        exact = dict(self.named_buffers(recurse=False))
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, buffer in exact.items():
            moved = self.get_buffer(name)
            if moved.dtype.itemsize < 4:
                setattr(self, name, buffer.to(moved.device))
        return self


class Sinusoidal(Position):
    """Sines, then cosines, of geometrically growing wavelengths (Vaswani et al. 2017, section 3.5).

    The paper interleaves them; that is the same table with its columns in another order. The encoding of position t + φ
    is a rotation of that of t, which depends on φ alone.
    """

    is_bounded = takes_places = True
    table: Tensor

    def __init__(self, max_length: int, d_model: int, base: float = 10000.0) -> None:
        super().__init__()
        frequency = base ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
        angle = torch.arange(max_length, dtype=torch.float64)[:, None] * frequency  # (max_length, d_model / 2)
        self.register_buffer("table", torch.cat([angle.sin(), angle.cos()], -1).float(), persistent=False)

    def embed(self, x: Tensor, positions: Tensor) -> Tensor:
        """Add a fixed vector a position."""
        return x + self.table[positions].to(x.dtype)


class Learned(Position):
    """A trained vector a position (Devlin et al. 2019; Radford et al. 2019), from row `offset` of the table on."""

    is_bounded = takes_places = True

    def __init__(self, max_length: int, d_model: int, offset: int = 0) -> None:
        super().__init__()
        self.table, self.offset = nn.Embedding(max_length + offset, d_model), offset

    def embed(self, x: Tensor, positions: Tensor) -> Tensor:
        """Add a trained vector a position."""
        vectors: Tensor = self.table(positions + self.offset)
        return x + vectors


class Rotary(Position):
    """Query and key turned by an angle that grows with the position (Su et al. 2021, eq. 34)."""

    takes_places = True
    frequency: Tensor

    def __init__(self, head_dim: int, base: float = 10000.0, scaling: RotaryScaling | None = None) -> None:
        super().__init__()
        frequency = base ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
        if scaling is not None:
            turns = scaling.length * frequency / (2 * math.pi)
            kept = ((turns - scaling.low) / (scaling.high - scaling.low)).clamp(0, 1)
            frequency = frequency * (kept + (1 - kept) / scaling.factor)
        self.register_buffer("frequency", frequency.float(), persistent=False)

    def rotation(self, positions: Tensor) -> Rotation:
        """Cosine and sine, `(..., 1, head_dim / 2)`."""
        angle = positions[..., None, None] * self.frequency
        return angle.cos(), angle.sin()


def rotate(x: Tensor, rotation: Rotation | None) -> Tensor:
    """Turn the pairs (i, i + head_dim / 2) of `x` `(..., heads, head_dim)`."""
    if rotation is None:
        return x
    (cos, sin), (first, second) = rotation, x.chunk(2, -1)  # (..., heads, head_dim / 2)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1).to(x.dtype)


class Alibi(Position):
    """A penalty on distance, another slope a head (Press et al. 2022, section 3).

    As a distance and not as `slope · key position`: the same in the softmax, but exact in bfloat16 too.
    """

    slopes: Tensor

    def __init__(self, num_heads: int) -> None:
        super().__init__()
        power = 2 ** int(math.log2(num_heads))
        slopes = _geometric(power) + _geometric(2 * power)[0::2][: num_heads - power]
        self.register_buffer("slopes", torch.tensor(slopes), persistent=False)

    def bias(self, query: Tensor, key: Tensor) -> Tensor:
        """0 on the diagonal, falling by the slope a step, alike on both sides."""
        distance = (key[:, None] - query[:, :, None]).abs()
        return -self.slopes[:, None, None] * distance[:, None]  # (1, heads, query, key)


def _geometric(count: int) -> list[float]:
    return [2 ** (-8 * (i + 1) / count) for i in range(count)]


class RelativeBias(Position):
    """A learned number a head and a bucket of distances (Raffel et al. 2020, section 2.1)."""

    def __init__(self, buckets: int, max_distance: int, num_heads: int, bidirectional: bool) -> None:
        super().__init__()
        self.table = nn.Embedding(buckets, num_heads)
        self.max_distance, self.bidirectional = max_distance, bidirectional

    def bias(self, query: Tensor, key: Tensor) -> Tensor:
        """One table for all rows."""
        numbers: Tensor = self.table(self._bucket(key[:, None] - query[:, :, None]))
        return numbers.permute(0, 3, 1, 2)  # (1, heads, query, key)

    def _bucket(self, distance: Tensor) -> Tensor:
        """Small distances each their own bucket, larger ones by their logarithm."""
        count = self.table.num_embeddings // (2 if self.bidirectional else 1)
        later = (distance > 0) * count if self.bidirectional else torch.zeros_like(distance)
        distance = distance.abs() if self.bidirectional else -distance.clamp(max=0)
        exact = count // 2
        log = (distance.clamp(min=1) / exact).log() / math.log(self.max_distance / exact) * (count - exact)
        return later + torch.where(distance < exact, distance, (exact + log.long()).clamp(max=count - 1))


def position_of(spec: StackSpec) -> Position:
    """The position object a stack asks for."""
    position, attention = spec.position, spec.attention
    match position.kind:
        case "none":
            return Position()
        case "sinusoidal":
            return Sinusoidal(spec.max_length, spec.d_model, position.base)
        case "learned":
            return Learned(spec.max_length, spec.d_model, position.offset)
        case "rotary":
            return Rotary(attention.head_dim, position.base, position.scaling)
        case "alibi":
            return Alibi(attention.num_heads)
        case "relative":
            return RelativeBias(position.buckets, position.max_distance, attention.num_heads, not spec.causal)
