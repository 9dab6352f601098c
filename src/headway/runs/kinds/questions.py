"""Questions and their texts as rows to learn from: windows, each with the places of the answers that lie in it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headway.data.squad import Gold
from headway.data.windows import covering, pair_windows
from headway.objectives.span_qa import Question
from headway.runs.kinds.kind import note_of
from headway.tasks.rows import visible
from headway.text.tokenizer import Tokenizer

_TEXTS = 64  # that are kept cut into pieces, for questions about one text stand together

Ids = NDArray[np.int32]


class Questions:
    """Windows of at most `most` tokens, special pieces not counted, that share `stride`; each text is kept once.

    An answer of up to `min(stride, room // 2) + 1` tokens lies whole in a window, `room` being what a question leaves
    of `most`. Where an answer begins or ends inside a piece, its place is the fewest pieces around it.

    Attributes:
        long: questions whose text is read in more than one window.
        shortened: questions of which only the beginning is read.
        lost: questions that are left out, for no window holds an answer of theirs whole.
        unsaid: windows without an answer that are left out, for the tokenizer puts nothing before a text to say so.
    """

    def __init__(self, tokenizer: Tokenizer, most: int, stride: int) -> None:
        self.long = self.shortened = self.lost = self.unsaid = 0
        self._tokenizer, self._most, self._stride = tokenizer, most, stride
        self._has_nowhere = tokenizer.wrap([0], [0]).first_start > 0
        self._texts: list[Ids] = []
        self._numbers: dict[str, int] = {}
        self._asked: list[Ids] = []
        self._windows, self._answers, self._ends = array("q"), array("q"), array("q", [0])
        self._pieces_of = lru_cache(_TEXTS)(self._read)

    def add(self, asked: Sequence[int], context: str, answers: Sequence[Gold]) -> None:
        """A question, by its ids, about a text; without answers it has none there."""
        number, pieces = self._pieces_of(context)
        first, spans = pair_windows(len(asked), len(pieces), self._most, self._stride)
        self.long += len(spans) > 1
        self.shortened += first < len(asked)
        covers = (covering(pieces, start, start + len(text)) for text, start in answers)
        places = [place for place in covers if place is not None]
        inside = [[(a - start, b - start) for a, b in places if start <= a and b < end] for start, end in spans]
        if answers and not any(inside):
            self.lost += 1
            return
        self._asked.append(np.array(asked[:first], np.int32))
        for (start, end), found in zip(spans, inside, strict=True):
            if not found and not self._has_nowhere:
                self.unsaid += 1
                continue
            self._windows.extend((len(self._asked) - 1, number, start, end))
            self._answers.extend(edge for place in found for edge in place)
            self._ends.append(len(self._answers))

    def note(self, split: str) -> str:
        """What a person should know of the questions of a split."""
        counts = {
            f"questions have a text that is too long for {self._most} tokens and is read in windows": self.long,
            "questions fill a window and are cut": self.shortened,
            "questions are not learned, for no window holds their answer whole": self.lost,
            "windows without an answer are not learned, for no piece before them says that there is none": self.unsaid,
        }
        return note_of(split, counts)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each window as the model reads it `(rows,)`."""
        windows = np.array(self._windows, np.int64).reshape(-1, 4)
        asked = np.array([len(ids) for ids in self._asked], np.int64)
        return asked[windows[:, 0]] + windows[:, 3] - windows[:, 2] + self._tokenizer.wrapping_cost(True)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, row: int) -> Question:
        """One window."""
        asked, text, start, end = self._windows[4 * row : 4 * row + 4]
        wrapped = self._tokenizer.wrap(self._asked[asked].tolist(), self._texts[text][start:end].tolist())
        edges = self._answers[self._ends[row] : self._ends[row + 1]]
        return Question(wrapped, end - start, list(zip(edges[::2], edges[1::2], strict=True)))

    def _read(self, context: str) -> tuple[int, list[tuple[int, int]]]:
        """The number of a text, and the characters of its pieces."""
        encoding = self._tokenizer.encode(context)
        number = self._numbers.setdefault(context, len(self._texts))
        if number == len(self._texts):
            self._texts.append(np.array(encoding.ids, np.int32))
        return number, visible(context, encoding.offsets)
