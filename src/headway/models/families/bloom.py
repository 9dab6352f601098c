"""BLOOM (BigScience 2022): a decoder without a table of positions, which penalises distance instead (ALiBi).

`Bloom` holds the choices of a model to train; `spec` and `config` read and write a published `config.json`, `keys` and
`copies` say what the tensors are called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from headway.errors import CheckpointError
from headway.models.families import decoders
from headway.models.families.exchange import (
    check,
    confirmed,
    number,
    optional_number,
    said_of_config,
    share,
    special_tokens,
)
from headway.models.keys import PerHead, Same, each_layer, weight_and_bias
from headway.spec import PositionKind, SingleStackSpec

MODEL_TYPE, PREFIX = "bloom", decoders.PREFIX
ARCHITECTURES = (
    "BloomModel",
    "BloomForCausalLM",
    "BloomForSequenceClassification",
    "BloomForTokenClassification",
    "BloomForQuestionAnswering",
)
# fmt: off
READ = {  # what `spec` looks at; of two names, the first counts
    "vocab_size", "n_embed", "hidden_size", "num_hidden_layers", "n_layer", "num_attention_heads", "n_head",
    "layer_norm_epsilon", "initializer_range", "apply_residual_connection_post_layernorm", "attention_dropout",
    "seq_length", "pretraining_tp", "slow_but_exact", "bos_token_id", "eos_token_id", "pad_token_id", *decoders.READ,
}
FIXED = {  # what has one value in this family; another one would be another model
    "model_type": MODEL_TYPE,
    "is_encoder_decoder": False,
}
UNUSED = {  # what has no influence on the model: settings of the program that trained it
    "n_inner", "offset_alibi", "attention_softmax_in_fp32", "masked_softmax_fusion", "bias_dropout_fusion",
    "skip_bias_add", "skip_bias_add_qkv", "is_decoder",
}
# fmt: on
BUFFERS: dict[str, None] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bloom(decoders.Decoder):
    """Every choice the family leaves open; the defaults are the smallest published model."""

    family: ClassVar[str] = MODEL_TYPE
    embedding_norm: ClassVar[bool] = True

    num_layers: int = 24
    d_model: int = 1024
    num_heads: int = 16
    position: PositionKind = "alibi"
    max_length: int = 2048  # of training texts; longer ones can be read


SIZES = {
    "tiny": Bloom(num_layers=4, d_model=256, num_heads=4, max_length=256),
    "560m": Bloom(),
    "1b1": Bloom(d_model=1536),
    "1b7": Bloom(d_model=2048),
    "3b": Bloom(num_layers=30, d_model=2560, num_heads=32),
    "7b1": Bloom(num_layers=30, d_model=4096, num_heads=32),
    "176b": Bloom(num_layers=70, d_model=14336, num_heads=112),
}


def spec(config: Mapping[str, Any], architecture: str | None = None) -> SingleStackSpec:
    """The model that a BLOOM `config.json` describes, with the heads of `architecture`, a class of transformers.

    Raises:
        CheckpointError: a key is missing, unknown, or has a value that this family cannot have.
    """
    check(config, read=READ, fixed=FIXED, unused=UNUSED)
    if config.get("slow_but_exact") and (config.get("pretraining_tp") or 1) != 1:
        raise CheckpointError(
            "config.json: slow_but_exact with pretraining_tp above 1 makes transformers leave out the biases of two "
            "layers; set slow_but_exact to false for the model that was trained"
        )
    length, normed = optional_number(config, "seq_length"), config.get("apply_residual_connection_post_layernorm")
    choices = Bloom(
        num_layers=number(config, "num_hidden_layers", "n_layer"),
        d_model=number(config, "n_embed", "hidden_size"),
        num_heads=number(config, "num_attention_heads", "n_head"),
        dropout=share(config, "hidden_dropout", 0.0),
        attention_dropout=share(config, "attention_dropout", 0.0),
        norm_order="pre_normed" if normed else "pre",
        norm_eps=share(config, "layer_norm_epsilon", 1e-5),
        max_length=2048 if length is None else length,
        tied=bool(config.get("tie_word_embeddings", True)),
        init_std=share(config, "initializer_range", 0.02),
    )
    tokens = special_tokens(config, pad=None, start=1, end=2)
    with said_of_config():
        words, labels = decoders.heads(config, architecture, ARCHITECTURES, dropout=0.0)
        return choices.spec(number(config, "vocab_size"), tokens, language_head=words, label_head=labels)


def config(model: SingleStackSpec) -> dict[str, Any]:
    """The `config.json` of a model that BLOOM can express: `spec` gives the model back.

    Raises:
        ConfigError: the model has something that BLOOM has not; the message names it.
    """
    stack = model.stack
    data = {
        "model_type": MODEL_TYPE,
        "vocab_size": stack.vocab_size,
        "hidden_size": stack.d_model,
        "n_layer": stack.num_layers,
        "n_head": stack.attention.num_heads,
        "seq_length": stack.max_length,
        "apply_residual_connection_post_layernorm": stack.norm_order == "pre_normed",
        "hidden_dropout": stack.dropout.residual,
        "attention_dropout": stack.dropout.attention,
        "layer_norm_epsilon": stack.norm_eps,
        "initializer_range": model.init.std,
        **decoders.written(model, ARCHITECTURES),
    }
    return confirmed(data, spec, model)


def keys(model: SingleStackSpec) -> list[Same]:
    """What each of our parameters is called in a BLOOM checkpoint."""
    layer = [*_query_key_value(model.stack.attention.num_heads), *LAYER]
    return decoders.keys(model, [*ENDS, *each_layer(layer, model.stack.num_layers)])


def copies(model: SingleStackSpec) -> dict[str, str]:
    """Names under which a BLOOM checkpoint may repeat a tensor, or keep it instead, and the name in `keys`."""
    return decoders.copies(model, "word_embeddings.weight")


def _query_key_value(heads: int) -> list[Same]:
    theirs, names = "h.{i}.self_attention.query_key_value", ("query", "key", "value")
    return [
        PerHead(tuple(f"stack.blocks.{{i}}.attention.{name}.{part}" for name in names), f"{theirs}.{part}", heads)
        for part in ("weight", "bias")
    ]


ENDS = [
    Same("stack.tokens.weight", "word_embeddings.weight"),
    *weight_and_bias("stack.embedding_norm", "word_embeddings_layernorm"),
    *weight_and_bias("stack.final_norm", "ln_f"),
]
LAYER = [
    *weight_and_bias("stack.blocks.{i}.attention_norm", "h.{i}.input_layernorm"),
    *weight_and_bias("stack.blocks.{i}.attention.out", "h.{i}.self_attention.dense"),
    *weight_and_bias("stack.blocks.{i}.feed_forward_norm", "h.{i}.post_attention_layernorm"),
    *weight_and_bias("stack.blocks.{i}.feed_forward.up", "h.{i}.mlp.dense_h_to_4h"),
    *weight_and_bias("stack.blocks.{i}.feed_forward.down", "h.{i}.mlp.dense_4h_to_h"),
]
