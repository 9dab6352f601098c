r"""Raw text that is read again and again and never held whole: lines, and where documents begin.

| `document` | a document is         | lines                                      | a share held out is         |
|------------|-----------------------|--------------------------------------------|-----------------------------|
| line       | a line or row         | without "\n"; blank ones are none          | documents, by a keyed hash  |
| blank_line | what blank lines part | with their "\n"; the blank ones go         | documents, by a keyed hash  |
| file       | a file                | with their "\n", blank ones too            | the last lines of each file |

Rows of tables are always documents. Equal documents stay on one side of a share.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from headway.data import sources
from headway.data.lines import at_least_one, read_lines
from headway.data.progress import progress
from headway.data.readers import Form, infer_format, read_rows
from headway.data.tables import file_digest, rows_of, share_out
from headway.errors import ConfigError, DataError

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]

TEXT_VERSION = 1
ROLE, PROMPT = "text", "prompt"
_STEP = 1 << 20  # bytes between two moves of a bar

Document = Literal["line", "blank_line", "file"]
Line = tuple[str, bool]
_Read = Callable[[], Iterator[Line]]


@dataclass(frozen=True)
class Texts:
    """One split of raw text.

    Attributes:
        title: what a person calls it.
        digest: hash of everything its lines depend on.
        bytes: of its text in UTF-8, about.
        lines: reads it from the start: each line, and whether it begins a document. Memory use is one line.
    """

    title: str
    digest: str
    bytes: int
    lines: Callable[[], Iterator[Line]]


def load_texts(
    *,
    name: str | None = None,
    train: str | None = None,
    validation: str | float | None = None,
    test: str | float | None = None,
    format: str | None = None,
    columns: Mapping[str, str | int] | None = None,
    header: bool = True,
    delimiter: str | None = None,
    document: Document = "line",
    separator: str = ": ",
    seed: int = 0,
    folder: str | Path | None = None,
) -> dict[str, Texts]:
    """The splits there are, of files or of a named set.

    Args:
        name: a named set, or `hub:owner/name`; instead of `train`.
        train: a file of text or of a table, or several of one format parted by commas; `.gz`, `.xz`, `.zst` too. Of
            tables, `FILE#COLUMN` says which column of which: `reviews.tsv#review,docs.tsv#en,docs.tsv#ko`.
        validation: the same, or a share of the training text (0.1) that is held out.
        test: likewise.
        format: a key of `readers.FORMATS` but `parallel`; inferred from the ending, else plain text.
        columns: `text` → the column of a table, a name or a number from 1; JSON keys are dotted where nested. `prompt`
            → the column of what stands before each text: a document is two lines then, prompt and text.
        header: the first line of TSV and CSV names the columns.
        delimiter: what parts the columns; None: a tab in TSV, a comma in CSV.
        document: what one document is, see above.
        separator: what ends a prompt.
        seed: which documents are held out.
        folder: where relative files are looked for, after the working directory, and named sets first.

    Raises:
        ConfigError: arguments that contradict each other or name something that is not known.
        DataError: a file that is missing, empty or damaged. What is wrong inside one shows where it is read.
        CapacityError: no room in the cache folder (named sets).
    """
    columns = columns or {}
    roles = (ROLE, PROMPT) if PROMPT in columns else (ROLE,)
    wanted = sources.wanted_columns(roles, columns, format)
    files, shares = sources.files_and_shares(name, {"train": train, "validation": validation, "test": test})
    if name is not None:
        tables = sources.load(
            name=name,
            validation=validation,
            test=test,
            format=format,
            columns=columns,
            roles=roles,
            header=header,
            delimiter=delimiter,
            seed=seed,
            folder=folder,
        )
        return {split: _of_table(f"{name} {split}", table, separator) for split, table in tables.items()}
    if len(wanted) > len(roles) or format == "parallel":
        given = "format parallel" if format == "parallel" else f"columns.{sources.GROUP}"
        raise ConfigError(f"--data.{given}: raw text is one column; --data.columns.text names it")
    texts: dict[str, Texts] = {}
    for split, value in files.items():
        places = _places(value, folder)
        paths = [path for found, _ in places for path in found]
        form = Form(
            format or infer_format(paths[:1] if len(places) > 1 else paths, (ROLE,)), wanted, header, delimiter or ""
        )
        if PROMPT in columns and (form.format == "text" or len(places) > 1):
            raise ConfigError(f"--data.columns.prompt {columns[PROMPT]}: {value} is no table with two columns")
        parts = [
            _of_files(found, form if column is None else replace(form, wanted=((ROLE, column),)), document, separator)
            for found, column in places
        ]
        whole = parts[0] if len(parts) == 1 else _one_after_another(parts)
        is_shared = split == "train" and bool(shares)
        texts |= _shared_out(whole, paths, form, document, shares, seed) if is_shared else {split: whole}
    return {split: texts[split] for split in ("train", "validation", "test") if split in texts}


def _places(value: str, folder: str | Path | None) -> list[tuple[list[Path], str | None]]:
    """The files of an option, together; or each by itself where columns are named in it."""
    if "#" not in value or Path(value).exists():
        return [(sources.find_files(value, folder), None)]
    parts = [part.strip().rpartition("#") for part in value.split(",") if part.strip()]
    if bare := [column for file, _, column in parts if not file or not column]:
        raise ConfigError(
            f"--data.train {value}: {bare[0]} names no column; write FILE#COLUMN for each file, or for none"
        )
    return [(sources.find_files(file, folder), column) for file, _, column in parts]


def _one_after_another(parts: Sequence[Texts]) -> Texts:
    digest = hashlib.sha256(" ".join(part.digest for part in parts).encode()).hexdigest()

    def lines() -> Iterator[Line]:
        for part in parts:
            yield from part.lines()

    return Texts(",".join(part.title for part in parts), digest, sum(part.bytes for part in parts), lines)


def _of_table(title: str, table: datasets.Dataset, separator: str) -> Texts:
    """A table of the cache, whose folder is named by the hash of its content."""
    file = Path(table.cache_files[0]["filename"])
    roles = [role for role in (ROLE, PROMPT) if role in table.column_names]
    recipe = f"{TEXT_VERSION} {file.parent.name} {file.name}" + (f" {separator}" if PROMPT in roles else "")
    read = partial(_lines_of, partial(rows_of, table, *roles), separator)
    size = file.stat().st_size
    return Texts(title, hashlib.sha256(recipe.encode()).hexdigest(), size, partial(_some, title, read))


def _lines_of(rows: Callable[[], Iterator[Sequence[str]]], separator: str) -> Iterator[Line]:
    """Each text is a document, its prompt the line before it; blank texts are none."""
    for text, *prompt in rows():
        if text and not text.isspace():
            yield from ((f"{before}{separator}", True) for before in prompt)
            yield text, not prompt


def _of_files(paths: Sequence[Path], form: Form, document: Document, separator: str) -> Texts:
    digests = [file_digest(path) for path in paths]
    for path, (_, size) in zip(paths, digests, strict=True):
        if not size:
            raise DataError(f"{path}: the file is empty; text is expected")
    title = ",".join(path.name for path in paths)
    if form.format != "text" or document == "line":
        read = partial(_lines_of, partial(read_rows, paths, form), separator)
        how: list[object] = [*form.wanted, form.format, form.header, form.delimiter]
        how += [separator] if len(form.wanted) > 1 else []
    else:
        read, how = partial(_READERS[document], paths), [document]
    recipe = json.dumps([TEXT_VERSION, [digest for digest, _ in digests], how])
    size = sum(size for _, size in digests)
    return Texts(title, hashlib.sha256(recipe.encode()).hexdigest(), size, partial(_some, title, read))


def _parted(paths: Sequence[Path]) -> Iterator[Line]:
    for path in paths:
        starts = True
        for line in read_lines(path, ends=True):
            if not line or line.isspace():
                starts = True
            else:
                yield line, starts
                starts = False


def _whole(paths: Sequence[Path]) -> Iterator[Line]:
    for path in paths:
        starts = True
        for line in read_lines(path, ends=True):
            yield line, starts
            starts = False


_READERS: dict[str, Callable[[Sequence[Path]], Iterator[Line]]] = {"blank_line": _parted, "file": _whole}


def _shared_out(
    texts: Texts, paths: Sequence[Path], form: Form, document: Document, shares: Mapping[str, float], seed: int
) -> dict[str, Texts]:
    """The training text in parts: what is left of it, and each share."""
    names = ["train", *shares]
    sizes = [1 - sum(shares.values()), *shares.values()]
    ends = [sum(sizes[:number]) for number in range(len(names))] + [1.0]
    sides = cache(partial(_sides, texts, list(shares.values()), seed))
    count = cache(_text_bytes)
    parts = {}
    for number, split in enumerate(names):
        if form.format == "text" and document == "file":
            read: _Read = partial(_stretch, paths, count, ends[number], ends[number + 1])
            recipe = f"{texts.digest} {ends[number]} {ends[number + 1]}"
        else:
            side = len(shares) if number == 0 else number - 1
            read, recipe = partial(_side, texts.lines, sides, side), f"{texts.digest} {sizes} {seed} {split}"
        title = f"{texts.title} ({split})"
        digest = hashlib.sha256(recipe.encode()).hexdigest()
        parts[split] = Texts(title, digest, int(sizes[number] * texts.bytes), partial(_some, title, read))
    return parts


def _stretch(paths: Sequence[Path], count: Callable[[Path], int], begin: float, end: float) -> Iterator[Line]:
    """The lines of each file that begin in a stretch of it, given as shares of its bytes; each is a document."""
    for path in paths:
        first, last = round(begin * count(path)), round(end * count(path))
        at, starts = 0, True
        for line in read_lines(path, ends=True):
            if at >= last:
                break
            if at >= first:
                yield line, starts
                starts = False
            at += len(line.encode())


def _text_bytes(path: Path) -> int:
    return sum(len(line.encode()) for line in read_lines(path, ends=True))


def _side(read: _Read, sides: Callable[[], bytes], side: int) -> Iterator[Line]:
    """The documents of one side."""
    numbers, number, is_wanted = sides(), -1, False
    for line, starts in read():
        if starts:
            number += 1
            is_wanted = numbers[number] == side
        if is_wanted:
            yield line, starts


def _sides(texts: Texts, shares: Sequence[float], seed: int) -> bytes:
    """The side of every document, a byte each, by a keyed hash of its text.

    Raises:
        DataError: there are too few different documents.
    """
    places, salt = array("I"), str(seed).encode()
    document = hashlib.blake2b(digest_size=4, salt=salt)
    with progress(f"sharing out {texts.title}", texts.bytes, "bytes") as advance:
        read = 0
        for number, (line, starts) in enumerate(texts.lines()):
            if starts and number:
                places.append(int.from_bytes(document.digest(), "little"))
                document = hashlib.blake2b(digest_size=4, salt=salt)
            content = line.encode()
            document.update(content)
            read += len(content)
            if read > _STEP:
                advance(read)
                read = 0
    places.append(int.from_bytes(document.digest(), "little"))
    try:
        return share_out(np.frombuffer(places, np.uint32), shares).tobytes()
    except ValueError as error:
        what = "it is one document, which" if len(places) == 1 else f"{error} of equal documents"
        raise DataError(
            f"{texts.title}: {what} cannot be shared out; put a blank line between documents, say what a document is "
            "with --data.document line, blank_line or file, or give files"
        ) from None


def _some(title: str, read: _Read) -> Iterator[Line]:
    """What is read, which must be something."""
    return at_least_one(read(), f"{title}: no text; at least one line that is not blank is needed")
