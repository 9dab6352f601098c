"""Rows of two texts, for next sentence (Devlin et al. 2019) and sentence order (Lan et al. 2020).

Each document is cut into passages: runs of whole lines, a line being a sentence. What a passage is asked (where it
parts, what stands for its second half, what is cut off) is drawn whenever its row is read, so every epoch asks anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from headway.data.cache import Ids
from headway.data.corpus import Corpus
from headway.data.progress import progress
from headway.errors import ConfigError, DataError

SPECIAL_PIECES = 3  # [CLS] first [SEP] second [SEP]
_BLOCK = 1 << 19  # lines that are cut at a time, about: bounds what is held in between

Whole = NDArray[np.int64]


class TextPair(NamedTuple):
    """Two texts, and what is to be said of them."""

    first: Ids
    second: Ids
    label: int  # 0: the second follows the first; 1: it is of another document, or came before it


class SentencePairs:
    """Passages of at least two lines, as many as it takes to reach `max_tokens`, or the end of the document.

    A single line that is left joins the passage before. Lines without a token are passed over.

    Args:
        corpus: documents of lines.
        max_tokens: ids of both texts together, without special pieces; what is more is cut off.
        fewest: documents there must be of two lines or more: 2 for next sentence, 1 for sentence order.

    Attributes:
        lengths: tokens of each row as the model reads it, special pieces included `(rows,)`; a row has fewer only where
            the other document that was drawn is shorter.
        single_lines: documents of one line, which no row comes from.

    Raises:
        ConfigError: `max_tokens` is below 2.
        DataError: there are fewer documents of two lines or more.
    """

    def __init__(self, corpus: Corpus, max_tokens: int, *, fewest: int = 2) -> None:
        if max_tokens < 2:
            raise ConfigError(f"pairs of {max_tokens} tokens, special pieces not counted; at least 2 are needed")
        self._ids = cast(Ids, np.asarray(corpus.ids))  # still the files, without the manners of a memmap at every slice
        self._lines: Whole = np.asarray(corpus.lines)
        cut = list(_cut(self._lines, np.asarray(corpus.documents), max_tokens))
        self.single_lines = sum(part.single_lines for part in cut)
        passages = np.cumsum([0, *(len(part.starts) for part in cut)])
        heads = [part.heads + before for part, before in zip(cut, passages[:-1], strict=True)]
        self._heads: Whole = np.concatenate([*heads, passages[-1:]])  # each document's first passage, and the end
        if (usable := len(self._heads) - 1) < fewest:
            raise DataError(
                f"pairs of sentences come from documents of two lines or more: at least {fewest} are needed, and "
                f"{usable} of {len(corpus):,} are such; write a sentence a line and a blank line between documents, "
                "or learn without pairs"
            )
        self._starts: Whole = np.concatenate([part.starts for part in cut])
        self._counts: NDArray[np.int32] = np.concatenate([part.counts for part in cut])
        self.lengths: Whole = np.concatenate([part.tokens for part in cut])
        np.minimum(self.lengths, max_tokens, out=self.lengths)
        self.lengths += SPECIAL_PIECES

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> Passage:
        """One passage, of which nothing is read yet."""
        return Passage(self, row)

    def edges(self, row: int) -> Whole:
        """Where each line of a passage begins among the ids, and the end; lines without a token are left out."""
        start = self._starts[row]
        return np.unique(self._lines[start : start + self._counts[row] + 1])

    def ids(self, start: int, end: int) -> Ids:
        """A run of ids, a view of the file."""
        return self._ids[start:end]

    def elsewhere(self, row: int, needed: int, draw: np.random.Generator) -> Ids:
        """Lines of another document, whole ones, as many as it takes to reach `needed` tokens, if it has them."""
        first, end = self._document(row)
        other = int(draw.integers(len(self) - (end - first)))  # a passage, so a long document is drawn more often
        other += (end - first) * (other >= first)
        edges = self.edges(other)
        start = edges[draw.integers(1, len(edges) - 1)]  # where the second half of its own row might begin
        first, end = self._document(other)
        lines = self._lines[self._starts[first] : self._starts[end - 1] + self._counts[end - 1] + 1]
        latest = np.searchsorted(lines, lines[-1] - needed, side="right") - 1  # with enough behind it
        start = min(start, lines[max(latest, 0)])
        stop = np.searchsorted(lines, start + needed)
        return self._ids[start : lines[min(stop, len(lines) - 1)]]

    def _document(self, row: int) -> tuple[int, int]:
        """The first passage of the document that a passage is of, and the first of the next."""
        place = np.searchsorted(self._heads, row, side="right")
        return int(self._heads[place - 1]), int(self._heads[place])


@dataclass(frozen=True, slots=True)
class Passage:
    """A row: consecutive lines of one document."""

    pairs: SentencePairs
    row: int

    def next_sentence(self, draw: np.random.Generator) -> TextPair:
        """Its first lines, then the rest or, half the time, lines of another document (Devlin et al. 2019, 3.1)."""
        first, second = self._parted(draw)
        follows = draw.random() < 0.5
        if not follows:
            second = self.pairs.elsewhere(self.row, len(second), draw)
        return TextPair(*self._fitted(first, second, draw), label=int(not follows))

    def sentence_order(self, draw: np.random.Generator) -> TextPair:
        """Its first lines, then the rest or, half the time, the other way round (Lan et al. 2020, section 3.1)."""
        first, second = self._parted(draw)
        follows = draw.random() < 0.5
        if not follows:
            first, second = second, first
        return TextPair(*self._fitted(first, second, draw), label=int(not follows))

    def _parted(self, draw: np.random.Generator) -> tuple[Ids, Ids]:
        """The passage in two, at a line."""
        edges = self.pairs.edges(self.row)
        middle = edges[draw.integers(1, len(edges) - 1)]
        return self.pairs.ids(edges[0], middle), self.pairs.ids(middle, edges[-1])

    def _fitted(self, first: Ids, second: Ids, draw: np.random.Generator) -> tuple[Ids, Ids]:
        """Both texts, of which the longer is cut, or in the end both, until they are together as long as the row."""
        most = int(self.pairs.lengths[self.row]) - SPECIAL_PIECES
        kept = min(len(first), max(most - len(second), most - most // 2))
        return _trimmed(first, kept, draw), _trimmed(second, most - kept, draw)


def _trimmed(ids: Ids, kept: int, draw: np.random.Generator) -> Ids:
    """At most `kept` of the ids; a coin says of each that goes whether it goes in front or behind."""
    front = draw.binomial(max(0, len(ids) - kept), 0.5)
    return ids[front : front + kept]


class _Cut(NamedTuple):
    """The passages of some documents."""

    starts: Whole  # the first line of each
    counts: NDArray[np.int32]  # lines of each
    tokens: Whole  # of each, nothing cut off
    heads: Whole  # the first passage of each document that has any
    single_lines: int  # documents that have none because they are one line


def _cut(lines: Whole, documents: Whole, goal: int) -> Iterator[_Cut]:
    """The passages of all documents, some documents at a time."""
    some = np.searchsorted(documents, np.arange(0, documents[-1], _BLOCK))
    with progress("cutting documents", len(documents) - 1, "documents") as advance:
        for first, end in pairwise(np.unique([*some, len(documents) - 1])):
            begin, stop = documents[first], documents[end]
            part = _passages(lines[begin : stop + 1], documents[first : end + 1] - begin, goal)
            yield part._replace(starts=part.starts + begin)
            advance(end - first)


def _passages(lines: Whole, documents: Whole, goal: int) -> _Cut:
    """The passages of documents that begin at line 0."""
    filled = np.flatnonzero(np.diff(lines))  # lines with a token; the others are not there
    sizes = np.diff(np.searchsorted(filled, documents))  # of each document, in such lines
    filled, single_lines = filled[np.repeat(sizes > 1, sizes)], int((sizes == 1).sum())
    sizes = sizes[sizes > 1]
    begins, ends = lines[filled], lines[filled + 1]
    last = np.repeat(np.cumsum(sizes), sizes)  # where the document of each line ends
    after = np.searchsorted(ends, begins + goal) + 1  # where a passage ends that begins at this line
    after = np.minimum(np.maximum(after, np.arange(len(filled)) + 2), last)
    after = np.where(last - after == 1, last, after)
    steps, at, found = after.tolist(), 0, []
    while at < len(steps):
        found.append(at)
        at = steps[at]
    opens = np.array(found, np.int64)
    closes = after[opens] - 1
    return _Cut(
        starts=filled[opens],
        counts=(filled[closes] + 1 - filled[opens]).astype(np.int32),
        tokens=ends[closes] - begins[opens],
        heads=np.searchsorted(opens, np.cumsum(sizes) - sizes),
        single_lines=single_lines,
    )
