"""A model from its spec."""

from __future__ import annotations

from headway.models.recurrent import RecurrentEncoderDecoder
from headway.models.transformer import EncoderDecoder
from headway.spec import ModelSpec, RecurrentSpec


def build(spec: ModelSpec) -> EncoderDecoder | RecurrentEncoderDecoder:
    """A model with fresh weights, drawn from torch's default generator."""
    return RecurrentEncoderDecoder(spec) if isinstance(spec, RecurrentSpec) else EncoderDecoder(spec)
