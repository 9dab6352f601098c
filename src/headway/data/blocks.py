"""Raw text as predictions, for models that say the next token: what is read and what must be said, a stretch a row.

A document w1 … wn is n + 1 predictions: `<start> w1 … wn` is read, `w1 … wn <end>` is said. The documents of a corpus,
end to end, are one long stream of predictions. `Blocks` cut it every so many predictions, wherever documents end;
`Documents` cut it where documents end. Nothing is copied but the stretch that is asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headway.data.cache import Ids
from headway.data.corpus import Corpus
from headway.errors import ConfigError, DataError


class Predictions(NamedTuple):
    """A stretch of the stream."""

    inputs: Ids  # `(predictions,)`, what is read
    labels: Ids  # `(predictions,)`, what must be said
    lengths: NDArray[np.int64]  # of the pieces of documents in it, which know nothing of one another `(pieces,)`
    given: int = 0  # the first so many need not be said


def starts_of(corpus: Corpus) -> NDArray[np.int64]:
    """Where each document begins among the predictions, and the end `(documents + 1,)`."""
    bounds = corpus.bounds
    return bounds - bounds[0] + np.arange(len(bounds))


def labels_of(corpus: Corpus, end_id: int) -> Ids:
    """All that must be said, a copy: the documents, each with its end token `(predictions,)`."""
    bounds = corpus.bounds
    return np.insert(np.asarray(corpus.ids[bounds[0] : bounds[-1]]), bounds[1:] - bounds[0], end_id)


class Stream:
    """The predictions of a corpus, its documents end to end.

    Raises:
        ConfigError: there is no start or no end token.
        DataError: there is no document.
    """

    def __init__(self, corpus: Corpus, start_id: int, end_id: int) -> None:
        if min(start_id, end_id) < 0:
            raise ConfigError(
                f"the start token has the id {start_id}, the end token {end_id}; a text begins and ends with one, so "
                "choose a tokenizer that has both"
            )
        if not len(corpus):
            raise DataError("there is no text: not one document; give files with text")
        self.start_id, self.end_id = start_id, end_id
        self._ids: Ids = corpus.ids.view(np.ndarray)  # still the file, without the manners of a memmap at every slice
        self._lines, self._documents = corpus.lines.view(np.ndarray), corpus.documents.view(np.ndarray)
        self._first = int(self._lines[self._documents[0]])
        self._size = self._start(len(corpus))

    def __len__(self) -> int:
        return self._size

    def _start(self, document: int) -> int:
        """Where a document begins."""
        return int(self._lines[self._documents[document]]) - self._first + document

    def cut(self, first: int, end: int) -> Predictions:
        """The predictions from `first` to before `end`."""
        assert 0 <= first < end <= self._size
        document = bisect_right(range(len(self._documents) - 1), first, key=self._start) - 1  # the one cut into
        bounds = self._lines[self._documents[document : document + end - first + 1]]  # each has a prediction at least
        starts = bounds - self._first + np.arange(document, document + len(bounds))
        is_cut, following = int(starts[0] < first), int(starts.searchsorted(end))  # the next that does not begin here
        begun, ended = bounds[is_cut:following], bounds[1 : starts.searchsorted(end, "right")]
        said = self._first + first - document
        read = said - is_cut
        return Predictions(
            _inserted(self._ids[read : read + end - first - len(begun)], begun - read, self.start_id),
            _inserted(self._ids[said : said + end - first - len(ended)], ended - said, self.end_id),
            np.diff(starts[: following + 1].clip(first, end)),
        )


class Blocks:
    """The stream in blocks of equal size (Radford et al. 2019): every batch is full, and no document sees another.

    A document that goes on in the next block begins there anew, at position 0, without what came before.

    Args:
        corpus: the documents.
        size: predictions a block.
        start_id: of the token that is read first.
        end_id: of the token that is said last.
        drop_last: leave out what is left after the last full block, as training does; else it is a shorter one.

    Raises:
        ConfigError: the size is not positive, or there is no start or end token.
        DataError: there is no document, or not one full block where the rest is left out.
    """

    def __init__(self, corpus: Corpus, size: int, start_id: int, end_id: int, *, drop_last: bool = False) -> None:
        _check_size(size)
        self._stream, self.size = Stream(corpus, start_id, end_id), size
        total = len(self._stream)
        if drop_last and total < size:
            raise DataError(
                f"the text has {total:,} tokens, fewer than one block of {size:,}; give more text or choose a shorter "
                "block"
            )
        self._firsts = range(0, total - total % size if drop_last else total, size)

    def __len__(self) -> int:
        return len(self._firsts)

    def __getitem__(self, row: int) -> Predictions:
        """One block."""
        first = self._firsts[row]
        return self._stream.cut(first, min(first + self.size, len(self._stream)))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each block `(rows,)`."""
        return np.minimum(self.size, len(self._stream) - self.size * np.arange(len(self)))


class Joined:
    """Documents end to end, each with its end token, in rows of equal size: texts of which any token may be asked.

    Rows know nothing of where documents begin: a short one is read with its neighbours (T5's `reduce_concat_tokens`,
    Raffel et al. 2020, which puts no token between).

    Args:
        corpus: the documents.
        size: tokens a row; the last may have fewer.
        end_id: of the token that ends each document.

    Raises:
        ConfigError: the size is not positive, or there is no end token.
        DataError: there is no document.
    """

    def __init__(self, corpus: Corpus, size: int, end_id: int) -> None:
        self._blocks = Blocks(corpus, size, end_id, end_id)
        self.lengths = self._blocks.lengths

    def __len__(self) -> int:
        return len(self._blocks)

    def __getitem__(self, row: int) -> Ids:
        """The ids of one row `(length,)`."""
        return self._blocks[row].labels


class Documents:
    """The stream with a document a row; one that is longer than `size` predictions is several, one after another.

    Args:
        corpus: the documents.
        size: the most predictions a row may have.
        start_id: of the token that is read first.
        end_id: of the token that is said last.

    Raises:
        ConfigError: the size is not positive, or there is no start or end token.
        DataError: there is no document.
    """

    def __init__(self, corpus: Corpus, size: int, start_id: int, end_id: int) -> None:
        _check_size(size)
        self._stream, starts = Stream(corpus, start_id, end_id), starts_of(corpus)
        rows = -(-np.diff(starts) // size)  # of each document
        before = np.repeat(np.cumsum(rows) - rows, rows)
        inside = np.arange(len(before)) - before  # which of its document's rows each is
        self._edges = np.append(np.repeat(starts[:-1], rows) + size * inside, starts[-1])

    def __len__(self) -> int:
        return len(self._edges) - 1

    def __getitem__(self, row: int) -> Predictions:
        """One document, or a part of one."""
        return self._stream.cut(int(self._edges[row]), int(self._edges[row + 1]))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row `(rows,)`."""
        return np.diff(self._edges)


def _inserted(ids: NDArray[Any], places: NDArray[np.int64], token: int) -> NDArray[Any]:
    """The ids with a token before each place; a view where there is none."""
    return np.insert(ids, places, token) if len(places) else ids


def _check_size(size: int) -> None:
    if size < 1:
        raise ConfigError(f"rows of {size} tokens; at least 1 is needed")
