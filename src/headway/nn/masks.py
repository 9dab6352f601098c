"""Where tokens stand (`Layout`) and what they may see (`Mask`).

A token tensor is `(batch, length, ...)` when padded and `(tokens, ...)` when packed; token-wise layers work on both.
Only an attention core goes to the grid `(batch, length)` and back, and it asks the mask's layouts for the way. A
boolean mask is True where attention is allowed; there is no "large negative number", for a trained net pushes scores
below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from headway.errors import ConfigError


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
    has_gaps: bool = False  # in some row padding stands between real tokens

    @classmethod
    def padded(cls, ids: Tensor, attention_mask: Tensor | None = None, places: Tensor | None = None) -> Layout:
        """The layout of `ids` `(batch, length)`; `attention_mask` is True or 1 at real tokens, wherever they stand.

        `places` is `(batch, length)`, or `(1, length)` where all rows are alike.

        Raises:
            ConfigError: a shape is another one.
        """
        _check_shapes(ids, attention_mask, places)
        rows, length = ids.shape
        if attention_mask is None:
            return cls(rows, length, ids.device, places=places)
        keep = attention_mask.bool()
        if torch.compiler.is_compiling():  # values cannot be looked at, so all may be
            return cls(rows, length, ids.device, keep, None, False, places, True)
        if bool(keep.all()):
            return cls(rows, length, ids.device, places=places)
        rises = (keep[:, 1:] > keep[:, :-1]).sum(1)
        has_gaps = bool((rises + keep[:, 0] > 1).any())
        return cls(rows, length, ids.device, keep, None, not bool(rises.any()), places, has_gaps)

    @classmethod
    def packed(cls, lengths: Sequence[int] | Tensor, device: torch.device | None = None) -> Layout:
        """Rows laid end to end: the sentences of a batch, or the documents of a pre-training block."""
        sizes = torch.as_tensor(lengths, dtype=torch.long, device=device)
        row = torch.arange(len(sizes), device=sizes.device).repeat_interleave(sizes)
        column = torch.arange(len(row), device=sizes.device) - (sizes.cumsum(0) - sizes)[row]
        length = max(sizes.tolist(), default=0)
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
        """`(1, length)`: 0, 1, 2 and so on; with gaps `(rows, length)`, for distances count tokens, not padding."""
        if self.has_gaps and self.keep is not None:
            return _counted(self.keep)
        return torch.arange(self.length, device=self.device)[None]

    @property
    def positions(self) -> Tensor:
        """Place of every token among the real tokens of its row, token-shaped: the same under any padding."""
        if self.places is not None:
            return self.places
        if self.keep is None:
            return self.tokens(self.columns.expand(self.rows, -1))
        return self.tokens(_counted(self.keep))

    def first(self, x: Tensor) -> Tensor:
        """Of a token tensor, that of the first real token of each row: `(rows, ...)`."""
        return self._pick(x, 0 if self.keep is None else self.keep.int().argmax(1))

    def last(self, x: Tensor) -> Tensor:
        """Of a token tensor, that of the last real token of each row: `(rows, ...)`."""
        end = self.length - 1
        return self._pick(x, end if self.keep is None else end - self.keep.flip(1).int().argmax(1))

    def _pick(self, x: Tensor, column: Tensor | int) -> Tensor:
        if not self.length:
            raise ConfigError("a text without a single token has neither a first nor a last one; give it at least one")
        return self.grid(x)[torch.arange(self.rows, device=self.device), column]

    def to(self, device: torch.device) -> Layout:
        """The same layout on another device."""
        keep, index, places = (None if x is None else x.to(device) for x in (self.keep, self.index, self.places))
        return replace(self, device=device, keep=keep, index=index, places=places)

    def select(self, rows: Tensor) -> Layout:
        """The same layout for some of the rows; padded layouts only."""
        assert self.index is None, "a packed layout has no rows to select"
        keep = None if self.keep is None else self.keep.index_select(0, rows)
        places = None if self.places is None else self.places.expand(self.rows, -1).index_select(0, rows)
        return replace(self, rows=len(rows), keep=keep, places=places)


def _counted(keep: Tensor) -> Tensor:
    """How many real tokens stand before each, `(rows, length)`."""
    return (keep.cumsum(-1) - 1).clamp(min=0)


def _check_shapes(ids: Tensor, attention_mask: Tensor | None, places: Tensor | None) -> None:
    if ids.dim() != 2:
        raise ConfigError(f"the ids are of shape {tuple(ids.shape)}; expected (batch, length)")
    for name, given, others in (("attention_mask", attention_mask, ()), ("position_ids", places, ((1, ids.shape[1]),))):
        if given is not None and given.shape not in (ids.shape, *others):
            raise ConfigError(
                f"{name} is of shape {tuple(given.shape)}, but the ids are of shape {tuple(ids.shape)}; make them alike"
            )


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
