"""What attention may remember between two forwards: for a block `append` and `once`, for the stack `advance`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from headway.errors import CapacityError
from headway.nn.attention import KeyValue
from headway.nn.masks import Layout


class Step(NamedTuple):
    """What one forward knows before its first block."""

    positions: Tensor  # of the new tokens, token-shaped: for embeddings and rotations
    query_columns: Tensor  # `(1, query)`, or `(rows, query)` where rows differ: for a bias on the scores
    key: Layout
    keep: Tensor | None  # what may be seen, where causality does not say it all
    causal: bool


class LayerCache(Protocol):
    """The part of a cache that one block sees."""

    def append(self, key: Tensor, value: Tensor) -> KeyValue:
        """Add the new tokens' keys and values; everything there is comes back."""
        ...

    def once(self, make: Callable[[], KeyValue]) -> KeyValue:
        """The memory's keys and values: made at the first call, remembered after."""
        ...


class Cache(Protocol):
    """What a stack asks of a cache."""

    def advance(self, layout: Layout, causal: bool) -> Step:
        """Take in the layout of the new tokens."""
        ...

    def layer(self, i: int) -> LayerCache:
        """The part of block `i`."""
        ...


class Uncached:
    """The cache that keeps nothing: training, encoders, one full forward."""

    def advance(self, layout: Layout, causal: bool) -> Step:
        """Every token is new; causality hides right padding by itself."""
        hidden = layout.keep is not None and not (causal and layout.right_padded)
        keep = layout.keep[:, None, None] if hidden and layout.keep is not None else None
        return Step(layout.positions, layout.columns, layout, keep, causal)

    def layer(self, i: int) -> LayerCache:
        """Itself: there is nothing to tell apart."""
        return self

    def append(self, key: Tensor, value: Tensor) -> KeyValue:
        """The new ones are all there are."""
        return key, value

    def once(self, make: Callable[[], KeyValue]) -> KeyValue:
        """Made anew each time."""
        return make()


class RowCache(Cache, Protocol):
    """A cache whose rows are hypotheses that come from one another."""

    def reorder(self, rows: Tensor) -> None:
        """Row i becomes what row `rows[i]` was; rows may be dropped. Memory keys stay."""
        ...

    def select_memory(self, rows: Tensor) -> None:
        """Keep the memory keys of some of the sentences."""
        ...


class GrowingCache:
    """Rows of one batch that grow together; padding on either side."""

    def __init__(self, num_layers: int) -> None:
        self._layers = [_GrowingLayer() for _ in range(num_layers)]
        self._keep: Tensor | None = None  # `(rows, length)`; None while every token is real
        self._length = 0
        self._has_gaps = False  # padding stands between the tokens of a row
        self._is_settled = True  # the last tokens were all real, so that more of them make no gap

    def advance(self, layout: Layout, causal: bool = True) -> Step:
        """New tokens to the right of what is there."""
        past, self._length = self._length, self._length + layout.length
        if layout.keep is not None or self._keep is not None:
            before = self._keep if self._keep is not None else _everything(layout, past)
            now = layout.keep if layout.keep is not None else _everything(layout, layout.length)
            self._keep = torch.cat([before, now], 1)
            if layout.keep is not None or not self._is_settled:
                runs = (self._keep[:, 1:] > self._keep[:, :-1]).sum(1) + self._keep[:, 0]
                self._has_gaps = bool((runs > 1).any())
            self._is_settled = layout.keep is None
        key = (_Gapped if self._has_gaps else Layout)(layout.rows, self._length, layout.device, self._keep)
        positions, columns = key.positions[:, past:], key.columns[:, past:]
        if self._keep is None and past == 0:
            return Step(positions, columns, key, None, layout.length > 1)
        if layout.length == 1:  # one new token sees all there is
            return Step(positions, columns, key, None if self._keep is None else self._keep[:, None, None], False)
        lower = torch.ones(layout.length, self._length, dtype=torch.bool, device=layout.device).tril(past)
        keep = lower if self._keep is None else lower & self._keep[:, None, None]
        return Step(positions, columns, key, keep, False)

    def layer(self, i: int) -> LayerCache:
        """The part of block `i`."""
        return self._layers[i]

    def reorder(self, rows: Tensor) -> None:
        """Row i becomes what row `rows[i]` was; rows may be dropped. Memory keys stay."""
        for layer in self._layers:
            layer.rows = rows if layer.rows is None else layer.rows.index_select(0, rows)
        if self._keep is not None:
            is_fewer = len(rows) < len(self._keep)
            self._keep = self._keep.index_select(0, rows)
            if is_fewer:
                self._trim(self._keep)

    def select_memory(self, rows: Tensor) -> None:
        """Keep the memory keys of some of the sentences."""
        for layer in self._layers:
            layer.select_memory(rows)

    def _trim(self, keep: Tensor) -> None:
        """Columns on the left that are padding in every row are given up; the longest prompt may have left."""
        first = int(keep.any(0).int().argmax())
        self._length -= first
        self._keep = None if bool(keep[:, first:].all()) else keep[:, first:]
        for layer in self._layers:
            layer.first += first


