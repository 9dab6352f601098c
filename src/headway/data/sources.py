"""Training, validation and test texts from named sets, files and the hub, as memory-mapped tables.

Every source gives the same: a `datasets.DatasetDict` with the splits there are and one text column for each role of
the task (`source` and `target` for translation, `text` and `label` for classification).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from headway.data.hub import hub_parts
from headway.data.lines import check_file, instead_of
from headway.data.named import named_parts
from headway.data.readers import FORMATS, Form, infer_format, read_rows
from headway.data.tables import Part, build_tables, file_digest
from headway.data.tagged import Unit
from headway.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]

GROUP = "group"
_HUB = "hub:"


def data_folder() -> Path | None:
    """The folder HEADWAY_DATA, where relative files and named sets are looked for; None: it is not set."""
    folder = os.environ.get("HEADWAY_DATA")
    return Path(folder) if folder else None


def load(
    *,
    name: str | None = None,
    train: str | None = None,
    validation: str | float | None = None,
    test: str | float | None = None,
    format: str | None = None,
    columns: Mapping[str, str | int] | None = None,
    languages: str | None = None,
    roles: Sequence[str] = ("source", "target"),
    header: bool = True,
    delimiter: str | None = None,
    split_at: str | None = None,
    unit: Unit | None = None,
    share: float = 1.0,
    seed: int = 0,
    folder: str | Path | None = None,
) -> datasets.DatasetDict:
    """The splits of one data set, each with the columns `roles`, all text.

    Args:
        name: a named set, or `hub:owner/name`, or `hub:owner/name:configuration`; instead of `train`.
        train: a file, or several parted by commas: two for parallel text, several of one table format in a row.
        validation: the same, or a share of the training rows (0.1) that is held out. It replaces the set's own.
        test: likewise.
        format: a key of `readers.FORMATS`; inferred from the ending where that is safe.
        columns: role → column name, or number from 1; JSON keys are dotted where nested. The role `group` names the
            column whose equal values stay on one side when a share is held out; without it, equal first roles do.
        languages: `source-target`, as in `de-en`: the columns of a named set for translation.
        roles: what the task needs, in the order of the columns made.
        header: the first line of TSV and CSV names the columns.
        delimiter: what parts the columns; None: a tab in TSV, a comma in CSV.
        split_at: a line of TSV is two columns, parted at its `first` or `last` delimiter; None: at each.
        unit: each word of `text`, or each character, has a label of its own: a list in `label`.
        share: of the training rows, those that are left when others are held out; the others are not given.
        seed: which rows are held out, and which are drawn.
        folder: where relative files are looked for, after the working directory, and named sets first.

    Raises:
        ConfigError: arguments that contradict each other or name something that is not known.
        DataError: a file that is missing, damaged or does not fit, with its name and line.
        CapacityError: no room in the cache folder.
    """
    columns = {**_pair(name, languages), **(columns or {})}
    wanted = wanted_columns(roles, columns, format)
    files, shares = files_and_shares(name, {"train": train, "validation": validation, "test": test})

    parts: dict[str, Part] = {}
    if name is not None and name.startswith(_HUB):
        parts = hub_parts(name.removeprefix(_HUB), wanted, unit)
    elif name is not None:
        parts = named_parts(name, wanted, folder=Path(folder) if folder else None)
    parts = {split: part for split, part in parts.items() if split not in shares}
    for split, value in files.items():
        paths = find_files(value, folder)
        form = Form(format or infer_format(paths, roles), wanted, header, delimiter or "", split_at or "", unit)
        parts[split] = _file_part(paths, form, roles)
    tables = build_tables(parts, roles=roles, shares=shares, seed=seed)
    if share < 1 and "train" in tables:
        rows = max(1, round(share * len(tables["train"])))
        tables["train"] = tables["train"].shuffle(seed=seed).select(range(rows))
    return tables


def files_and_shares(
    name: str | None, given: Mapping[str, str | float | None]
) -> tuple[dict[str, str], dict[str, float]]:
    """Which splits are files, and which are shares of the training data.

    Raises:
        ConfigError: they contradict each other or the name of a set.
    """
    shares = {split: share for split, value in given.items() if (share := _share(split, value)) is not None}
    files = {split: str(value) for split, value in given.items() if value is not None and split not in shares}
    if name is None and not files:
        raise ConfigError("no data: give --data.name NAME (`headway data ls` lists them) or --data.train FILE[,FILE]")
    if name is not None and "train" in files:
        raise ConfigError(f"--data.name {name} and --data.train {files['train']}: give one of them")
    if shares and name is None and "train" not in files:
        raise ConfigError(f"--data.{next(iter(shares))} is a share of the training data; --data.train is missing")
    if sum(shares.values()) >= 1:
        raise ConfigError(f"shares {', '.join(map(str, shares.values()))} leave nothing to train on; 0.1 is usual")
    return files, shares


def find_files(value: str, folder: str | Path | None) -> list[Path]:
    """The files that one option names, in the working directory or under `folder`.

    Raises:
        DataError: there is no such file.
    """
    names = [value] if Path(value).exists() else [part.strip() for part in value.split(",") if part.strip()]
    return [_find(name, folder) for name in names]


def wanted_columns(
    roles: Sequence[str], columns: Mapping[str, str | int], format: str | None
) -> tuple[tuple[str, str], ...]:
    """(role, column) as `Form.wanted` takes them, the group after the roles.

    Raises:
        ConfigError: a role or a format that is not known.
    """
    if format is not None and format not in FORMATS:
        raise ConfigError(f"--data.format {format}: unknown; {nearest(format, FORMATS)}")
    for role in columns:
        if role not in (*roles, GROUP):
            raise ConfigError(f"--data.columns.{role}: this task has no such role; {nearest(role, [*roles, GROUP])}")
    order = [*roles, GROUP] if GROUP in columns else list(roles)
    return tuple((role, str(columns.get(role, ""))) for role in order)


def _pair(name: str | None, languages: str | None) -> dict[str, str]:
    """The columns that a language pair says."""
    if languages is None:
        return {}
    source, hyphen, target = languages.partition("-")
    if name is None or name.startswith(_HUB):
        raise ConfigError(
            f"--data.languages {languages}: is for named sets; elsewhere --data.columns.source and .target"
        )
    if not (source and hyphen and target):
        raise ConfigError(f"--data.languages {languages}: source-target is expected, as in de-en")
    return {"source": source, "target": target}


def _share(split: str, value: str | float | None) -> float | None:
    """The share that a split's argument says, or None where it says files or nothing."""
    try:
        share = float(value) if value is not None else None
    except ValueError:
        return None
    if share is not None and (split == "train" or not 0 < share < 1):
        raise ConfigError(f"--data.{split} {value}: a file, or for validation and test a share between 0 and 1")
    return share


