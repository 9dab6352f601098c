"""Frozen dataclasses from plain JSON data: every key is known and every value is of its type, or the place is named."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Literal

from headway.dotted import alternatives
from headway.errors import CheckpointError


def read(cls: Any, data: Any, path: str) -> Any:
    """A `cls` from the object that stands at `path` of `spec.json`.

    Raises:
        CheckpointError: a missing or an unknown key, or a value of another type.
    """
    if not isinstance(data, dict):
        raise CheckpointError(f"spec.json: {path} is {data!r}; expected an object")
    annotations = typing.get_type_hints(cls)
    required = {f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING}
    if wrong := (data.keys() - annotations.keys()) | (required - data.keys()):
        raise CheckpointError(f"spec.json: {path} has missing or unknown keys: {', '.join(sorted(wrong))}")
    return cls(**{name: _value(annotations[name], value, f"{path}.{name}") for name, value in data.items()})


def _value(annotation: Any, value: Any, path: str) -> Any:
    kinds = alternatives(annotation)
    for kind in kinds:
        if dataclasses.is_dataclass(kind):
            if value is not None or kinds == [kind]:
                return read(kind, value, path)
        elif typing.get_origin(kind) is tuple:
            items = _kinds(typing.get_args(kind), value)
            if items is not None:
                return tuple(_value(*item, f"{path}[{i}]") for i, item in enumerate(zip(items, value, strict=True)))
        elif typing.get_origin(kind) is Literal:
            if value in typing.get_args(kind):
                return value
        elif kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        elif type(value) is kind:
            return value
    raise CheckpointError(f"spec.json: {path} is {value!r}; expected {annotation}")


def _kinds(kinds: tuple[Any, ...], value: Any) -> list[Any] | None:
    """The kind of each item of a list; None where `value` is no such list."""
    if not isinstance(value, (list, tuple)):
        return None
    items = [kinds[0]] * len(value) if kinds[-1] is Ellipsis else list(kinds)
    return items if len(items) == len(value) else None
