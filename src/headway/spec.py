"""What a model is: frozen, plain data. Written to `spec.json` beside the weights and enough to build the model again.

A family (`models/families/`) is a function that fills in one of these; no layer ever asks for a family's name.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

from headway.errors import CheckpointError, ConfigError

PositionKind = Literal["none", "sinusoidal", "learned", "rotary", "alibi", "relative"]
NormOrder = Literal["pre", "post", "pre_normed"]
Activation = Literal["relu", "gelu", "gelu_tanh", "silu"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecialTokens:
    """The ids that have a meaning of their own; −1: there is none."""

    pad_id: int = 0
    start_id: int = 2  # the decoder's first input
    end_id: int = 3


def _check_sizes(spec: Any, *names: str) -> None:
    for name in names:
        if getattr(spec, name) < 1:
            raise ConfigError(f"{name} is {getattr(spec, name)}; it must be at least 1")


def _check_rate(name: str, rate: float) -> None:
    if not 0 <= rate <= 1:
        raise ConfigError(f"{name} is {rate}; it is a share, so from 0 to 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class DropoutSpec:
    """The share of values set to zero in training, at each of the five places."""

    embedding: float = 0.0  # the sum of all embeddings, after its norm
    attention: float = 0.0  # the attention probabilities
    activation: float = 0.0  # inside the feed-forward, after the activation
    residual: float = 0.0  # the output of every sublayer, before the addition
    final: float = 0.0  # the output of the stack, after the final norm

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check_rate(f"{field.name} dropout", getattr(self, field.name))


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
        _check_sizes(self, "vocab_size", "max_length", "num_layers", "d_model", "d_ff")
        _check_sizes(self.attention, "num_heads", "head_dim")
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


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadSpec:
    """The projection of hidden states to the vocabulary."""

    tied: bool = True  # the weight is the decoder's embedding
    bias: bool = False
    scale: float = 1.0  # of the hidden states, before the projection
    transform: Activation | None = None  # first a layer of its own, this activation and a norm (Devlin et al. 2019)


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelHeadSpec:
    """The projection of hidden states to labels, which are the names of its outputs."""

    of: Literal["text", "tokens", "span", "choices"]  # what is given a label; span: start and end are scored
    labels: tuple[str, ...]
    problem: Literal["single", "multi", "regression"] = "single"  # one label, several at once, or numbers
    reads: Literal["pooler", "first", "last"] = "pooler"  # what speaks for a text: the pooler, or a token
    hidden: bool = False  # a tanh layer before the projection
    bias: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not self.labels:
            raise ConfigError("a head has no labels; give at least one")
        if len(set(self.labels)) < len(self.labels):
            raise ConfigError(f"a head has a label twice: {', '.join(self.labels)}")
        if len(self.labels) != {"span": 2, "choices": 1}.get(self.of, len(self.labels)):
            raise ConfigError(f"a head of {self.of} has {len(self.labels)} labels; a span has two, a choice one")
        _check_rate("a head's dropout", self.dropout)


@dataclass(frozen=True, kw_only=True, slots=True)
class InitSpec:
    """How fresh weights are drawn."""

    scheme: Literal["xavier", "normal", "fan_in"] = "xavier"  # of the matrices; fan_in: N(0, 1 / inputs)
    std: float = 0.02  # of the matrices, for `normal`
    embedding_std: float | None = None  # None: d_model ** -0.5
    shrinks_residual: bool = False  # `out` and `down` drawn smaller by (2 · layers) ** -0.5 (Radford et al. 2019)

    def __post_init__(self) -> None:
        for std in (self.std, self.embedding_std or 0.0):
            if not 0 <= std < float("inf"):
                raise ConfigError(f"fresh weights are drawn with the deviation {std}; it must be a number from 0 on")


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


@dataclass(frozen=True, kw_only=True, slots=True)
class RecurrentSpec:
    """A recurrent encoder-decoder (Sutskever et al. 2014), with attention (Bahdanau 2015, Luong 2015) or without."""

    family: str
    cell: Literal["rnn", "gru", "lstm"]
    source_vocab_size: int
    target_vocab_size: int
    max_length: int
    num_layers: int
    d_model: int
    attention: Literal["none", "dot", "additive"] = "dot"
    bidirectional: bool = True
    dropout: float = 0.0
    shared_embedding: bool = True
    head: HeadSpec = HeadSpec()
    tokens: SpecialTokens = SpecialTokens()

    def __post_init__(self) -> None:
        _check_sizes(self, "source_vocab_size", "target_vocab_size", "max_length", "num_layers", "d_model")
        _check_rate("dropout", self.dropout)
        if self.bidirectional and self.d_model % 2:
            raise ConfigError(f"d_model is {self.d_model}; a bidirectional encoder splits it in two, so make it even")
        if self.shared_embedding and self.source_vocab_size != self.target_vocab_size:
            raise ConfigError(
                f"one embedding for both sides needs one vocabulary, but the source has {self.source_vocab_size} "
                f"and the target {self.target_vocab_size} pieces; use a joint tokenizer or untie the embeddings"
            )


TranslatorSpec = TransformerSpec | RecurrentSpec
ModelSpec = TranslatorSpec | SingleStackSpec
_KINDS: dict[str, type[ModelSpec]] = {
    "transformer": TransformerSpec,
    "single_stack": SingleStackSpec,
    "recurrent": RecurrentSpec,
}


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
        spec: ModelSpec = _build(_KINDS[kind], fields, kind)
    except ConfigError as error:
        raise CheckpointError(f"spec.json: {error}") from None
    return spec


def _build(cls: Any, data: Any, path: str) -> Any:
    if not isinstance(data, dict):
        raise CheckpointError(f"spec.json: {path} is {data!r}; expected an object")
    annotations = typing.get_type_hints(cls)
    required = {f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING}
    if wrong := (data.keys() - annotations.keys()) | (required - data.keys()):
        raise CheckpointError(f"spec.json: {path} has missing or unknown keys: {', '.join(sorted(wrong))}")
    return cls(**{name: _value(annotations[name], value, f"{path}.{name}") for name, value in data.items()})


def _value(annotation: Any, value: Any, path: str) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kinds: tuple[Any, ...] = typing.get_args(annotation)
    else:
        kinds = (annotation,)
    for kind in kinds:
        if dataclasses.is_dataclass(kind):
            if value is not None or kinds == (kind,):
                return _build(kind, value, path)
        elif typing.get_origin(kind) is tuple:
            if isinstance(value, list) and all(type(item) is str for item in value):
                return tuple(value)
        elif typing.get_origin(kind) is Literal:
            if value in typing.get_args(kind):
                return value
        elif kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        elif type(value) is kind:
            return value
    raise CheckpointError(f"spec.json: {path} is {value!r}; expected {annotation}")
