"""Both directions of a language model: every word from one side of its own document, whatever stands beside it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from headway.data.blocks import Blocks, Documents, Predictions
from headway.models.elmo import Elmo
from headway.models.families.elmo import Elmo as Choices
from headway.nn.masks import Layout
from headway.objectives.bidirectional_lm import BidirectionalBatch, BidirectionalLM
from headway.text.characters import spell
from tests.data.corpora import corpus_of

START, END, VOCABULARY = 2, 3, 20
OBJECTIVE = BidirectionalLM(spell([f"w{number}" for number in range(VOCABULARY)]))
DOCUMENTS = [[4, 5, 6], [], [7, 8, 9, 10, 11, 4, 5], [12]]


def model_of() -> Elmo:
    torch.manual_seed(0)
    return Elmo(
        Choices(num_layers=2, d_model=6, d_cell=10, filters=((1, 4), (2, 5)), dropout=0.0).spec(VOCABULARY)
    ).double()


def collate(rows: list[Predictions]) -> BidirectionalBatch:
    return OBJECTIVE.collate(rows, [np.random.default_rng()] * len(rows))


def losses_of(model: Any, batch: BidirectionalBatch) -> dict[str, float]:
    losses = OBJECTIVE.loss(model, batch)
    assert {name: count for name, (_, count, _) in losses.items()} == batch.counts
    assert {name: weight for name, (_, _, weight) in losses.items()} == {
        "loss": 1.0, "nll": 0.0, "forward_nll": 0.0, "backward_nll": 0.0,
    }  # fmt: skip
    return {name: float(total.detach()) for name, (total, _, _) in losses.items()}


def test_a_batch_by_hand() -> None:
    rows = Blocks(corpus_of(DOCUMENTS), 6, START, END)
    first = collate([rows[0]])  # reads 2 4 5 6 | 2 | 2 and says 4 5 6 3 | 3 | 7
    words = [2, 4, 5, 6, 3, 2, 3, 2, 7]
    assert torch.equal(first.characters, torch.from_numpy(OBJECTIVE.spellings[words]).long())
    assert (first.layout.rows, first.tokens) == (3, 9)
    assert first.nexts.tolist() == [4, 5, 6, 3, 3, 7]
    assert first.befores.tolist() == [2, 4, 5, 6, 2, 2]
    assert [words[i] for i in first.seen_before] == [2, 4, 5, 6, 2, 2]
    assert [words[i] for i in first.seen_after] == [4, 5, 6, 3, 3, 7]
    assert first.counts == {"loss": 12, "nll": 12, "forward_nll": 6, "backward_nll": 6}


@pytest.mark.parametrize("size", [3, 50])
def test_losses_are_those_of_each_piece_read_alone(size: int) -> None:
    model, rows = model_of(), Documents(corpus_of(DOCUMENTS), size, START, END)
    found = losses_of(model, collate([rows[i] for i in range(len(rows))]))
    forward = backward = 0.0
    for row in (rows[i] for i in range(len(rows))):
        words = [*row.inputs.tolist(), int(row.labels[-1])]
        states = model.directions(torch.from_numpy(OBJECTIVE.spellings[words]).long()[None])
        says_next, says_before = (model.head(side[0]).log_softmax(-1) for side in states)
        for i, (before, after) in enumerate(itertools.pairwise(words)):
            forward -= float(says_next[i, after].detach())
            backward -= float(says_before[i + 1, before].detach())
    assert found["forward_nll"] == pytest.approx(forward)
    assert found["backward_nll"] == pytest.approx(backward)
    assert found["loss"] == found["nll"] == pytest.approx(forward + backward)


class Leaking:
    """The same model, to which a batch is one text."""

    def __init__(self, model: Elmo) -> None:
        self.model, self.head = model, model.head

    def directions(self, characters: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
        return self.model.directions(characters, Layout.packed([len(characters)]))


def test_documents_of_a_block_know_nothing_of_one_another() -> None:
    def total(model: Any, documents: list[list[int]]) -> dict[str, float]:
        return losses_of(model, collate([Blocks(corpus_of(documents), 50, START, END)[0]]))

    model = model_of()
    whole, parts = total(model, DOCUMENTS), [total(model, [document]) for document in DOCUMENTS]
    assert whole == pytest.approx({name: sum(part[name] for part in parts) for name in whole})
    leaked = total(Leaking(model), DOCUMENTS)
    assert leaked["forward_nll"] != pytest.approx(whole["forward_nll"])
    assert leaked["backward_nll"] != pytest.approx(whole["backward_nll"])


def test_it_learns_both_directions() -> None:
    """A text that counts: each word says the one before and the one after."""
    torch.manual_seed(0)
    model = Elmo(Choices(num_layers=1, d_model=16, d_cell=24, filters=((1, 16), (2, 16)), dropout=0.0).spec(VOCABULARY))
    rows = Blocks(corpus_of([[4 + i % 16 for i in range(first, first + 20)] for first in range(8)]), 40, START, END)
    batch = collate([rows[i] for i in range(len(rows))])
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    for _ in range(40):
        optimizer.zero_grad()
        (OBJECTIVE.loss(model, batch)["loss"][0] / batch.counts["loss"]).backward()
        optimizer.step()
    found = losses_of(model, batch)
    assert all(found[name] / batch.counts[name] < 0.6 for name in ("forward_nll", "backward_nll")), found
    assert all(parameter.grad is not None for parameter in model.parameters())
