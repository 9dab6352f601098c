"""The files of a tokenizer's folder, as `transformers` names them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headway.errors import CheckpointError

FILE, SETTINGS, OLD_SETTINGS = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"


def read_folder(folder: Path) -> tuple[bytes, dict[str, Any]]:
    """The bytes of `tokenizer.json`, and what the files beside it say about special pieces.

    Raises:
        CheckpointError: there is no tokenizer in the folder, or a file beside it is damaged.
    """
    try:
        definition = (folder / FILE).read_bytes()
    except OSError as error:
        raise CheckpointError(_missing(folder)) from error
    return definition, _read_json(folder / OLD_SETTINGS) | _read_json(folder / SETTINGS)


def write_folder(folder: Path, definition: bytes, settings: Mapping[str, Any]) -> None:
    """Writes both files, each whole or not at all; `tokenizer.json`, which makes the folder a tokenizer's, last."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / SETTINGS, (json.dumps(settings, ensure_ascii=False, indent=2) + "\n").encode())
    _write(folder / FILE, definition)


def _missing(folder: Path) -> str:
    if (folder / "source" / FILE).is_file():
        return f"{folder} holds separate tokenizers; name {folder / 'source'} or {folder / 'target'}"
    return f"there is no {FILE} in {folder}; name a folder written by `headway tokenizer train`, or a run"


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged ({error}); write it again") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds {type(content).__name__}, expected an object; write it again")
    return content


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)
