"""GPT-2 beside its twins."""

from __future__ import annotations

from torch import nn
from transformers import (
    GPT2Config,
    GPT2ForQuestionAnswering,
    GPT2ForSequenceClassification,
    GPT2ForTokenClassification,
    GPT2LMHeadModel,
    GPT2Model,
)

from headway.models.families import gpt2
from tests.parity.harness import (
    Row,
    blocks_swapped,
    erf_for_tanh,
    positions_later,
    query_and_key_swapped,
    scale_off,
    weight_and_bias,
)

SIZES = {
    "vocab_size": 99,
    "n_embd": 32,
    "n_layer": 3,
    "n_head": 4,
    "n_positions": 40,
    "pad_token_id": 5,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
SMALL = GPT2Config(**SIZES)


def future_seen(model: nn.Module) -> None:
    object.__setattr__(model.stack.spec, "causal", False)


def final_norm_lost(model: nn.Module) -> None:
    model.stack.final_norm = nn.Identity()


def words_swapped(model: nn.Module) -> None:
    weight = model.head.weight.data
    weight.copy_(weight.flip(0))


def labels_swapped(model: nn.Module) -> None:
    weight = model.label_head.out.weight.data
    weight.copy_(weight.flip(0))


def label_bias_lost(model: nn.Module) -> None:
    model.label_head.out.bias.data.zero_()


def first_token_read(model: nn.Module) -> None:
    object.__setattr__(model.label_head.spec, "reads", "first")


STACK = (scale_off, query_and_key_swapped, positions_later, erf_for_tanh, blocks_swapped, final_norm_lost, future_seen)
ROWS = [
    Row("gpt2", GPT2Model, SMALL, gpt2, takes_positions=True, outputs=("last_hidden_state",), mutants=STACK),
    Row("gpt2-lm", GPT2LMHeadModel, SMALL, gpt2, takes_positions=True, mutants=(scale_off, positions_later)),
    Row(
        "gpt2-lm-untied",
        GPT2LMHeadModel,
        GPT2Config(**SIZES, n_inner=56, tie_word_embeddings=False, activation_function="relu"),
        gpt2,
        mutants=(words_swapped, erf_for_tanh),
    ),
    Row(
        "gpt2-lm-unscaled",
        GPT2LMHeadModel,
        GPT2Config(**SIZES, scale_attn_weights=False, layer_norm_epsilon=1e-3, reorder_and_upcast_attn=True),
        gpt2,
        std=0.1,  # unscaled scores of larger weights leave one key to every query
        mutants=(scale_off,),
    ),
    Row(
        "gpt2-text",
        GPT2ForSequenceClassification,
        GPT2Config(**SIZES, num_labels=5),
        gpt2,
        takes_positions=True,
        mutants=(labels_swapped, first_token_read),
    ),
    Row(
        "gpt2-tokens",
        GPT2ForTokenClassification,
        GPT2Config(**SIZES, id2label={0: "O", 1: "B-사람", 2: "I-사람"}),
        gpt2,
        mutants=(labels_swapped, label_bias_lost),
    ),
    Row(
        "gpt2-span",
        GPT2ForQuestionAnswering,
        SMALL,
        gpt2,
        outputs=("start_logits", "end_logits"),
        mutants=(labels_swapped, label_bias_lost),
    ),
]
LAYER = """
attention.query attention.key attention.value attention.out attention_norm
feed_forward.up feed_forward.down feed_forward_norm
"""
NAMES = (
    {"stack.tokens.weight", "stack.position.table.weight", "head.weight"}
    | weight_and_bias(" ".join(f"stack.blocks.{{i}}.{module}" for module in LAYER.split()))
    | weight_and_bias("stack.final_norm label_head.out")
)
PUBLISHED = {  # what the checkpoints below have in common
    "activation_function": "gelu_new",
    "architectures": ["GPT2LMHeadModel"],
    "attn_pdrop": 0.1,
    "embd_pdrop": 0.1,
    "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05,
    "model_type": "gpt2",
    "n_ctx": 1024,
    "n_embd": 768,
    "n_head": 12,
    "n_layer": 12,
    "n_positions": 1024,
    "resid_pdrop": 0.1,
    "summary_activation": None,
    "summary_first_dropout": 0.1,
    "summary_proj_to_labels": True,
    "summary_type": "cls_index",
    "summary_use_proj": True,
    "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
}
CONFIGS = {
    "gpt2": PUBLISHED | {"bos_token_id": 50256, "eos_token_id": 50256, "vocab_size": 50257},
    "gpt2-xl": PUBLISHED
    | {"bos_token_id": 50256, "eos_token_id": 50256, "vocab_size": 50257}
    | {"n_embd": 1600, "n_head": 25, "n_layer": 48, "output_past": True},
    "skt/kogpt2-base-v2": PUBLISHED
    | {
        "author": "Heewon Jeon(madjakarta@gmail.com)",
        "bos_token_id": 0,
        "created_date": "2021-04-28",
        "eos_token_id": 1,
        "gradient_checkpointing": False,
        "id2label": {"0": "LABEL_0"},
        "label2id": {"LABEL_0": 0},
        "license": "CC-BY-NC-SA 4.0",
        "n_inner": None,
        "pad_token_id": 3,
        "transformers_version": "4.6.0",
        "use_cache": True,
        "vocab_size": 51200,
    },
}
OTHER = {  # another value for every key that is read
    "vocab_size": 7,
    "max_position_embeddings": 7,
    "n_positions": 7,
    "hidden_size": 16,
    "n_embd": 16,
    "num_hidden_layers": 7,
    "n_layer": 7,
    "num_attention_heads": 1,
    "n_head": 1,
    "n_inner": 7,
    "activation_function": "silu",
    "embd_pdrop": 0.7,
    "attn_pdrop": 0.7,
    "resid_pdrop": 0.7,
    "layer_norm_epsilon": 0.7,
    "scale_attn_weights": False,
    "initializer_range": 0.7,
    "tie_word_embeddings": False,
    "classifier_dropout": 0.7,
    "hidden_dropout": 0.7,
    "pad_token_id": 7,
    "bos_token_id": 7,
    "eos_token_id": 7,
}
