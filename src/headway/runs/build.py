"""The parts of a run from its configuration: data, tokenizers, model. Each builder gives its part or a clear error."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from headway.config import DataConfig, DecodingConfig, ModelConfig, RunConfig, TokenizerConfig
from headway.data.cache import PairStore, encode_pairs
from headway.data.sources import load
from headway.decoding.generate import Decoding, source_positions
from headway.decoding.hypotheses import LengthNorm
from headway.errors import ConfigError, DataError, nearest
from headway.models.families import FAMILIES
from headway.spec import SpecialTokens, TranslatorSpec
from headway.text.tokenizer import TokenizerPair
from headway.text.trainer import train as train_tokenizer

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]

_CHUNK = 1000  # rows read at a time


def load_splits(config: DataConfig, seed: int) -> datasets.DatasetDict:
    """The splits there are, columns `source` and `target`; relative files are looked for under `HEADWAY_DATA` too.

    Raises:
        DataError: what the files say.
        ConfigError: what the keys say.
    """
    return load(
        name=config.name,
        train=config.train,
        validation=config.validation,
        test=config.test,
        format=config.format,
        columns={role: name for role, name in dataclasses.asdict(config.columns).items() if name is not None},
        languages=config.languages,
        header=config.header,
        delimiter=config.delimiter,
        seed=seed,
        folder=os.environ.get("HEADWAY_DATA"),
    )


def load_data(config: DataConfig, seed: int) -> datasets.DatasetDict:
    """The splits of a training: one to train on and one to validate with are required.

    Raises:
        DataError: what the files say, or a split that is not there.
        ConfigError: what the keys say.
    """
    splits = load_splits(config, seed)
    if "train" not in splits:
        raise DataError(f"there is no training split, only {', '.join(splits)}; name one with --data.train")
    if "validation" not in splits:
        raise DataError("there is no validation split; hold out a share with --data.validation 0.05, or name its files")
    return splits


def build_tokenizers(config: TokenizerConfig, train: datasets.Dataset) -> TokenizerPair:
    """Vocabularies learned from the training split: one for both sides, or one each."""
    sides = [_texts(train, "source"), _texts(train, "target")]
    corpora = [chain(*sides)] if config.joint else sides
    learned = [
        train_tokenizer(
            corpus,
            type=config.type,
            vocab_size=config.vocab_size or _USUAL_VOCABULARY,
            exact=config.vocab_size is not None,
            normalization=config.normalization,
            lowercase=config.lowercase,
        )
        for corpus in corpora
    ]
    return TokenizerPair(learned[0], learned[-1])


_USUAL_VOCABULARY = 8000  # where the configuration leaves it open; less where the data has less


def build_spec(config: ModelConfig, tokenizers: TokenizerPair) -> TranslatorSpec:
    """The model that a family, its size and the choices on top of it make.

    Raises:
        ConfigError: an unknown size, a choice the family does not have, or sizes that do not fit each other.
    """
    tokens = SpecialTokens(
        pad_id=tokenizers.target.pad_id, start_id=tokenizers.target.start_id, end_id=tokenizers.target.end_id
    )
    choices = choices_of(config, joint=tokenizers.is_joint)
    spec: TranslatorSpec = choices.spec(tokenizers.source.vocab_size, tokenizers.target.vocab_size, tokens)
    return spec


def choices_of(config: ModelConfig, *, joint: bool) -> Any:
    """The choices of the family: those of the size, and what is chosen on top; two vocabularies never share a table.

    Raises:
        ConfigError: an unknown size, or a choice the family does not have.
    """
    sizes = FAMILIES[config.family]
    if config.size not in sizes:
        raise ConfigError(f"{config.family} has no size {config.size!r}; {nearest(config.size, sizes)}")
    given = {
        name: value
        for name, value in dataclasses.asdict(config).items()
        if value is not None and name not in ("family", "size")
    }
    choices: Any = sizes[config.size]
    known = [entry.name for entry in dataclasses.fields(choices)]
    for name in given:
        if name not in known:
            raise ConfigError(f"model.{name} means nothing to {config.family}; it knows {', '.join(sorted(known))}")
    if not joint and given.setdefault("tied", "decoder") == "all":
        raise ConfigError(
            "model.tied is all, but source and target have a vocabulary each; "
            "set model.tied decoder or none, or tokenizer.joint true"
        )
    return dataclasses.replace(choices, **given)


def encode_split(data: datasets.DatasetDict, name: str, tokenizers: TokenizerPair, config: DataConfig) -> PairStore:
    """Both sides of a split as ids, no row longer than `data.max_length`.

    Raises:
        DataError: a row is longer and `data.too_long` is `refuse`, or no row is left.
    """
    store = encode_pairs(data[name]["source"], data[name]["target"], tokenizers.source, tokenizers.target)
    try:
        limited = store.limited(config.max_length, config.too_long)
    except DataError as error:
        raise DataError(f"{name} split: {error} (data.max_length, data.too_long)") from None
    if not len(limited):
        most = config.max_length
        raise DataError(f"{name} split: all {len(store):,} rows are longer than data.max_length {most}; raise it")
    return limited


def build_decoding(config: DecodingConfig) -> Decoding:
    """How the trained model is asked."""
    return Decoding(beam=config.beam, length_norm=LengthNorm.parse(config.length_norm), stop=config.stop)


def check(config: RunConfig) -> None:
    """What can be said before anything is read.

    Raises:
        ConfigError: no end to the training, or sizes that cannot be.
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
    if wrong:
        raise ConfigError("; ".join(wrong))
    LengthNorm.parse(config.decoding.length_norm)
    positions = source_positions(choices_of(config.model, joint=config.tokenizer.joint).spec(8, 8))
    if config.data.max_length + 1 > positions:
        raise ConfigError(
            f"data.max_length {config.data.max_length} and the end token are more than the {positions} positions of "
            "the model; lower it, or raise model.max_length"
        )


_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "positive": (
        lambda value: 0 < value < math.inf,
        "training.max_steps training.max_epochs training.max_minutes training.batch_tokens training.accumulation "
        "training.learning_rate training.log_every training.keep_checkpoints data.max_length tokenizer.vocab_size "
        "decoding.beam decoding.batch_tokens model.num_layers model.decoder_layers model.d_model model.d_ff "
        "model.num_heads model.max_length",
    ),
    "0 or more": (
        lambda value: 0 <= value < math.inf,
        "seed training.warmup_steps training.weight_decay training.clip_norm training.average_last "
        "training.validate_every training.validation_rows training.checkpoint_every training.patience training.threads",
    ),
    "from 0 up to, not including, 1": (
        lambda value: 0 <= value < 1,
        "training.label_smoothing training.ema_decay training.beta2 model.dropout model.attention_dropout "
        "model.activation_dropout",
    ),
}


def _value(config: RunConfig, key: str) -> Any:
    return functools.reduce(getattr, key.split("."), config)


def _texts(split: datasets.Dataset, column: str) -> Iterator[str]:
    for start in range(0, len(split), _CHUNK):
        yield from split[start : start + _CHUNK][column]
