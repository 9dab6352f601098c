"""What `headway.load` returns: a model with its tokenizers, ready to be used."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from headway.data.prefixes import tell
from headway.data.prompted import part
from headway.data.tagged import Unit
from headway.decoding.generate import Decoding
from headway.errors import CheckpointError, ConfigError
from headway.models.build import Model
from headway.models.protocols import Translator
from headway.models.recurrent import RecurrentEncoderDecoder
from headway.models.transformer import EncoderDecoder
from headway.nn.arithmetic import Arithmetic, Choice
from headway.spec import LabelHeadSpec, ModelSpec
from headway.tasks.answer import Answer, answer
from headway.tasks.augment import Labelled, Refilling, augment
from headway.tasks.classify import Classification, classify
from headway.tasks.embed import Pool, embed
from headway.tasks.fill import Filling, fill
from headway.tasks.generate import generate, greedy
from headway.tasks.opening import open_model
from headway.tasks.reading import Reading
from headway.tasks.tag import Tagged, tag
from headway.tasks.translate import translate_lines
from headway.text.tokenizer import Tokenizer, TokenizerPair


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in evaluation mode, its tokenizers and its spec."""

    model: Model
    tokenizer: Tokenizer | TokenizerPair | None  # a pair for an encoder-decoder; None: the folder holds weights only
    spec: ModelSpec
    folder: Path
    decoding: Decoding  # how it was made to be asked
    choice: Choice  # of the kernels of its linear layers
    fresh: tuple[str, ...] = ()  # parameters that the folder had not, drawn at random
    unread: tuple[str, ...] = ()  # tensors of the folder that this model has no place for
    reading: Reading = field(default_factory=Reading)  # how its run read texts

    @property
    def arithmetic(self) -> Arithmetic:
        """How its linear layers multiply, and what was measured to decide it: when they first did, or now."""
        return self.choice.arithmetic

    @property
    def tokenizers(self) -> TokenizerPair:
        """The tokenizers of what is read and of what is written; of a single stack the same one twice.

        Raises:
            CheckpointError: the folder holds none.
        """
        if self.tokenizer is None:
            raise CheckpointError(f"{self.folder} holds a model without a tokenizer; text cannot be given to it")
        if isinstance(self.tokenizer, Tokenizer):
            return TokenizerPair(self.tokenizer, self.tokenizer)
        return self.tokenizer

    @property
    def translator(self) -> Translator:
        """The model as one that translates.

        Raises:
            ConfigError: it does not.
        """
        if not isinstance(self.model, EncoderDecoder | RecurrentEncoderDecoder):
            raise ConfigError(
                f"{self.folder} is a model of the family {self.spec.family}, which does not translate; one that does: "
                "headway train translate --data.train FILE"
            )
        return self.model

    def translate(self, lines: Iterable[str], options: Decoding | None = None, *, task: str | None = None) -> list[str]:
        """The best translation of each line; None: asked as the model was made to be.

        Of a run that knows tasks by prefixes, `task` names the one whose prefix is put before a line; a line that
        begins with one is read as it is.
        """
        told = tell(iter(lines), self.reading.prefixes, task)
        found = translate_lines(self.translator, self.tokenizers, told, options or self.decoding)
        return [best[0].text for best in found]

    def generate(
        self,
        prompts: Iterable[str],
        options: Decoding | None = None,
        *,
        stop: Sequence[str] = (),
        special: bool = False,
    ) -> list[str]:
        """The best text after each prompt, up to one of `stop`; None: greedy, as `headway generate`.

        With `special`, a special piece in a prompt (`<extra_id_0>`) is read as such, and else as characters. A text
        ends where the model's folder says, unless `options` names `ends` of its own.
        """
        asked = greedy(self.decoding) if options is None else options
        asked = dataclasses.replace(asked, ends=asked.ends or self.decoding.ends)
        parted = part(prompts, self.reading.separator)
        found = generate(self.model, self.tokenizers, parted, asked, stop_strings=stop, special=special)
        return [best[0].text for best in found]

    def fill(self, text: str, k: int = 5) -> Filling:
        """The `k` most probable words for each mask of a text."""
        return fill(self.model, self.tokenizers.source, text, k)

    def classify(self, texts: Iterable[str | tuple[str, str]]) -> list[Classification]:
        """The label of each text, or of each pair where the run learned pairs, with probabilities."""
        return list(classify(self.model, self.tokenizers.source, texts, pairs=self.reading.pairs))

    def tag(self, lines: Iterable[str], unit: Unit | None = None) -> list[Tagged]:
        """A label for every word, or character, of each line; None: as its run learned, of other models words."""
        read = self.reading
        source, unit = self.tokenizers.source, unit or read.unit
        return list(tag(self.model, source, lines, unit, max_length=read.max_length, stride=read.stride))

    def answer(self, question: str, context: str, k: int = 5) -> Answer:
        """The best answer to a question in a text, and the next best."""
        source, read = self.tokenizers.source, self.reading
        return answer(self.model, source, question, context, k, max_length=read.max_length, stride=read.stride)

    def embed(
        self, texts: Iterable[str], layer: str = "-1", pool: Pool = "mean", normalize: bool = False
    ) -> NDArray[np.float32] | list[NDArray[np.float32]]:
        """The vectors `(texts, width)`; with pool `none` one matrix `(tokens, width)` a text."""
        found = embed(self.model, self.tokenizers.source, texts, layer, pool, normalize)
        vectors = [embedding.vector for embedding in found]
        return vectors if pool == "none" or not vectors else np.stack(vectors)

    def augment(self, texts: Iterable[Labelled], options: Refilling | None = None) -> list[tuple[str, ...]]:
        """Variants of each text, or of each text with its label, that keep what it is about."""
        found = augment(self.model, self.tokenizers.source, texts, options or Refilling(), made=self.decoding)
        return [variants.texts for variants in found]


