"""RoBERTa beside its twins."""

from __future__ import annotations

from torch import nn
from transformers import (
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaForMultipleChoice,
    RobertaForQuestionAnswering,
    RobertaForSequenceClassification,
    RobertaForTokenClassification,
    RobertaModel,
)

from headway.models.families import roberta
from tests.parity import rows_bert
from tests.parity.harness import (
    Row,
    blocks_swapped,
    positions_later,
    query_and_key_swapped,
    scale_off,
    tanh_for_erf,
    weight_and_bias,
)
from tests.parity.rows_bert import (
    head_bias_lost,
    head_norm_lost,
    head_of_the_embedding,
    labels_swapped,
    last_token_pooled,
)

SIZES = rows_bert.SIZES | {"type_vocab_size": 1, "layer_norm_eps": 1e-5}
SMALL, PAD_FOUR = RobertaConfig(**SIZES), RobertaConfig(**SIZES, pad_token_id=4)


def offset_lost(model: nn.Module) -> None:
    model.stack.position.offset -= 1


def hidden_linear(model: nn.Module) -> None:
    model.label_head.hidden = nn.Identity()


ROWS = [
    Row(
        "roberta",
        RobertaModel,
        SMALL,
        roberta,
        outputs=("last_hidden_state", "pooler_output"),
        mutants=(scale_off, query_and_key_swapped, positions_later, tanh_for_erf, blocks_swapped, last_token_pooled),
    ),
    Row("roberta-masked-lm", RobertaForMaskedLM, SMALL, roberta, mutants=(offset_lost, head_bias_lost, head_norm_lost)),
    Row(
        "roberta-masked-lm-untied",
        RobertaForMaskedLM,
        RobertaConfig(**SIZES, tie_word_embeddings=False),
        roberta,
        mutants=(head_of_the_embedding, head_bias_lost),
    ),
    Row("roberta-pad-four", RobertaForMaskedLM, PAD_FOUR, roberta, mutants=(offset_lost, scale_off)),
    Row(
        "roberta-labels",
        RobertaForSequenceClassification,
        RobertaConfig(**SIZES, num_labels=3),
        roberta,
        mutants=(hidden_linear, labels_swapped),
    ),
    Row("roberta-tokens", RobertaForTokenClassification, SMALL, roberta, mutants=(labels_swapped, offset_lost)),
    Row(
        "roberta-span",
        RobertaForQuestionAnswering,
        SMALL,
        roberta,
        outputs=("start_logits", "end_logits"),
        mutants=(labels_swapped, scale_off),
    ),
    Row("roberta-choices", RobertaForMultipleChoice, SMALL, roberta, inputs="choices", mutants=(last_token_pooled,)),
]
NAMES = rows_bert.NAMES | weight_and_bias("label_head.hidden")
LARGE = {"hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16, "num_hidden_layers": 24}
BASE = rows_bert.PUBLISHED | {
    "architectures": ["RobertaForMaskedLM"],
    "bos_token_id": 0,
    "eos_token_id": 2,
    "layer_norm_eps": 1e-5,
    "max_position_embeddings": 514,
    "model_type": "roberta",
    "pad_token_id": 1,
    "type_vocab_size": 1,
}
KLUE = rows_bert.NEWER | {"vocab_size": 32000, "tokenizer_class": "BertTokenizer"}
CONFIGS = {
    "roberta-base": BASE | {"vocab_size": 50265},
    "roberta-large": BASE | LARGE | {"vocab_size": 50265},
    "klue/roberta-base": BASE | KLUE,
    "klue/roberta-large": BASE | LARGE | KLUE,
}
OTHER = rows_bert.OTHER
