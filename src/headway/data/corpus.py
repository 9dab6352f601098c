"""Raw text as token ids: documents of lines, one after another in one memory-mapped file, never whole in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headway.data.cache import Ids


@dataclass(frozen=True, eq=False)
class Corpus:
    """The documents of one split, without special pieces.

    Attributes:
        ids: all ids, memory-mapped `(tokens,)`.
        lines: where each line begins, and the end `(lines + 1,)`, memory-mapped.
        documents: the first line of each document, and the end `(documents + 1,)`, memory-mapped.
        bytes: of the text in UTF-8, line ends included where they are text.
    """

    ids: Ids
    lines: NDArray[np.int64]
    documents: NDArray[np.int64]
    bytes: int

    def __len__(self) -> int:
        return len(self.documents) - 1

    def __getitem__(self, document: int) -> Ids:
        """The ids of one document `(length,)`, a view of the file."""
        first, end = self.documents[document], self.documents[document + 1]
        return self.ids[self.lines[first] : self.lines[end]]

    def line(self, number: int) -> Ids:
        """The ids of one line `(length,)`, counted through all documents."""
        return self.ids[self.lines[number] : self.lines[number + 1]]

    @property
    def bounds(self) -> NDArray[np.int64]:
        """Where each document begins among the ids, and the end `(documents + 1,)`."""
        return np.asarray(self.lines[self.documents])
