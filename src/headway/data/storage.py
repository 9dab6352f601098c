"""Where everything that can be made again is kept, each piece in a folder named by the hash of its content.

    <cache>/tables/<key>/    rows of text files as Arrow tables
    <cache>/tokens/<key>/    encoded texts
    <cache>/sets/<name>/     downloaded named sets

A piece is written under another name and renamed when it is whole: a killed run leaves no half piece, only a
folder `.unfinished-…` that the next `prune_cache` removes.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headway.errors import CapacityError, ConfigError

_TITLE = "title.txt"
_UNFINISHED = ".unfinished-"
_ABANDONED_AFTER = 3600.0  # seconds without a write


@dataclass(frozen=True)
class CacheEntry:
    """One piece of the cache; `size` in bytes, `last_used` in seconds since 1970."""

    kind: str
    key: str
    title: str
    size: int
    last_used: float
    folder: Path
    is_unfinished: bool


def cache_folder() -> Path:
    """The value of HEADWAY_CACHE, or `~/.cache/headway`."""
    return Path(os.environ.get("HEADWAY_CACHE") or Path.home() / ".cache" / "headway")


def find_entry(kind: str, key: str) -> Path | None:
    """The folder of a finished piece, marked as used now, or None."""
    folder = cache_folder() / kind / key
    if not folder.is_dir():
        return None
    if os.access(folder, os.W_OK):
        os.utime(folder)
    return folder


@contextmanager
def new_entry(kind: str, key: str, *, title: str, needed: int = 0) -> Iterator[Path]:
    """A folder to write a piece into; it becomes the piece when the block ends without an error.

    Args:
        kind: `tables`, `tokens` or `sets`.
        key: the hash of everything the piece depends on.
        title: what a person calls it.
        needed: estimated size, in bytes.

    Raises:
        CapacityError: the disk has not room for `needed` bytes, or runs full while writing.
        ConfigError: the cache folder cannot be written.
    """
    parent = cache_folder() / kind
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=parent))
    except OSError as error:
        raise ConfigError(
            f"the cache folder {parent} cannot be written ({error.strerror}); set HEADWAY_CACHE"
        ) from None
    try:
        check_space(folder, needed)
        (folder / _TITLE).write_text(title + "\n", encoding="utf-8", newline="\n")
        yield folder
        _rename(folder, parent / key)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise CapacityError(_no_room(parent, needed)) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_space(folder: Path, needed: int) -> None:
    """Raises CapacityError unless the disk of `folder` has room for `needed` bytes."""
    if shutil.disk_usage(folder).free < needed:
        raise CapacityError(_no_room(folder.parent, needed))


def list_cache() -> list[CacheEntry]:
    """Every piece there is, the longest unused first."""
    entries = [_entry(folder) for folder in cache_folder().glob("*/*") if folder.is_dir()]
    return sorted(entries, key=lambda entry: entry.last_used)


def prune_cache(
    *, max_bytes: int | None = None, older_than: float | None = None, everything: bool = False
) -> list[CacheEntry]:
    """Removes pieces and returns them: always those abandoned by a killed run, and by the rules that are given.

    Args:
        max_bytes: remove the longest unused until so much is left, in bytes.
        older_than: remove what was not used for so long, in seconds.
        everything: remove all.
    """
    entries, now = list_cache(), time.time()
    left = sum(entry.size for entry in entries)
    removed = []
    for entry in entries:
        age = now - entry.last_used
        if entry.is_unfinished:
            remove = age > _ABANDONED_AFTER
        else:
            too_old = older_than is not None and age > older_than
            remove = everything or too_old or (max_bytes is not None and left > max_bytes)
        if remove:
            shutil.rmtree(entry.folder, ignore_errors=True)
            left -= entry.size
            removed.append(entry)
    return removed


def readable_size(size: int) -> str:
    """Bytes for people.

    >>> readable_size(1536)
    '1.5 KB'
    """
    value, units = float(size), ["B", "KB", "MB", "GB", "TB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.1f} {units[0]}" if units[0] != "B" else f"{size} B"


def _rename(folder: Path, target: Path) -> None:
    """Puts a finished piece in its place; where another process was first, its piece is as good."""
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _entry(folder: Path) -> CacheEntry:
    states = [path.stat() for path in folder.rglob("*") if path.is_file()]
    title = folder / _TITLE
    unfinished = folder.name.startswith(_UNFINISHED)
    used = max([folder.stat().st_mtime] + [state.st_mtime for state in states if unfinished])
    return CacheEntry(
        kind=folder.parent.name,
        key=folder.name,
        title=title.read_text(encoding="utf-8").strip() if title.exists() else folder.name,
        size=sum(state.st_size for state in states),
        last_used=used,
        folder=folder,
        is_unfinished=unfinished,
    )


def _no_room(folder: Path, needed: int) -> str:
    free = readable_size(shutil.disk_usage(folder).free)
    need = f"about {readable_size(needed)} are needed" if needed else "more is needed"
    return (
        f"{folder}: the disk is full: {need}, {free} are free; "
        "free some with `headway data cache --prune all`, or set HEADWAY_CACHE to a larger disk"
    )
