"""A model from its spec."""

from __future__ import annotations

from headway.models.recurrent import RecurrentEncoderDecoder
from headway.models.transformer import EncoderDecoder
from headway.spec import ModelSpec, RecurrentSpec

Model = EncoderDecoder | RecurrentEncoderDecoder


def build(spec: ModelSpec) -> Model:
    """A model with fresh weights, drawn from torch's default generator."""
    return RecurrentEncoderDecoder(spec) if isinstance(spec, RecurrentSpec) else EncoderDecoder(spec)
