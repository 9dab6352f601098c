"""Qwen2 beside its twins."""

from __future__ import annotations

from torch import nn
from transformers import (
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2ForQuestionAnswering,
    Qwen2ForSequenceClassification,
    Qwen2ForTokenClassification,
    Qwen2Model,
)

from headway.models.families import qwen2
from tests.parity import rows_llama
from tests.parity.harness import Row, scale_off
from tests.parity.rows_gpt2 import first_token_read, label_bias_lost, labels_swapped
from tests.parity.rows_llama import SIZES, STACK

ROTATION = {"rope_type": "default", "rope_theta": 1000.0}


def query_bias_lost(model: nn.Module) -> None:
    model.stack.blocks[1].attention.query.bias.data.zero_()


ROWS = [
    Row(
        "qwen2-tied",
        Qwen2ForCausalLM,
        Qwen2Config(**SIZES, rope_parameters=ROTATION, tie_word_embeddings=True),
        qwen2,
        takes_positions=True,
        mutants=(*STACK, query_bias_lost),
    ),
    Row(
        "qwen2",
        Qwen2Model,
        Qwen2Config(**SIZES),
        qwen2,
        takes_positions=True,
        outputs=("last_hidden_state",),
        mutants=(scale_off, query_bias_lost),
    ),
    Row(
        "qwen2-text",
        Qwen2ForSequenceClassification,
        Qwen2Config(**SIZES, num_labels=5, problem_type="multi_label_classification"),
        qwen2,
        takes_positions=True,
        mutants=(first_token_read,),
    ),
    Row(
        "qwen2-tokens",
        Qwen2ForTokenClassification,
        Qwen2Config(**SIZES, num_labels=3),
        qwen2,
        mutants=(labels_swapped, label_bias_lost),
    ),
    Row(
        "qwen2-span",
        Qwen2ForQuestionAnswering,
        Qwen2Config(**SIZES),
        qwen2,
        outputs=("start_logits", "end_logits"),
        mutants=(labels_swapped, label_bias_lost),
    ),
]
NAMES = {
    name for name in rows_llama.NAMES if not name.endswith("bias") or name.split(".")[-2] in ("query", "key", "value")
} - {"head.weight"} | {"label_head.out.bias"}
CONFIGS = {
    "Qwen/Qwen2-0.5B": {
        "architectures": ["Qwen2ForCausalLM"],
        "attention_dropout": 0.0,
        "bos_token_id": 151643,
        "eos_token_id": 151643,
        "hidden_act": "silu",
        "hidden_size": 896,
        "initializer_range": 0.02,
        "intermediate_size": 4864,
        "max_position_embeddings": 131072,
        "max_window_layers": 24,
        "model_type": "qwen2",
        "num_attention_heads": 14,
        "num_hidden_layers": 24,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "sliding_window": 131072,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.40.1",
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": 151936,
    }
}
OTHER = rows_llama.OTHER | {"tie_word_embeddings": False, "layer_types": ["full_attention", "sliding_attention"]}
