"""Convolution over the words of a text, and the highest value of each filter (Collobert et al. 2011; Kim 2014)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MaxOverTime(nn.Conv1d):
    """Filters of one width, and of each the highest value wherever it was found.

    A filter looks at every window with at least one word, also at those that begin before the text or end after it
    (the wide convolution of Kalchbrenner et al. 2014, section 3.1; Kim's program pads in the same way): no text is too
    short, and a word at the edge is seen from every side. Padding adds no window.
    """

    def __init__(self, d_model: int, num_filters: int, width: int) -> None:
        super().__init__(d_model, num_filters, width)

    def forward(self, grid: Tensor, lengths: Tensor | None = None) -> Tensor:
        """`(rows, length, d_model)`, zero after the `lengths` `(rows,)` of its rows → `(rows, num_filters)`."""
        beyond = self.kernel_size[0] - 1
        found = F.conv1d(grid.transpose(1, 2), self.weight, self.bias, padding=beyond)  # (rows, filters, windows)
        if lengths is not None:
            window = torch.arange(found.shape[-1], device=grid.device)
            found = found.masked_fill(window >= lengths[:, None, None] + beyond, -torch.inf)
        return found.amax(-1)
