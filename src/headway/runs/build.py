"""The parts of a run that every kind builds alike: vocabularies, the choices of a family; and what is checked first."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from headway.config import ModelConfig, RunConfig, TokenizerConfig
from headway.errors import ConfigError, nearest
from headway.models.families import FAMILIES, SIZES_OF
from headway.text.tokenizer import Tokenizer
from headway.text.trainer import train as train_tokenizer

EVERY: Mapping[str, Mapping[str, Any]] = {**SIZES_OF, **FAMILIES}
_USUAL_VOCABULARY = 8000  # where the configuration leaves it open; less where the data has less


def train_vocabulary(config: TokenizerConfig, corpus: Iterable[str], special_pieces: tuple[str, ...] = ()) -> Tokenizer:
    """A vocabulary learned from texts."""
    return train_tokenizer(
        corpus,
        type=config.type,
        vocab_size=config.vocab_size or _USUAL_VOCABULARY,
        exact=config.vocab_size is not None,
        normalization=config.normalization,
        lowercase=config.lowercase,
        special_pieces=special_pieces,
    )


def choices_of(config: ModelConfig, sizes_of: Mapping[str, Mapping[str, Any]] = EVERY) -> Any:
    """The choices of the family in a table of families: those of the size, and what is chosen on top.

    Raises:
        ConfigError: an unknown size, or a choice the family does not have.
    """
    sizes = sizes_of[config.family]
    if config.size not in sizes:
        raise ConfigError(f"{config.family} has no size {config.size!r}; {nearest(config.size, sizes)}")
    given = {
        name: value
        for name, value in dataclasses.asdict(config).items()
        if value is not None and name not in ("family", "size", "init")
    }
    choices: Any = sizes[config.size]
    known = {entry.name for entry in dataclasses.fields(choices)}
    for name in given:
        if name not in known:
            raise ConfigError(f"model.{name} means nothing to {config.family}; it knows {', '.join(sorted(known))}")
    if isinstance(getattr(choices, "tied", None), bool) and "tied" in given:
        given["tied"] = given["tied"] != "none"
    return dataclasses.replace(choices, **given)


def check(config: RunConfig) -> None:
    """What can be said before anything is read, whatever the task.

    Raises:
        ConfigError: no end to the training, or numbers that cannot be.
    """
    training = config.training
    if training.max_steps is None and training.max_epochs is None and training.max_minutes is None:
        raise ConfigError(
            "the training has no end; set training.max_steps, training.max_epochs or training.max_minutes"
        )
    wrong = [
        f"{key} is {value}; it must be {expected}"
        for expected, (is_right, keys) in _RANGES.items()
        for key in keys.split()
        if (value := _value(config, key)) is not None and not is_right(value)
    ]
    wrong += [
        f"{key} means nothing to {config.task}, only to {', '.join(tasks)}; leave it out"
        for key, (unset, *tasks) in _ONLY_FOR.items()
        if config.task not in tasks and _value(config, key) != unset
    ]
    scores = training.validation_rows and (training.validation_bleu or config.task != "translate")
    if training.best_by == "score" and not scores:
        wrong.append(
            "training.best_by score needs one; leave training.validation_rows and training.validation_bleu as they are"
        )
    if wrong:
        raise ConfigError("; ".join(wrong))


_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "positive": (
        lambda value: 0 < value < math.inf,
        "training.max_steps training.max_epochs training.max_minutes training.batch_tokens training.accumulation "
        "training.learning_rate training.log_every training.keep_checkpoints data.max_length tokenizer.vocab_size "
        "decoding.beam decoding.batch_tokens model.num_layers model.decoder_layers model.d_model model.d_ff "
        "model.num_heads model.max_length objective.mean_span_length data.mixing_temperature training.rate_decay",
    ),
    "0 or more, and below 2^32": (lambda value: 0 <= value < 2**32, "seed"),
    "0 or more": (
        lambda value: 0 <= value < math.inf,
        "training.warmup_steps training.weight_decay training.clip_norm training.average_last "
        "training.validate_every training.validation_rows training.checkpoint_every training.patience training.threads",
    ),
    "above 0 and at most 1": (lambda value: 0 < value <= 1, "data.share"),
    "from 0 up to, not including, 1": (
        lambda value: 0 <= value < 1,
        "training.label_smoothing training.ema_decay training.beta2 model.dropout model.attention_dropout "
        "model.activation_dropout objective.mask_share objective.noise_density",
    ),
}

_ONLY_FOR: dict[str, tuple[Any, ...]] = {  # what stands for nothing, and the tasks that read anything else
    "data.share": (1.0, "translate", "classify", "tag", "answer"),
    "data.split_at": (None, "translate", "classify", "tag", "answer"),
    "data.label_separator": (None, "classify"),
    "data.tasks": (None, "translate"),
    "training.best_by": ("loss", "translate", "classify", "tag", "answer"),
}


def _value(config: RunConfig, key: str) -> Any:
    return functools.reduce(getattr, key.split("."), config)
