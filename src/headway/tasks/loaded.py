"""What `headway.load` returns: a model with its tokenizers, ready to be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from headway import spec as specs
from headway.checkpoints import hf, native
from headway.errors import CheckpointError, ConfigError
from headway.models.build import build
from headway.models.protocols import Translator
from headway.nn.linear import DynamicInt8, Linear, Packed, set_kernel
from headway.spec import ModelSpec
from headway.text.tokenizer import TokenizerPair


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in evaluation mode, its tokenizers and its spec."""

    model: Translator
    tokenizer: TokenizerPair | None  # None: the folder holds weights only
    spec: ModelSpec
    folder: Path

    @property
    def tokenizers(self) -> TokenizerPair:
        """The tokenizers.

        Raises:
            CheckpointError: the folder holds none.
        """
        if self.tokenizer is None:
            raise CheckpointError(f"{self.folder} holds a model without a tokenizer; text cannot be given to it")
        return self.tokenizer


def load(folder: str | Path, *, device: torch.device | None = None, threads: int = 0) -> Loaded:
    """A run folder, or a Hugging Face folder with one `model.safetensors`.

    Raises:
        CheckpointError: there is no model, or a file of it is damaged.
    """
    path = Path(folder)
    if not path.is_dir():
        raise CheckpointError(f"{path} is no folder; expected the folder of a run or of a Hugging Face model")
    if (path / "spec.json").is_file():
        spec = specs.from_json(native.read_json(path / "spec.json", "the spec of a model"))
        with torch.random.fork_rng():
            model = build(spec)
        native.load_weights(model, path / "model.safetensors")
        tokenizer: TokenizerPair | None = TokenizerPair.load(path)
    elif (path / "config.json").is_file():
        model, tokenizer = hf.load(path), None
        spec = model.spec
    else:
        raise CheckpointError(f"{path} holds no model: neither spec.json nor config.json is there")
    model.eval().requires_grad_(False)
    if device is not None:
        model.to(device)
    return Loaded(model, tokenizer, spec, path)
