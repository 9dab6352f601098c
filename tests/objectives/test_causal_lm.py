"""The next token from those before it in its own document, whatever stands in the same block."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headway.data.blocks import Blocks, Documents, Predictions
from headway.models import build
from headway.models.families.bloom import Bloom
from headway.models.families.gpt2 import Gpt2
from headway.models.families.llama import Llama
from headway.nn.masks import Layout
from headway.objectives.causal_lm import CausalBatch, CausalLM
from headway.objectives.cross_entropy import IGNORED
from headway.spec import SpecialTokens
from tests.data.corpora import corpus_of
from tests.parity.harness import ours_of, twin_of
from tests.parity.rows_gpt2 import ROWS

VOCABULARY, START, END = 31, 2, 3
FAMILIES = {"gpt2": Gpt2, "bloom": Bloom, "llama": Llama}  # learned positions, distances, rotations


def model_of(family: str = "gpt2") -> Any:
    """Two layers whose every weight matters, in float64."""
    torch.manual_seed(0)
    choices = FAMILIES[family](num_layers=2, d_model=24, d_ff=40, num_heads=2, max_length=16)
    model = build(choices.spec(VOCABULARY, SpecialTokens(pad_id=END, end_id=END))).double().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return model


def documents(seed: int = 0) -> list[list[int]]:
    """The fourth is longer than a block; pad and end are among the ids."""
    random = np.random.default_rng(seed)
    return [random.integers(0, VOCABULARY, length).tolist() for length in (4, 0, 3, 25, 1, 9)]


class Leaking(nn.Module):
    """The same model, to which a block is one text."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self.head = model, model.head

    def hidden(self, ids: Tensor, layout: Layout | None = None) -> Tensor:
        return self.model.hidden(ids, Layout.packed([len(ids)]))


def loss_and_gradients(model: Any, batch: CausalBatch) -> list[Tensor]:
    loss = CausalLM(0.1).loss(model, batch)["loss"][0]
    return [loss.detach(), *torch.autograd.grad(loss, list(model.parameters()))]


def same(found: list[Tensor], wanted: list[Tensor]) -> bool:
    return all(torch.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in zip(found, wanted, strict=True))


def blind_to_others(model: Any) -> bool:
    """Whether the loss of each document in a block, and its gradients, stay when all others become other texts."""
    sizes = (4, 6, 1, 5)
    row, other = (Blocks(corpus_of(texts), 16, START, END)[0] for texts in _alike(sizes))
    answers = []
    for number in range(len(sizes)):
        inside = np.repeat(np.arange(len(sizes)) == number, sizes)
        mixed = Predictions(*(np.where(inside, a, b) for a, b in zip(row[:2], other[:2], strict=True)), row.lengths)
        both = []
        for block in (row, mixed):
            batch = CausalLM().collate([block], ())
            labels = batch.labels.where(torch.from_numpy(inside), IGNORED)
            both.append(loss_and_gradients(model, replace(batch, labels=labels)))
        answers.append(same(*both))
    return all(answers)


def _alike(sizes: tuple[int, ...]) -> list[list[list[int]]]:
    random = np.random.default_rng(1)
    return [[random.integers(4, VOCABULARY, size - 1).tolist() for size in sizes] for _ in range(2)]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_document_sees_another_of_its_block(family: str) -> None:
    model = model_of(family)
    assert blind_to_others(model)
    assert not blind_to_others(Leaking(model))


@pytest.mark.parametrize("family", FAMILIES)
def test_blocks_lose_what_their_pieces_lose_alone(family: str) -> None:
    model, blocks = model_of(family), Blocks(corpus_of(documents()), 16, START, END)
    batch = CausalLM().collate(list(blocks), ())
    pieces = []
    for row in blocks:
        edges = np.cumsum([0, *row.lengths])
        for first, end in itertools.pairwise(edges.tolist()):
            alone = Predictions(row.inputs[first:end], row.labels[first:end], np.array([end - first]))
            pieces.append(loss_and_gradients(model, CausalLM().collate([alone], ())))
    assert len(pieces) > len(blocks) > 2
    assert same(loss_and_gradients(model, batch), [torch.stack(parts).sum(0) for parts in zip(*pieces, strict=True)])


def test_a_document_loses_what_it_loses_in_transformers() -> None:
    row = next(row for row in ROWS if row.name == "gpt2-lm")
    twin, model = twin_of(row, row.std), ours_of(row)
    ids = documents()[3]
    text = torch.tensor([[START, *ids, END]])
    theirs = twin(text, labels=text).loss.item() * (len(ids) + 1)
    batch = CausalLM().collate([Documents(corpus_of([ids]), 40, START, END)[0]], ())
    with torch.no_grad():
        losses = CausalLM().loss(model, batch)
    assert losses["loss"][0].item() == pytest.approx(theirs, rel=2e-6)
    assert losses["loss"][1] == len(ids) + 1


def test_the_end_is_said_and_never_masked_by_its_id() -> None:
    """The padding has the same id, as GPT-2 and its like have it."""
    model, rows = model_of(), Documents(corpus_of([[7, 8], [END, 9]]), 16, START, END)
    batch = CausalLM(0.3).collate(list(rows), ())
    assert batch.inputs.tolist() == [START, 7, 8, START, END, 9]
    assert batch.labels.tolist() == [7, 8, END, END, 9, END]
    assert batch.inputs.dtype == batch.labels.dtype == torch.int64
    assert batch.layout.positions.tolist() == [0, 1, 2, 0, 1, 2]
    losses = CausalLM(0.3).loss(model, batch)
    assert {name: (count, weight) for name, (_, count, weight) in losses.items()} == {
        "loss": (6, 1.0),
        "nll": (6, 0.0),
    }
    assert batch.counts == {"loss": 6, "nll": 6}
    assert batch.tokens == 6
    scores = model(torch.tensor([[START, 7, 8], [START, END, 9]])).logits.log_softmax(-1).flatten(0, 1)
    nll = -scores[range(6), batch.labels].sum()
    torch.testing.assert_close(losses["nll"][0], nll.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(losses["loss"][0], 0.7 * nll - 0.3 * scores.mean(-1).sum(), rtol=1e-12, atol=0)


def test_a_batch_moves_to_a_device_whole() -> None:
    moved = CausalLM().collate(list(Documents(corpus_of([[7, 8], [9]]), 16, START, END)), ()).to(torch.device("meta"))
    tensors = [moved.inputs, moved.labels, moved.layout.index, moved.layout.keep]
    assert {tensor.device.type for tensor in tensors if tensor is not None} == {"meta"}
    assert moved.layout.device.type == "meta"
