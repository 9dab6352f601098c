"""The loss of labelled words: counted by hand, whatever is packed beside them, and of the words alone."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from headway.models.build import build
from headway.models.families.bert import Bert
from headway.nn.masks import Layout
from headway.objectives.tagging import TaggedWindow, TagWords
from headway.runs.kinds.labelled import with_usual_head
from headway.spec import LabelHeadSpec

ROWS = [([2, 7, 8, 9, 3], [1, 3], [0, 2]), ([2, 7, 3], [1], [1]), ([2, 9, 9, 9, 9, 7, 3], [5, 2, 3], [2, 2, 0])]


def windows() -> list[TaggedWindow]:
    return [TaggedWindow(*(np.array(part, np.int64) for part in row)) for row in ROWS]


class Table:
    """Of each id the logits of three labels."""

    def __init__(self) -> None:
        self.table = torch.randn(10, 3, generator=torch.Generator().manual_seed(4), requires_grad=True)
        self.asked: list[Layout] = []

    def label_logits(self, ids: Tensor, layout: Layout, types: Tensor | None = None) -> Tensor:
        self.asked.append(layout)
        return self.table[ids]


def test_the_loss_by_hand() -> None:
    words = [(ids[place], label) for ids, places, labels in ROWS for place, label in zip(places, labels, strict=True)]
    model = Table()
    batch = TagWords(label_smoothing=0.1).collate(windows(), [])
    losses = TagWords(label_smoothing=0.1).loss(model, batch)
    picked = model.table[[index for index, _ in words]]
    labels = torch.tensor([label for _, label in words])
    for name, smoothing, weight in (("loss", 0.1, 1.0), ("nll", 0.0, 0.0)):
        expected = F.cross_entropy(picked, labels, label_smoothing=smoothing, reduction="sum")
        assert torch.equal(losses[name][0], expected)
        assert losses[name][1:] == (len(words), weight)
    assert int(losses["accuracy"][0]) == int((picked.argmax(-1) == labels).sum())
    assert {name: count for name, (_, count, _) in losses.items()} == batch.counts
    assert batch.tokens == sum(len(row[0]) for row in ROWS)
    losses["loss"][0].backward()
    assert not losses["nll"][0].requires_grad
    touched = model.table.grad.abs().sum(-1) > 0  # type: ignore[union-attr]
    assert touched.nonzero().flatten().tolist() == sorted({index for index, _ in words})


def test_a_batch_is_the_sum_of_its_windows() -> None:
    torch.manual_seed(3)
    choices = Bert(num_layers=2, d_model=32, num_heads=4, max_length=16, dropout=0.0, attention_dropout=0.0)
    spec = with_usual_head(choices.spec(10), LabelHeadSpec(of="tokens", labels=("O", "B-PS", "I-PS")))
    model, objective = build(spec).double().eval(), TagWords()
    together = objective.loss(model, objective.collate(windows(), []))
    apart = [objective.loss(model, objective.collate([window], [])) for window in windows()]
    for name in together:
        torch.testing.assert_close(together[name][0], sum(losses[name][0] for losses in apart), atol=1e-12, rtol=0)
