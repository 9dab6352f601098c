"""Which name in a file is which row of a family's key table. Names only: nothing is read, and torch is not needed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headway.errors import CheckpointError, ConfigError
from headway.models.families.exchange import Published


@dataclass(frozen=True, slots=True)
class Names:
    """What a family finds in a file."""

    stored: Mapping[str, str]  # a name of the key table: its name in the file
    repeats: tuple[tuple[str, str], ...]  # a name in the file, and another one that holds the same tensor
    buffers: tuple[str, ...]  # names in the file of what is no weight
    missing: tuple[str, ...]  # names of the key table that the file has not
    left_over: tuple[str, ...]  # names in the file that nothing here asks for


def match(wanted: Iterable[str], names: Collection[str], family: Published, spec: Any) -> Names:
    """Find the tensors `wanted`, with the prefix of the base model or without, or under a name that repeats them."""
    also: dict[str, list[str]] = {}
    for copy, name in family.copies(spec).items():
        also.setdefault(name, []).append(copy)
    stored: dict[str, str] = {}
    repeats: list[tuple[str, str]] = []
    missing: list[str] = []
    for name in wanted:
        places = [place for known in (name, *also.get(name, [])) for place in _spellings(known, family.PREFIX)]
        found = list(dict.fromkeys(place for place in places if place in names))
        if found:
            stored[name] = found[0]
            repeats += [(found[0], other) for other in found[1:]]
        else:
            missing.append(name)
    used = {*stored.values(), *(other for _, other in repeats)}
    rest = [name for name in names if name not in used]
    buffers = tuple(name for name in rest if buffer_of(name, family) is not None)
    left_over = tuple(sorted({*rest} - {*buffers}))
    return Names(stored, tuple(repeats), buffers, tuple(missing), left_over)


def buffer_of(name: str, family: Published) -> str | None:
    """The pattern of the family's buffers that `name` is one of."""
    spellings = _spellings(name, family.PREFIX)
    return next((p for p in family.BUFFERS if any(re.fullmatch(p, spelling) for spelling in spellings)), None)


def known_names(family: Any, config: Mapping[str, Any]) -> set[str]:
    """What every class of a family calls its tensors, for the sizes of `config`: heads and poolers among them."""
    names: set[str] = set()
    for architecture in family.ARCHITECTURES:
        try:
            spec = family.spec(config, architecture)
        except (CheckpointError, ConfigError):
            continue  # this configuration has no such head
        tables = [*(row.theirs for row in family.keys(spec)), *family.copies(spec)]
        names |= {spelling for name in tables for spelling in _spellings(name, family.PREFIX)}
    return names


def _spellings(name: str, prefix: str) -> list[str]:
    """A name as it is, and with or without the prefix of the base model."""
    other = name.removeprefix(prefix) if name.startswith(prefix) else prefix + name
    return [name] if other == name else [name, other]
