"""Stacks of attention blocks, and the models that are made of one or two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headway.errors import ConfigError
from headway.spec.parts import (
    Activation,
    DropoutSpec,
    HeadSpec,
    InitSpec,
    LabelHeadSpec,
    SpecialTokens,
    check_sizes,
)

PositionKind = Literal["none", "sinusoidal", "learned", "rotary", "alibi", "relative"]
FINITE: tuple[PositionKind, ...] = ("learned", "sinusoidal")  # kinds with a table, which ends at `max_length`
NormOrder = Literal["pre", "post", "pre_normed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RotaryScaling:
    """Slow rotations slowed further, for texts longer than those first trained on (Grattafiori et al. 2024).

    A rotation is measured in turns: how often it goes round within the first `length` tokens.
    """

    factor: float  # slower by this, up to `low` turns
    low: float
    high: float  # from so many turns on, as fast as ever; between, a mixture
    length: int

    def __post_init__(self) -> None:
        if not (self.factor >= 1 and 0 < self.low < self.high and self.length > 0):
            raise ConfigError(f"the rotary scaling is {self}; factor must be at least 1, and 0 < low < high")


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionSpec:
    """How the order of the tokens is told (`nn/positions.py`)."""

    kind: PositionKind = "sinusoidal"
    base: float = 10000.0  # the longest wavelength / 2π, for sinusoidal and rotary
    buckets: int = 32  # relative: the learned distances
    max_distance: int = 128  # relative: from here on, one bucket
    offset: int = 0  # learned: rows of the table that stand before position 0
    scaling: RotaryScaling | None = None  # rotary

    def __post_init__(self) -> None:
        if not self.base > 0 or self.offset < 0:
            raise ConfigError(f"positions: base is {self.base}, offset is {self.offset}; expected > 0 and >= 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class AttentionSpec:
    """The shape of one multi-head attention."""

    num_heads: int
    head_dim: int
    num_kv_heads: int | None = None  # None: as many as heads
    scale: float | None = None  # None: head_dim ** -0.5
    query_bias: bool = True  # of query, key and value
    out_bias: bool = True

    @classmethod
    def shared(cls, d_model: int, num_heads: int, *, scale: float | None = None) -> AttentionSpec:
        """Heads that share the width evenly.

        Raises:
            ConfigError: they cannot; the message says how many could.
        """
        if d_model < 1:
            raise ConfigError(f"d_model is {d_model}; it must be at least 1")
        if num_heads < 1 or d_model % num_heads:
            divisors = (n for n in range(1, min(d_model, 1024) + 1) if d_model % n == 0)
            raise ConfigError(
                f"d_model {d_model} is not divisible by num_heads {num_heads}; heads share the width evenly, so try "
                f"{min(divisors, key=lambda n: abs(n - num_heads))} heads"
            )
        return cls(num_heads=num_heads, head_dim=d_model // num_heads, scale=scale)


@dataclass(frozen=True, kw_only=True, slots=True)
class StackSpec:
    """Embeddings and a stack of blocks: an encoder or a decoder."""

    vocab_size: int
    max_length: int
    num_layers: int
    d_model: int
    d_ff: int
    attention: AttentionSpec
    causal: bool
    cross_attention: bool = False
    position: PositionSpec = PositionSpec()
    embedding_scale: float = 1.0
    embedding_norm: bool = False
    token_types: int = 0  # the segments a token may belong to, each with a learned vector; 0: there are none
    norm: Literal["layer", "rms"] = "layer"
    norm_eps: float = 1e-5
    norm_order: NormOrder = "pre"
    final_norm: bool = True
    activation: Activation = "gelu"
    gated: bool = False
    ff_bias: bool = True
    fits_float16: bool = True  # False: trained weights are known to give activations beyond 65,504
    dropout: DropoutSpec = DropoutSpec()

    def __post_init__(self) -> None:
        check_sizes(self, "vocab_size", "max_length", "num_layers", "d_model", "d_ff")
        check_sizes(self.attention, "num_heads", "head_dim")
        if self.token_types < 0 or not self.norm_eps >= 0:
            raise ConfigError(f"token_types is {self.token_types}, norm_eps {self.norm_eps}; neither can be below 0")
        if self.position.kind == "sinusoidal" and self.d_model % 2:
            raise ConfigError(f"d_model is {self.d_model}; sinusoidal positions need an even width")
        if self.position.kind == "rotary" and self.attention.head_dim % 2:
            raise ConfigError(f"head_dim is {self.attention.head_dim}; rotary positions need an even one")
        exact = self.position.buckets // (2 if self.causal else 4)  # distances with a bucket of their own
        if self.position.kind == "relative" and not 0 < exact < self.position.max_distance:
            raise ConfigError(
                f"relative positions have {self.position.buckets} buckets up to a distance of "
                f"{self.position.max_distance}; give at least 4, and a distance beyond {max(1, exact)}"
            )
        kv_heads = self.attention.num_kv_heads
        if kv_heads is not None and (kv_heads < 1 or self.attention.num_heads % kv_heads):
            raise ConfigError(f"num_heads {self.attention.num_heads} is not divisible by num_kv_heads {kv_heads}")

    @property
    def reach(self) -> int | None:
        """The most tokens that positions tell apart; None: formulas and distances go on for ever."""
        return self.max_length if self.position.kind in FINITE else None


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformerSpec:
    """An encoder-decoder Transformer."""

    family: str
    encoder: StackSpec
    decoder: StackSpec
    shared_embedding: bool = True  # encoder and decoder read one table
    head: HeadSpec = HeadSpec()
    init: InitSpec = InitSpec()
    tokens: SpecialTokens = SpecialTokens()

    def __post_init__(self) -> None:
        if self.encoder.d_model != self.decoder.d_model or not self.decoder.cross_attention:
            raise ConfigError(
                f"d_model is {self.encoder.d_model} in the encoder and {self.decoder.d_model} in the decoder, "
                "which looks at what the encoder made: let both be as wide, with cross_attention in the decoder"
            )
        if self.shared_embedding and self.encoder.vocab_size != self.decoder.vocab_size:
            raise ConfigError(
                f"one embedding for both sides needs one vocabulary, but the encoder has {self.encoder.vocab_size} "
                f"and the decoder {self.decoder.vocab_size} pieces; use a joint tokenizer or untie the embeddings"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class SingleStackSpec:
    """One stack and what stands on it: an encoder such as BERT or a decoder such as GPT-2."""

    family: str
    stack: StackSpec
    pooler: bool = False  # a tanh layer over the first token
    language_head: HeadSpec | None = None
    label_head: LabelHeadSpec | None = None  # beside a language head: the next-sentence head of pre-training
    init: InitSpec = InitSpec(scheme="normal", embedding_std=0.02)
    tokens: SpecialTokens = SpecialTokens()

    def __post_init__(self) -> None:
        if self.stack.cross_attention:
            raise ConfigError("the stack looks at an encoder, but the model has none; leave cross_attention out")
        head = self.label_head
        if head and head.of in ("text", "choices") and head.reads == "pooler" and not self.pooler:
            raise ConfigError("the label head reads the pooler, but the model has none; let it read the first token")