@dataclass(frozen=True, eq=False)
class _Gapped(Layout):
    """Padding stands between the tokens of a row: a bias must count tokens, not columns."""

    @property
    def columns(self) -> Tensor:
        """`(rows, length)`."""
        return self.positions


class _Remembered:
    """The memory's keys and values, one row a sentence."""

    memory: KeyValue | None = None

    def once(self, make: Callable[[], KeyValue]) -> KeyValue:
        if self.memory is None:
            self.memory = make()
        return self.memory

    def select_memory(self, rows: Tensor) -> None:
        if self.memory is not None:
            self.memory = self.memory[0].index_select(0, rows), self.memory[1].index_select(0, rows)


class _GrowingLayer(_Remembered):
    def __init__(self) -> None:
        self.kv: KeyValue | None = None
        self.rows: Tensor | None = None  # the new order of the rows of `kv`; made true together with the next token
        self.first = 0  # columns of `kv` before it are given up, together with the next token

    def append(self, key: Tensor, value: Tensor) -> KeyValue:
        if self.kv is not None:
            key, value = (
                _joined(past[:, self.first :], self.rows, new) for past, new in zip(self.kv, (key, value), strict=True)
            )
        self.kv, self.rows, self.first = (key, value), None, 0
        return self.kv


def _joined(past: Tensor, rows: Tensor | None, new: Tensor) -> Tensor:
    """The `rows` of `past` and then `new`, in one copy: `(rows, length, heads, head_dim)`."""
    if rows is None:
        return torch.cat([past, new], 1)
    joined = past.new_empty(len(rows), past.shape[1] + new.shape[1], *past.shape[2:])
    torch.index_select(past, 0, rows, out=joined[:, : past.shape[1]])
    joined[:, past.shape[1] :] = new
    return joined


def _everything(layout: Layout, length: int) -> Tensor:
    return torch.ones(layout.rows, length, dtype=torch.bool, device=layout.device)


