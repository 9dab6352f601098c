"""The loss of a window is that of the window alone, among the tokens an answer may begin or end at."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from headway.models.families.bert import Bert
from headway.models.families.bloom import Bloom
from headway.models.single import SingleStack
from headway.objectives.span_qa import Question, SpanQA
from headway.spec import LabelHeadSpec
from headway.text.template import Wrapped

SPAN = LabelHeadSpec(of="span", labels=("start", "end"))
MODELS = {
    "bert": Bert(num_layers=2, d_model=16, num_heads=2, max_length=24, dropout=0.0, attention_dropout=0.0).spec(
        30, label_head=SPAN
    ),
    "bloom": Bloom(num_layers=2, d_model=16, num_heads=2, max_length=24).spec(30, language_head=False, label_head=SPAN),
}


def row(question: list[int], context: list[int], *answers: tuple[int, int]) -> Question:
    """`2 question 3 context 3`."""
    ids = [2, *question, 3, *context, 3]
    second = len(question) + 2
    types = [0] * second + [1] * (len(context) + 1)
    return Question(Wrapped(ids, types, 1, second), len(context), answers)


ROWS = [
    row([5, 6, 7], [8, 9, 10, 11, 12], (1, 3)),
    row([5], [8, 9]),
    row([7, 7], [11, 12, 13], (0, 0), (2, 2)),
]


def draws() -> list[np.random.Generator]:
    return [np.random.default_rng([3, i]) for i in range(len(ROWS))]


@pytest.mark.parametrize("family", MODELS)
def test_the_loss_is_that_of_each_window_alone(family: str) -> None:
    torch.manual_seed(1)
    model = SingleStack(MODELS[family]).double()
    torch.nn.init.normal_(model.label_head.out.weight, std=0.5)
    batch = SpanQA().collate(ROWS, draws())
    losses = SpanQA().loss(model, batch)
    total, right = torch.zeros((), dtype=torch.float64), 0
    for one, columns in zip(ROWS, batch.answers.tolist(), strict=True):
        types = torch.tensor([one.read.token_types]) if family == "bert" else None
        out = model(torch.tensor([one.read.ids]), token_type_ids=types)
        begin = one.read.second_start
        places = [0, *range(begin, begin + one.context)]  # neither the question nor what ends a text
        for logits, column in zip((out.start_logits, out.end_logits), columns, strict=True):
            total = total - logits[0, places].log_softmax(-1)[places.index(column)]
        right += [places[int(x[0, places].argmax())] for x in (out.start_logits, out.end_logits)] == columns
    assert losses["loss"][0].item() == pytest.approx(total.item(), rel=1e-9)
    assert [losses[name][1] for name in ("loss", "nll", "accuracy")] == [6, 6, 3]
    assert int(losses["accuracy"][0]) == right
    assert {name: count for name, (_, count, _) in losses.items()} == batch.counts
    losses["loss"][0].backward()
    assert all(p.grad is not None for p in model.parameters())


def test_columns_are_those_of_the_row_and_one_answer_is_drawn() -> None:
    seen = set()
    for seed in range(20):
        batch = SpanQA().collate(ROWS, [np.random.default_rng([seed, i]) for i in range(3)])
        first, second, third = map(tuple, batch.answers.tolist())
        assert (first, second) == ((6, 8), (0, 0))
        assert [batch.ids[column] for column in first] == [9, 11]
        seen.add(third)
    assert seen == {(4, 4), (6, 6)}
    assert batch.labels.shape == (6,)
    assert batch.tokens == len(batch.types) == len(batch.can_be) == sum(len(one.read.ids) for one in ROWS)
