"""The cache whose memory is there from the start: no copy when a token comes, and rows of any length side by side."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from headway.errors import CapacityError
from headway.nn.attention import KeyValue
from headway.nn.cache import GrowingCache, LayerCache, MemoryKeys, RowCache, Step
from headway.nn.masks import Layout


class SlotCache:
    """Rows of `capacity` slots, each row with a length of its own.

    New tokens may be padded on either side, or packed; only real ones are written, or padding near the end of one row
    would reach the next. Where rows move, they move into a second store of the same size, and back the next time.
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
            row = torch.arange(layout.rows, device=device)[:, None].expand_as(columns)
            places = layout.tokens(torch.stack([row, columns], -1)).flatten(0, -2)  # (tokens, 2)
            real = None if layout.keep is None or layout.index is not None else layout.keep.flatten().nonzero()[:, 0]
            self._writing = _Writing(layout, past, self._longest, places if real is None else places[real], real)
        key = Layout(layout.rows, self._longest, device)
        positions = layout.tokens(columns.expand(layout.rows, -1)) if layout.places is None else layout.places
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
    places: Tensor | None = None  # `(tokens, 2)`: row and slot; None: the slots `past` to `longest` of every row
    real: Tensor | None = None  # `(tokens,)` in the flat grid of the new tokens; None: all of them


class _SlotLayer(MemoryKeys):
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
            if writing.places is None:
                store[:, writing.past : writing.longest] = writing.layout.grid(new)
            else:
                tokens = new.flatten(0, -3)  # (tokens, heads, head_dim)
                store[writing.places.unbind(1)] = tokens if writing.real is None else tokens[writing.real]
        return keys[:, : writing.longest], values[:, : writing.longest]

    def _move(self, kv: KeyValue, rows: Tensor, past: int) -> None:
        if self.spare is None or len(self.spare[0]) < len(rows):
            self.spare = self._zeros(len(rows), kv[0]), self._zeros(len(rows), kv[1])
        for store, fresh in zip(kv, self.spare, strict=True):
            torch.index_select(store[:, :past], 0, rows, out=fresh[: len(rows), :past])
        self.kv, self.spare, self.rows = self.spare, kv, None

    def _zeros(self, rows: int, like: Tensor) -> Tensor:
        """Not `empty`: a NaN that nobody may see would still be one after it was multiplied by zero.

        In memory the slots of a head lie side by side, which is how a query reads them: in two thirds of the time.
        """
        return like.new_zeros(rows, like.shape[-2], self.capacity, like.shape[-1]).transpose(1, 2)


def cache_of(num_layers: int, capacity: int | None) -> RowCache:
    """A cache with `capacity` slots a row, or one that grows."""
    return GrowingCache(num_layers) if capacity is None else SlotCache(num_layers, capacity)
