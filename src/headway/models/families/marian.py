"""Marian translators (Junczys-Dowmunt et al. 2018) as published on the hub: the Vaswani model under other names.

`spec` and `config` read and write a `config.json`, `keys` and `copies` say what the tensors are called.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from headway.errors import CheckpointError
from headway.models.families.exchange import (
    activation,
    activation_name,
    architecture_of,
    check,
    confirmed,
    number,
    optional_number,
    said_of_config,
    share,
    token_keys,
)
from headway.models.keys import AsRow, Same, each_layer, weight_and_bias
from headway.spec import (
    AttentionSpec,
    DropoutSpec,
    HeadSpec,
    InitSpec,
    SpecialTokens,
    StackSpec,
    TransformerSpec,
)

MODEL_TYPE, PREFIX = "marian", "model."
ARCHITECTURES = ("MarianMTModel",)
# fmt: off
READ = {  # what `spec` looks at
    "vocab_size", "decoder_vocab_size", "share_encoder_decoder_embeddings", "tie_word_embeddings",
    "max_position_embeddings", "d_model", "encoder_layers", "encoder_attention_heads", "encoder_ffn_dim",
    "decoder_layers", "decoder_attention_heads", "decoder_ffn_dim", "activation_function", "scale_embedding",
    "dropout", "attention_dropout", "activation_dropout", "init_std", "pad_token_id", "decoder_start_token_id",
    "eos_token_id",
}
FIXED = {  # what has one value in this family; another one would be another model
    "model_type": MODEL_TYPE,
    "is_encoder_decoder": True,
    "is_decoder": False,
    "static_position_embeddings": True,
    "normalize_before": False,
    "normalize_embedding": False,
    "add_final_layer_norm": False,
    "add_bias_logits": False,
    "encoder_layerdrop": 0.0,
    "decoder_layerdrop": 0.0,
    "tie_encoder_decoder": False,
}
UNUSED = {  # what has no influence on the model: remains of BART
    "classif_dropout", "classifier_dropout", "num_hidden_layers", "extra_pos_embeddings", "bos_token_id",
}
# fmt: on


def spec(config: Mapping[str, Any], architecture: str | None = None) -> TransformerSpec:
    """The model that a Marian `config.json` describes.

    Raises:
        CheckpointError: a key is missing, unknown, or has a value that this family cannot have.
    """
    check(config, read=READ, fixed=FIXED, unused=UNUSED)
    architecture_of(config, architecture, ARCHITECTURES, "MarianMTModel")
    with said_of_config():
        return _spec(config)


def _spec(config: Mapping[str, Any]) -> TransformerSpec:
    shared = bool(config.get("share_encoder_decoder_embeddings", True))
    tied = bool(config.get("tie_word_embeddings", True))
    if shared and not tied:
        raise CheckpointError(
            "config.json: share_encoder_decoder_embeddings without tie_word_embeddings; transformers changed what that "
            "means, so set both or neither"
        )
    vocab_size = number(config, "vocab_size")
    return TransformerSpec(
        family="marian",
        encoder=_stack(config, "encoder", vocab_size),
        decoder=_stack(config, "decoder", optional_number(config, "decoder_vocab_size") or vocab_size),
        shared_embedding=shared,
        head=HeadSpec(tied=tied, bias=True),
        init=_init(share(config, "init_std", 0.02)),
        tokens=SpecialTokens(
            pad_id=number(config, "pad_token_id"),
            start_id=number(config, "decoder_start_token_id"),
            end_id=number(config, "eos_token_id"),
        ),
    )


def _stack(config: Mapping[str, Any], side: str, vocab_size: int) -> StackSpec:
    d_model = number(config, "d_model")
    return StackSpec(
        vocab_size=vocab_size,
        max_length=number(config, "max_position_embeddings"),
        num_layers=number(config, f"{side}_layers"),
        d_model=d_model,
        d_ff=number(config, f"{side}_ffn_dim"),
        attention=AttentionSpec.shared(d_model, number(config, f"{side}_attention_heads")),
        causal=side == "decoder",
        cross_attention=side == "decoder",
        embedding_scale=d_model**0.5 if config.get("scale_embedding") else 1.0,
        norm_order="post",
        final_norm=False,
        activation=activation(config, "activation_function", "gelu"),
        dropout=DropoutSpec(
            embedding=share(config, "dropout", 0.0),
            attention=share(config, "attention_dropout", 0.0),
            activation=share(config, "activation_dropout", 0.0),
            residual=share(config, "dropout", 0.0),
        ),
    )


def _init(std: float) -> InitSpec:
    return InitSpec(scheme="normal", std=std, embedding_std=std)


def config(model: TransformerSpec) -> dict[str, Any]:
    """The `config.json` of a model that Marian can express, whatever family it is of: `spec` gives the model back.

    Raises:
        ConfigError: the model has something that Marian has not; the message names it.
    """
    encoder, decoder = model.encoder, model.decoder
    data = {
        "architectures": ["MarianMTModel"],
        "model_type": MODEL_TYPE,
        "is_encoder_decoder": True,
        "vocab_size": encoder.vocab_size,
        "decoder_vocab_size": decoder.vocab_size,
        "share_encoder_decoder_embeddings": model.shared_embedding,
        "tie_word_embeddings": model.head.tied,
        "max_position_embeddings": encoder.max_length,
        "d_model": encoder.d_model,
        "encoder_layers": encoder.num_layers,
        "encoder_attention_heads": encoder.attention.num_heads,
        "encoder_ffn_dim": encoder.d_ff,
        "decoder_layers": decoder.num_layers,
        "decoder_attention_heads": decoder.attention.num_heads,
        "decoder_ffn_dim": decoder.d_ff,
        "activation_function": activation_name(encoder.activation),
        "scale_embedding": encoder.embedding_scale != 1.0,
        "dropout": encoder.dropout.residual,
        "attention_dropout": encoder.dropout.attention,
        "activation_dropout": encoder.dropout.activation,
        "init_std": model.init.std,
        **token_keys(model.tokens, starts="decoder_start_token_id"),
    }
    alike = dataclasses.replace(  # what is only a matter of training may differ, and a head may get a bias of zero
        model, family=MODEL_TYPE, head=dataclasses.replace(model.head, bias=True), init=_init(model.init.std)
    )
    return confirmed(data, spec, alike)


def keys(model: TransformerSpec) -> list[Same]:
    """What each of our parameters is called in a Marian checkpoint."""
    rows: list[Same] = [AsRow("head.bias", "final_logits_bias")]
    if model.shared_embedding:
        rows += [Same("encoder.tokens.weight", "model.shared.weight")]
    else:
        rows += [Same(f"{side}.tokens.weight", f"model.{side}.embed_tokens.weight") for side in ("encoder", "decoder")]
    if not model.head.tied:
        rows += [Same("head.weight", "lm_head.weight")]
    return rows + each_layer(ENCODER, model.encoder.num_layers) + each_layer(DECODER, model.decoder.num_layers)


def copies(model: TransformerSpec) -> dict[str, str]:
    """Names under which a Marian checkpoint may repeat a tensor, or keep it instead, and the name in `keys`."""
    if model.shared_embedding:
        others = ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "lm_head.weight")
        return dict.fromkeys(others, "model.shared.weight")
    return {"lm_head.weight": "model.decoder.embed_tokens.weight"} if model.head.tied else {}


# The table of sines, if it is kept at all.
BUFFERS = {rf"model\.{side}\.embed_positions\.weight": f"{side}.position.table" for side in ("encoder", "decoder")}


def _attention(ours: str, theirs: str, their_block: str) -> list[Same]:
    return [
        *weight_and_bias(f"{ours}.query", f"{their_block}.{theirs}.q_proj"),
        *weight_and_bias(f"{ours}.key", f"{their_block}.{theirs}.k_proj"),
        *weight_and_bias(f"{ours}.value", f"{their_block}.{theirs}.v_proj"),
        *weight_and_bias(f"{ours}.out", f"{their_block}.{theirs}.out_proj"),
        *weight_and_bias(f"{ours}_norm", f"{their_block}.{theirs}_layer_norm"),
    ]


def _feed_forward(ours: str, theirs: str) -> list[Same]:
    return [
        *weight_and_bias(f"{ours}.up", f"{theirs}.fc1"),
        *weight_and_bias(f"{ours}.down", f"{theirs}.fc2"),
        *weight_and_bias(f"{ours}_norm", f"{theirs}.final_layer_norm"),
    ]


ENCODER = [
    *_attention("encoder.blocks.{i}.attention", "self_attn", "model.encoder.layers.{i}"),
    *_feed_forward("encoder.blocks.{i}.feed_forward", "model.encoder.layers.{i}"),
]
DECODER = [
    *_attention("decoder.blocks.{i}.attention", "self_attn", "model.decoder.layers.{i}"),
    *_attention("decoder.blocks.{i}.cross_attention", "encoder_attn", "model.decoder.layers.{i}"),
    *_feed_forward("decoder.blocks.{i}.feed_forward", "model.decoder.layers.{i}"),
]
