"""The files of a tokenizer's folder, as `transformers` names them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headway.errors import CheckpointError

FILE, SETTINGS, OLD_SETTINGS = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"
MODEL = "spiece.model"
CONFIG = "config.json"
LARGEST = 1 << 28  # bytes of a file


def read_settings(folder: Path) -> dict[str, Any]:
    """What the folder says about special pieces; where to find code of its own (`auto_map`) is left out.

    Raises:
        CheckpointError: a file is damaged.
    """
    settings = read_json(folder / OLD_SETTINGS) | read_json(folder / SETTINGS)
    settings.pop("auto_map", None)
    return settings


def write_folder(folder: Path, definition: bytes, settings: Mapping[str, Any], model: bytes = b"") -> None:
    """Writes both files, each whole or not at all; `tokenizer.json`, which makes the folder a tokenizer's, last.

    A `model`, where there is one, is written as `spiece.model`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / SETTINGS, (json.dumps(settings, ensure_ascii=False, indent=2) + "\n").encode())
    if model:
        _write(folder / MODEL, model)
    _write(folder / FILE, definition)


def contents(folder: Path) -> str:
    """What is in a folder, for a message about what is not."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return "it is no folder that can be read"
    shown = ", ".join(names[:20])
    return f"it holds {shown}{', …' if len(names) > 20 else ''}" if names else "it is empty"


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        CheckpointError: it cannot be read.
    """
    try:
        if (size := path.stat().st_size) > LARGEST:
            raise CheckpointError(f"{path} has {size:,} bytes, which no file of a tokenizer has; fetch it again")
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); fetch it again") from error


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; empty where there is no file.

    Raises:
        CheckpointError: the file holds something else.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); write it again") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds {type(content).__name__}, expected an object; write it again")
    return content


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)
