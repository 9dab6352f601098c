"""What BERT and RoBERTa have in common as transformers publishes them: sizes, tasks, names of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headway.models.families.exchange import activation_name, label_keys, share, token_keys
from headway.models.keys import Repeated, Same, each_layer, weight_and_bias
from headway.spec import HeadSpec, SingleStackSpec

TASKS = {  # what their classes are called
    "text": "SequenceClassification",
    "tokens": "TokenClassification",
    "span": "QuestionAnswering",
    "choices": "MultipleChoice",
}


def classifier_dropout(config: Mapping[str, Any]) -> float:
    """That of a label head: its own, or that of the sublayers."""
    return share(config, "classifier_dropout", share(config, "hidden_dropout_prob", 0.1))


def is_tied(config: Mapping[str, Any]) -> bool:
    """Whether the head for words multiplies by the embedding."""
    return config.get("tie_word_embeddings") is not False


def written(model: SingleStackSpec) -> dict[str, Any]:
    """The keys of `config.json` that they have in common."""
    stack, words, head = model.stack, model.language_head, model.label_head
    return {
        "vocab_size": stack.vocab_size,
        "hidden_size": stack.d_model,
        "num_hidden_layers": stack.num_layers,
        "num_attention_heads": stack.attention.num_heads,
        "intermediate_size": stack.d_ff,
        "hidden_act": activation_name(stack.activation),
        "hidden_dropout_prob": stack.dropout.residual,
        "attention_probs_dropout_prob": stack.dropout.attention,
        "classifier_dropout": None if head is None or head.of == "span" else head.dropout,
        "max_position_embeddings": stack.max_length + stack.position.offset,
        "type_vocab_size": stack.token_types,
        "initializer_range": model.init.std,
        "layer_norm_eps": stack.norm_eps,
        "tie_word_embeddings": words is None or words.tied,
        **token_keys(model.tokens),
        **({} if head is None else label_keys(head)),
    }


def keys(model: SingleStackSpec, prefix: str) -> list[Same]:
    """The rows of embeddings, layers and pooler; `prefix` stands before them where there is a head."""
    if model.language_head is None and model.label_head is None:
        prefix = ""
    rows = EMBEDDINGS + each_layer(LAYER, model.stack.num_layers)
    rows += weight_and_bias("pooler", "pooler.dense") if model.pooler else []
    return [replace(row, theirs=prefix + row.theirs) for row in rows]


def projection(head: HeadSpec, name: str) -> list[Same]:
    """The rows of the head for words; the bias of an untied one has two names."""
    bias = f"{name}.bias"
    if head.tied:
        return [Same("head.bias", bias)]
    return [Repeated("head.bias", bias), *weight_and_bias("head", f"{name}.decoder")]


def projection_copies(head: HeadSpec | None, name: str, prefix: str) -> dict[str, str]:
    """Where the head may be repeated: the bias, and of a tied one the table."""
    if head is None:
        return {}
    bias, repeated, table = f"{name}.bias", f"{name}.decoder.bias", f"{prefix}embeddings.word_embeddings.weight"
    return {repeated: bias, **({f"{name}.decoder.weight": table} if head.tied else {bias: repeated})}


EMBEDDINGS = [
    Same("stack.tokens.weight", "embeddings.word_embeddings.weight"),
    Same("stack.position.table.weight", "embeddings.position_embeddings.weight"),
    Same("stack.types.weight", "embeddings.token_type_embeddings.weight"),
    *weight_and_bias("stack.embedding_norm", "embeddings.LayerNorm"),
]
LAYER = [
    row
    for ours, theirs in {
        "attention.query": "attention.self.query",
        "attention.key": "attention.self.key",
        "attention.value": "attention.self.value",
        "attention.out": "attention.output.dense",
        "attention_norm": "attention.output.LayerNorm",
        "feed_forward.up": "intermediate.dense",
        "feed_forward.down": "output.dense",
        "feed_forward_norm": "output.LayerNorm",
    }.items()
    for row in weight_and_bias(f"stack.blocks.{{i}}.{ours}", f"encoder.layer.{{i}}.{theirs}")
]
