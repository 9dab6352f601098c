"""Where tokens stand (`Layout`) and what they may see (`Mask`).

A token tensor is `(batch, length, ...)` when padded and `(tokens, ...)` when packed; token-wise layers work on both.
Only an attention core goes to the grid `(batch, length)` and back, and it asks the mask's layouts for the way. A
boolean mask is True where attention is allowed; there is no "large negative number", for a trained net pushes scores
below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the tokens of a batch stand on the grid `(rows, length)`."""

    rows: int
    length: int
    device: torch.device
    keep: Tensor | None = None  # `(rows, length)` bool, True = a real token; None: all are
    index: Tensor | None = None  # `(tokens,)` place of each packed token on the flat grid; None: padded
    right_padded: bool = True  # in every row the real tokens come first
    places: Tensor | None = None  # token-shaped: positions that somebody prescribes; None: as counted

    @classmethod
    def padded(cls, ids: Tensor, attention_mask: Tensor | None = None, places: Tensor | None = None) -> Layout:
        """The layout of `ids` `(batch, length)`; `attention_mask` is True or 1 at real tokens, on either side."""
        keep = None if attention_mask is None or bool(attention_mask.all()) else attention_mask.bool()
        right = keep is None or bool((keep[:, 1:] <= keep[:, :-1]).all())
        return cls(ids.shape[0], ids.shape[1], ids.device, keep, None, right, places)

    @classmethod
    def packed(cls, lengths: Sequence[int] | Tensor, device: torch.device | None = None) -> Layout:
        """Rows laid end to end: the sentences of a batch, or the documents of a pre-training block."""
        sizes = torch.as_tensor(lengths, dtype=torch.long, device=device)
        row = torch.arange(len(sizes), device=sizes.device).repeat_interleave(sizes)
        column = torch.arange(len(row), device=sizes.device) - (sizes.cumsum(0) - sizes)[row]
        length = int(sizes.max())
        keep = torch.arange(length, device=sizes.device) < sizes[:, None]
        uniform = bool(keep.all())
        return cls(len(sizes), length, sizes.device, None if uniform else keep, row * length + column, True)

    def grid(self, x: Tensor) -> Tensor:
        """Token tensor → `(rows, length, ...)`, zeros where no token stands."""
        if self.index is None:
            return x
        if self.keep is None:
            return x.unflatten(0, (self.rows, self.length))
        flat = x.new_zeros(self.rows * self.length, *x.shape[1:]).index_copy(0, self.index, x)
        return flat.unflatten(0, (self.rows, self.length))

    def tokens(self, x: Tensor) -> Tensor:
        """`(rows, length, ...)` → token tensor."""
        if self.index is None:
            return x
        return x.flatten(0, 1) if self.keep is None else x.flatten(0, 1).index_select(0, self.index)

    @property
    def columns(self) -> Tensor:
        """`(1, length)`: 0, 1, 2 and so on."""
        return torch.arange(self.length, device=self.device)[None]

    @property
    def positions(self) -> Tensor:
        """Place of every token among the real tokens of its row, token-shaped: the same under any padding."""
        if self.places is not None:
            return self.places
        if self.keep is None:
            return self.tokens(self.columns.expand(self.rows, -1))
        return self.tokens((self.keep.cumsum(-1) - 1).clamp(min=0))

    def first(self, x: Tensor) -> Tensor:
        """Of a token tensor, that of the first real token of each row: `(rows, ...)`."""
        return self._pick(x, 0 if self.keep is None else self.keep.int().argmax(1))

    def last(self, x: Tensor) -> Tensor:
        """Of a token tensor, that of the last real token of each row: `(rows, ...)`."""
        end = self.length - 1
        return self._pick(x, end if self.keep is None else end - self.keep.flip(1).int().argmax(1))

    def _pick(self, x: Tensor, column: Tensor | int) -> Tensor:
        return self.grid(x)[torch.arange(self.rows, device=self.device), column]

    def to(self, device: torch.device) -> Layout:
        """The same layout on another device."""
        keep, index, places = (None if x is None else x.to(device) for x in (self.keep, self.index, self.places))
        return Layout(self.rows, self.length, device, keep, index, self.right_padded, places)

    def select(self, rows: Tensor) -> Layout:
        """The same layout for some of the rows; padded layouts only."""
        assert self.index is None, "a packed layout has no rows to select"
        keep = None if self.keep is None else self.keep.index_select(0, rows)
        return Layout(len(rows), self.length, self.device, keep, None, self.right_padded)


@dataclass(frozen=True, eq=False)
class Mask:
    """What every query may attend to and how strongly: made once a forward by the stack, read by cores only."""

    query: Layout
    key: Layout
    causal: bool = False  # query i sees keys 0..i and nothing else is hidden: the fast path, no tensor
    keep: Tensor | None = None  # bool, True = attend, broadcasts to `(batch, heads, query, key)`
    bias: Tensor | None = None  # added to the scores; −inf where `keep` is False

    @classmethod
    def build(
        cls, query: Layout, key: Layout, *, causal: bool = False, keep: Tensor | None = None, bias: Tensor | None = None
    ) -> Mask:
        """Merge causality, padding and the position bias; no tensor at all where causality says everything."""
        if keep is None and bias is None:
            return cls(query, key, causal)
        if causal:
            lower = torch.ones(query.length, key.length, dtype=torch.bool, device=key.device).tril()
            keep = lower if keep is None else keep & lower
        if bias is not None and keep is not None:
            bias = bias.masked_fill(~keep, -torch.inf)
        return cls(query, key, False, keep, bias)
