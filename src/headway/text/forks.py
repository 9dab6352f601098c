"""Keeps the `tokenizers` library quiet and alive in a forked process: its threads are gone there, one core works on.

The library looks at TOKENIZERS_PARALLELISM when it works; who has set it is obeyed.
"""

from __future__ import annotations

import os
from functools import cache

_SWITCH = "TOKENIZERS_PARALLELISM"


@cache
def quiet_forks() -> None:
    """Has the switch set off just before every fork of this process, and cleared again in the parent."""
    set_here: list[str] = []

    def before() -> None:
        if _SWITCH not in os.environ:
            set_here.append(os.environ.setdefault(_SWITCH, "false"))

    def after() -> None:
        if set_here:
            set_here.clear()
            del os.environ[_SWITCH]

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_parent=after)
