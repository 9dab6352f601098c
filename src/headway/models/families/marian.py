"""Marian translators (Junczys-Dowmunt et al. 2018) as published on the hub: the Vaswani model under other names.

`CONFIG` says of every key of a `config.json` what it does; `spec` refuses a value that would change the outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headway.errors import CheckpointError
from headway.models.keys import Same
from headway.spec import (
    Activation,
    AttentionSpec,
    DropoutSpec,
    HeadSpec,
    InitSpec,
    SpecialTokens,
    StackSpec,
    TransformerSpec,
)

MODEL_TYPE = "marian"
_ACTIVATIONS: dict[str, Activation] = {"relu": "relu", "gelu": "gelu", "swish": "silu", "silu": "silu"}
_FIXED = {  # keys with one value this family can mean
    "is_encoder_decoder": True,
    "static_position_embeddings": True,
    "normalize_before": False,
    "normalize_embedding": False,
    "add_final_layer_norm": False,
    "add_bias_logits": False,
    "encoder_layerdrop": 0.0,
    "decoder_layerdrop": 0.0,
}


def spec(config: Mapping[str, Any]) -> TransformerSpec:
    """The model that a Marian `config.json` describes.

    Raises:
        CheckpointError: a key is missing, or has a value that this family does not know.
    """
    for key, value in _FIXED.items():
        if config.get(key, value) != value:
            raise CheckpointError(f"config.json: {key} is {config[key]!r}; only {value!r} is supported")
    try:
        return _spec(config)
    except KeyError as error:
        raise CheckpointError(f"config.json has no key {error}; is this a Marian model?") from None


def _spec(config: Mapping[str, Any]) -> TransformerSpec:
    if config["activation_function"] not in _ACTIVATIONS:
        raise CheckpointError(
            f"config.json: activation_function is {config['activation_function']!r}; known: {', '.join(_ACTIVATIONS)}"
        )
    target_vocab_size = config.get("decoder_vocab_size") or config["vocab_size"]
    shared = bool(config.get("share_encoder_decoder_embeddings", True))
    return TransformerSpec(
        family="marian",
        encoder=_stack(config, "encoder", config["vocab_size"]),
        decoder=_stack(config, "decoder", target_vocab_size),
        shared_embedding=shared,
        head=HeadSpec(tied=bool(config.get("tie_word_embeddings", True)), bias=True),
        init=InitSpec(scheme="normal", std=config.get("init_std", 0.02), embedding_std=config.get("init_std", 0.02)),
        tokens=SpecialTokens(
            pad_id=config["pad_token_id"], start_id=config["decoder_start_token_id"], end_id=config["eos_token_id"]
        ),
    )


def _stack(config: Mapping[str, Any], side: str, vocab_size: int) -> StackSpec:
    d_model, heads = config["d_model"], config[f"{side}_attention_heads"]
    if d_model % heads:
        raise CheckpointError(f"config.json: d_model {d_model} is not divisible by {side}_attention_heads {heads}")
    return StackSpec(
        vocab_size=vocab_size,
        max_length=config["max_position_embeddings"],
        num_layers=config[f"{side}_layers"],
        d_model=d_model,
        d_ff=config[f"{side}_ffn_dim"],
        attention=AttentionSpec(num_heads=heads, head_dim=d_model // heads),
        causal=side == "decoder",
        cross_attention=side == "decoder",
        embedding_scale=d_model**0.5 if config.get("scale_embedding") else 1.0,
        norm_order="post",
        final_norm=False,
        activation=_ACTIVATIONS[config["activation_function"]],
        dropout=DropoutSpec(
            embedding=config.get("dropout", 0.0),
            attention=config.get("attention_dropout", 0.0),
            activation=config.get("activation_dropout", 0.0),
            residual=config.get("dropout", 0.0),
        ),
    )


def _attention(ours: str, theirs: str) -> list[Same]:
    names = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "out": "out_proj"}
    return [
        Same(f"{ours}.{our}.{part}", f"{theirs}.{their}.{part}")
        for our, their in names.items()
        for part in ("weight", "bias")
    ]


def _both(ours: str, theirs: str) -> list[Same]:
    return [Same(f"{ours}.{part}", f"{theirs}.{part}") for part in ("weight", "bias")]


def _side(side: str) -> list[Same]:
    ours, theirs = f"{side}.blocks.{{i}}", f"model.{side}.layers.{{i}}"
    rows = _attention(f"{ours}.attention", f"{theirs}.self_attn")
    rows += _both(f"{ours}.attention_norm", f"{theirs}.self_attn_layer_norm")
    if side == "decoder":
        rows += _attention(f"{ours}.cross_attention", f"{theirs}.encoder_attn")
        rows += _both(f"{ours}.cross_attention_norm", f"{theirs}.encoder_attn_layer_norm")
    rows += _both(f"{ours}.feed_forward.up", f"{theirs}.fc1") + _both(f"{ours}.feed_forward.down", f"{theirs}.fc2")
    return rows + _both(f"{ours}.feed_forward_norm", f"{theirs}.final_layer_norm")


KEYS = {
    "encoder": _side("encoder"),
    "decoder": _side("decoder"),
    "shared": [
        Same("encoder.tokens.weight", "model.shared.weight"),
        Same("head.bias", "final_logits_bias"),
    ],
}
