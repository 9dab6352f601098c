"""A bar on standard error for work that takes longer than two seconds; nothing before, nothing in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

PATIENCE = 2.0  # seconds without a word


@contextmanager
def progress(title: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
    """Gives `advance(n)`, which counts `n` of `total` units done; None: nobody knows of how many."""
    if not sys.stderr.isatty():
        yield lambda n: None
        return
    from rich.console import Console, RenderableType
    from rich.progress import MofNCompleteColumn, Progress

    start = time.monotonic()

    class Late(Progress):
        def get_renderables(self) -> Iterable[RenderableType]:
            if time.monotonic() - start > PATIENCE:
                yield from super().get_renderables()

    columns = [*Progress.get_default_columns(), *([MofNCompleteColumn()] if total is None else [])]
    with Late(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{title} ({unit})", total=total)
        yield lambda n: bar.advance(task, n)