def _find(name: str, folder: str | Path | None) -> Path:
    path = Path(name).expanduser()
    under = Path(folder) / path if folder and not path.is_absolute() else path
    found = next((place for place in (path, under) if place.is_file()), None)
    if found is not None:
        return found
    if name == "-" or (path.exists() and not path.is_dir()):
        raise DataError(f"{name}: data are read twice, which standard input and pipes do not allow; save it to a file")
    raise _missing(path, None if under == path else under)


def _missing(path: Path, under: Path | None) -> DataError:
    """What there is instead of a file in the working directory, and then `under` the folder of all data."""
    places = [place for place in (path, under) if place is not None]
    for place in places:
        if place.is_dir():
            check_file(place)
    what = f"{path}: no such file"
    if under is not None:
        what += f", nor under HEADWAY_DATA ({under.parents[len(path.parts) - 1]})"
    hints = [instead_of(place) for place in places if place.parent.is_dir()]
    if hints:
        return DataError(f"{what}; {next((hint for hint in hints if hint.startswith('did')), hints[0])}")
    what += f", and no folder {path.parent}"
    if path.is_absolute():
        return DataError(what)
    return DataError(
        f"{what}; name the folder above {path.parts[0]} with the environment variable HEADWAY_DATA "
        "(docs/guides/data.md says where the data of the recipes are published)"
    )


def _file_part(paths: Sequence[Path], form: Form, roles: Sequence[str]) -> Part:
    if form.format == "parallel" and len(paths) != len(roles):
        names = ",".join(map(str, paths))
        raise ConfigError(f"{names}: parallel text is one file each for {', '.join(roles)}, as in train.de,train.en")
    digests = [file_digest(path) for path in paths]
    recipe = json.dumps([[digest for digest, _ in digests], *dataclasses.astuple(form)])
    return Part(
        title=",".join(path.name for path in paths),
        digest=hashlib.sha256(recipe.encode()).hexdigest(),
        size=sum(size for _, size in digests),
        rows=partial(read_rows, paths, form),
    )
