"""BLOOM beside its twins."""

from __future__ import annotations

from torch import nn
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    BloomForQuestionAnswering,
    BloomForSequenceClassification,
    BloomForTokenClassification,
    BloomModel,
)

from headway.models.families import bloom
from headway.nn.block import RESIDUALS
from tests.parity.harness import (
    Row,
    blocks_swapped,
    erf_for_tanh,
    query_and_key_swapped,
    scale_off,
    weight_and_bias,
)
from tests.parity.rows_gpt2 import first_token_read, future_seen, label_bias_lost, labels_swapped, words_swapped

SIZES = {"vocab_size": 99, "hidden_size": 48, "n_layer": 3, "n_head": 6, "pad_token_id": 3}
SMALL = BloomConfig(**SIZES)


def slopes_off(model: nn.Module) -> None:
    model.stack.position.slopes *= 1.01


def slopes_in_order(model: nn.Module) -> None:
    slopes = model.stack.position.slopes
    slopes.copy_(slopes.sort(descending=True).values)


def heads_swapped(model: nn.Module) -> None:
    slopes = model.stack.position.slopes
    slopes.copy_(slopes.flip(0))


def embedding_norm_lost(model: nn.Module) -> None:
    model.stack.embedding_norm = nn.Identity()


def residual_before(model: nn.Module) -> None:
    model.stack.blocks[1].residual = RESIDUALS["pre"]


def residual_normed(model: nn.Module) -> None:
    model.stack.blocks[1].residual = RESIDUALS["pre_normed"]


STACK = (scale_off, query_and_key_swapped, slopes_off, slopes_in_order, erf_for_tanh, blocks_swapped, future_seen)
ROWS = [
    Row(
        "bloom",
        BloomModel,
        SMALL,
        bloom,
        outputs=("last_hidden_state",),
        mutants=(*STACK, embedding_norm_lost, residual_normed),
    ),
    Row("bloom-lm", BloomForCausalLM, SMALL, bloom, mutants=(scale_off, slopes_off)),
    Row(
        "bloom-lm-eight-heads",
        BloomForCausalLM,
        BloomConfig(**SIZES | {"n_head": 8}, tie_word_embeddings=False, slow_but_exact=True, layer_norm_epsilon=1e-3),
        bloom,
        mutants=(heads_swapped, words_swapped),
    ),
    Row(
        "bloom-lm-residual-normed",
        BloomForCausalLM,
        BloomConfig(**SIZES, apply_residual_connection_post_layernorm=True, pretraining_tp=2),
        bloom,
        mutants=(residual_before,),
    ),
    Row(
        "bloom-text",
        BloomForSequenceClassification,
        BloomConfig(**SIZES, num_labels=5),
        bloom,
        mutants=(labels_swapped, first_token_read),
    ),
    Row(
        "bloom-regression",
        BloomForSequenceClassification,
        BloomConfig(**SIZES, num_labels=1),
        bloom,
        mutants=(first_token_read,),
    ),
    Row(
        "bloom-tokens",
        BloomForTokenClassification,
        BloomConfig(**SIZES, num_labels=3),
        bloom,
        mutants=(labels_swapped, label_bias_lost),
    ),
    Row(
        "bloom-span",
        BloomForQuestionAnswering,
        SMALL,
        bloom,
        outputs=("start_logits", "end_logits"),
        mutants=(labels_swapped, label_bias_lost),
    ),
]
LAYER = """
attention.query attention.key attention.value attention.out attention_norm
feed_forward.up feed_forward.down feed_forward_norm
"""
NAMES = (
    {"stack.tokens.weight", "head.weight"}
    | weight_and_bias(" ".join(f"stack.blocks.{{i}}.{module}" for module in LAYER.split()))
    | weight_and_bias("stack.embedding_norm stack.final_norm label_head.out")
)
PUBLISHED = {  # what the checkpoints below have in common
    "apply_residual_connection_post_layernorm": False,
    "architectures": ["BloomForCausalLM"],
    "attention_dropout": 0.0,
    "attention_softmax_in_fp32": True,
    "bias_dropout_fusion": True,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_dropout": 0.0,
    "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05,
    "masked_softmax_fusion": True,
    "model_type": "bloom",
    "n_inner": None,
    "offset_alibi": 100,
    "pad_token_id": 3,
    "pretraining_tp": 1,
    "skip_bias_add": True,
    "skip_bias_add_qkv": False,
    "transformers_version": "4.20.0",
    "unk_token_id": 0,
    "use_cache": True,
    "vocab_size": 250880,
}
CONFIGS = {
    "bigscience/bloom-560m": PUBLISHED | {"n_embed": 1024, "n_layer": 24, "num_attention_heads": 16},
    "bigscience/bloomz-560m": PUBLISHED
    | {"hidden_size": 1024, "n_layer": 24, "n_head": 16, "seq_length": 2048, "slow_but_exact": False},
    "bigscience/bloom-3b": PUBLISHED | {"n_embed": 2560, "n_layer": 30, "num_attention_heads": 32, "pretraining_tp": 4},
    "bigscience/bloom": PUBLISHED
    | {"hidden_size": 14336, "n_layer": 70, "n_head": 112, "pretraining_tp": 4, "slow_but_exact": False},
}
OTHER = {  # another value for every key that is read
    "vocab_size": 7,
    "hidden_size": 24,
    "n_embed": 24,
    "num_hidden_layers": 7,
    "n_layer": 7,
    "num_attention_heads": 1,
    "n_head": 1,
    "seq_length": 7,
    "apply_residual_connection_post_layernorm": True,
    "hidden_dropout": 0.7,
    "attention_dropout": 0.7,
    "classifier_dropout": 0.7,
    "layer_norm_epsilon": 0.7,
    "initializer_range": 0.7,
    "tie_word_embeddings": False,
    "pretraining_tp": 2,
    "slow_but_exact": True,
    "pad_token_id": 7,
    "bos_token_id": 7,
    "eos_token_id": 7,
}
