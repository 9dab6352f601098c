"""BERT beside its twins."""

from __future__ import annotations

from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
)

from headway.models.families import bert
from tests.parity.harness import (
    Row,
    blocks_swapped,
    positions_later,
    query_and_key_swapped,
    scale_off,
    tanh_for_erf,
    weight_and_bias,
)

SIZES = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "type_vocab_size": 3,
}
SMALL, ONE_NUMBER = BertConfig(**SIZES), BertConfig(**SIZES, num_labels=1)


def segments_lost(model: nn.Module) -> None:
    model.stack.types.weight.data.copy_(model.stack.types.weight[:1].expand(3, -1).clone())


def head_bias_lost(model: nn.Module) -> None:
    model.head.bias.data.zero_()


def head_norm_lost(model: nn.Module) -> None:
    model.head.transform.norm = nn.Identity()


def pooled_twice(model: nn.Module) -> None:
    """Through tanh twice."""
    model.pooler.register_forward_hook(lambda _module, _given, out: out.tanh())


def last_token_pooled(model: nn.Module) -> None:
    """The last token instead of the first."""
    last: list[Tensor] = []
    model.stack.register_forward_hook(lambda _module, given, states: last.append(given[1].last(states)))
    model.pooler.register_forward_pre_hook(lambda _module, _given: (last.pop(),))


def head_of_the_embedding(model: nn.Module) -> None:
    model.head.weight = model.stack.tokens.weight


def labels_swapped(model: nn.Module) -> None:
    weight = model.label_head.out.weight.data
    weight.copy_(weight.flip(0))


STACK = (scale_off, query_and_key_swapped, positions_later, tanh_for_erf, blocks_swapped, segments_lost)
ROWS = [
    Row(
        "bert",
        BertModel,
        SMALL,
        bert,
        inputs="pairs",
        outputs=("last_hidden_state", "pooler_output"),
        mutants=(*STACK, pooled_twice, last_token_pooled),
    ),
    Row(
        "bert-masked-lm",
        BertForMaskedLM,
        SMALL,
        bert,
        inputs="pairs",
        takes_positions=True,
        mutants=(scale_off, head_bias_lost, head_norm_lost),
    ),
    Row(
        "bert-masked-lm-untied",
        BertForMaskedLM,
        BertConfig(**SIZES, tie_word_embeddings=False),
        bert,
        mutants=(head_of_the_embedding, head_bias_lost),
    ),
    Row("bert-masked-lm-relu", BertForMaskedLM, BertConfig(**SIZES, hidden_act="relu"), bert, mutants=(tanh_for_erf,)),
    Row("bert-next-sentence", BertForNextSentencePrediction, SMALL, bert, inputs="pairs", mutants=(labels_swapped,)),
    Row(
        "bert-pre-training",
        BertForPreTraining,
        SMALL,
        bert,
        inputs="pairs",
        outputs=("prediction_logits", "seq_relationship_logits"),
        mutants=(segments_lost, labels_swapped, head_bias_lost),
    ),
    Row(
        "bert-one-label",
        BertForSequenceClassification,
        BertConfig(**SIZES, num_labels=5, problem_type="single_label_classification"),
        bert,
        inputs="pairs",
        mutants=(pooled_twice, labels_swapped),
    ),
    Row(
        "bert-many-labels",
        BertForSequenceClassification,
        BertConfig(**SIZES, id2label={0: "좋음", 1: "나쁨"}, problem_type="multi_label_classification"),
        bert,
        mutants=(labels_swapped,),
    ),
    Row("bert-regression", BertForSequenceClassification, ONE_NUMBER, bert, mutants=(scale_off,)),
    Row(
        "bert-tokens",
        BertForTokenClassification,
        BertConfig(**SIZES, num_labels=7),
        bert,
        takes_positions=True,
        mutants=(labels_swapped, positions_later),
    ),
    Row(
        "bert-span",
        BertForQuestionAnswering,
        SMALL,
        bert,
        inputs="pairs",
        takes_positions=True,
        outputs=("start_logits", "end_logits"),
        mutants=(labels_swapped, segments_lost),
    ),
    Row("bert-choices", BertForMultipleChoice, SMALL, bert, inputs="choices", mutants=(pooled_twice, segments_lost)),
]
LAYER = """
attention.query attention.key attention.value attention.out attention_norm
feed_forward.up feed_forward.down feed_forward_norm
"""
NAMES = (
    {f"stack.{table}.weight" for table in ("tokens", "position.table", "types")}
    | weight_and_bias(" ".join(f"stack.blocks.{{i}}.{module}" for module in LAYER.split()))
    | weight_and_bias("stack.embedding_norm pooler head.transform.dense head.transform.norm label_head.out")
    | {"head.weight", "head.bias"}
)
PUBLISHED = {  # what all of the checkpoints below have in common
    "architectures": ["BertForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 768,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bert",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pad_token_id": 0,
    "type_vocab_size": 2,
}
FIRST_RELEASE = {
    "directionality": "bidi",
    "pooler_fc_size": 768,
    "pooler_num_attention_heads": 12,
    "pooler_num_fc_layers": 3,
    "pooler_size_per_head": 128,
    "pooler_type": "first_token_transform",
}
NEWER = {"position_embedding_type": "absolute", "use_cache": True, "gradient_checkpointing": False}
CONFIGS = {
    "bert-base-uncased": PUBLISHED | NEWER | {"vocab_size": 30522, "transformers_version": "4.6.0.dev0"},
    "bert-base-multilingual-cased": PUBLISHED | FIRST_RELEASE | NEWER | {"vocab_size": 119547},
    "klue/bert-base": PUBLISHED | NEWER | {"vocab_size": 32000},
    "beomi/kcbert-base": PUBLISHED | FIRST_RELEASE | {"vocab_size": 30000, "max_position_embeddings": 300},
    "monologg/kobert": PUBLISHED | {"vocab_size": 8002, "architectures": ["BertModel"]},
    "sentence-transformers/all-MiniLM-L6-v2": PUBLISHED
    | NEWER
    | {
        "_name_or_path": "nreimers/MiniLM-L6-H384-uncased",
        "architectures": ["BertModel"],
        "hidden_size": 384,
        "intermediate_size": 1536,
        "num_hidden_layers": 6,
        "vocab_size": 30522,
    },
}
OTHER = {  # another value for every key that is read
    "vocab_size": 7,
    "hidden_size": 16,
    "num_hidden_layers": 7,
    "num_attention_heads": 1,
    "intermediate_size": 7,
    "hidden_act": "gelu_new",
    "hidden_dropout_prob": 0.7,
    "attention_probs_dropout_prob": 0.7,
    "classifier_dropout": 0.7,
    "max_position_embeddings": 7,
    "type_vocab_size": 7,
    "initializer_range": 0.7,
    "layer_norm_eps": 0.7,
    "tie_word_embeddings": False,
    "pad_token_id": 7,
    "bos_token_id": 7,
    "eos_token_id": 7,
}
