"""T5 and its version 1.1 beside their twins."""

from __future__ import annotations

import torch.nn.functional as F
import transformers
from torch import nn
from transformers import T5Config, T5EncoderModel, T5ForConditionalGeneration, T5ForTokenClassification

from headway.models.families import t5
from tests.parity.harness import Row, query_and_key_swapped, scale_off, weight_and_bias

SIZES = {
    "vocab_size": 99,
    "d_model": 32,
    "d_kv": 6,
    "d_ff": 48,
    "num_layers": 2,
    "num_decoder_layers": 3,
    "num_heads": 4,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 9,
    "decoder_start_token_id": 0,
}
FIRST = T5Config(**SIZES)
LATER = T5Config(**SIZES, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
Untied = type(  # transformers 5 ties what it builds, and unties what it loads where the weights differ
    "T5ForConditionalGeneration",
    (transformers.T5ForConditionalGeneration,),
    {"_tied_weights_keys": {f"{side}.embed_tokens.weight": "shared.weight" for side in ("encoder", "decoder")}},
)


def distances_lost(model: nn.Module) -> None:
    (model.stack if hasattr(model, "stack") else model.encoder).position.table.weight.data.zero_()


def one_direction(model: nn.Module) -> None:
    model.encoder.position.bidirectional = False


def both_directions(model: nn.Module) -> None:
    model.decoder.position.bidirectional = True


def further(model: nn.Module) -> None:
    model.decoder.position.max_distance = 10


def head_unscaled(model: nn.Module) -> None:
    model.head.scale = 1.0


def head_of_the_embedding(model: nn.Module) -> None:
    model.head.weight = model.decoder.tokens.weight


def head_scaled(model: nn.Module) -> None:
    model.head.scale = model.spec.decoder.d_model**-0.5


def erf_for_tanh(model: nn.Module) -> None:
    model.encoder.blocks[0].feed_forward.activation = F.gelu


def gate_and_up_swapped(model: nn.Module) -> None:
    layer = model.decoder.blocks[1].feed_forward
    layer.gate, layer.up = layer.up, layer.gate


def cross_and_self_attention_swapped(model: nn.Module) -> None:
    block = model.decoder.blocks[1]
    block.attention, block.cross_attention = block.cross_attention, block.attention


def labels_swapped(model: nn.Module) -> None:
    weight = model.label_head.out.weight.data
    weight.copy_(weight.flip(0))


STACKS = (scale_off, query_and_key_swapped, distances_lost, cross_and_self_attention_swapped)
ROWS = [
    Row(
        "t5",
        T5ForConditionalGeneration,
        FIRST,
        t5,
        std=0.1,
        inputs="seq2seq",
        outputs=("logits", "encoder_last_hidden_state"),
        mutants=(*STACKS, one_direction, both_directions, further, head_unscaled),
    ),
    Row(
        "t5-v1.1",
        Untied,
        LATER,
        t5,
        std=0.1,
        inputs="seq2seq",
        outputs=("logits", "encoder_last_hidden_state"),
        mutants=(*STACKS, erf_for_tanh, gate_and_up_swapped, head_of_the_embedding),
    ),
    Row(
        "t5-v1.1-tied",  # as transformers 5 makes it, whatever is asked for
        T5ForConditionalGeneration,
        LATER,
        t5,
        std=0.1,
        inputs="seq2seq",
        outputs=("logits", "encoder_last_hidden_state"),
        mutants=(scale_off, head_scaled),
    ),
    Row(
        "t5-encoder",
        T5EncoderModel,
        FIRST,
        t5,
        std=0.1,
        outputs=("last_hidden_state",),
        mutants=(scale_off, distances_lost),
    ),
    Row(
        "t5-tokens",
        T5ForTokenClassification,
        T5Config(**SIZES, feed_forward_proj="gated-silu", num_labels=5),
        t5,
        std=0.1,
        mutants=(scale_off, labels_swapped),
    ),
]
LAYER = "attention.query attention.key attention.value attention.out attention_norm feed_forward.up feed_forward.gate \
feed_forward.down feed_forward_norm"
CROSS = "cross_attention.query cross_attention.key cross_attention.value cross_attention.out cross_attention_norm"
NAMES = (
    {f"{stack}.blocks.{{i}}.{module}.weight" for stack in ("encoder", "decoder", "stack") for module in LAYER.split()}
    | {f"decoder.blocks.{{i}}.{module}.weight" for module in CROSS.split()}
    | {
        f"{stack}.{name}.weight"
        for stack in ("encoder", "decoder", "stack")
        for name in ("position.table", "final_norm")
    }
    | {"encoder.tokens.weight", "stack.tokens.weight", "head.weight"}
    | weight_and_bias("label_head.out")
)
PUBLISHED = {  # what all of the checkpoints below have in common
    "architectures": ["T5ForConditionalGeneration"],
    "d_kv": 64,
    "decoder_start_token_id": 0,
    "dropout_rate": 0.1,
    "eos_token_id": 1,
    "initializer_factor": 1.0,
    "is_encoder_decoder": True,
    "layer_norm_epsilon": 1e-06,
    "model_type": "t5",
    "output_past": True,
    "pad_token_id": 0,
    "relative_attention_num_buckets": 32,
}
BASE = {"d_ff": 2048, "d_model": 768, "num_decoder_layers": 12, "num_heads": 12, "num_layers": 12}
CONFIGS = {
    "google-t5/t5-small": PUBLISHED
    | {
        "d_ff": 2048,
        "d_model": 512,
        "n_positions": 512,
        "num_heads": 8,
        "num_layers": 6,
        "task_specific_params": {"summarization": {"early_stopping": True, "prefix": "summarize: "}},
        "vocab_size": 32128,
    },
    "google/t5-v1_1-base": PUBLISHED
    | BASE
    | {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "vocab_size": 32128},
    "KETI-AIR/ke-t5-base": PUBLISHED
    | BASE
    | {
        "bos_token_id": None,
        "dense_act_fn": "gelu_new",
        "feed_forward_proj": "gated-gelu",
        "is_gated_act": True,
        "n_positions": 512,
        "tie_word_embeddings": False,
        "tokenizer_class": "T5Tokenizer",
        "use_cache": True,
        "vocab_size": 64128,
    },
}
OTHER = {  # another value for every key that is read
    "vocab_size": 7,
    "d_model": 16,
    "d_kv": 7,
    "d_ff": 7,
    "num_layers": 7,
    "num_decoder_layers": 7,
    "num_heads": 7,
    "n_positions": 7,
    "relative_attention_num_buckets": 16,
    "relative_attention_max_distance": 7,
    "dropout_rate": 0.7,
    "classifier_dropout": 0.7,
    "layer_norm_epsilon": 0.7,
    "feed_forward_proj": "other-relu",
    "dense_act_fn": "gelu",
    "is_gated_act": True,
    "tie_word_embeddings": False,
    "scale_decoder_outputs": False,
    "pad_token_id": 7,
    "eos_token_id": 7,
    "decoder_start_token_id": 7,
}
