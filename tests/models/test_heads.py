"""Heads under the loss that never holds all logits, and attention heads that are switched off, in every family."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from headway.explain.record import recording
from headway.models.heads import LanguageHead
from headway.nn.attention import Attention
from headway.objectives.cross_entropy import linear_cross_entropy
from headway.spec import HeadSpec
from tests.nn.stacks import gradients
from tests.parity import rows_bert, rows_bloom, rows_gpt2, rows_llama, rows_qwen2, rows_roberta, rows_t5
from tests.parity.harness import Row, batch, difference, ours_of, outputs

FIRST = [file.ROWS[0] for file in (rows_bert, rows_bloom, rows_gpt2, rows_llama, rows_qwen2, rows_roberta, rows_t5)]


@pytest.mark.parametrize(
    "spec",
    [HeadSpec(tied=False), HeadSpec(bias=True, transform="gelu"), HeadSpec(scale=0.3), HeadSpec(bias=True, scale=2.0)],
    ids=str,
)
def test_the_loss_in_pieces_trains_every_part_of_a_head_as_the_plain_one(spec: HeadSpec) -> None:
    torch.manual_seed(0)
    embedding = nn.Embedding(11, 6)
    head, labels = LanguageHead(spec, 6, embedding).double(), torch.tensor([3, -100, 0, 10, 7])
    states = torch.randn(5, 6, dtype=torch.float64, requires_grad=True)
    loss = F.cross_entropy(head(states), labels, reduction="sum", label_smoothing=0.1)
    loss.backward()
    plain, moved = gradients(head), states.grad
    head.zero_grad()
    states.grad = None
    pieces, _ = linear_cross_entropy(head.features(states), labels, head, smoothing=0.1, rows=2)
    pieces.backward()
    found = gradients(head)
    torch.testing.assert_close(pieces, loss)
    torch.testing.assert_close(states.grad, moved)
    assert found.keys() == plain.keys() == dict(head.named_parameters()).keys()
    for name in found:
        torch.testing.assert_close(found[name], plain[name])


@pytest.mark.parametrize("row", FIRST, ids=lambda row: row.name)
@torch.no_grad()
def test_a_head_switched_off_is_its_columns_of_out_at_zero(row: Row) -> None:
    ours, given = ours_of(row), batch(row, "left")
    for name, attention in [(n, m) for n, m in ours.named_modules() if isinstance(m, Attention)][-2:]:
        on = torch.ones(attention.out.in_features // attention.head_dim)
        on[1] = 0
        with recording(ours, heads={name: on}):
            off = outputs(row, ours, given)
        before = attention.out.weight.clone()
        attention.out.weight *= on.repeat_interleave(attention.head_dim)
        assert difference(off, outputs(row, ours, given)) < 2e-6
        attention.out.weight.copy_(before)
        assert difference(off, outputs(row, ours, given)) > 1e-4


@torch.no_grad()
def test_every_layer_of_a_model_may_be_wrapped() -> None:
    peft = pytest.importorskip("peft")
    row = rows_bert.ROWS[0]
    ours, given = ours_of(row), batch(row)
    before = outputs(row, ours, given)
    wrapped = peft.get_peft_model(ours, peft.LoraConfig(target_modules="all-linear", r=2))
    assert difference(outputs(row, wrapped, given), before) < 1e-6
