"""The families: each a frozen set of choices with a `spec` method, and a table of sizes.

A new family is one file here, one row in a table below and, where others publish weights, a key table.
"""

from collections.abc import Mapping
from typing import Any

from headway.models.families import (
    awd_lstm,
    bert,
    bloom,
    elmo,
    gpt2,
    llama,
    marian,
    qwen2,
    recurrent,
    recurrent_classifier,
    roberta,
    t5,
    text_cnn,
    vaswani,
)
from headway.models.families.exchange import Published
from headway.models.families.recurrent import Recurrent
from headway.models.families.vaswani import Vaswani

FAMILIES: dict[str, dict[str, Vaswani] | dict[str, Recurrent]] = {"vaswani": vaswani.SIZES} | recurrent.SIZES
SIZES_OF: dict[str, Mapping[str, Any]] = {  # of all others: what reads one text, and what others publish
    "bert": bert.SIZES,
    "roberta": roberta.SIZES,
    "gpt2": gpt2.SIZES,
    "bloom": bloom.SIZES,
    "t5": t5.SIZES,
    "llama": llama.SIZES,
    "qwen2": qwen2.SIZES,
    "elmo": elmo.SIZES,
    "awd_lstm": awd_lstm.SIZES,
    "text_cnn": text_cnn.SIZES,
}
SPELLED = {"elmo"}  # they read words by their characters
CLASSIFIERS: dict[str, Mapping[str, Any]] = {**SIZES_OF, **recurrent_classifier.SIZES}  # those that can label texts
TRANSLATORS = {*FAMILIES, t5.MODEL_TYPE}  # their `spec` takes two vocabularies
PUBLISHED: dict[str, Published] = {
    family.MODEL_TYPE: family for family in (bert, bloom, gpt2, llama, marian, qwen2, roberta, t5)
}