def load(
    model: str | Path,
    *,
    device: str | torch.device = "cpu",
    dtype: str = "auto",
    quantize: str | None = None,
    offline: bool = False,
    revision: str | None = None,
    architecture: str | None = None,
    head: LabelHeadSpec | None = None,
    allow_missing: bool = False,
) -> Loaded:
    """A run folder, a Hugging Face folder or a model of the hub, in evaluation mode and without gradients.

    Args:
        model: a folder, or a hub id: `owner/name` or `owner/name@revision`.
        device: where it is put; `auto` takes an accelerator where there is one.
        dtype: `float32`, `bfloat16` or `float16`; `auto` keeps float32.
        quantize: `int8`: the linear layers multiply in eight bits, on a CPU; faster, and a little less exact.
        offline: never touch the network, as with `HF_HUB_OFFLINE=1`; a folder on this machine needs none.
        revision: of a hub id: a branch, a tag or a commit.
        architecture: the class of transformers that a Hugging Face folder is read as; None: as it says itself.
        head: a new head for labels, which stands on the stack instead of those that were stored.
        allow_missing: draw at random what the folder lacks (`Loaded.fresh` names it), instead of refusing it.

    Raises:
        CheckpointError: there is no model, or a file of it is damaged.
        ConfigError: an argument is none of these, or there is no such device.
    """
    if quantize not in (None, "int8"):
        raise ConfigError(f"quantize is {quantize!r}; expected int8 or nothing")
    opened = open_model(
        model, device=device_of(str(device)), dtype=dtype, revision=revision, offline=offline,
        architecture=architecture, head=head, allow_missing=allow_missing,
    )  # fmt: skip
    return Loaded(
        model=opened.model, tokenizer=opened.tokenizer, spec=opened.model.spec, folder=opened.folder,
        decoding=opened.decoding, choice=Choice(opened.model, quantize=quantize),
        fresh=opened.fresh, unread=opened.unread, reading=opened.reading,
    )  # fmt: skip


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
