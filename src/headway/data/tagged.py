"""Words and their labels: a sentence, and as many labels as it has words or characters, as one row of two strings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Literal

from headway.errors import DataError

Unit = Literal["word", "char"]
Span = tuple[int, int]
_UNITS = {"word": re.compile(r"\S+"), "char": re.compile(r".", re.DOTALL)}
_BETWEEN = {"word": " ", "char": ""}


def units_of(text: str, unit: Unit) -> list[Span]:
    """Where the words of a text stand (what blanks part), or its characters (blanks too).

    >>> units_of("a  bc", "word")
    [(0, 1), (3, 5)]
    """
    return [found.span() for found in _UNITS[unit].finditer(text)]


def labels_of(cell: str) -> list[str]:
    """The labels in one cell: those of a list as `as_row` writes it, or the cell itself.

    >>> labels_of('["O", "B-LC"]'), labels_of("joy"), labels_of('["a" b"]')
    (['O', 'B-LC'], ['joy'], ['["a" b"]'])
    """
    if cell != "[]" and not (cell.startswith('["') and cell.endswith('"]')):
        return [cell]
    try:
        labels: list[str] = json.loads(cell)
    except json.JSONDecodeError:
        return [cell]
    return labels


def parted(cell: str, separator: str | None) -> list[str]:
    r"""The labels in one cell: a list, as JSON lines may have, or what a separator parts; without one there is one.

    A separator written `\t` is a tab.

    >>> parted("joy, love", ","), parted("joy, love", None), parted("joy\tlove", r"\t")
    (['joy', 'love'], ['joy, love'], ['joy', 'love'])
    """
    found = labels_of(cell)
    if separator and found == [cell]:
        found = cell.split(separator.replace(r"\t", "\t"))
    return [label.strip() for label in found if label.strip()]


def names_of(labels: Sequence[str]) -> list[tuple[str, int, int]]:
    """Type, first word and the one after the last of each name that `B-X` and `I-X` say; a lone `I-X` begins one.

    >>> names_of(["I-LC", "I-PS", "I-PS", "B-PS", "O"])
    [('LC', 0, 1), ('PS', 1, 3), ('PS', 3, 4)]
    """
    names: list[tuple[str, int, int]] = []
    for place, label in enumerate(labels):
        kind, is_name = label[2:], label[:2] in ("B-", "I-")
        if is_name and label[0] == "I" and names and names[-1][0] == kind and names[-1][2] == place:
            names[-1] = (kind, names[-1][1], place + 1)
        elif is_name:
            names.append((kind, place, place + 1))
    return names


def as_row(
    values: Sequence[str | list[str]], roles: Sequence[str], unit: Unit | None, place: Callable[[int], str]
) -> tuple[str, ...]:
    """One string a role: lists of labels as JSON, other lists joined to a text.

    Args:
        values: of each role a text or a list.
        roles: what they are.
        unit: each word, or each character, of `text` has a label in `label`; None: that is not asked for.
        place: file and line of the word with this number, for errors.

    Raises:
        DataError: there are not as many labels as words, one of them is empty, or a word is none of its unit.
    """
    row = dict(zip(roles, values, strict=True))
    if unit is not None and "text" in row and "label" in row:
        text, label = row["text"], row["label"]
        words = text if isinstance(text, list) else [text[start:end] for start, end in units_of(text, unit)]
        row["label"] = labels = label if isinstance(label, list) else label.split()
        _check(words, labels, unit, place)
    return tuple(_cell(role, value, _BETWEEN[unit or "word"]) for role, value in row.items())


def _check(words: Sequence[str], labels: Sequence[str], unit: Unit, place: Callable[[int], str]) -> None:
    if len(words) != len(labels):
        named = {"word": "words", "char": "characters"}[unit]
        raise DataError(f"{place(0)}: {len(words)} {named} and {len(labels)} labels; each needs one, mend the row")
    for i, (word, label) in enumerate(zip(words, labels, strict=True)):
        if not label.strip():
            raise DataError(f"{place(i)}: {word!r} has no label; give it one, O where it is no part of a name")
        if unit == "char" and len(word) != 1:
            raise DataError(f"{place(i)}: {word!r} is not one character; set --data.unit word")
        if unit == "word" and (not word or any(character.isspace() for character in word)):
            what = f"{word!r} holds a blank, and blanks part words" if word else "a word is empty"
            raise DataError(f"{place(i)}: {what}; mend it, or set --data.unit char if each is a character")


def _cell(role: str, value: str | list[str], between: str) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False) if role == "label" else between.join(value)
