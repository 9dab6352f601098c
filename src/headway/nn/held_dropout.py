"""Dropout whose draw is held: of a row over its whole length, of a word wherever it stands (Gal & Ghahramani 2016)."""

from __future__ import annotations

from torch import Tensor, nn

from headway.nn.dropout import Dropout, drop


class LockedDropout(Dropout):
    """Dropout with one draw a row, the same in each column: a place is hidden from the whole row or from none of it."""

    def forward(self, grid: Tensor) -> Tensor:
        """`(rows, length, width)`; the identity in evaluation mode."""
        if not self.training or not self.p:
            return grid
        return grid * drop(grid.new_ones(len(grid), 1, grid.shape[-1]), self.p)


class WordDropout(nn.Module):
    """Whole words lose their vectors, wherever they stand, and the others grow (Merity et al. 2018, section 4.3)."""

    def __init__(self, vocab_size: int, rate: float) -> None:
        super().__init__()
        self.vocab_size, self.rate = vocab_size, rate

    def forward(self, vectors: Tensor, ids: Tensor) -> Tensor:
        """Vectors `(..., width)` of `ids` `(...)`; the identity in evaluation mode."""
        if not self.training or not self.rate:
            return vectors
        return vectors * drop(vectors.new_ones(self.vocab_size, 1), self.rate)[ids]
