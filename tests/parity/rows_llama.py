"""Llama beside its twins: with every bias and a head width of its own, and with slowed rotations."""

from __future__ import annotations

from torch import nn
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForQuestionAnswering,
    LlamaForSequenceClassification,
    LlamaForTokenClassification,
    LlamaModel,
)

from headway.models.families import llama
from headway.nn.positions import Rotary
from tests.parity.harness import Row, blocks_swapped, scale_off
from tests.parity.rows_gpt2 import first_token_read, label_bias_lost, labels_swapped

SIZES = {
    "vocab_size": 99,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
}
SLOWED = {
    "rope_type": "llama3",
    "rope_theta": 100.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
BIASED = LlamaConfig(**SIZES, attention_bias=True, mlp_bias=True, head_dim=6, rms_norm_eps=1e-5)


def rotations_faster(model: nn.Module) -> None:
    model.stack.position.frequency *= 1.01


def rotations_as_before(model: nn.Module) -> None:
    model.stack.position = Rotary(8, 100.0)


def gate_and_up_swapped(model: nn.Module) -> None:
    layer = model.stack.blocks[0].feed_forward
    layer.gate, layer.up = layer.up, layer.gate


def out_bias_lost(model: nn.Module) -> None:
    model.stack.blocks[0].attention.out.bias.data.zero_()


def groups_interleaved(model: nn.Module) -> None:
    """Heads 0 and 2 share a key where 0 and 1 should."""
    linear = model.stack.blocks[0].attention.query
    heads = linear.weight.data.unflatten(0, (4, -1))
    linear.weight.data = heads[[0, 2, 1, 3]].flatten(0, 1)


STACK = (scale_off, rotations_faster, gate_and_up_swapped, groups_interleaved, blocks_swapped)
ROWS = [
    Row("llama-biased", LlamaForCausalLM, BIASED, llama, takes_positions=True, mutants=(*STACK, out_bias_lost)),
    Row(
        "llama-slowed-tied",
        LlamaForCausalLM,
        LlamaConfig(**SIZES, rope_parameters=SLOWED, tie_word_embeddings=True),
        llama,
        takes_positions=True,
        mutants=(rotations_as_before, rotations_faster),
    ),
    Row(
        "llama",
        LlamaModel,
        LlamaConfig(**SIZES),
        llama,
        takes_positions=True,
        outputs=("last_hidden_state",),
        mutants=STACK,
    ),
    Row(
        "llama-text",
        LlamaForSequenceClassification,
        LlamaConfig(**SIZES, num_labels=5, problem_type="single_label_classification"),
        llama,
        takes_positions=True,
        mutants=(scale_off, first_token_read),
    ),
    Row(
        "llama-tokens",
        LlamaForTokenClassification,
        LlamaConfig(**SIZES, num_labels=3),
        llama,
        takes_positions=True,
        mutants=(labels_swapped, label_bias_lost),
    ),
    Row(
        "llama-span",
        LlamaForQuestionAnswering,
        LlamaConfig(**SIZES),
        llama,
        takes_positions=True,
        outputs=("start_logits", "end_logits"),
        mutants=(labels_swapped, label_bias_lost),
    ),
]
LAYER = (
    "attention.query attention.key attention.value attention.out feed_forward.up feed_forward.gate feed_forward.down"
)
NAMES = (
    {f"stack.blocks.{{i}}.{module}.{part}" for module in LAYER.split() for part in ("weight", "bias")}
    | {f"stack.blocks.{{i}}.{norm}.weight" for norm in ("attention_norm", "feed_forward_norm")}
    | {"stack.tokens.weight", "stack.final_norm.weight", "head.weight", "label_head.out.weight", "label_head.out.bias"}
)
PUBLISHED = {  # what all of the checkpoints below have in common
    "architectures": ["LlamaForCausalLM"],
    "hidden_act": "silu",
    "initializer_range": 0.02,
    "model_type": "llama",
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "torch_dtype": "bfloat16",
    "use_cache": True,
}
CONFIGS = {
    "meta-llama/Llama-2-7b-hf": PUBLISHED
    | {
        "_name_or_path": "meta-llama/Llama-2-7b-hf",
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "max_position_embeddings": 4096,
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
        "num_key_value_heads": 32,
        "rope_scaling": None,
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
        "transformers_version": "4.31.0.dev0",
        "vocab_size": 32000,
    },
    "meta-llama/Llama-3.2-1B": PUBLISHED
    | {
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 128000,
        "eos_token_id": 128001,
        "head_dim": 64,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "max_position_embeddings": 131072,
        "mlp_bias": False,
        "num_attention_heads": 32,
        "num_hidden_layers": 16,
        "num_key_value_heads": 8,
        "rope_scaling": {
            "factor": 32.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192,
            "rope_type": "llama3",
        },
        "rope_theta": 500000.0,
        "tie_word_embeddings": True,
        "transformers_version": "4.45.0.dev0",
        "vocab_size": 128256,
    },
}
OTHER = {  # another value for every key that is read
    "vocab_size": 7,
    "hidden_size": 16,
    "intermediate_size": 7,
    "num_hidden_layers": 7,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 4,
    "hidden_act": "gelu",
    "max_position_embeddings": 7,
    "initializer_range": 0.7,
    "rms_norm_eps": 0.7,
    "tie_word_embeddings": True,
    "attention_bias": True,
    "mlp_bias": True,
    "attention_dropout": 0.7,
    "classifier_dropout": 0.7,
    "hidden_dropout": 0.7,
    "rope_theta": 7.0,  # another one than among the rotations: refused
    "rope_scaling": {"rope_type": "yarn", "factor": 4.0},
    "rope_parameters": {"rope_type": "default", "rope_theta": 7.0},
    "pad_token_id": 7,
    "bos_token_id": 7,
    "eos_token_id": 7,
}