class SlotCache:
    """Rows of `capacity` slots that are there from the start, each row with a length of its own.

    New tokens may be padded on either side, or packed; only real ones are written. Nothing is copied when a token comes.
    """

    def __init__(self, num_layers: int, capacity: int) -> None:
        """Memory is taken when the first tokens come and say how many rows there are."""
        self.capacity = capacity
        self._layers = [_SlotLayer(capacity) for _ in range(num_layers)]
        self._longest = 0
        self._lengths: Tensor | None = None  # `(rows,)`; None while all rows are `_longest` long
        self._writing: _Writing | None = None

    def advance(self, layout: Layout, causal: bool = True) -> Step:
        """New tokens behind those of their row.

        Raises:
            CapacityError: a row would have more tokens than slots.
        """
        past, device = self._longest, layout.device
        offset: Tensor | int = past if self._lengths is None else self._lengths[:, None]
        within = layout.columns if layout.keep is None else (layout.keep.cumsum(-1) - 1).clamp(min=0)
        columns = within + offset  # (1 or rows, new)
        is_even = self._lengths is None and layout.keep is None
        if not is_even:
            lengths = torch.full((layout.rows,), past, device=device) if self._lengths is None else self._lengths
            self._lengths = lengths + (layout.length if layout.keep is None else layout.keep.sum(1))
        self._longest = past + layout.length
        if layout.keep is not None and self._lengths is not None:
            self._longest = int(self._lengths.max())
        if self._longest > self.capacity:
            raise CapacityError(
                f"a row of the cache has {self._longest} tokens, but was made for {self.capacity}; make it larger"
            )
        self._writing = _Writing(layout, past, self._longest)
        if not is_even:
            slots = columns + self.capacity * torch.arange(layout.rows, device=device)[:, None]
            is_padded = layout.keep is not None and layout.index is None
            real = layout.keep.flatten().nonzero()[:, 0] if is_padded and layout.keep is not None else None
            flat = layout.tokens(slots).flatten()
            self._writing = _Writing(layout, past, self._longest, flat if real is None else flat[real], real)
        key, positions = Layout(layout.rows, self._longest, device), layout.tokens(columns.expand(layout.rows, -1))
        if is_even and (past == 0 or layout.length == 1):
            return Step(positions, columns, key, None, layout.length > 1)
        keep = key.columns[:, None] <= columns[..., None]  # (1 or rows, query, key)
        return Step(positions, columns, key, keep[:, None], False)

    def layer(self, i: int) -> LayerCache:
        """The part of block `i`."""
        self._layers[i].writing = self._writing
        return self._layers[i]

    def reorder(self, rows: Tensor) -> None:
        """Row i becomes what row `rows[i]` was; rows may be dropped. Memory keys stay."""
        for layer in self._layers:
            layer.rows = rows if layer.rows is None else layer.rows.index_select(0, rows)
        if self._lengths is not None:
            is_fewer = len(rows) < len(self._lengths)
            self._lengths = self._lengths.index_select(0, rows)
            if is_fewer:
                self._longest = int(self._lengths.max())
                if self._longest == int(self._lengths.min()):
                    self._lengths = None

    def select_memory(self, rows: Tensor) -> None:
        """Keep the memory keys of some of the sentences."""
        for layer in self._layers:
            layer.select_memory(rows)


class _Writing(NamedTuple):
    """Where the new tokens of one forward go."""

    layout: Layout
    past: int  # slots that may have been filled before
    longest: int  # slots that may be filled after
    slots: Tensor | None = None  # `(tokens,)` in the flat store; None: the slots `past` to `longest` of every row
    real: Tensor | None = None  # `(tokens,)` in the flat grid of the new tokens; None: all of them


class _SlotLayer(_Remembered):
    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.kv: KeyValue | None = None  # each `(at least the rows, capacity, heads, head_dim)`
        self.spare: KeyValue | None = None  # what `kv` was before rows last moved: they move there and back
        self.rows: Tensor | None = None  # the new order of the rows of `kv`; made true when the next token comes
        self.writing: _Writing | None = None

    def append(self, key: Tensor, value: Tensor) -> KeyValue:
        writing = self.writing
        assert writing is not None, "advance comes first"
        if self.kv is None:
            self.kv = self._zeros(writing.layout.rows, key), self._zeros(writing.layout.rows, value)
        elif self.rows is not None:
            self._move(self.kv, self.rows, writing.past)
        keys, values = (store[: writing.layout.rows] for store in self.kv)
        for store, new in ((keys, key), (values, value)):
            if writing.slots is None:
                store[:, writing.past : writing.longest] = writing.layout.grid(new)
            else:
                tokens = new.flatten(0, -3)  # (tokens, heads, head_dim)
                tokens = tokens if writing.real is None else tokens[writing.real]
                store.flatten(0, 1).index_copy_(0, writing.slots, tokens)
        return keys[:, : writing.longest], values[:, : writing.longest]

    def _move(self, kv: KeyValue, rows: Tensor, past: int) -> None:
        if self.spare is None or len(self.spare[0]) < len(rows):
            self.spare = self._zeros(len(rows), kv[0]), self._zeros(len(rows), kv[1])
        for store, fresh in zip(kv, self.spare, strict=True):
            torch.index_select(store[:, :past], 0, rows, out=fresh[: len(rows), :past])
        self.kv, self.spare, self.rows = self.spare, kv, None

    def _zeros(self, rows: int, like: Tensor) -> Tensor:
        """Not `empty`: a NaN that nobody may see would still be one after it was multiplied by zero."""
        return like.new_zeros(rows, self.capacity, *like.shape[-2:])
