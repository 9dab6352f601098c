"""Where the tensors of a loaded model that must be copied are put: memory that is asked for in large pieces.

A system gives memory page by page, and where pages are small that takes longer than the copying. Transposing is the
other cost of loading a GPT-2, so it is done by blocks.
"""

from __future__ import annotations

import math
import mmap

import torch
import torch.nn.functional as F
from torch import Tensor

_PIECE = 2**27  # bytes; what of it is not used is never taken
_ALIGNED = 64  # bytes; what the widest vector units read at once
_BLOCK = 64  # rows that are transposed together: they stay in the cache


class Room:
    """Memory for tensors of this machine, in large pages where the system has them."""

    def __init__(self) -> None:
        self._piece: mmap.mmap | None = None
        self._used = 0

    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A tensor of zeros with a storage of its own; its memory goes when no tensor of the same piece is left."""
        count = math.prod(shape)
        size = count * dtype.itemsize
        if not size:
            return torch.empty(shape, dtype=dtype)
        if self._piece is None or self._used + size > len(self._piece):
            self._piece, self._used = mmap.mmap(-1, max(size, _PIECE), access=mmap.ACCESS_COPY), 0
            if hasattr(mmap, "MADV_HUGEPAGE"):
                self._piece.madvise(mmap.MADV_HUGEPAGE)
        first, self._used = self._used, self._used + -(-size // _ALIGNED) * _ALIGNED
        return torch.frombuffer(self._piece, dtype=dtype, count=count, offset=first).view(shape)

    def copy(self, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        """The same numbers in `dtype`, one after the other; `tensor` may be any view."""
        room = self.take(tuple(tensor.shape), dtype)
        if tensor.dim() == 2 and tensor.stride(0) == 1:
            for rows, columns in zip(tensor.T.split(_BLOCK), room.split(_BLOCK, dim=1), strict=True):
                columns.copy_(_transposed(rows))
        else:
            room.copy_(tensor)
        return room


def _transposed(rows: Tensor) -> Tensor:
    """`(n, m)` → `(m, n)`, by an operation that uses the vector unit; torch's copy of a transpose goes one by one."""
    channels = rows.reshape(1, 1, 1, -1).permute(0, 3, 1, 2)  # (1, n · m, 1, 1), a pixel with its channels side by side
    return F.channel_shuffle(channels, len(rows)).view(rows.shape[::-1])
