"""Recurrent layers over token tensors, and the alignment by which a recurrent decoder looks back at its source.

The cells are torch's, which run a whole row in one call. Here stands what makes a row a row: packed batches, padding on
either side, the reading of a row from its end.
"""

from __future__ import annotations

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
    """In which order the columns of each row are read: flat indices into the grid `(rows · length,)`, and back.

    With its rows turned, every cell runs on a plain grid whose padding comes last and can do no harm: as fast on a
    processor as torch's packed sequences, and padding may stand on either side.
    """

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


def arrange(grid: Tensor, index: Tensor) -> Tensor:
    """`grid` `(rows, length, width)` with the places of its tokens as one half of an `Order` says."""
    return grid.flatten(0, 1).index_select(0, index).view_as(grid)


class RecurrentStack(nn.Module):
    """Token embedding and layers of one cell; a bidirectional layer gives half of the width to each direction.

    Dropout stands on the input of each layer and never from state to state (Zaremba et al. 2014, section 3.2).
    """

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
        """Ids, a token tensor of `layout`, after `hidden` → states `(..., d_model)` and the hidden ones to go on from.

        Those are of the forward direction and of the last column: of use where no row is padded.
        """
        grid = layout.grid(self.tokens(ids))  # (rows, length, d_model)
        orders = [Order.of(layout, reverse) for reverse in (False, True)[: 1 + self.bidirectional]]
        last = []
        for i, layer in enumerate(self.layers):
            before = None if hidden is None else tuple(part[i : i + 1] for part in hidden)
            grid = self.dropout(grid)
            assert isinstance(layer, nn.ModuleList)
            runs = [_run(cells, grid, order, before) for cells, order in zip(layer, orders, strict=True)]
            grid = torch.cat([states for states, _ in runs], -1)  # (rows, length, d_model)
            last.append(runs[0][1])
        return layout.tokens(grid), tuple(map(torch.cat, zip(*last, strict=True)))


class BothWays(nn.Module):
    """One layer of a cell that reads each row from both ends; each direction gives half of the width."""

    def __init__(self, cell: str, d_input: int, d_output: int) -> None:
        super().__init__()
        self.directions = nn.ModuleList(CELLS[cell](d_input, d_output // 2, batch_first=True) for _ in range(2))

    def forward(self, x: Tensor, layout: Layout) -> Tensor:
        """A token tensor `(..., d_input)` of `layout` → states `(..., d_output)`."""
        grid = layout.grid(x).to(next(self.parameters()).dtype)
        orders = [Order.of(layout, reverse) for reverse in (False, True)]
        runs = [_run(cells, grid, order, None)[0] for cells, order in zip(self.directions, orders, strict=True)]
        return layout.tokens(torch.cat(runs, -1))


def _run(cells: nn.Module, grid: Tensor, order: Order | None, hidden: Hidden | None) -> tuple[Tensor, Hidden]:
    """One layer in one direction, always in the dtype of its weights.

    On a processor, torch's LSTM fails under autocast, and its bfloat16 cells take twenty times as long as float32.
    """
    if order is not None:
        grid = arrange(grid, order.there)
    before = None if hidden is None else tuple(part.to(grid.dtype) for part in hidden)
    with torch.autocast(grid.device.type, enabled=False):
        states, last = cells(grid, before[0] if before is not None and len(before) == 1 else before)
    if order is not None:
        states = arrange(states, order.back)
    return states, last if isinstance(last, tuple) else (last,)


class Alignment(nn.Module):
    """How much each source word matters to each target word (Bahdanau et al. 2015; Luong et al. 2015).

    The context is c_t = Σ_i α_i^t h_i over the encoder states themselves: keys and queries, but no values. Then, as in
    Luong eq. 5, h̃_t = tanh(W [c_t; h_t]). Whatever the score, neither c nor h̃ enters the next state (no input feeding,
    and so not the recurrence of Bahdanau), so that a whole known target is one call.
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
        else:  # these scores are no product, so they come as a bias, and the product weighs nothing
            query = self.query(x)[..., None, :]  # (..., 1, d_model)
            bias = self._additive(self.score, query, kv[0], mask)
            context = self.core(query, *kv, Mask.build(mask.query, mask.key, keep=mask.keep, bias=bias), 0.0, 0.0)
        out: Tensor = torch.tanh(self.out(torch.cat([context.flatten(-2), x], -1)))  # (..., d_model)
        return out

    @staticmethod
    def _additive(score: nn.Module, query: Tensor, key: Tensor, mask: Mask) -> Tensor:
        query, key = mask.query.grid(query), mask.key.grid(key)  # (rows, length, 1, d_model)
        folded = query.reshape(len(key), -1, 1, query.shape[-1])  # (batch, beams · query, 1, d_model)
        pairs = torch.tanh(folded + key.transpose(1, 2))  # (batch, beams · query, key, d_model)
        return score(pairs).squeeze(-1)[:, None]  # (batch, 1, beams · query, key)


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


def initialise_cells(cells: nn.RNNBase) -> None:
    """Xavier from input to state, orthogonal from state to state (Saxe et al. 2014), biases zero, forget gates open.

    Open: the bias of an LSTM's forget gate is one (Gers et al. 2000; Jozefowicz et al. 2015).
    """
    width = cells.hidden_size
    with torch.no_grad():
        for name, parameter in cells.named_parameters():
            if name.startswith("bias"):
                parameter.zero_()
            for gate in parameter.split(width) if parameter.dim() == 2 else ():
                nn.init.orthogonal_(gate) if name.startswith("weight_hh") else nn.init.xavier_uniform_(gate)
        if isinstance(cells, nn.LSTM):
            cells.get_parameter("bias_ih_l0")[width : 2 * width] = 1.0
