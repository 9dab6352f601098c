"""Documents cut into windows: what a model reads at a time, where a text is longer than that."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from headway.data.cache import Ids
from headway.data.corpus import Corpus
from headway.data.progress import progress
from headway.errors import ConfigError, DataError

_CHUNK = 1 << 20  # documents cut at a time: bounds what is held in between


class Windows:
    """Consecutive windows of each document, all but its last as long as they may be; none of an empty one.

    Args:
        corpus: the documents.
        max_tokens: ids of one window, without special pieces.
        special_pieces: how many the model reads beside them.

    Attributes:
        lengths: tokens of each window as the model reads it, special pieces included `(rows,)`.

    Raises:
        ConfigError: `max_tokens` is below 1.
        DataError: no document has a token.
    """

    def __init__(self, corpus: Corpus, max_tokens: int, special_pieces: int = 2) -> None:
        if max_tokens < 1:
            raise ConfigError(f"windows of {max_tokens} tokens, special pieces not counted; at least 1 is needed")
        bounds, parts = corpus.bounds, []
        with progress("cutting documents", len(corpus), "documents") as advance:
            for first in range(0, len(corpus), _CHUNK):
                some = bounds[first : first + _CHUNK + 1]
                parts.append(_starts(some, max_tokens))
                advance(len(some) - 1)
        self._edges = np.concatenate([*parts, bounds[-1:]])  # nothing lies between windows, so a start ends the last
        self._ids = cast(Ids, np.asarray(corpus.ids))  # still the file, without the manners of a memmap at every slice
        self.lengths: NDArray[np.int64] = np.diff(self._edges)
        self.lengths += special_pieces
        if not len(self):
            raise DataError(f"there is no text: none of {len(corpus):,} documents has a token; give files with text")

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> Ids:
        """The ids of one window `(length,)`, without special pieces, a view of the file."""
        return self._ids[self._edges[row] : self._edges[row + 1]]


def _starts(bounds: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Where the windows of some documents begin among the ids; `bounds` is where the documents do, and the end.

    >>> _starts(np.array([0, 7, 7, 9]), 3).tolist()
    [0, 3, 6, 7]
    """
    counts = -(-np.diff(bounds) // most)  # of windows; none for an empty document
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)  # within the document
    return np.repeat(bounds[:-1], counts) + place * most
