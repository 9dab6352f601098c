"""Tables whose texts are written anew: TSV, CSV, JSON lines and plain lines, each other column as it was."""

from __future__ import annotations

import copy
import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from headway.data.lines import OBJECTS, STDIN, at_least_one, parse_json, read_lines
from headway.data.readers import csv_delimiter, csv_records, infer_format
from headway.errors import ConfigError, DataError, nearest

FORMS = ("tsv", "csv", "jsonl", "text")
_ROLES = ("text", "label")


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a table."""

    text: str
    label: str | None
    line: str  # as it is written, without the line feed at its end
    with_text: Callable[[str], str]  # the same with another text


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A file of rows, read once from the start.

    Attributes:
        file: its path, or `-` for standard input.
        format: one of `FORMS`; None: by the ending.
        text: the column of the texts, a name, a number from 1 or a dotted JSON key; None: the one called `text`, or
            the first where columns have no names.
        label: likewise of the labels; None: the one called `label`, or the second, where there is one.
        header: the first line of TSV and CSV names the columns.
        delimiter: what parts the columns; None: a tab in TSV, a comma in CSV.
    """

    file: str
    format: str | None = None
    text: str | None = None
    label: str | None = None
    header: bool = True
    delimiter: str | None = None

    def rows(self) -> Iterator[str | Entry]:
        """The first line where it names the columns, as it is written, and then the rows.

        Raises:
            ConfigError: the format is unknown, or does not show in the name.
            DataError: there is none, or one has another number of columns than the first, or lacks the text.
        """
        read = {"tsv": self._tsv, "csv": self._csv, "jsonl": self._jsonl, "text": self._text}
        form = self.format or self._inferred()
        if form not in read:
            raise ConfigError(f"--data.format {form}: its texts cannot be written anew; {nearest(form, FORMS)}")
        return at_least_one(read[form](), f"{self.file}: no rows; at least one is needed")

    def _inferred(self) -> str:
        if self.file == STDIN:
            raise ConfigError(f"what standard input holds does not show; name it with --data.format {'|'.join(FORMS)}")
        return infer_format([Path(self.file)], _ROLES)

    def _text(self) -> Iterator[str | Entry]:
        return (Entry(line, None, line, str) for line in read_lines(self.file))

    def _tsv(self) -> Iterator[str | Entry]:
        delimiter = (self.delimiter or "\t").replace(r"\t", "\t")
        records = ((number, line.split(delimiter)) for number, line in enumerate(read_lines(self.file), 1))
        return self._table(records, delimiter.join, lambda text: text.replace(delimiter, " "))

    def _csv(self) -> Iterator[str | Entry]:
        delimiter = csv_delimiter(self.delimiter or "")

        def joined(fields: Sequence[str]) -> str:
            line = io.StringIO()
            csv.writer(line, delimiter=delimiter, lineterminator="").writerow(fields)
            return line.getvalue()

        return self._table(csv_records(self.file, delimiter), joined, str)

    def _table(
        self,
        records: Iterator[tuple[int, list[str]]],
        joined: Callable[[Sequence[str]], str],
        fitting: Callable[[str], str],
    ) -> Iterator[str | Entry]:
        """Rows of fields; `fitting` makes of a new text one that a field can hold."""
        width, place, label_place = 0, 0, None
        for number, fields in records:
            if not width:
                width, (place, label_place) = len(fields), self._places(fields)
                if self.header:
                    yield joined(fields)
                    continue
            if len(fields) != width:
                where = f"{self.file}, line {number}"
                raise DataError(f"{where}: {len(fields)} fields, but the first line has {width}; mend the line")
            label = None if label_place is None else fields[label_place]
            yield Entry(fields[place], label, joined(fields), partial(_put, fields, place, joined, fitting))

    def _places(self, first: Sequence[str]) -> tuple[int, int | None]:
        """Where texts and labels stand, by the fields of the first line."""
        names = list(first) if self.header else []
        found: list[int | None] = []
        for index, (role, given) in enumerate(zip(_ROLES, (self.text, self.label), strict=True)):
            there = names or [str(place + 1) for place in range(len(first))]
            wanted = given or (role if self.header else str(index + 1))
            if wanted in there:
                found.append(there.index(wanted))
            elif wanted.isdecimal() and 1 <= int(wanted) <= len(first):
                found.append(int(wanted) - 1)
            elif given or role == "text":
                raise DataError(
                    f"{self.file}: no column {wanted!r} for {role}; the columns are {', '.join(there)} "
                    f"(--data.columns.{role} says which it is)"
                )
            else:
                found.append(None)
        place, label = found
        assert place is not None
        return place, label

    def _jsonl(self) -> Iterator[str | Entry]:
        for number, line in enumerate(read_lines(self.file), 1):
            place = f"{self.file}, line {number}"
            row = parse_json(line, place, OBJECTS)
            try:
                json.dumps(row, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                raise DataError(f"{place}: holds half of a surrogate pair, which is no character; mend it") from None
            keys, label = (self.text or "text").split("."), _value(row, (self.label or "label").split("."))
            text = _value(row, keys)
            if not isinstance(text, str):
                there = f"; its keys are {', '.join(row)}" if isinstance(row, dict) else ""
                raise DataError(f"{place}: no text at the key {'.'.join(keys)}{there} (--data.columns.text names it)")
            shown = label if label is None or isinstance(label, str) else json.dumps(label, ensure_ascii=False)
            yield Entry(text, shown, line, partial(_put_json, row, keys))


def _put(
    fields: list[str], place: int, joined: Callable[[Sequence[str]], str], fitting: Callable[[str], str], text: str
) -> str:
    return joined([*fields[:place], fitting(text), *fields[place + 1 :]])


def _value(row: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        row = row.get(key) if isinstance(row, dict) else None
    return row


def _put_json(row: Any, keys: Sequence[str], text: str) -> str:
    changed = copy.deepcopy(row)
    holder = _value(changed, keys[:-1])
    holder[keys[-1]] = text
    return json.dumps(changed, ensure_ascii=False)
