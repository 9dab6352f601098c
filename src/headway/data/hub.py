"""Data sets of the Hugging Face hub, without remote code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from headway.data.readers import Row
from headway.data.tables import Part, rows_of
from headway.data.tagged import Unit, as_row
from headway.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]

_SPLITS = {"train": ["train"], "validation": ["validation", "valid", "dev"], "test": ["test"]}


def hub_parts(name: str, wanted: Sequence[tuple[str, str]], unit: Unit | None) -> dict[str, Part]:
    """The splits of `owner/name` or `owner/name:configuration`; see `sources.load`.

    Raises:
        ConfigError: the name is not of that form.
        DataError: it cannot be had (no network, no such set, a set that needs its own code), or lacks a column.
    """
    import datasets

    path, _, configuration = name.partition(":")
    if path.count("/") != 1:
        raise ConfigError(f"hub:{name}: hub:owner/name or hub:owner/name:configuration is expected")
    try:
        loaded = datasets.load_dataset(path, configuration or None)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataError(
            f"hub:{name}: cannot be loaded ({type(error).__name__}: {reason}); without a network, fetch it elsewhere "
            f"with `hf download --repo-type dataset {path}` and give its files as --data.train"
        ) from None
    return table_parts(loaded, wanted, unit, title=f"hub:{name}")


def table_parts(
    loaded: Mapping[str, datasets.Dataset], wanted: Sequence[tuple[str, str]], unit: Unit | None = None, *, title: str
) -> dict[str, Part]:
    """The known splits of a loaded set; nested columns have dotted names, class numbers become class names.

    Raises:
        DataError: there is no such split or column.
    """
    parts = {}
    for split, names in _SPLITS.items():
        found = next((name for name in names if name in loaded), None)
        if found is not None:
            table = loaded[found].flatten()
            columns = [column or role for role, column in wanted]
            for column in columns:
                if column not in table.column_names:
                    there = f"the columns are {', '.join(table.column_names)}; {nearest(column, table.column_names)}"
                    raise DataError(f"{title}: no column {column!r}; {there} (--data.columns.ROLE names them)")
            rows = partial(_rows, table, columns, [role for role, _ in wanted], unit, f"{title} {split}")
            digest = f"{table._fingerprint} {columns}" + (f" {unit}" if unit else "")
            parts[split] = Part(title, digest, int(table.dataset_size or 0), rows)
    if not parts:
        raise DataError(f"{title}: none of its splits ({', '.join(loaded)}) is train, validation or test")
    return parts


def _rows(
    table: datasets.Dataset, columns: Sequence[str], roles: Sequence[str], unit: Unit | None, title: str
) -> Iterator[Row]:
    classes = {name: _classes(table.features[name]) for name in columns}
    for number, values in enumerate(rows_of(table, *columns), 1):
        row = [_text(value, classes[name]) for name, value in zip(columns, values, strict=True)]
        yield as_row(row, roles, unit, partial(_place, title, number))


def _place(title: str, row: int, word: int) -> str:
    return f"{title}, row {row:,}, word {word + 1:,}"


def _classes(feature: Any) -> Sequence[str] | None:
    """The names of class numbers, or of those in lists."""
    names: Sequence[str] | None = getattr(getattr(feature, "feature", feature), "names", None)
    return names


def _text(value: object, names: Sequence[str] | None) -> str | list[str]:
    if isinstance(value, list):
        return [str(_text(item, names)) for item in value]
    return names[value] if names and isinstance(value, int) and value >= 0 else str(value)
