"""Sentences of CoNLL files: a word and its label a line, columns between, an empty line after each sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from headway.data.lines import read_lines
from headway.errors import DataError

_COMMENT = re.compile(r"#+ ")  # a word may be `#` too, but a tab or the end follows it, or as many columns as usual
_DOCUMENT = "-DOCSTART-"  # stands between the documents of CoNLL-2003


class Sentence(NamedTuple):
    """Some words, line after line."""

    line: int  # of the first word, from 1
    words: list[list[str]]  # the columns of each, as many in the whole file


def read_sentences(file: Path, delimiter: str = "") -> Iterator[Sentence]:
    """The sentences of one file.

    Comments (`# …`, `## …`) at the head of a sentence and lines of `-DOCSTART-` are passed over. A word may be a blank
    where tabs part the columns.

    Args:
        file: UTF-8, perhaps packed.
        delimiter: what parts the columns; empty: tabs where the first word has one after it, else blanks.

    Raises:
        DataError: a line has fewer or more columns than those before it, or the first one has only one.
    """
    width, begun, words = 0, 0, list[list[str]]()
    for number, line in enumerate(read_lines(file), 1):
        if not line.strip() or line.startswith(_DOCUMENT):
            if words:
                yield Sentence(begun, words)
            words = []
            continue
        if not words and _COMMENT.match(line) and ("\t" in delimiter or not width or len(line.split()) != width):
            continue
        delimiter = delimiter or ("\t" if "\t" in line else " ")
        columns = line.split() if delimiter == " " else line.split(delimiter)
        _check(columns, width, f"{file}, line {number}")
        width, begun = len(columns), begun if words else number
        words.append(columns)
    if words:
        yield Sentence(begun, words)


def _check(columns: list[str], width: int, place: str) -> None:
    if len(columns) < 2:
        raise DataError(
            f"{place}: one column, {columns[0][:40]!r}; a word and its label are expected, with a tab or a blank "
            "between (--data.delimiter)"
        )
    if width and len(columns) != width:
        raise DataError(f"{place}: {len(columns)} columns, but the lines before have {width}; mend the line")
