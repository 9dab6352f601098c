"""Documents cut into windows: what a model reads at a time, where a text is longer than that."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, cast

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


def overlapping(length: int, most: int, shared: int) -> list[tuple[int, int]]:
    """Where windows of at most `most` of `length` tokens begin and end; neighbours share `shared`, at most half.

    So any `min(shared, most // 2) + 1` tokens in a row lie whole in one window, and each token lies in one.

    >>> overlapping(8, 4, 1), overlapping(3, 4, 1), overlapping(0, 4, 1)
    ([(0, 4), (3, 7), (6, 8)], [(0, 3)], [(0, 0)])

    Raises:
        ConfigError: `most` is below 1, or `shared` below 0.
    """
    if most < 1 or shared < 0:
        raise ConfigError(f"windows of {most} tokens that share {shared}; at least 1 and 0 are needed")
    step = most - min(shared, most // 2)
    starts = range(0, max(1, length - most + step), step)
    return [(start, min(start + most, length)) for start in starts]


class PairWindows(NamedTuple):
    """A question, and the windows of the text it is asked of, as a model reads them: each with the question."""

    first: int  # tokens of the question that are read, from its start
    spans: list[tuple[int, int]]  # where each window of the text begins and ends, in its tokens


def pair_windows(first: int, second: int, most: int | None, shared: int) -> PairWindows:
    """How a question of `first` tokens and a text of `second` are read, `most` tokens at a time; None: all at once.

    The question stays whole in each window, unless it would leave less than half of them to a text that needs it:
    then only its beginning is read.

    >>> pair_windows(3, 9, 8, 2)
    PairWindows(first=3, spans=[(0, 5), (3, 8), (6, 9)])
    >>> pair_windows(9, 5, 8, 2)
    PairWindows(first=4, spans=[(0, 4), (2, 5)])

    Raises:
        ConfigError: `most` has no room for a token of each.
    """
    if most is None or first + second <= most:
        return PairWindows(first, [(0, second)])
    if most < 2:
        raise ConfigError(f"{most} tokens at a time leave no room for a question and a text; raise the maximum length")
    read = min(first, max(most // 2, most - max(1, second)))
    return PairWindows(read, overlapping(second, most - read, shared))


def covering(pieces: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int] | None:
    """The first and the last of the fewest pieces around the characters `start` to `end`; None: none is there.

    Args:
        pieces: the characters of each piece, in their order; equal start and end where it stands for none.
        start: the first character.
        end: that after the last.
    """
    first = bisect_right(pieces, start, key=lambda piece: piece[1])
    last = bisect_left(pieces, end, key=lambda piece: piece[0]) - 1
    while first <= last and pieces[first][0] == pieces[first][1]:
        first += 1
    while first <= last and pieces[last][0] == pieces[last][1]:
        last -= 1
    return (first, last) if first <= last else None


def farthest_from_edges(places: NDArray[np.int64], windows: list[tuple[int, int]]) -> NDArray[np.int64]:
    """Of each place the number of the window where it stands farthest from an edge; `windows` are `overlapping`.

    The ends of the text are no edges, for nothing is cut off there.

    >>> farthest_from_edges(np.array([0, 3, 4, 5, 8]), [(0, 6), (3, 9)]).tolist()
    [0, 0, 0, 1, 1]
    """
    borders = [(end + start) / 2 for (_, end), (start, _) in pairwise(windows)]
    return np.searchsorted(borders, places, side="right")
