"""How `config.json` says what query and key are turned by: the base of the frequencies, their scaling for long texts.

Older files name them `rope_theta` and `rope_scaling`, newer ones `rope_parameters`; both are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headway.errors import CheckpointError
from headway.models.families.exchange import number, share
from headway.spec import PositionSpec, RotaryScaling

SCALING = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")


def read(config: Mapping[str, Any]) -> tuple[float, RotaryScaling | None]:
    """The base of the frequencies, and how they are changed for long texts.

    Raises:
        CheckpointError: they are of a kind that is not here, or said twice.
    """
    given = config.get("rope_scaling") or config.get("rope_parameters") or {}
    if not isinstance(given, Mapping):
        raise CheckpointError(f"config.json: the rotations are {given!r}; expected an object")
    outside = share(config, "rope_theta", share(given, "rope_theta", 10000.0))
    base = share(given, "rope_theta", outside)
    if base != outside:
        raise CheckpointError(f"config.json: rope_theta is {outside}, but {base} among the rotations; remove one")
    kind = given.get("rope_type", given.get("type", "default"))
    known = {"rope_theta", "rope_type", "type", *(SCALING if kind == "llama3" else ())}
    changes = [f"{name} = {value!r}" for name, value in given.items() if name not in known and value not in (None, 1.0)]
    if kind not in ("default", "llama3") or changes:
        raise CheckpointError(
            f"config.json: rotations of type {kind} ({', '.join(changes) or 'without more'}) are not supported; "
            "known: default, llama3"
        )
    if kind == "default":
        return base, None
    factor, low, high, _ = (share(given, name, 0.0) for name in SCALING)
    length = number({**config, **given}, SCALING[-1], "max_position_embeddings")
    return base, RotaryScaling(factor=factor, low=low, high=high, length=length)


def written(position: PositionSpec) -> dict[str, Any]:
    """What `read` reads."""
    rotation: dict[str, Any] = {"rope_type": "default", "rope_theta": position.base}
    if (scaling := position.scaling) is not None:
        values = scaling.factor, scaling.low, scaling.high, scaling.length
        rotation |= {"rope_type": "llama3", **dict(zip(SCALING, values, strict=True))}
    return {
        "rope_theta": position.base,
        "rope_parameters": rotation,
        "rope_scaling": None if scaling is None else rotation,
    }
