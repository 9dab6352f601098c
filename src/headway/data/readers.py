"""Rows of text files: parallel, TSV, CSV, JSON lines, CoNLL, SQuAD, plain text, each row a tuple of strings by role.

Nothing is dropped silently: a row with too few or too many fields, a missing key, a file that is shorter than its
partner and a file without rows are errors that name file and line.
"""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path

from headway.data.conll import read_sentences
from headway.data.lines import OBJECTS, PACKED, at_least_one, parse_json, read_lines
from headway.data.squad import read_squad
from headway.data.tagged import Unit, as_row
from headway.errors import ConfigError, DataError, nearest

Row = tuple[str, ...]
_LONGEST = 2**31 - 1  # characters of a field of CSV; Python's own limit is 131,072


@dataclass(frozen=True)
class Form:
    """How a file says its rows.

    Attributes:
        format: a key of `FORMATS`.
        wanted: (role, column) in the order of the rows made; the column is a name, a number from 1 as a string, or
            empty: the column named like the role or, where columns have no names, the one at the role's place.
        header: the first line of TSV or CSV names the columns.
        delimiter: what parts the columns of TSV (any string) and CSV (one character); empty: tab, comma.
        split_at: a line of TSV is two columns, parted at the `first` or `last` delimiter; empty: at each.
        unit: each word of the text, or each character, has a label; None: rows are not of that kind.
    """

    format: str
    wanted: tuple[tuple[str, str], ...]
    header: bool = True
    delimiter: str = ""
    split_at: str = ""
    unit: Unit | None = None

    def row(self, values: Sequence[str | list[str]], place: str) -> Row:
        """The values of the wanted columns as they are kept; `place` names file and line."""
        return as_row(values, [role for role, _ in self.wanted], self.unit, lambda word: place)


def read_rows(files: Sequence[Path], form: Form) -> Iterator[Row]:
    """The rows of one split.

    Raises:
        DataError: a file is missing, damaged, empty, or a row of it does not fit `form`.
    """
    return at_least_one(FORMATS[form.format](files, form), f"{_names(files)}: no rows; at least one is needed")


def infer_format(files: Sequence[Path], roles: Sequence[str]) -> str:
    """The format that the endings say, where they leave no doubt.

    Raises:
        ConfigError: they do.
    """
    if "answers" in roles:
        return "squad"
    tables = {_BY_ENDING.get(_ending(file), "") for file in files}
    if tables == {""} and len(roles) == 1:
        return "text"
    if len(tables) == 1 and "" not in tables:
        return tables.pop()
    if len(files) > 1 and len(files) == len(roles):
        return "parallel"
    raise ConfigError(
        f"{_names(files)}: the format does not show in the name; name it with --data.format, one of "
        f"{', '.join(sorted(FORMATS))}"
        + ("; parallel text is two files, as in train.de,train.en" if len(roles) == 2 else "")
    )


def infer_roles(
    files: Sequence[Path], *, format: str | None = None, header: bool = True, delimiter: str = ""
) -> tuple[str, ...]:
    """The roles that a split shows by its ending or in its first line; else it is taken for pairs of texts.

    Raises:
        DataError: the first line cannot be read.
    """
    ending = _ending(files[0])
    known = format or _BY_ENDING.get(ending, ending)
    if known == "conll":
        return ("text", "label")
    if known in ("squad", "json"):
        return ("context", "question", "answers")
    if known == "text" or (known == "txt" and len(files) == 1):
        return ("text",)
    names = _names_in(files[0], known, delimiter) if header or known == "jsonl" else []
    if known == "jsonl" and {"context", "question", "answers"} <= set(names):
        return ("context", "question", "answers")
    if "text" in names and not {"source", "target"} <= set(names):
        return ("text", "label") if "label" in names else ("text",)
    return ("source", "target")


