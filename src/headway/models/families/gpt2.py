"""GPT-2 (Radford et al. 2019): a decoder with learned positions and the norms before; KoGPT2 is one.

`Gpt2` holds the choices of a model to train; `spec` and `config` read and write a published `config.json`, `keys` and
`copies` say what the tensors are called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from headway.models.families import decoders
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
from headway.models.keys import Same, Stacked, StackedTransposed, Transposed, each_layer, weight_and_bias
from headway.spec import PositionKind, SingleStackSpec

MODEL_TYPE, PREFIX = "gpt2", decoders.PREFIX
ARCHITECTURES = (
    "GPT2Model",
    "GPT2LMHeadModel",
    "GPT2ForSequenceClassification",
    "GPT2ForTokenClassification",
    "GPT2ForQuestionAnswering",
)
# fmt: off
READ = {  # what `spec` looks at; of two names, the first counts
    "vocab_size", "max_position_embeddings", "n_positions", "hidden_size", "n_embd", "num_hidden_layers", "n_layer",
    "num_attention_heads", "n_head", "n_inner", "activation_function", "embd_pdrop", "attn_pdrop", "resid_pdrop",
    "layer_norm_epsilon", "scale_attn_weights", "initializer_range", "bos_token_id", "eos_token_id", "pad_token_id",
    *decoders.READ,
}
FIXED = {  # what has one value in this family; another one would be another model
    "model_type": MODEL_TYPE,
    "is_encoder_decoder": False,
    "add_cross_attention": False,
    "scale_attn_by_inverse_layer_idx": False,
}
UNUSED = {  # what has no influence on the model: a head that is not here, an order of the same arithmetic, notes
    "summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout",
    "reorder_and_upcast_attn", "n_ctx", "is_decoder", "author", "created_date", "license",
}
# fmt: on
# Causality as a table, and the number that hides with it.
BUFFERS: dict[str, None] = {r"(transformer\.)?h\.\d+\.attn\.(masked_)?bias": None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpt2(decoders.Decoder):
    """Every choice the family leaves open; the defaults are the smallest published model."""

    family: ClassVar[str] = MODEL_TYPE

    num_layers: int = 12
    d_model: int = 768
    num_heads: int = 12
    dropout: float = 0.1  # of sublayers
    embedding_dropout: float | None = None
    attention_dropout: float = 0.1
    position: PositionKind = "learned"
    max_length: int = 1024


SIZES = {
    "tiny": Gpt2(num_layers=4, d_model=256, num_heads=4, max_length=256),
    "small": Gpt2(),
    "medium": Gpt2(num_layers=24, d_model=1024, num_heads=16),
    "large": Gpt2(num_layers=36, d_model=1280, num_heads=20),
    "xl": Gpt2(num_layers=48, d_model=1600, num_heads=25),
}


def spec(config: Mapping[str, Any], architecture: str | None = None) -> SingleStackSpec:
    """The model that a GPT-2 `config.json` describes, with the heads of `architecture`, a class of transformers.

    Raises:
        CheckpointError: a key is missing, unknown, or has a value that this family cannot have.
    """
    check(config, read=READ, fixed=FIXED, unused=UNUSED)
    choices = Gpt2(
        num_layers=number(config, "num_hidden_layers", "n_layer"),
        d_model=number(config, "hidden_size", "n_embd"),
        d_ff=optional_number(config, "n_inner"),
        num_heads=number(config, "num_attention_heads", "n_head"),
        scale=None if config.get("scale_attn_weights", True) else 1.0,
        dropout=share(config, "resid_pdrop", 0.1),
        embedding_dropout=share(config, "embd_pdrop", 0.1),
        attention_dropout=share(config, "attn_pdrop", 0.1),
        norm_eps=share(config, "layer_norm_epsilon", 1e-5),
        activation=activation(config, "activation_function", "gelu_new"),
        max_length=number(config, "max_position_embeddings", "n_positions"),
        tied=bool(config.get("tie_word_embeddings", True)),
        init_std=share(config, "initializer_range", 0.02),
    )
    tokens = special_tokens(config, pad=None, start=50256, end=50256)
    with said_of_config():
        words, labels = decoders.heads(config, architecture, ARCHITECTURES, dropout=0.1)
        return choices.spec(number(config, "vocab_size"), tokens, language_head=words, label_head=labels)


def config(model: SingleStackSpec) -> dict[str, Any]:
    """The `config.json` of a model that GPT-2 can express: `spec` gives the model back.

    Raises:
        ConfigError: the model has something that GPT-2 has not; the message names it.
    """
    stack = model.stack
    data = {
        "model_type": MODEL_TYPE,
        "vocab_size": stack.vocab_size,
        "n_positions": stack.max_length,
        "n_embd": stack.d_model,
        "n_layer": stack.num_layers,
        "n_head": stack.attention.num_heads,
        "n_inner": stack.d_ff,
        "activation_function": activation_name(stack.activation),
        "embd_pdrop": stack.dropout.embedding,
        "attn_pdrop": stack.dropout.attention,
        "resid_pdrop": stack.dropout.residual,
        "layer_norm_epsilon": stack.norm_eps,
        "scale_attn_weights": stack.attention.scale is None,
        "initializer_range": model.init.std,
        **decoders.written(model, ARCHITECTURES),
    }
    return confirmed(data, spec, model)


def keys(model: SingleStackSpec) -> list[Same]:
    """What each of our parameters is called in a GPT-2 checkpoint."""
    return decoders.keys(model, [*ENDS, *each_layer(LAYER, model.stack.num_layers)])


def copies(model: SingleStackSpec) -> dict[str, str]:
    """Names under which a GPT-2 checkpoint may repeat a tensor, or keep it instead, and the name in `keys`."""
    return decoders.copies(model, "wte.weight")


ATTENTION, QUERY_KEY_VALUE = "stack.blocks.{i}.attention", ("query", "key", "value")
ENDS = [
    Same("stack.tokens.weight", "wte.weight"),
    Same("stack.position.table.weight", "wpe.weight"),
    *weight_and_bias("stack.final_norm", "ln_f"),
]
LAYER = [
    *weight_and_bias(f"{ATTENTION}_norm", "h.{i}.ln_1"),
    StackedTransposed(tuple(f"{ATTENTION}.{name}.weight" for name in QUERY_KEY_VALUE), "h.{i}.attn.c_attn.weight"),
    Stacked(tuple(f"{ATTENTION}.{name}.bias" for name in QUERY_KEY_VALUE), "h.{i}.attn.c_attn.bias"),
    *weight_and_bias(f"{ATTENTION}.out", "h.{i}.attn.c_proj", Transposed),
    *weight_and_bias("stack.blocks.{i}.feed_forward_norm", "h.{i}.ln_2"),
    *weight_and_bias("stack.blocks.{i}.feed_forward.up", "h.{i}.mlp.c_fc", Transposed),
    *weight_and_bias("stack.blocks.{i}.feed_forward.down", "h.{i}.mlp.c_proj", Transposed),
]
