"""What attention may remember between two forwards: for a block `append` and `once`, for the stack `advance`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

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
        key = Layout(layout.rows, self._length, layout.device, self._keep, has_gaps=self._has_gaps)
        positions = key.positions[:, past:] if layout.places is None else layout.places
        columns = key.columns[:, past:]
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
        self._keep = keep[:, first:]
        if bool(self._keep.all()):
            self._keep, self._has_gaps = None, False
        for layer in self._layers:
            layer.first += first


class MemoryKeys:
    """The part of a layer that is made once: the memory's keys and values, one row a sentence."""

    memory: KeyValue | None = None

    def once(self, make: Callable[[], KeyValue]) -> KeyValue:
        """Made at the first call, remembered after."""
        if self.memory is None:
            self.memory = make()
        return self.memory

    def select_memory(self, rows: Tensor) -> None:
        """Keep those of some of the sentences."""
        if self.memory is not None:
            self.memory = self.memory[0].index_select(0, rows), self.memory[1].index_select(0, rows)


class _GrowingLayer(MemoryKeys):
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