def _names_in(file: Path, format: str, delimiter: str) -> list[str]:
    """The columns that the first line of a table names, or the keys of the first object; of other files nothing."""
    if format == "csv":
        return next(csv_records(file, csv_delimiter(delimiter)), (1, []))[1]
    if format not in ("tsv", "jsonl") or (first := next(read_lines(file), None)) is None:
        return []
    if format == "tsv":
        return first.split(delimiter.replace(r"\t", "\t") or "\t")
    return list(value) if isinstance(value := parse_json(first, f"{file}, line 1", OBJECTS), dict) else []


def _parallel(files: Sequence[Path], form: Form) -> Iterator[Row]:
    endings = [_ending(file) for file in files]
    places = _places(endings if len(set(endings)) == len(files) else None, len(files), form, _names(files), order=True)
    for number, row in enumerate(zip_longest(*map(read_lines, files))):
        if None in row:
            counts = [sum(1 for _ in read_lines(file)) for file in files]
            lengths = ", ".join(f"{file} has {count:,} lines" for file, count in zip(files, counts, strict=True))
            raise DataError(f"{lengths}: parallel files need as many; line {number + 1} has no partner")
        yield tuple(row[place] for place in places)


def _tsv(files: Sequence[Path], form: Form) -> Iterator[Row]:
    delimiter = form.delimiter.replace(r"\t", "\t") or "\t"
    split = {"first": partial(str.split, maxsplit=1), "last": partial(str.rsplit, maxsplit=1)}.get(
        form.split_at, str.split
    )
    for file in files:
        yield from _table(file, ((i, split(line, delimiter)) for i, line in enumerate(read_lines(file), 1)), form)


def _csv(files: Sequence[Path], form: Form) -> Iterator[Row]:
    delimiter = csv_delimiter(form.delimiter)
    for file in files:
        yield from _table(file, csv_records(file, delimiter), form)


def csv_delimiter(given: str) -> str:
    """The character that parts the columns of CSV; empty: a comma.

    Raises:
        ConfigError: it is not one character.
    """
    delimiter = given.replace(r"\t", "\t") or ","
    if len(delimiter) != 1:
        raise ConfigError(f"--data.delimiter {delimiter!r}: CSV takes one character; TSV takes any string")
    return delimiter


