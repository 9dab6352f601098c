"""Headway: the classic Transformer family, from raw text to a trained, measured and seen model.

The names below load what they need at first use: `import headway` alone imports no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headway.models import build, make_model
    from headway.runs import resume, train
    from headway.tasks.loaded import Loaded, load
    from headway.tasks.saving import save

__all__ = ["Loaded", "build", "load", "make_model", "resume", "save", "train"]

_HOMES = {
    "Loaded": "headway.tasks.loaded",
    "build": "headway.models",
    "load": "headway.tasks.loaded",
    "make_model": "headway.models",
    "resume": "headway.runs",
    "save": "headway.tasks.saving",
    "train": "headway.runs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'headway' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
