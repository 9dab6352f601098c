"""What a model is: frozen, plain data. Written to `spec.json` beside the weights and enough to build the model again.

A family (`models/families/`) is a function that fills in one of these; no layer ever asks for a family's name.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from headway.errors import CheckpointError, ConfigError
from headway.spec.classifiers import RecurrentClassifierSpec, TextCnnSpec, WithoutStack, labelled
from headway.spec.parts import Activation, DropoutSpec, HeadSpec, InitSpec, LabelHeadSpec, Problem, SpecialTokens
from headway.spec.reading import read
from headway.spec.recurrent import AwdLstmSpec, BidirectionalSpec, CharacterSpec, RecurrentSpec
from headway.spec.transformer import (
    AttentionSpec,
    NormOrder,
    PositionKind,
    PositionSpec,
    RotaryScaling,
    SingleStackSpec,
    StackSpec,
    TransformerSpec,
)

__all__ = [
    "Activation",
    "AttentionSpec",
    "AwdLstmSpec",
    "BidirectionalSpec",
    "CharacterSpec",
    "DropoutSpec",
    "HeadSpec",
    "InitSpec",
    "LabelHeadSpec",
    "ModelSpec",
    "NormOrder",
    "PositionKind",
    "PositionSpec",
    "Problem",
    "RecurrentClassifierSpec",
    "RecurrentSpec",
    "RotaryScaling",
    "SingleStackSpec",
    "SpecialTokens",
    "StackSpec",
    "TextCnnSpec",
    "TransformerSpec",
    "TranslatorSpec",
    "WithoutStack",
    "d_model",
    "from_json",
    "labelled",
    "source_positions",
    "source_reach",
    "target_positions",
    "to_json",
    "vocabularies",
]

TranslatorSpec = TransformerSpec | RecurrentSpec  # reads one text and writes another
ModelSpec = TranslatorSpec | SingleStackSpec | WithoutStack
_KINDS: dict[str, type[ModelSpec]] = {
    "transformer": TransformerSpec,
    "single_stack": SingleStackSpec,
    "recurrent": RecurrentSpec,
    "awd_lstm": AwdLstmSpec,
    "bidirectional": BidirectionalSpec,
    "text_cnn": TextCnnSpec,
    "recurrent_classifier": RecurrentClassifierSpec,
}


def vocabularies(spec: ModelSpec) -> tuple[int, int]:
    """How many ids what is read may have, and how many what is written."""
    match spec:
        case TransformerSpec(encoder=encoder, decoder=decoder):
            return encoder.vocab_size, decoder.vocab_size
        case RecurrentSpec():
            return spec.source_vocab_size, spec.target_vocab_size
        case SingleStackSpec(stack=stack):
            return stack.vocab_size, stack.vocab_size
        case BidirectionalSpec(characters=characters):
            return characters.token_ids, spec.vocab_size
    return spec.vocab_size, spec.vocab_size


def d_model(spec: ModelSpec) -> int:
    """The width of a model of any kind."""
    match spec:
        case SingleStackSpec(stack=stack) | TransformerSpec(decoder=stack):
            return stack.d_model
    return spec.d_model


def source_reach(spec: ModelSpec) -> int | None:
    """The most tokens that a model can read at once; None: any number."""
    match spec:
        case RecurrentSpec():
            return spec.max_length
        case TransformerSpec(encoder=stack) | SingleStackSpec(stack=stack):
            return stack.reach
    return None


def source_positions(spec: TranslatorSpec) -> int:
    """The most tokens a source may have, its end token included."""
    return spec.max_length if isinstance(spec, RecurrentSpec) else spec.encoder.max_length


def target_positions(spec: TranslatorSpec) -> int:
    """The most tokens an output may have, its end token included."""
    return spec.max_length if isinstance(spec, RecurrentSpec) else spec.decoder.max_length


def to_json(spec: ModelSpec) -> dict[str, Any]:
    """`spec` as plain JSON data; `from_json` gives an equal spec back."""
    kind = next(name for name, cls in _KINDS.items() if isinstance(spec, cls))
    return {"kind": kind, **dataclasses.asdict(spec)}


def from_json(data: dict[str, Any]) -> ModelSpec:
    """The spec that `to_json` wrote.

    Raises:
        CheckpointError: an unknown kind, a missing or an unknown key, a value that cannot be.
    """
    fields = dict(data)
    kind = fields.pop("kind", None)
    if kind not in _KINDS:
        raise CheckpointError(f"spec.json is of kind {kind!r}; this version knows {', '.join(_KINDS)}")
    try:
        spec: ModelSpec = read(_KINDS[kind], fields, kind)
    except ConfigError as error:
        raise CheckpointError(f"spec.json: {error}") from None
    return spec
