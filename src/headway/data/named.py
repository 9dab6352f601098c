"""Rows of the named data sets of `catalogue`: files found, fetched and verified, and read in their own form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path

from headway.data.catalogue import NAMED_SETS, NamedSet
from headway.data.download import fetch, find_file
from headway.data.lines import read_lines
from headway.data.readers import Form, Row, read_rows
from headway.data.tables import Part, file_digest
from headway.errors import ConfigError, DataError, nearest


def named_parts(name: str, wanted: Sequence[tuple[str, str]], *, folder: Path | None) -> dict[str, Part]:
    """The splits of a named set, found in `folder`, then in the cache, then downloaded.

    Raises:
        ConfigError: there is no such set, or it has not the columns that the task needs.
        DataError: a file is not what was published, or cannot be had.
    """
    if name not in NAMED_SETS:
        raise ConfigError(f"--data.name {name}: no such data set; {nearest(name, NAMED_SETS)} (`headway data ls`)")
    named = NAMED_SETS[name]
    pairs = tuple((role, _column(name, named, role, column)) for role, column in wanted)
    if named.form == "program":
        return _grammar_parts(pairs)
    return {split: _part(name, named, split, pairs, folder) for split in named.files}


def where_found(name: str, *, folder: Path | None) -> str:
    """`built in`, or where the files of a named set lie, or what stands against having them."""
    named = NAMED_SETS[name]
    if named.form == "program":
        return "built in"
    found = [find_file(name, file, folder=folder) for files in named.files.values() for file in files.values()]
    if all(found):
        return str(next(path.parent for path in found if path))
    return "not here" + ("" if named.download_tried else " (download never tried)")


def _column(name: str, named: NamedSet, role: str, column: str) -> str:
    chosen = column or named.columns.get(role, "")
    if chosen.isdecimal() and 1 <= int(chosen) <= len(named.all_columns):
        return named.all_columns[int(chosen) - 1]
    if chosen in named.all_columns:
        return chosen
    there = f"its columns are {', '.join(named.all_columns)}"
    if not chosen:
        raise ConfigError(
            f"data set {name} is made for {named.task} and has no {role}; {there} (--data.columns.{role})"
        )
    raise ConfigError(f"--data.columns.{role} {chosen}: data set {name} has no such column; {there}")


def _part(name: str, named: NamedSet, split: str, pairs: tuple[tuple[str, str], ...], folder: Path | None) -> Part:
    by_column = named.files[split]
    remotes = [by_column[column] for _, column in pairs] if "rows" not in by_column else [by_column["rows"]]
    paths = [find_file(name, remote, folder=folder) or fetch(name, remote) for remote in remotes]
    for path, remote in zip(paths, remotes, strict=True):
        digest, size = file_digest(path)
        if digest != remote.sha256:
            raise DataError(
                f"{path}: not the published file: {size:,} bytes with sha256 {digest[:12]}…, expected {remote.size:,} "
                f"with {remote.sha256[:12]}…; remove it, or read it as your own with --data.train"
            )
    recipe = repr([split, pairs, [remote.sha256 for remote in remotes]])
    return Part(
        title=f"{name} {split}",
        digest=hashlib.sha256(recipe.encode()).hexdigest(),
        size=sum(remote.size for remote in remotes),
        rows=partial(_READERS[named.form], paths, pairs),
    )


def _grammar_parts(pairs: Sequence[tuple[str, str]]) -> dict[str, Part]:
    """`quickstart`: made anew by `headway.data.grammar`; the hash is that of its program, so that it is made once."""
    from headway.data import grammar

    code = hashlib.sha256(repr(pairs).encode())
    for file in sorted(Path(path) for folder in grammar.__path__ for path in Path(folder).rglob("*.py")):
        code.update(file.read_bytes())

    made = cache(grammar.generate)

    def rows(split: str) -> Iterator[Row]:
        for pair in made()[split]:
            row = {"en": pair.source, "ko": pair.target, "frame": str(pair.frame)}
            yield tuple(row[column] for _, column in pairs)

    splits = NAMED_SETS["quickstart"].rows
    return {
        split: Part(f"quickstart {split}", f"{code.hexdigest()} {split}", 100 * count, partial(rows, split))
        for split, count in splits.items()
    }


def _read_parallel(files: Sequence[Path], pairs: tuple[tuple[str, str], ...]) -> Iterator[Row]:
    return read_rows(files, Form("parallel", tuple((role, "") for role, _ in pairs)))


def _read_tsv(files: Sequence[Path], pairs: tuple[tuple[str, str], ...]) -> Iterator[Row]:
    return read_rows(files, Form("tsv", pairs))


def _read_trec(files: Sequence[Path], pairs: tuple[tuple[str, str], ...]) -> Iterator[Row]:
    """Lines of `LABEL:fine question`."""
    for file in files:
        for number, line in enumerate(read_lines(file), 1):
            labels, space, question = line.partition(" ")
            label, colon, fine = labels.partition(":")
            if not (space and colon):
                raise DataError(f"{file}, line {number}: LABEL:fine question is expected")
            row = {"label": label, "fine": f"{label}:{fine}", "question": question}
            yield tuple(row[column] for _, column in pairs)


_READERS = {"parallel": _read_parallel, "tsv": _read_tsv, "trec": _read_trec}
