"""Texts after a prompt: what stands before a text is given, and only the text must be said.

A document of the corpus is two lines: the prompt, what parts it from the text included, and the text. They are encoded
one by one, as a prompt is by itself when the model is asked to go on from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from headway.data.blocks import Predictions, Stream, starts_of
from headway.data.cache import TooLong
from headway.data.corpus import Corpus
from headway.errors import DataError


class Prompted:
    """A text a row, after its prompt.

    Args:
        corpus: documents of two lines.
        size: the most predictions a row may have.
        start_id: of the token that is read first.
        end_id: of the token that is said last.
        begins: whether the start token is read before a prompt.
        too_long: what happens to a longer row; cut, it has no end.

    Attributes:
        lengths: tokens of each row `(rows,)`.
        too_long: how many rows were longer.

    Raises:
        ConfigError: there is no start or no end token.
        DataError: there is no row, or one is refused.
    """

    def __init__(
        self, corpus: Corpus, size: int, start_id: int, end_id: int, *, begins: bool = True, too_long: TooLong = "drop"
    ) -> None:
        self._stream = Stream(corpus, start_id, end_id)
        starts, given = starts_of(corpus), prompt_lengths(corpus)
        skipped = 0 if begins else 1
        firsts, lengths = starts[:-1] + skipped, np.diff(starts) - skipped
        is_long = lengths > size
        self.too_long = int(is_long.sum())
        if too_long == "refuse" and self.too_long:
            raise DataError(
                f"{self.too_long:,} of {len(is_long):,} texts are longer than {size:,} tokens with their prompts, the "
                f"first is text {int(is_long.argmax()) + 1:,}"
            )
        keep = ~is_long if too_long == "drop" else given - skipped < size
        if not keep.any():
            raise DataError(f"all {len(keep):,} texts are longer than {size:,} tokens with their prompts")
        self._firsts, self._given = firsts[keep], (given - skipped)[keep]
        self.lengths: NDArray[np.int64] = np.minimum(lengths[keep], size)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> Predictions:
        """A prompt and its text."""
        first = int(self._firsts[row])
        return self._stream.cut(first, first + int(self.lengths[row]))._replace(given=max(0, int(self._given[row])))


def prompt_lengths(corpus: Corpus) -> NDArray[np.int64]:
    """Tokens of the first line of each document `(documents,)`."""
    firsts = np.asarray(corpus.documents[:-1])
    return np.asarray(corpus.lines[firsts + 1]) - np.asarray(corpus.lines[firsts])


def is_said(corpus: Corpus) -> NDArray[np.bool_]:
    """Which predictions of a corpus are of a text or its end `(predictions,)`."""
    starts = starts_of(corpus)
    sizes = np.diff(starts)
    inside = np.arange(sizes.sum()) - np.repeat(starts[:-1], sizes)
    return inside >= np.repeat(prompt_lengths(corpus), sizes)


def texts_alone(corpus: Corpus, text_bytes: int) -> Corpus:
    """The texts without their prompts, a copy; `text_bytes` in UTF-8 is their size."""
    bounds, given = corpus.bounds, prompt_lengths(corpus)
    sizes = np.diff(bounds)
    inside = np.arange(sizes.sum()) - np.repeat(bounds[:-1] - bounds[0], sizes)
    ids = np.asarray(corpus.ids[bounds[0] : bounds[-1]])[inside >= np.repeat(given, sizes)]
    lines = np.concatenate([[0], np.cumsum(sizes - given)])
    return Corpus(ids, lines, np.arange(len(lines)), text_bytes)


def part(prompts: Iterable[str], separator: str) -> Iterator[str]:
    """Prompts as a model reads them that learned texts behind `separator`: one without it gets it behind.

    Of an empty prompt nothing follows, and where there is no separator all stay as they are.

    >>> list(part(["정치", "정치: 국회"], ": "))
    ['정치: ', '정치: 국회']
    """
    for prompt in prompts:
        yield prompt if not prompt or separator in prompt else prompt + separator  # "" is in every prompt
