"""Teacher forcing: which token is read, which is said, and that packing changes nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from headway.evaluation.loss import mean_losses
from headway.objectives.seq2seq import Seq2Seq
from headway.spec import SpecialTokens
from tests.training.translator import TOKENS, model_of, rows_of

PAIRS = [(np.array([7, 8, 9]), np.array([5])), (np.array([4]), np.array([6, 3, 0, 5]))]  # pad and end among the ids


@pytest.mark.parametrize("end", [3, 0])  # 0: the end token is the padding token too, as GPT-2 and its like have it
def test_the_end_is_said_and_never_masked_by_its_id(end: int) -> None:
    batch = Seq2Seq(SpecialTokens(pad_id=0, start_id=2, end_id=end)).collate(PAIRS)
    assert batch.source.tolist() == [7, 8, 9, end, 4, end]
    assert batch.inputs.tolist() == [2, 5, 2, 6, 3, 0, 5]
    assert batch.labels.tolist() == [5, end, 6, 3, 0, 5, end]
    assert batch.source.dtype == batch.inputs.dtype == batch.labels.dtype == torch.int64
    assert batch.source_layout.positions.tolist() == [0, 1, 2, 3, 0, 1]
    assert batch.target_layout.positions.tolist() == [0, 1, 0, 1, 2, 3, 4]
    assert batch.counts == {"loss": 7, "nll": 7}
    assert batch.tokens == 13


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_packed_loss_is_the_padded_one(smoothing: float) -> None:
    model, rows = model_of().double(), rows_of(7)
    objective = Seq2Seq(TOKENS, smoothing)
    source = torch.zeros(7, 12, dtype=torch.long)
    inputs, labels = torch.zeros(7, 12, dtype=torch.long), torch.full((7, 12), -100)
    mask, target_mask = torch.zeros(7, 12), torch.zeros(7, 12)
    for i, (said, heard) in enumerate(rows):
        source[i, : len(said) + 1] = torch.tensor([*said, TOKENS.end_id])
        inputs[i, : len(heard) + 1] = torch.tensor([TOKENS.start_id, *heard])
        labels[i, : len(heard) + 1] = torch.tensor([*heard, TOKENS.end_id])
        mask[i, : len(said) + 1], target_mask[i, : len(heard) + 1] = 1, 1
    logits = model(source, mask, inputs, target_mask).logits.flatten(0, 1)
    expected = F.cross_entropy(logits, labels.flatten(), reduction="sum", label_smoothing=smoothing)
    likelihood = F.cross_entropy(logits, labels.flatten(), reduction="sum")
    expected_gradient = torch.autograd.grad(expected, list(model.parameters()))
    losses = objective.loss(model, objective.collate(rows))
    count = int((labels != -100).sum())
    assert {name: (counted, weight) for name, (_, counted, weight) in losses.items()} == {
        "loss": (count, 1.0),
        "nll": (count, 0.0),
    }
    torch.testing.assert_close(losses["loss"][0], expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(losses["nll"][0], likelihood, rtol=1e-12, atol=0)
    for found, want in zip(
        torch.autograd.grad(losses["loss"][0], list(model.parameters())), expected_gradient, strict=True
    ):
        torch.testing.assert_close(found, want, rtol=0, atol=1e-11)


def test_perplexity_is_of_the_plain_likelihood_and_of_all_tokens_together() -> None:
    model, rows = model_of().double().eval(), rows_of(8)
    objective = Seq2Seq(TOKENS, 0.3)
    uneven = [objective.collate(rows[:1]), objective.collate(rows[1:])]
    whole = Seq2Seq(TOKENS).loss(model, objective.collate(rows))["loss"]
    means = mean_losses(model, objective, uneven)
    plain = whole[0].item() / whole[1]
    assert means["nll"] == pytest.approx(plain, rel=1e-12)
    assert means["perplexity"] == pytest.approx(math.exp(plain), rel=1e-12)
    assert means["loss"] != pytest.approx(plain, rel=1e-3)


def test_a_batch_moves_to_a_device_whole() -> None:
    moved = Seq2Seq(TOKENS).collate(PAIRS).to(torch.device("meta"))
    tensors = [moved.source, moved.inputs, moved.labels, moved.source_layout.index, moved.target_layout.index]
    assert {tensor.device.type for tensor in tensors if tensor is not None} == {"meta"}
    assert moved.source_layout.device.type == moved.target_layout.device.type == "meta"
