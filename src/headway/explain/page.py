"""Writes a trace as one stand-alone HTML page: no network, no library, opened from a file or served alike.

The page's own files lie in `page/`. Its modules import each other by bare names; an import map gives every name as a
`data:` address, because a page opened from a file may not load module files beside it. The policy in its head forbids
every request. All text of the trace stands inside one JSON element, where every `<` is escaped.
"""

from __future__ import annotations

import base64
import json
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from headway.checkpoints.files import replace_file
from headway.errors import CapacityError
from headway.explain.trace import Trace

POLICY = "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data: blob:"
MAX_BYTES = 14_000_000


class Written(NamedTuple):
    """A page on disk: where, how many bytes, and block → the layers it holds, from 0."""

    path: Path
    size: int
    layers: dict[str, list[int]]


def write_page(trace: Trace, path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Written:
    """Write `trace` to `path` as one HTML file; over `max_bytes` it keeps evenly spaced layers and says which.

    Raises:
        CapacityError: even one layer of each block is more than `max_bytes`.
    """
    data = trace.to_json()
    parts = {"policy": POLICY, "style": _part("style.css"), "modules": json.dumps({"imports": _modules()})}
    template = _part("page.html")
    budget = max_bytes - len(template) - sum(map(len, parts.values())) - len(_json(_without_weights(data)))
    data["kept"] = _fit(data["attn"], budget, max_bytes)
    # one pass: a text of the trace that looks like a placeholder stays as it is
    parts["trace"] = _json(data)
    page = re.sub(r"<!--(policy|style|modules|trace)-->", lambda found: parts[found[1]], template).encode()
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(target, lambda part: part.write_bytes(page))
    return Written(target, len(page), data["kept"])


def _part(name: str) -> str:
    return (files("headway.explain") / "page" / name).read_text(encoding="utf-8")


def _modules() -> dict[str, str]:
    """Bare name → its source as a `data:` address, for every module of the page."""
    folder = files("headway.explain") / "page"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".js"))
    coded = {name: base64.b64encode(_part(name).encode()).decode("ascii") for name in names}
    return {name.removesuffix(".js"): f"data:text/javascript;base64,{source}" for name, source in coded.items()}


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _without_weights(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != "attn"}


def _fit(attention: dict[str, list[Any]], budget: int, max_bytes: int) -> dict[str, list[int]]:
    """Replace layers by None until the rest fits, keeping the last and evenly spaced ones before it."""
    sizes = {block: [len(_json(layer)) + 1 for layer in layers] for block, layers in attention.items()}
    for count in range(max(map(len, attention.values())), 0, -1):
        kept = {block: _spread(len(layers), count) for block, layers in attention.items()}
        if sum(sizes[block][layer] for block, layers in kept.items() for layer in layers) + 1000 <= budget:
            for block, layers in attention.items():
                attention[block] = [blob if n in kept[block] else None for n, blob in enumerate(layers)]
            return kept
    raise CapacityError(
        f"one layer of each attention block takes more than the {max_bytes:,} bytes a page may have: shorten the text"
    )


def _spread(layers: int, count: int) -> list[int]:
    """`count` of `layers` layers, evenly spaced, the last among them.

    >>> _spread(12, 4), _spread(3, 8)
    ([2, 5, 8, 11], [0, 1, 2])
    """
    return sorted({(n + 1) * layers // min(count, layers) - 1 for n in range(min(count, layers))})
