"""Questions, texts and the answers in them: SQuAD's JSON (1.1 and 2.0; KorQuAD 1.0 has its form), and JSON lines.

A line of JSON lines is one question: `{"id", "title", "context", "question", "answers", "is_impossible"}`, of which
`id`, `title` and `is_impossible` may be left out. Answers are `[{"text", "answer_start"}, …]`, or `{"text": […],
"answer_start": […]}` as the hub has them. A question without answers, or with `is_impossible`, has none in its text;
the answers that are written beside `is_impossible` are plausible and wrong, and passed over.

An answer must stand in its text at its place, counted in characters from 0. One that does not is never moved to where
it might belong: the error says where it stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from headway.data.lines import parse_json, read_lines
from headway.errors import DataError, nearest

COLUMNS = ("context", "question", "answers", "id", "title")


class Gold(NamedTuple):
    """A right answer, and the character of the text where it begins."""

    text: str
    start: int


def read_squad(files: Sequence[Path], wanted: Sequence[tuple[str, str]]) -> Iterator[tuple[str, ...]]:
    """One row a question; `answers` is what `golds` reads.

    Args:
        files: in either form; which it is shows in the first line.
        wanted: (role, column) in the order of the rows made; an empty column is the one named like the role.

    Raises:
        DataError: a file is not of this form, or an answer is not in its text; names the question by its id.
    """
    columns = [_column(role, column) for role, column in wanted]
    for file in files:
        for number, (place, question) in enumerate(_questions(file), 1):
            row = _row(question, number, place, file)
            yield tuple(row[column] for column in columns)


def golds(cell: str) -> list[Gold]:
    """The right answers of a row's column `answers`; none: the text does not answer the question.

    >>> golds('[["Paris", 12]]')
    [Gold(text='Paris', start=12)]
    """
    return [Gold(text, start) for text, start in json.loads(cell)]


def _column(role: str, column: str) -> str:
    name = column or role
    if name not in COLUMNS:
        raise DataError(f"--data.columns.{role} {name}: questions have no such column; {nearest(name, COLUMNS)}")
    return name


def _questions(file: Path) -> Iterator[tuple[str, Any]]:
    """Where each question stands, and what is said of it and its text."""
    lines = read_lines(file)
    first = next(lines, "")
    try:
        head = json.loads(first)
    except ValueError:
        head = None
    if not isinstance(head, dict) or "data" in head:
        yield from _of_document(_parsed("\n".join([first, *lines]), str(file)), file)
        return
    yield f"{file}, line 1", head
    for number, line in enumerate(lines, 2):
        yield f"{file}, line {number}", _parsed(line, f"{file}, line {number}")


def _of_document(document: Any, file: Path) -> Iterator[tuple[str, Any]]:
    for number, article in enumerate(_get(document, "data", list, str(file)), 1):
        place = f"{file}, article {number}"
        for part, paragraph in enumerate(_get(article, "paragraphs", list, place), 1):
            here = f"{place}, paragraph {part}"
            shared = {"title": article.get("title", ""), "context": _get(paragraph, "context", str, here)}
            for question in _get(paragraph, "qas", list, here):
                if not isinstance(question, dict):
                    raise DataError(f"{here}: a question is {type(question).__name__}; an object is expected")
                yield here, shared | question


def _row(question: Any, number: int, place: str, file: Path) -> dict[str, str]:
    if isinstance(question, dict) and question.get("id") is not None:
        place = f"{file}, question {question['id']}"
    texts = {name: _get(question, name, str, place) for name in ("context", "question")}
    for name, text in texts.items():
        if not text.strip():
            raise DataError(f"{place}: the {name} is empty; leave the question out, or mend it")
    found = [] if question.get("is_impossible") is True else _answers(question, place)
    for answer in found:
        _check(answer, texts["context"], place)
    rest = {"id": str(question.get("id", number)), "title": str(question.get("title", ""))}
    row = texts | rest | {"answers": json.dumps(found, ensure_ascii=False)}
    try:
        "".join(row.values()).encode()
    except UnicodeEncodeError:
        raise DataError(f"{place}: half of a surrogate pair, which is no character; mend the text") from None
    return row


def _answers(question: Any, place: str) -> list[Gold]:
    """The answers as they are written, in either of the two forms."""
    given = _get(question, "answers", (list, dict), place)
    if isinstance(given, dict):
        texts, starts = (_get(given, name, list, place) for name in ("text", "answer_start"))
        if len(texts) != len(starts):
            raise DataError(f"{place}: {len(texts)} answers with {len(starts)} answer_start; as many are needed")
        given = [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]
    return [Gold(_get(each, "text", str, place), _get(each, "answer_start", int, place)) for each in given]


def _check(answer: Gold, context: str, place: str) -> None:
    text, start = answer
    if not text.strip():
        raise DataError(f"{place}: an answer is empty; without one in the text, `answers` is an empty list")
    there = context[start : start + len(text)] if start >= 0 else ""
    if there == text:
        return
    found = context.find(text)
    hint = "it is nowhere in the context" if found < 0 else f"it stands at {found}; correct answer_start"
    raise DataError(f"{place}: the answer {text!r} is not at character {start} of its context ({there!r} is); {hint}")


def _get(value: Any, key: str, kind: type | tuple[type, ...], place: str) -> Any:
    """What an object has under a key, of this kind."""
    if not isinstance(value, dict):
        raise DataError(f"{place}: {type(value).__name__} where an object with the key {key} is expected")
    if key not in value:
        raise DataError(f"{place}: no key {key}; {nearest(key, value)}")
    if not isinstance(value[key], kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join({list: "a list", dict: "an object", str: "a text", int: "a whole number"}[k] for k in kinds)
        raise DataError(f"{place}: {key} is {type(value[key]).__name__}; {names} is expected")
    return value[key]


def _parsed(text: str, place: str) -> Any:
    return parse_json(text, place, "SQuAD's JSON is expected, or JSON lines with a question each")
