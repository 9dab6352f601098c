"""Llama (Touvron et al. 2023): rotations for positions, RMS norms, gated feed-forward, grouped keys, no biases.

The first family here that came after the classic ones, and the pattern for its many relatives (`qwen2.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from headway.models.families import decoders, rotations
from headway.models.families.exchange import (
    activation,
    activation_name,
    check,
    confirmed,
    number,
    optional_number,
    said_of_config,
    share,
    special_tokens,
)
from headway.models.keys import Same, each_layer, weight_and_bias
from headway.spec import (
    Activation,
    AttentionSpec,
    DropoutSpec,
    HeadSpec,
    InitSpec,
    LabelHeadSpec,
    NormOrder,
    PositionKind,
    PositionSpec,
    RotaryScaling,
    SingleStackSpec,
    SpecialTokens,
    StackSpec,
)

MODEL_TYPE, PREFIX = "llama", "model."
SPAN_PREFIX = "transformer."  # instead, where the head is one for answers
PROJECTIONS = {**decoders.PROJECTIONS, "tokens": "score"}
ARCHITECTURES = (
    "LlamaModel",
    "LlamaForCausalLM",
    "LlamaForSequenceClassification",
    "LlamaForTokenClassification",
    "LlamaForQuestionAnswering",
)
# fmt: off
ROTATION = {"rope_theta", "rope_scaling", "rope_parameters"}  # the first two until transformers 4, the last since
READ = ROTATION | {  # what `spec` looks at
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "head_dim", "hidden_act", "max_position_embeddings", "initializer_range", "rms_norm_eps", "attention_bias",
    "mlp_bias", "attention_dropout", "pad_token_id", "bos_token_id", "eos_token_id", *decoders.READ,
}
FIXED = {  # what has one value in this family; another one would be another model
    "model_type": MODEL_TYPE,
    "partial_rotary_factor": 1.0,
    "is_encoder_decoder": False,
}
UNUSED = {"pretraining_tp"}  # in how many parts the products were once computed
# fmt: on


@dataclass(frozen=True, kw_only=True, slots=True)
class Llama:
    """Every choice the family leaves open; the defaults are the first model of 7 billion parameters."""

    num_layers: int = 32
    d_model: int = 4096
    d_ff: int = 11008
    num_heads: int = 32
    num_kv_heads: int | None = None  # None: as many as heads
    head_dim: int | None = None  # None: the heads share the width
    query_bias: bool = False  # of query, key and value
    out_bias: bool = False
    ff_bias: bool = False
    activation: Activation = "silu"
    position: PositionKind = "rotary"
    rotary_base: float = 10000.0
    scaling: RotaryScaling | None = None
    norm_order: NormOrder = "pre"
    norm_eps: float = 1e-6
    attention_dropout: float = 0.0
    max_length: int = 2048  # tokens it was trained on: rotations have no end
    tied: bool = False  # the head is the embedding
    init_std: float = 0.02
    family: ClassVar[str] = MODEL_TYPE

    def spec(
        self,
        vocab_size: int,
        tokens: SpecialTokens = SpecialTokens(),
        *,
        language_head: bool = True,
        label_head: LabelHeadSpec | None = None,
    ) -> SingleStackSpec:
        """The model these choices and a vocabulary make; with a `label_head`, `language_head` is usually False.

        Raises:
            ConfigError: sizes that do not fit each other.
        """
        head_dim = self.head_dim or AttentionSpec.shared(self.d_model, self.num_heads).head_dim
        stack = StackSpec(
            vocab_size=vocab_size,
            max_length=self.max_length,
            num_layers=self.num_layers,
            d_model=self.d_model,
            d_ff=self.d_ff,
            attention=AttentionSpec(
                num_heads=self.num_heads,
                head_dim=head_dim,
                num_kv_heads=self.num_heads if self.num_kv_heads is None else self.num_kv_heads,
                query_bias=self.query_bias,
                out_bias=self.out_bias,
            ),
            causal=True,
            position=PositionSpec(kind=self.position, base=self.rotary_base, scaling=self.scaling),
            norm="rms",
            norm_eps=self.norm_eps,
            norm_order=self.norm_order,
            final_norm=self.norm_order != "post",
            activation=self.activation,
            gated=True,
            ff_bias=self.ff_bias,
            dropout=DropoutSpec(attention=self.attention_dropout),
        )
        return SingleStackSpec(
            family=self.family,
            stack=stack,
            language_head=HeadSpec(tied=self.tied) if language_head else None,
            label_head=label_head,
            init=InitSpec(scheme="normal", std=self.init_std, embedding_std=self.init_std),
            tokens=tokens,
        )


def _third(num_layers: int, d_model: int, num_heads: int) -> Llama:
    """Version 3.2."""
    return Llama(
        num_layers=num_layers,
        d_model=d_model,
        d_ff=8192,
        num_heads=num_heads,
        num_kv_heads=8,
        rotary_base=500000.0,
        scaling=RotaryScaling(factor=32.0, low=1.0, high=4.0, length=8192),
        norm_eps=1e-5,
        max_length=131072,
        tied=True,
    )


SIZES = {
    "tiny": Llama(num_layers=6, d_model=288, d_ff=768, num_heads=6, norm_eps=1e-5, tied=True),  # of llama2.c
    "2-7b": Llama(norm_eps=1e-5, max_length=4096),
    "3.2-1b": _third(16, 2048, 32),
    "3.2-3b": _third(28, 3072, 24),
}


def spec(config: Mapping[str, Any], architecture: str | None = None) -> SingleStackSpec:
    """The model that a Llama `config.json` describes.

    Raises:
        CheckpointError: a key is missing, unknown, or has a value that this family cannot have.
    """
    check(config, read=READ, fixed=FIXED, unused=UNUSED)
    biased, ff_bias = bool(config.get("attention_bias")), bool(config.get("mlp_bias"))
    return read(Llama, config, architecture, ARCHITECTURES, query_bias=biased, out_bias=biased, ff_bias=ff_bias)


def read(
    family: type[Llama],
    config: Mapping[str, Any],
    architecture: str | None,
    known: Sequence[str],
    *,
    query_bias: bool,
    out_bias: bool,
    ff_bias: bool,
) -> SingleStackSpec:
    """What is read alike for all relatives, once their keys are checked; their classes are those `known`.

    Raises:
        CheckpointError: a key is missing or has a value that no relative can have.
    """
    with said_of_config():
        base, scaling = rotations.read(config)
        choices = family(
            num_layers=number(config, "num_hidden_layers"),
            d_model=number(config, "hidden_size"),
            d_ff=number(config, "intermediate_size"),
            num_heads=number(config, "num_attention_heads"),
            num_kv_heads=optional_number(config, "num_key_value_heads"),
            head_dim=optional_number(config, "head_dim"),
            query_bias=query_bias,
            out_bias=out_bias,
            ff_bias=ff_bias,
            activation=activation(config, "hidden_act", "silu"),
            rotary_base=base,
            scaling=scaling,
            norm_eps=share(config, "rms_norm_eps", 1e-6),
            attention_dropout=share(config, "attention_dropout", 0.0),
            max_length=number(config, "max_position_embeddings"),
            tied=bool(config.get("tie_word_embeddings")),
            init_std=share(config, "initializer_range", 0.02),
        )
        tokens = special_tokens(config, pad=None, start=None, end=None)
        words, labels = decoders.heads(config, architecture, known, dropout=0.1, usual="words")
        return choices.spec(number(config, "vocab_size"), tokens, language_head=words, label_head=labels)


def config(model: SingleStackSpec) -> dict[str, Any]:
    """The `config.json` of a model that a Llama can be: `spec` gives the model back.

    Raises:
        ConfigError: the model has something that a Llama has not.
    """
    shape = model.stack.attention
    data = write(model, ARCHITECTURES) | {
        "model_type": MODEL_TYPE,
        "attention_bias": shape.query_bias,
        "mlp_bias": model.stack.ff_bias,
    }
    return confirmed(data, spec, model)


def write(model: SingleStackSpec, known: Sequence[str]) -> dict[str, Any]:
    """What is written alike for all relatives; their classes in transformers are those `known`."""
    stack, shape = model.stack, model.stack.attention
    return {
        "vocab_size": stack.vocab_size,
        "hidden_size": stack.d_model,
        "intermediate_size": stack.d_ff,
        "num_hidden_layers": stack.num_layers,
        "num_attention_heads": shape.num_heads,
        "num_key_value_heads": shape.num_kv_heads,
        "head_dim": shape.head_dim,
        "hidden_act": activation_name(stack.activation),
        "max_position_embeddings": stack.max_length,
        "initializer_range": model.init.std,
        "rms_norm_eps": stack.norm_eps,
        **rotations.written(stack.position),
        "attention_dropout": stack.dropout.attention,
        **decoders.written(model, known),
    }


def keys(model: SingleStackSpec) -> list[Same]:
    """What each of our parameters is called in a checkpoint of Llama or a relative."""
    stack, layer, block = model.stack, "layers.{i}", "stack.blocks.{i}"
    linears = {
        "attention.query": ("self_attn.q_proj", stack.attention.query_bias),
        "attention.key": ("self_attn.k_proj", stack.attention.query_bias),
        "attention.value": ("self_attn.v_proj", stack.attention.query_bias),
        "attention.out": ("self_attn.o_proj", stack.attention.out_bias),
        "feed_forward.gate": ("mlp.gate_proj", stack.ff_bias),
        "feed_forward.up": ("mlp.up_proj", stack.ff_bias),
        "feed_forward.down": ("mlp.down_proj", stack.ff_bias),
        "attention_norm": ("input_layernorm", False),
        "feed_forward_norm": ("post_attention_layernorm", False),
    }
    layers = [
        row
        for ours, (theirs, has_bias) in linears.items()
        for row in weight_and_bias(f"{block}.{ours}", f"{layer}.{theirs}")[: 2 if has_bias else 1]
    ]
    base = [Same("stack.tokens.weight", "embed_tokens.weight"), *each_layer(layers, stack.num_layers)]
    base += [Same("stack.final_norm.weight", "norm.weight")]
    return decoders.keys(model, base, SPAN_PREFIX if _answers(model) else PREFIX, PROJECTIONS)


def copies(model: SingleStackSpec) -> dict[str, str]:
    """Names under which a checkpoint may repeat a tensor, or keep it instead, and the name in `keys`."""
    if _answers(model):  # the stack of a model with another head
        names = [row.theirs for row in keys(model) if row.theirs.startswith(SPAN_PREFIX)]
        return {PREFIX + name.removeprefix(SPAN_PREFIX): name for name in names}
    is_tied = model.language_head is not None and model.language_head.tied
    return {"lm_head.weight": f"{PREFIX}embed_tokens.weight"} if is_tied else {}


def _answers(model: SingleStackSpec) -> bool:
    return model.label_head is not None and model.label_head.of == "span"


# The frequencies, once kept a layer.
BUFFERS = {r"((model|transformer)\.)?(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq": None}
