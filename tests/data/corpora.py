"""Small corpora in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headway.data.corpus import Corpus


def corpus_of(documents: Sequence[Sequence[int]], *, text_bytes: int | None = None, line: int = 3) -> Corpus:
    """The documents, in lines of `line` ids; of so many bytes, else of one an id.

    Something stands before the first and after the last: a corpus may be a share of another.
    """
    documents = [[60_000] * 4, *documents, [60_001] * 5]
    lines = [list(ids[first : first + line]) for ids in documents for first in range(0, len(ids), line)]
    lines_of = [-(-len(ids) // line) for ids in documents]
    return Corpus(
        np.array([token for ids in lines for token in ids], np.uint16),
        np.cumsum([0, *map(len, lines)]),
        np.cumsum([0, *lines_of])[1:-1],
        sum(map(len, documents[1:-1])) if text_bytes is None else text_bytes,
    )
