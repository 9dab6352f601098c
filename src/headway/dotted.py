"""Nested dataclasses as dotted keys: `training.max_steps` is the field `max_steps` of the part `training`."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Field:
    """One key."""

    type: Any
    default: Any
    help: str


def walk(cls: Any, prefix: str) -> Iterator[tuple[str, Field]]:
    """Every key of a dataclass and its parts, in order."""
    hints = typing.get_type_hints(cls)
    for entry in dataclasses.fields(cls):
        key, kind = f"{prefix}{entry.name}", hints[entry.name]
        if dataclasses.is_dataclass(kind):
            yield from walk(kind, f"{key}.")
        else:
            yield key, Field(kind, entry.default, entry.metadata["help"])


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested plain data as dotted keys and values."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def nest(cls: Any, flat: Mapping[str, Any], prefix: str) -> Any:
    """The dataclass that dotted keys fill in; `flatten` turned round."""
    hints, values = typing.get_type_hints(cls), {}
    for entry in dataclasses.fields(cls):
        key, kind = f"{prefix}{entry.name}", hints[entry.name]
        if dataclasses.is_dataclass(kind):
            values[entry.name] = nest(kind, flat, f"{key}.")
        elif key in flat:
            values[entry.name] = flat[key]
    return cls(**values)


def alternatives(kind: Any) -> list[Any]:
    """The types of a union, or the one type."""
    return list(typing.get_args(kind)) if typing.get_origin(kind) in (typing.Union, types.UnionType) else [kind]


def converted(value: Any, kind: Any) -> Any:
    """`value` as `kind`, or ValueError. A number may be written as text, as YAML does with 1e-3."""
    for choice in alternatives(kind):
        if choice is types.NoneType:
            if value is None:
                return None
        elif typing.get_origin(choice) is Literal:
            if value in typing.get_args(choice):
                return value
        elif choice is str and isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return str(value)
        elif (choice is bool and isinstance(value, bool)) or (
            choice is int and isinstance(value, int) and not isinstance(value, bool)
        ):
            return value
        elif choice is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
            number = float(value)
            if math.isfinite(number):
                return number
    raise ValueError


def describe(kind: Any) -> str:
    """A type in words, its choices included."""
    words = []
    for choice in alternatives(kind):
        if choice is types.NoneType:
            words.append("null")
        elif typing.get_origin(choice) is Literal:
            words.extend(str(value) for value in typing.get_args(choice))
        else:
            words.append(
                {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}[choice.__name__]
            )
    return " | ".join(words)
