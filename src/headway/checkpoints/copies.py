"""How a tensor of a file is copied where it cannot stay as it lies: transposed ones, as in a GPT-2, by blocks.

torch's copy of a transposed view goes number by number; its `channel_shuffle` is a transpose that uses the vector unit.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_BLOCK = 64  # rows that are transposed together: they stay in the cache


def copied(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The same numbers in `dtype`, one after the other, in memory of their own; `tensor` may be any view."""
    copy = torch.empty(tensor.shape, dtype=dtype)
    if tensor.dim() == 2 and tensor.stride(0) == 1:
        for rows, columns in zip(tensor.T.split(_BLOCK), copy.split(_BLOCK, dim=1), strict=True):
            columns.copy_(_transposed(rows))
    else:
        copy.copy_(tensor)
    return copy


def _transposed(rows: Tensor) -> Tensor:
    """`(n, m)` → `(m, n)`."""
    channels = rows.reshape(1, 1, 1, -1).permute(0, 3, 1, 2)  # (1, n · m, 1, 1), a pixel with its channels side by side
    return F.channel_shuffle(channels, len(rows)).view(rows.shape[::-1])
