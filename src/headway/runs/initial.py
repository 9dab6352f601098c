"""A trained model to start from: its family, sizes and vocabulary, with the dropout that the run asks for."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from headway.config import ModelConfig, RunConfig, recipes
from headway.errors import ConfigError
from headway.models.build import build
from headway.runs.kinds import Kind, Splits, Vocabulary
from headway.runs.kinds.labelled import says
from headway.spec import (
    AwdLstmSpec,
    BidirectionalSpec,
    DropoutSpec,
    ModelSpec,
    RecurrentClassifierSpec,
    RecurrentSpec,
    SingleStackSpec,
    TextCnnSpec,
    TransformerSpec,
    TranslatorSpec,
)
from headway.tasks.opening import open_model
from headway.text.characters import spelled
from headway.text.tokenizer import Tokenizer, TokenizerPair

_FEW = 12  # names that a person reads
_DROPOUT = ("dropout", "attention_dropout", "activation_dropout")


def check_initial(config: ModelConfig) -> None:
    """What can be said of `model.init` before anything is read.

    Raises:
        ConfigError: a size was asked for beside it, or it is a recipe's run that is not yet trained.
    """
    if config.init is None:
        return
    usual = ModelConfig()
    beside = [
        f"model.{entry.name}"
        for entry in dataclasses.fields(config)
        if entry.name not in ("init", "family", "size", *_DROPOUT)
        and getattr(config, entry.name) != getattr(usual, entry.name)
    ]
    if beside:
        raise ConfigError(
            f"{', '.join(beside)} beside model.init: family and sizes come from there, only dropout can be chosen"
        )
    if (recipe := Path(config.init).name) in recipes() and not Path(config.init).exists():
        said = f"model.init {config.init} is not there; train it first"
        raise ConfigError(f"{said}: headway train {recipe} --run {config.init}")


def open_initial(
    config: RunConfig, kind: Kind, data: Splits, say: Callable[[str], None]
) -> tuple[Any, Vocabulary, tuple[str, ...]]:
    """The model of `model.init`, its weights ready to be trained, its vocabulary, and the parameters drawn anew.

    Raises:
        ConfigError: it is of another kind.
        CheckpointError: it cannot be read.
    """
    name = config.model.init
    assert name is not None
    opened = open_model(
        name,
        device=torch.device("cpu"),
        dtype="float32",
        revision=None,
        offline=False,
        architecture=None,
        head=None,
        allow_missing=False,
    )
    if lacks := kind.suits(opened.model.spec):
        raise ConfigError(f"model.init {name} {lacks}; {config.task} cannot go on from it, start from another model")
    if opened.tokenizer is None:
        raise ConfigError(f"model.init {name} has no tokenizer beside it; put the model's own tokenizer there")
    spec = kind.headed(with_dropout(opened.model.spec, config.model), data)
    model, fresh, unused = (opened.model, (), ()) if spec == opened.model.spec else rebuilt(opened.model, spec)
    for what, names in {"freshly initialised": opened.fresh + fresh, "not used": opened.unread + unused}.items():
        if names:
            say(f"{name}: {what}: {_named(names)}")
    tokenizer = opened.tokenizer
    if isinstance(tokenizer, TokenizerPair) and not isinstance(spec, TranslatorSpec):
        tokenizer = tokenizer.source  # what the encoder reads
    if isinstance(spec, BidirectionalSpec) and spec.label_head is not None and isinstance(tokenizer, Tokenizer):
        tokenizer = spelled(tokenizer)
    return model.requires_grad_(True), tokenizer, opened.fresh + fresh


def with_dropout(spec: ModelSpec, config: ModelConfig) -> ModelSpec:
    """The spec with the rates of the configuration where it names them."""
    if isinstance(spec, RecurrentSpec | BidirectionalSpec | TextCnnSpec | RecurrentClassifierSpec):
        return spec if config.dropout is None else dataclasses.replace(spec, dropout=config.dropout)
    if isinstance(spec, AwdLstmSpec):
        return spec if config.dropout is None else dataclasses.replace(spec, output_dropout=config.dropout)
    if isinstance(spec, SingleStackSpec):
        return dataclasses.replace(
            spec, stack=dataclasses.replace(spec.stack, dropout=_rates(spec.stack.dropout, config))
        )
    sides = {side: getattr(spec, side) for side in ("encoder", "decoder")}
    return dataclasses.replace(
        spec,
        **{side: dataclasses.replace(stack, dropout=_rates(stack.dropout, config)) for side, stack in sides.items()},
    )


def rebuilt(model: Any, spec: ModelSpec) -> tuple[Any, tuple[str, ...], tuple[str, ...]]:
    """A model of another spec with the weights that both have, and the names of those that only one of them has.

    Of an encoder-decoder only the encoder is taken where `spec` is a single stack. Fresh weights are drawn.
    """
    built = build(spec)
    trained = model.state_dict()
    if isinstance(model.spec, TransformerSpec) and isinstance(spec, SingleStackSpec):
        trained = {name.replace("encoder.", "stack.", 1): weight for name, weight in trained.items()}
    wanted = {name: weight.shape for name, weight in built.state_dict().items()}
    kept = {name: weight for name, weight in trained.items() if wanted.get(name) == weight.shape}
    if says(model.spec)[:2] != says(spec)[:2]:  # as many labels, and others: they have nothing in common
        kept = {name: weight for name, weight in kept.items() if not name.startswith("label_head.")}
    built.load_state_dict(kept, strict=False)
    return built, tuple(sorted(wanted.keys() - kept.keys())), tuple(sorted(trained.keys() - kept.keys()))


def _named(names: tuple[str, ...]) -> str:
    """A few names as they are; of many the parts of the model they belong to."""
    if len(names) <= _FEW:
        return ", ".join(names)
    parts = Counter(name.split(".")[0] for name in names)
    return ", ".join(f"{part} ({count} tensors)" for part, count in parts.items())


def _rates(dropout: DropoutSpec, config: ModelConfig) -> DropoutSpec:
    given: dict[str, float | None] = {
        "embedding": config.dropout,
        "residual": config.dropout,
        "attention": config.attention_dropout,
        "activation": config.activation_dropout,
    }
    return dataclasses.replace(dropout, **{place: rate for place, rate in given.items() if rate is not None})
