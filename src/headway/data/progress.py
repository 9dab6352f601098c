"""A bar on standard error for work that takes longer than two seconds; nothing before, nothing in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 2.0  # seconds without a word


@contextmanager
def progress(title: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Gives `advance(n)`, which counts `n` of `total` units done."""
    if not sys.stderr.isatty():
        yield lambda n: None
        return
    from rich.console import Console
    from rich.progress import Progress

    start = time.monotonic()
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{title} ({unit})", total=total, visible=False)
        yield lambda n: bar.update(task, advance=n, visible=time.monotonic() - start > PATIENCE)
