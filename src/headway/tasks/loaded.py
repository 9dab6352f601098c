"""What `headway.load` returns: a model with its tokenizers, ready to be used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from headway import spec as specs
from headway.checkpoints import hf, native
from headway.checkpoints.generation import read_generation
from headway.config import read_config
from headway.decoding.generate import Decoding
from headway.decoding.hypotheses import LengthNorm
from headway.errors import CheckpointError, ConfigError, nearest
from headway.models.build import Model, build
from headway.models.protocols import Translator
from headway.models.single import SingleStack
from headway.nn.arithmetic import Arithmetic, prepare
from headway.spec import ModelSpec
from headway.tasks.answer import Answer, answer
from headway.tasks.classify import Classification, classify
from headway.tasks.embed import Pool, embed
from headway.tasks.fill import Filling, fill
from headway.tasks.tag import Tagged, Unit, tag
from headway.tasks.translate import translate_lines
from headway.text.tokenizer import TokenizerPair


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in evaluation mode, its tokenizers and its spec."""

    model: Model
    tokenizer: TokenizerPair | None  # None: the folder holds weights only
    spec: ModelSpec
    folder: Path
    decoding: Decoding  # how it was made to be asked
    arithmetic: Arithmetic  # how its linear layers multiply, and what was measured to decide it

    @property
    def tokenizers(self) -> TokenizerPair:
        """The tokenizers.

        Raises:
            CheckpointError: the folder holds none.
        """
        if self.tokenizer is None:
            raise CheckpointError(f"{self.folder} holds a model without a tokenizer; text cannot be given to it")
        return self.tokenizer

    @property
    def translator(self) -> Translator:
        """The model as one that translates.

        Raises:
            ConfigError: it does not.
        """
        if isinstance(self.model, SingleStack):
            raise ConfigError(f"{self.folder} is a model of the family {self.spec.family}, which does not translate")
        return self.model

    def translate(self, lines: Iterable[str], options: Decoding | None = None) -> list[str]:
        """The best translation of each line; None: asked as the model was made to be."""
        found = translate_lines(self.translator, self.tokenizers, lines, options or self.decoding)
        return [best[0].text for best in found]

    def fill(self, text: str, k: int = 5) -> Filling:
        """The `k` most probable words for each mask of a text."""
        return fill(self.model, self.tokenizers.source, text, k)

    def classify(self, texts: Iterable[str | tuple[str, str]]) -> list[Classification]:
        """The label of each text or pair, with probabilities."""
        return list(classify(self.model, self.tokenizers.source, texts))

    def tag(self, lines: Iterable[str], unit: Unit = "word") -> list[Tagged]:
        """A label for every word, or character, of each line."""
        return list(tag(self.model, self.tokenizers.source, lines, unit))

    def answer(self, question: str, context: str, k: int = 5) -> Answer:
        """The best answer to a question in a text, and the next best."""
        return answer(self.model, self.tokenizers.source, question, context, k)

    def embed(
        self, texts: Iterable[str], layer: str = "-1", pool: Pool = "mean", normalize: bool = False
    ) -> NDArray[np.float32] | list[NDArray[np.float32]]:
        """The vectors `(texts, width)`; with pool `none` one matrix `(tokens, width)` a text."""
        found = embed(self.model, self.tokenizers.source, texts, layer, pool, normalize)
        vectors = [embedding.vector for embedding in found]
        return vectors if pool == "none" or not vectors else np.stack(vectors)


def load(
    folder: str | Path,
    *,
    device: str | torch.device = "cpu",
    dtype: str = "auto",
    quantize: str | None = None,
    offline: bool = False,
) -> Loaded:
    """A run folder, or a Hugging Face folder with one `model.safetensors`, in evaluation mode and without gradients.

    Args:
        folder: the model.
        device: where it is put; `auto` takes an accelerator where there is one.
        dtype: `float32`, `bfloat16` or `float16`; `auto` keeps float32.
        quantize: `int8`: the linear layers multiply in eight bits, on a CPU; faster, and a little less exact.
        offline: never touch the network; a folder on this machine needs none.

    Raises:
        CheckpointError: there is no model, or a file of it is damaged.
        ConfigError: an argument is none of these, or there is no such device.
    """
    path = Path(folder)
    if dtype not in _DTYPES:
        raise ConfigError(f"dtype is {dtype!r}; {nearest(dtype, _DTYPES)}")
    if quantize not in (None, "int8"):
        raise ConfigError(f"quantize is {quantize!r}; expected int8 or nothing")
    if not path.is_dir():
        where = "" if offline else " (models on a hub cannot be loaded yet)"
        raise CheckpointError(f"{path} is no folder; expected the folder of a run or of a Hugging Face model{where}")
    tokenizer: TokenizerPair | None = None
    model: Model
    if (path / "spec.json").is_file():
        spec = specs.from_json(native.read_json(path / "spec.json", "the spec of a model"))
        with torch.random.fork_rng():
            model = build(spec)
        native.load_weights(model, path / "model.safetensors")
        tokenizer = TokenizerPair.load(path)
    elif (path / "config.json").is_file():
        model = hf.load(path)
    else:
        raise CheckpointError(f"{path} holds no model: neither spec.json nor config.json is there")
    model.eval().requires_grad_(False).to(device_of(str(device)), _DTYPES[dtype])
    arithmetic = prepare(model, quantize=quantize)
    return Loaded(model, tokenizer, model.spec, path, _decoding(path, model.spec), arithmetic)


def device_of(name: str) -> torch.device:
    """The device of a name; `auto` takes an accelerator where there is one.

    Raises:
        ConfigError: it is not there.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next((kind for kind in ("cuda", "mps") if available[kind]), "cpu")
    if not available.get(name.split(":")[0], False):
        there = ", ".join(kind for kind, here in available.items() if here)
        raise ConfigError(f"device {name} is not available here; there is: {there}")
    return torch.device(name)


def _decoding(path: Path, spec: ModelSpec) -> Decoding:
    """How the model was made to be asked: by the configuration of its run, or by its generation settings."""
    if (path / "config.yaml").is_file():
        config = read_config(path / "config.yaml").decoding
        return Decoding(beam=config.beam, length_norm=LengthNorm.parse(config.length_norm), stop=config.stop)
    if not (path / "config.json").is_file():
        return Decoding()
    given = read_generation(path, spec.tokens)
    return Decoding(
        beam=given.beam,
        length_norm=LengthNorm("power", given.length_alpha),
        stop=given.stop,
        max_length=None if given.max_length is None else given.max_length - 1,  # theirs counts the start token
        force_end=given.forces_end,
        suppress=given.forbidden,
    )


_DTYPES = {
    "auto": torch.float32,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
