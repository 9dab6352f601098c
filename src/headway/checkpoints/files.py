"""The files of a checkpoint that are text, and how any of its files is written: whole or not at all. Without torch."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headway.errors import CapacityError, CheckpointError

LAST = ("config.json", "spec.json")
WEIGHTS = ("model*.safetensors", "model.safetensors.index.json", "pytorch_model*.bin", "pytorch_model.bin.index.json")
LARGEST_JSON = 1 << 26  # bytes; the index of the largest models has a tenth of it


def read_json(path: Path, what: str) -> dict[str, Any]:
    """The object in a JSON file; `what` says in an error what was looked for, as in "the spec of a model".

    Raises:
        CheckpointError: the file is missing, damaged, or holds something else than an object.
    """
    try:
        check_regular(path, what)
        size = path.stat().st_size
        if size > LARGEST_JSON:
            raise CheckpointError(f"{path} has {size:,} bytes; expected {what}, which is short")
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); expected {what}") from None
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} is not UTF-8 (byte {error.start}); expected {what} as JSON") from None
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path}, line {error.lineno}: {error.msg}; expected {what} as JSON") from None
    except (RecursionError, ValueError) as error:  # nested beyond reason, or a number of thousands of digits
        raise CheckpointError(f"{path} cannot be read ({error}); expected {what} as JSON") from None
    if not isinstance(data, dict):
        raise CheckpointError(f"{path} holds {type(data).__name__}; expected {what}, a JSON object")
    return data


def check_regular(path: Path, what: str) -> None:
    """Raises CheckpointError unless `path` leads to a file: a folder or a pipe in its place must not be opened."""
    if not path.exists():
        raise CheckpointError(f"{path} does not exist; expected {what}")
    if not path.is_file():
        raise CheckpointError(f"{path} is no regular file; expected {what}")


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write `data` for people to read: indented, Hangul as it is, one newline at the end.

    Raises:
        CapacityError: the disk is full.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    replace_file(path, lambda part: part.write_text(text, encoding="utf-8", newline="\n"))


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` write another file beside `path`, and put it in its place when it is whole.

    Raises:
        CapacityError: the disk is full.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.touch()
        mode = part.stat().st_mode
        write(part)
        part.chmod(mode)  # safetensors would leave a file that nobody else may read
        part.replace(path)
    except Exception as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "os error 28" in str(error):
            raise CapacityError(f"no room on the disk to write {path}; make room and start again") from None
        raise
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A folder beside `folder`, to be filled; what is in it takes its place there when all is written.

    Other files of `folder` stay, but for weights: those of two saves must not mix. The file that says what model
    lies there comes last.

    Raises:
        CapacityError: the disk is full.
    """
    part = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir()
        yield part
        folder.mkdir(exist_ok=True)
        names = sorted((path.relative_to(part) for path in part.rglob("*") if path.is_file()), key=_is_last)
        for old in [folder / name for name in LAST] + [path for kind in WEIGHTS for path in folder.glob(kind)]:
            old.unlink(missing_ok=True)
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).replace(folder / name)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CapacityError(f"no room on the disk to write {folder}; make room and start again") from None
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _is_last(name: Path) -> bool:
    return str(name) in LAST


def check_names(*, missing: Collection[str], left_over: Collection[str], path: Path | str) -> None:
    """Raises CheckpointError unless both are empty; the message lists them."""
    if missing or left_over:
        lists = [f"{what}: {some(sorted(names))}" for what, names in (("missing", missing), ("left over", left_over))]
        raise CheckpointError(f"{path} does not hold the weights of this model; {'; '.join(lists)}")


def some(names: list[str], most: int = 10) -> str:
    """The first of `names`, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more if names else "none"
