"""RoBERTa (Liu et al. 2019): BERT with one token type, positions counted from after the padding id, and other heads."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from headway.models.families import bert
from headway.models.families.bert import MASKED_LM, Bert, choices_of
from headway.models.families.encoders import TASKS, classifier_dropout, is_tied, projection, projection_copies, written
from headway.models.families.encoders import keys as stack_keys
from headway.models.families.exchange import (
    architecture_of,
    check,
    confirmed,
    label_head,
    number,
    said_of_config,
    share,
    special_tokens,
)
from headway.models.keys import Same, weight_and_bias
from headway.spec import LabelHeadSpec, SingleStackSpec

_base = Bert(family="roberta", token_types=1, after_padding=True, norm_eps=1e-5)
SIZES = {"base": _base, "large": dataclasses.replace(_base, num_layers=24, d_model=1024, num_heads=16)}

MODEL_TYPE, PREFIX, WORDS = "roberta", "roberta.", "lm_head"
ARCHITECTURES = ("RobertaModel", "RobertaForMaskedLM", *(f"RobertaFor{task}" for task in TASKS.values()))
READ, UNUSED = bert.READ, bert.UNUSED
FIXED = bert.FIXED | {"model_type": MODEL_TYPE}
BUFFERS: dict[str, str | None] = {r"(roberta\.)?embeddings\.position_ids": None}


def spec(config: Mapping[str, Any], architecture: str | None = None) -> SingleStackSpec:
    """The model that a RoBERTa `config.json` describes.

    Raises:
        CheckpointError: a key is missing, unknown, or has a value that this family cannot have.
    """
    check(config, read=READ, fixed=FIXED, unused=UNUSED)
    name = architecture_of(config, architecture, ARCHITECTURES, "RobertaModel")
    tokens = special_tokens(config, pad=1, start=0, end=2)
    choices, words = choices_of(config), dataclasses.replace(MASKED_LM, tied=is_tied(config))
    length = choices.max_length - tokens.pad_id - 1  # the table has rows for the padding id and what is before it
    with said_of_config():
        return dataclasses.replace(choices, family="roberta", max_length=length, after_padding=True).spec(
            number(config, "vocab_size"),
            tokens,
            language_head=words if name == "RobertaForMaskedLM" else None,
            label_head=_label_head(config, name),
        )


def _label_head(config: Mapping[str, Any], architecture: str) -> LabelHeadSpec | None:
    match architecture:
        case "RobertaForSequenceClassification":
            return label_head(config, "text", reads="first", hidden=True, dropout=classifier_dropout(config))
        case "RobertaForTokenClassification":
            return label_head(config, "tokens", dropout=classifier_dropout(config))
        case "RobertaForQuestionAnswering":
            return label_head(config, "span")
        case "RobertaForMultipleChoice":
            return label_head(config, "choices", dropout=share(config, "hidden_dropout_prob", 0.1))
    return None


def config(model: SingleStackSpec) -> dict[str, Any]:
    """The `config.json` of a model: `spec` gives the model back.

    Raises:
        ConfigError: the model has something that RoBERTa has not; the message names it.
    """
    head = model.label_head
    task = "MaskedLM" if model.language_head else None if head is None else TASKS[head.of]
    architecture = f"RobertaFor{task}" if task else "RobertaModel"
    data = {"architectures": [architecture], "model_type": MODEL_TYPE, **written(model)}
    return confirmed(data, spec, model)


def keys(model: SingleStackSpec) -> list[Same]:
    """What each of our parameters is called in a RoBERTa checkpoint."""
    rows, head = stack_keys(model, PREFIX), model.label_head
    if model.language_head is not None:
        rows += weight_and_bias("head.transform.dense", f"{WORDS}.dense")
        rows += weight_and_bias("head.transform.norm", f"{WORDS}.layer_norm")
        rows += projection(model.language_head, WORDS)
    if head is not None and head.hidden:
        rows += weight_and_bias("label_head.hidden", "classifier.dense")
        rows += weight_and_bias("label_head.out", "classifier.out_proj")
    elif head is not None:
        rows += weight_and_bias("label_head.out", "qa_outputs" if head.of == "span" else "classifier")
    return rows


def copies(model: SingleStackSpec) -> dict[str, str]:
    """Names under which a RoBERTa checkpoint may repeat a tensor, or keep it instead, and the name in `keys`."""
    return projection_copies(model.language_head, WORDS, PREFIX)
