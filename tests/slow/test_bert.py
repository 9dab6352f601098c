"""BERT and RoBERTa base at full size, random weights: the outputs of transformers."""

from __future__ import annotations

import pytest
import torch
from transformers import BertConfig, BertForPreTraining, RobertaConfig, RobertaForMaskedLM

from headway.models.families import bert, roberta
from tests.parity.harness import Row, difference, ours_of, outputs, scale_off, twin_of
from tests.parity.rows_roberta import CONFIGS

BERT = Row(
    "bert-base",
    BertForPreTraining,
    BertConfig(),
    bert,
    std=0.05,
    outputs=("prediction_logits", "seq_relationship_logits"),
)
ROBERTA = Row("roberta-base", RobertaForMaskedLM, RobertaConfig(**CONFIGS["roberta-base"]), roberta, std=0.05)

TOLERANCE = 2e-5  # 12 layers of sums over 768 to 3072 numbers, in float32


@pytest.mark.parametrize("row", [BERT, ROBERTA], ids=lambda row: row.name)
@torch.no_grad()
def test_the_outputs_are_those_of_transformers(row: Row) -> None:
    """A text as long as the positions reach and a shorter one."""
    ours, length = ours_of(row), 512
    assert ours.spec.stack.max_length == length
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, row.config.vocab_size, (2, length), generator=generator)
    mask = (torch.arange(length) < torch.tensor([[length], [401]])).long()
    given = {"input_ids": ids.where(mask.bool(), row.config.pad_token_id), "attention_mask": mask}
    if row is BERT:
        given["token_type_ids"] = (torch.arange(length) >= 200).long().expand(2, -1)
    theirs = outputs(row, twin_of(row, row.std), given)
    twin_of.cache_clear()
    found = difference(outputs(row, ours, given), theirs)
    print(f"{row.name}: {found:.1e}")
    assert found < TOLERANCE
    scale_off(ours)
    assert difference(outputs(row, ours, given), theirs) > 10 * TOLERANCE
