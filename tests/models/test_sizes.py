"""The sizes of the families: the counts are those of transformers, and those that papers give."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    BertForPreTraining,
    BertModel,
    PretrainedConfig,
    RobertaModel,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from headway.models import build
from headway.models.families import PUBLISHED, SIZES_OF, TRANSLATORS, bert
from headway.models.sizes import parameters_by_part, table
from headway.spec import ModelSpec

TWINS = {"bert": BertModel, "roberta": RobertaModel, "t5": AutoModelForSeq2SeqLM.from_config}
SMALL = [
    (family, size)
    for family in sorted(PUBLISHED.keys() & SIZES_OF.keys())
    for size in SIZES_OF[family]
    if size in ("tiny", "small", "base", "0.5b")
]


@functools.cache
def rows() -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["family"], row["size"]): row for row in table()}


def counted(model: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def config_of(spec: ModelSpec) -> PretrainedConfig:
    """The configuration of transformers, through the family's own `config`."""
    written: dict[str, Any] = PUBLISHED[spec.family].config(spec)
    return CONFIG_MAPPING[written["model_type"]].from_dict(written)


@pytest.mark.parametrize(("family", "size"), SMALL)
def test_the_count_is_that_of_transformers(family: str, size: str) -> None:
    row = rows()[family, size]
    pieces = row["vocab_size"]
    choices = SIZES_OF[family][size]
    spec = choices.spec(pieces, pieces) if family in TRANSLATORS else choices.spec(pieces)
    with torch.device("meta"):
        twin, ours = TWINS.get(family, AutoModelForCausalLM.from_config)(config_of(spec)), build(spec)
    assert row["parameters"] == counted(twin) == counted(ours)


PAPERS = {  # millions, as each paper or model card rounds them
    ("bert", "tiny"): 4.4,
    ("bert", "mini"): 11.2,
    ("bert", "small"): 28.8,
    ("bert", "medium"): 41.4,
    ("bert", "base"): 109.5,  # the paper: 110
    ("bert", "large"): 335.1,  # the paper: 340
    ("roberta", "base"): 124.6,
    ("roberta", "large"): 355.4,
    ("gpt2", "small"): 124.4,
    ("gpt2", "medium"): 354.8,
    ("gpt2", "large"): 774.0,
    ("gpt2", "xl"): 1557.6,
    ("bloom", "560m"): 559.2,
    ("bloom", "176b"): 176247.3,
    ("t5", "small"): 60.5,
    ("t5", "base"): 222.9,
    ("t5", "large"): 737.7,
    ("t5", "11b"): 11307.3,
    ("t5", "v1.1-small"): 77.0,
    ("t5", "v1.1-base"): 247.6,
    ("llama", "2-7b"): 6738.4,
    ("llama", "3.2-1b"): 1235.8,
    ("qwen2", "0.5b"): 494.0,
    ("qwen2", "7b"): 7615.6,
}


def test_the_sizes_are_those_of_the_papers() -> None:
    assert {which: round(rows()[which]["parameters"] / 1e6, 1) for which in PAPERS} == PAPERS
    assert [round(rows()["bert", size]["parameters"], -7) for size in ("base", "large")] == [110_000_000, 340_000_000]


def test_pre_training_adds_its_two_heads() -> None:
    spec = bert.SIZES["base"].spec(30522, language_head=bert.MASKED_LM, label_head=bert.NEXT_SENTENCE)
    with torch.device("meta"):
        twin = BertForPreTraining(config_of(spec))
    parts = parameters_by_part(spec)
    assert sum(parts.values()) == counted(twin) == 110_106_428
    assert parts["embeddings"] == 30522 * 768
    assert parts["head"] == 30522 + 768 * 768 + 3 * 768  # the table of words is shared
    assert parts["label_head"] == 2 * 768 + 2
