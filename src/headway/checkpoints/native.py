"""The weights and the JSON files of a run folder.

Every file is written under another name and renamed when it is whole: a killed run leaves the old file or the new one.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from headway.errors import CapacityError, CheckpointError


def save_weights(model: nn.Module, path: Path) -> None:
    """Write every parameter of `model` once, under its first name, with its own dtype.

    Raises:
        CapacityError: the disk is full.
    """
    write_tensors({name: weight.detach() for name, weight in model.named_parameters()}, path)


def load_weights(model: nn.Module, path: Path) -> None:
    """Read into the parameters of `model`, in place: tied parameters stay tied, and the dtype stays the model's.

    Raises:
        CheckpointError: the file is missing or damaged, or its names or shapes are not those of `model`.
    """
    fill(model, read_tensors(path), path)


def fill(model: nn.Module, tensors: Mapping[str, Tensor], path: Path | str) -> None:
    """Copy `tensors`, read from `path`, into the parameters of `model`, in place; all of them or none.

    Raises:
        CheckpointError: a name is missing or left over, or a shape differs; the message lists them.
    """
    own = dict(model.named_parameters())
    check_names(missing=own.keys() - tensors.keys(), left_over=tensors.keys() - own.keys(), path=path)
    if wrong := [
        f"{name} is {list(tensors[name].shape)}, expected {list(weight.shape)}"
        for name, weight in own.items()
        if tensors[name].shape != weight.shape
    ]:
        raise CheckpointError(f"{path}: not the shapes of this model: {_some(wrong)}")
    with torch.no_grad():
        for name, weight in own.items():
            weight.copy_(tensors[name])


def check_names(*, missing: set[str], left_over: set[str], path: Path | str) -> None:
    """Raises CheckpointError unless both are empty; the message lists them."""
    if missing or left_over:
        lists = [f"{what}: {_some(sorted(names))}" for what, names in (("missing", missing), ("left over", left_over))]
        raise CheckpointError(f"{path} does not hold the weights of this model; {'; '.join(lists)}")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a safetensors file by its name, mapped from the disk and not yet read.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; expected the weights of a model") from None
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} is not a whole safetensors file ({error}); copy or download it again") from None


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write a safetensors file that the whole ecosystem reads.

    Raises:
        CapacityError: the disk is full.
    """
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    _replace(path, lambda part: save_file(contiguous, part, metadata={"format": "pt"}))


def read_json(path: Path, what: str) -> dict[str, Any]:
    """The object in a JSON file; `what` says in an error what was looked for, as in "the spec of a model".

    Raises:
        CheckpointError: the file is missing, damaged, or holds something else than an object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; expected {what}") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); expected {what}") from None
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} is not UTF-8 (byte {error.start}); expected {what} as JSON") from None
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path}, line {error.lineno}: {error.msg}; expected {what} as JSON") from None
    if not isinstance(data, dict):
        raise CheckpointError(f"{path} holds {type(data).__name__}; expected {what}, a JSON object")
    return data


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write `data` for people to read: indented, Hangul as it is, one newline at the end.

    Raises:
        CapacityError: the disk is full.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    _replace(path, lambda part: part.write_text(text, encoding="utf-8", newline="\n"))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.touch()
        mode = part.stat().st_mode
        write(part)
        part.chmod(mode)  # safetensors would leave a file that nobody else may read
        part.replace(path)
    except (OSError, SafetensorError) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "os error 28" in str(error):
            raise CapacityError(f"no room on the disk to write {path}; make room and start again") from None
        raise
    finally:
        part.unlink(missing_ok=True)


def _some(names: list[str], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more if names else "none"