def csv_records(file: str | Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of each record of CSV, and the line where it begins.

    Raises:
        DataError: a quote is left open, or stands where none can.
    """
    csv.field_size_limit(_LONGEST)
    reader = csv.reader((line + "\n" for line in read_lines(file)), delimiter=delimiter, strict=True)
    line = 1
    try:
        for fields in reader:
            if fields:
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{file}, line {line}: {error}; is a quote left open? TSV has no quoting") from None


def _table(file: Path, records: Iterator[tuple[int, list[str]]], form: Form) -> Iterator[Row]:
    first = next(records, None)
    if first is None:
        return
    width = len(first[1])
    places = _places(first[1] if form.header else None, width, form, str(file), order=not form.header)
    for line, fields in records if form.header else chain([first], records):
        if len(fields) != width:
            what = "the header names" if form.header else "the first line has"
            raise DataError(f"{file}, line {line}: {len(fields)} fields, but {what} {width}; mend the line")
        yield form.row([fields[place] for place in places], f"{file}, line {line}")


def _jsonl(files: Sequence[Path], form: Form) -> Iterator[Row]:
    paths = [(role, (column or role).split(".")) for role, column in form.wanted]
    for file in files:
        for number, line in enumerate(read_lines(file), 1):
            place = f"{file}, line {number}"
            value = parse_json(line, place, OBJECTS)
            yield form.row([_json_value(value, role, path, place) for role, path in paths], place)


def _json_value(value: object, role: str, path: Sequence[str], place: str) -> str | list[str]:
    for depth, key in enumerate(path):
        if not isinstance(value, dict):
            where = ".".join(path[:depth]) or "the line"
            raise DataError(f"{place}: {where} is {type(value).__name__}, an object with the key {key} is expected")
        if key not in value:
            hint = f"{nearest(key, value)} (--data.columns.{role} KEY says which it is)"
            raise DataError(f"{place}: no key {'.'.join(path)}; {hint}")
        value = value[key]
    if isinstance(value, list):
        return [_json_text(item, f"{place}: item {i} of {'.'.join(path)}") for i, item in enumerate(value, 1)]
    return _json_text(value, f"{place}: {'.'.join(path)}")


def _json_text(value: object, what: str) -> str:
    if value is None or isinstance(value, dict | list):
        raise DataError(f"{what} is {type(value).__name__}; a text or a number is expected")
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DataError(f"{what} holds half of a surrogate pair, which is no character") from None
    return text


def _conll(files: Sequence[Path], form: Form) -> Iterator[Row]:
    """The text is the first column and the label the last, where no numbers are given."""
    roles = [role for role, _ in form.wanted]
    for file in files:
        for line, words in read_sentences(file, form.delimiter.replace(r"\t", "\t")):
            width = len(words[0])
            usual = {"text": "1", "label": str(width)}
            columns = tuple((role, column or usual.get(role, "")) for role, column in form.wanted)
            places = _places(None, width, replace(form, wanted=columns), str(file), order=False)
            values = [_column(role, [word[place] for word in words]) for role, place in zip(roles, places, strict=True)]
            yield as_row(values, roles, form.unit or "word", partial(_line, file, line))


def _column(role: str, values: list[str]) -> str | list[str]:
    """Of each word its own, of what is no word or label, such as a group, that of the first."""
    return [value.strip() for value in values] if role == "label" else values if role == "text" else values[0]


def _line(file: Path, first: int, word: int) -> str:
    return f"{file}, line {first + word}"


def _text(files: Sequence[Path], form: Form) -> Iterator[Row]:
    _places(None, 1, form, _names(files), order=True)
    for file in files:
        yield from ((line,) for line in read_lines(file))


def _squad(files: Sequence[Path], form: Form) -> Iterator[Row]:
    return read_squad(files, form.wanted)


def _places(names: Sequence[str] | None, width: int, form: Form, file: str, *, order: bool) -> list[int]:
    """Where the wanted columns stand; with `order`, a role without a column takes the role's own place."""
    places = []
    for index, (role, column) in enumerate(form.wanted):
        if names is not None and (count := names.count(column or role)):
            if count > 1:
                raise DataError(f"{file}: {count} columns are called {column or role!r}; give each a name of its own")
            places.append(names.index(column or role))
        elif column.isdecimal() and 1 <= int(column) <= width:
            places.append(int(column) - 1)
        elif order and not column and index < width:
            places.append(index)
        else:
            there = list(names) if names is not None else [str(number + 1) for number in range(width)]
            listed = f"the columns are {', '.join(there)}"
            close = nearest(column or role, there)
            is_close = close.startswith("did")
            name = close.removeprefix("did you mean ").removesuffix("?") if is_close else there[min(index, width - 1)]
            option = f"--data.columns.{role} {shlex.quote(name) if ' ' in name else name}"
            hint = f"; {close} ({option})" if is_close else f" (say which, for example {option})"
            raise DataError(f"{file}: no column {column or role!r} for {role}; {listed}{hint}")
    return places


def _ending(file: Path) -> str:
    """The last part of the name without the ending of its packing: `de` of `train.de.gz`."""
    suffixes = [suffix for suffix in file.suffixes if suffix not in PACKED]
    return suffixes[-1].removeprefix(".").lower() if suffixes else ""


def _names(files: Sequence[Path]) -> str:
    return ",".join(map(str, files))


FORMATS: dict[str, Callable[[Sequence[Path], Form], Iterator[Row]]] = {
    "parallel": _parallel,
    "tsv": _tsv,
    "csv": _csv,
    "jsonl": _jsonl,
    "text": _text,
    "conll": _conll,
    "squad": _squad,
}
_BY_ENDING = {
    "tsv": "tsv", "tab": "tsv", "csv": "csv", "jsonl": "jsonl", "ndjson": "jsonl",
    "conll": "conll", "bio": "conll", "iob": "conll", "iob2": "conll",
}  # fmt: skip
