"""Recurrent layers over token tensors, and the alignment by which a recurrent decoder looks back at its source.

The cells are torch's, which run a whole row in one call; here stands what makes a row a row: padding on either side, packed
batches, the reading of a row from its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from headway.nn.attention import KeyValue
from headway.nn.cores import Core, GridCore
from headway.nn.dropout import Dropout
from headway.nn.linear import Linear
from headway.nn.masks import Layout, Mask

CELLS: dict[str, type[nn.RNN] | type[nn.GRU] | type[nn.LSTM]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}

Hidden = tuple[Tensor, ...]  # `(layers, rows, d_model)` each: h of Elman and GRU cells, h and c of an LSTM


class Order(NamedTuple):
    """In which order the columns of each row are read: flat indices into the grid `(rows · length,)`, and back."""

    there: Tensor
    back: Tensor

    @classmethod
    def of(cls, layout: Layout, reverse: bool) -> Order | None:
        """Real tokens first, from the first to the last or `reverse`; None where the grid stands so already."""
        if not reverse and layout.right_padded:
            return None
        columns = layout.columns.expand(layout.rows, -1)
        key = -columns if reverse else columns
        if layout.keep is not None:
            key = key.masked_fill(~layout.keep, layout.length)
        there = key.argsort(dim=1, stable=True)  # (rows, length)
        start = torch.arange(layout.rows, device=layout.device)[:, None] * layout.length
        return cls((there + start).flatten(), (there.argsort(dim=1) + start).flatten())


def _arrange(grid: Tensor, index: Tensor) -> Tensor:
    return grid.flatten(0, 1).index_select(0, index).view_as(grid)  # (rows, length, width)


class RecurrentStack(nn.Module):
    """Token embedding and layers of one cell; a bidirectional layer gives half of the width to each direction."""

    def __init__(
        self, cell: str, tokens: nn.Embedding, num_layers: int, *, bidirectional: bool = False, dropout: float = 0.0
    ) -> None:
        """`tokens` is handed in, so that two stacks and a head may share one table."""
        super().__init__()
        directions, d_model = 2 if bidirectional else 1, tokens.embedding_dim
        self.tokens, self.dropout, self.bidirectional = tokens, Dropout(dropout), bidirectional
        self.layers = nn.ModuleList(
            nn.ModuleList(CELLS[cell](d_model, d_model // directions, batch_first=True) for _ in range(directions))
            for _ in range(num_layers)
        )

    def forward(self, ids: Tensor, layout: Layout, hidden: Hidden | None = None) -> tuple[Tensor, Hidden]:
        """Ids, a token tensor of `layout` → states `(..., d_model)` and, of the forward direction, the last hidden ones.

        The last are those of the last column: of use where no row is padded.
        """
        grid = layout.grid(self.tokens(ids))  # (rows, length, d_model)
        orders = [Order.of(layout, reverse) for reverse in (False, True)[: 1 + self.bidirectional]]
        last = []
        for i, layer in enumerate(self.layers):
            before = None if hidden is None else tuple(part[i : i + 1] for part in hidden)
            grid = self.dropout(grid)
            runs = [_run(cells, grid, order, before) for cells, order in zip(layer, orders, strict=True)]
            grid = torch.cat([states for states, _ in runs], -1)  # (rows, length, d_model)
            last.append(runs[0][1])
        return layout.tokens(self.dropout(grid)), tuple(torch.cat(parts) for parts in zip(*last, strict=True))


def _run(cells: nn.Module, grid: Tensor, order: Order | None, before: Hidden | None) -> tuple[Tensor, Hidden]:
    given = before if before is None or len(before) == 2 else before[0]
    states, last = cells(grid if order is None else _arrange(grid, order.there), given)
    return states if order is None else _arrange(states, order.back), last if isinstance(last, tuple) else (last,)


class Alignment(nn.Module):
    """How much each source word matters to each target word (Bahdanau et al. 2015; Luong et al. 2015).

    The context is c_t = Σ_i α_i^t h_i, over the encoder states themselves: there are keys and queries, but no values. Then, as
    in Luong eq. 5, h̃_t = tanh(W [c_t; h_t]). Neither h̃ nor c enters the next state (no input feeding), so that a whole
    known target is one call.
    """

    core: Core = GridCore()

    def __init__(self, kind: Literal["dot", "additive"], d_model: int) -> None:
        """`dot`: h_t · h_i (Luong, eq. 8); `additive`: v · tanh(W h_t + U h_i) (Bahdanau, appendix A.1.2)."""
        super().__init__()
        additive = kind == "additive"
        self.query = Linear(d_model, d_model, bias=False) if additive else None
        self.key = Linear(d_model, d_model, bias=False) if additive else None
        self.score = Linear(d_model, 1, bias=False) if additive else None
        self.out = Linear(2 * d_model, d_model, bias=False)

    def project_kv(self, source: Tensor) -> KeyValue:
        """Keys and values of the encoder states `(..., d_model)`, each `(..., 1, d_model)`: one head."""
        key = source if self.key is None else self.key(source)
        return key[..., None, :], source[..., None, :]

    def forward(self, x: Tensor, kv: KeyValue, mask: Mask) -> Tensor:
        """Decoder states `x` `(..., d_model)` look at `kv` as far as `mask` lets them → `(..., d_model)`."""
        if self.query is None or self.score is None:
            context = self.core(x[..., None, :], *kv, mask, 1.0, 0.0)
        else:  # the scores are no product of query and key, so they come as a bias, and the product weighs nothing
            query = self.query(x)[..., None, :]
            folded = mask.query.grid(query).reshape(mask.key.rows, -1, 1, x.shape[-1])  # (batch, beams · query, 1, d_model)
            pairs = torch.tanh(folded + mask.key.grid(kv[0]).transpose(1, 2))  # (batch, beams · query, key, d_model)
            bias = self.score(pairs).squeeze(-1)[:, None]  # (batch, 1, beams · query, key)
            context = self.core(query, *kv, Mask.build(mask.query, mask.key, keep=mask.keep, bias=bias), 0.0, 0.0)
        out: Tensor = torch.tanh(self.out(torch.cat([context.flatten(-2), x], -1)))  # (..., d_model)
        return out


def summary(states: Tensor, layout: Layout, bidirectional: bool) -> Tensor:
    """`(rows, d_model)`: what was known after reading each row: forward at its last word, backward at its first."""
    grid = layout.grid(states)
    every = torch.arange(layout.rows, device=grid.device)
    if layout.keep is None:
        first, last = torch.zeros_like(every), torch.full_like(every, layout.length - 1)
    else:
        real = layout.keep.int()
        first, last = real.argmax(1), layout.length - 1 - real.flip(1).argmax(1)
    if not bidirectional:
        return grid[every, last]
    half = grid.shape[-1] // 2
    return torch.cat([grid[every, last, :half], grid[every, first, half:]], -1)


def initialise_cells(stacks: Sequence[RecurrentStack]) -> None:
    """Xavier from input, orthogonal from state to state (Saxe et al. 2014), biases zero, forget gates open (Gers et al. 2000)."""
    for stack in stacks:
        for cells in stack.layers.modules():
            if isinstance(cells, nn.RNNBase):
                _initialise(cells)


def _initialise(cells: nn.RNNBase) -> None:
    for name, parameter in cells.named_parameters():
        if "bias" in name:
            nn.init.zeros_(parameter)
        else:
            for gate in parameter.detach().split(cells.hidden_size):
                (nn.init.orthogonal_ if "hh" in name else nn.init.xavier_uniform_)(gate)
    if isinstance(cells, nn.LSTM):
        with torch.no_grad():
            cells.bias_ih_l0[cells.hidden_size : 2 * cells.hidden_size] = 1.0
