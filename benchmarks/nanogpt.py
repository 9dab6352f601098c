"""nanoGPT, from a checkout of it that the caller names: `git clone https://github.com/karpathy/nanoGPT`."""

from __future__ import annotations

import argparse
import contextlib
import gzip
import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from torch import Tensor

from headway.models.families import gpt2
from headway.models.keys import StackedTransposed, Transposed

FILE = "model.py"
BETA2, WEIGHT_DECAY = 0.99, 0.1  # of its config/train_shakespeare_char.py, and of its train.py


def flags(parser: argparse.ArgumentParser) -> None:
    """Where it is."""
    parser.add_argument("--nanogpt", type=Path, metavar="DIR", help=f"a checkout of nanoGPT, with its {FILE}")


def prepare(arguments: argparse.Namespace, folder: Path) -> None:
    """Put its model where the variants look for it."""
    if arguments.nanogpt is None or not (arguments.nanogpt / FILE).is_file():
        raise SystemExit(f"--nanogpt {arguments.nanogpt}: no {FILE} there; name a checkout of karpathy/nanoGPT")
    shutil.copy(arguments.nanogpt / FILE, folder / FILE)


def model(folder: Path, **sizes: Any) -> Any:
    """A fresh model of these sizes; what it prints goes to stderr."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", folder / FILE)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with contextlib.redirect_stdout(sys.stderr):
        return module.GPT(module.GPTConfig(**sizes))


def optimizer(model: Any, rate: float) -> Any:
    """As its train.py makes it on a CPU."""
    with contextlib.redirect_stdout(sys.stderr):
        return model.configure_optimizers(WEIGHT_DECAY, rate, (0.9, BETA2), "cpu")


def weights(ours: Any) -> dict[str, Tensor]:
    """Our weights under its names: those of GPT-2, but its layers are not transposed."""
    parameters = {name: parameter.detach() for name, parameter in ours.named_parameters()}
    found = {}
    for row in gpt2.keys(ours.spec):
        tensor = row.to_theirs([parameters[name] for name in row.names])
        found[row.theirs] = tensor.T if isinstance(row, Transposed | StackedTransposed) else tensor
    return found


def shakespeare() -> str:
    """The text of its example, below `HEADWAY_DATA`."""
    path = Path(os.environ.get("HEADWAY_DATA", ".")) / "tinyshakespeare" / "input.txt.gz"
    if not path.is_file():
        raise SystemExit(f"no {path}; set HEADWAY_DATA to the folder that has tinyshakespeare/input.txt.gz")
    return gzip.decompress(path.read_bytes()).decode("utf-8")
