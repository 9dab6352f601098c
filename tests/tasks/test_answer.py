"""Answers: the best of all spans, as a search through all of them finds it, in characters of the context as typed."""

import unicodedata

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from transformers import BertForQuestionAnswering

from headway.errors import ConfigError, DataError
from headway.models.families.bert import Bert
from headway.models.single import SingleStack
from headway.spec import LabelHeadSpec
from headway.tasks.answer import answer, answer_pairs, best_spans
from headway.text.trainer import train
from tests.tasks.tiny import LENGTH, beside, given, tokenizer

QUESTION, CONTEXT = "the cat ?", " the cat sat\non a  river bank . 서울은 수도이다"

PIECES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=7)
SCORES = st.lists(st.integers(0, 5), min_size=7, max_size=7)  # few values: ties are common


@settings(max_examples=60)
@drawn(PIECES, SCORES, SCORES, st.integers(1, 12), st.integers(1, 9))
def test_the_best_spans_are_those_of_a_search_through_all(
    steps: list[tuple[int, int]], starts: list[int], ends: list[int], k: int, most: int
) -> None:
    pieces, at = [], 0
    for gap, size in steps:
        pieces.append((at + gap, at + gap + size))
        at += gap + (size if size < 2 else 1)  # pieces of two characters share one with the next
    count = len(pieces)
    products: dict[tuple[int, int], int] = {}
    for i in range(count):
        for j in range(i, min(count, i + most)):
            if pieces[i][0] < pieces[i][1] and pieces[j][0] < pieces[j][1]:
                span = pieces[i][0], pieces[j][1]
                products[span] = max(products.get(span, 0), starts[i] * ends[j])
    tensors = (torch.tensor(values[:count], dtype=torch.float32) for values in (starts, ends))
    found = best_spans(*tensors, pieces, k, most)
    assert [score for *_, score in found] == sorted(products.values(), reverse=True)[:k]
    assert all(products[start, end] == score for start, end, score in found)
    assert len({(start, end) for start, end, _ in found}) == len(found)


def test_probabilities_are_those_of_transformers() -> None:
    ours, twin = beside(BertForQuestionAnswering)
    inputs = given(QUESTION, pairs=(CONTEXT,))
    with torch.no_grad():
        out = twin(**inputs)
    allowed = inputs["token_type_ids"][0].bool()
    allowed[-1], allowed[0] = False, True
    starts, ends = (x[0].masked_fill(~allowed, -torch.inf).softmax(-1) for x in (out.start_logits, out.end_logits))
    offsets, second = tokenizer().encode(CONTEXT).offsets, len(tokenizer().encode(QUESTION).ids) + 2
    wanted = sorted(
        ((float(starts[second + i] * ends[second + j]), offsets[i][0], offsets[j][1])
         for i in range(len(offsets)) for j in range(i, min(len(offsets), i + 4))),
        reverse=True,
    )  # fmt: skip
    (found,) = answer_pairs(ours, tokenizer(), [(QUESTION, CONTEXT)], 3, max_tokens=4)
    spans = [found.best, *found.alternatives]
    assert [(span.start, span.end) for span in spans] == [(start, end) for _, start, end in wanted[:3]]
    assert [span.score for span in spans] == pytest.approx([score for score, *_ in wanted[:3]], rel=1e-4)
    assert [span.answer for span in spans] == [CONTEXT[span.start : span.end] for span in spans]
    assert found.no_answer == pytest.approx(float(starts[0] * ends[0]), rel=1e-4)
    assert (found.answer, found.start, found.end, found.score) == (
        spans[0].answer, spans[0].start, spans[0].end, spans[0].score,
    )  # fmt: skip


def test_places_are_those_of_the_text_as_typed_and_order_is_kept() -> None:
    model = beside(BertForQuestionAnswering)[0]
    typed = unicodedata.normalize("NFD", CONTEXT)
    together = list(answer_pairs(model, tokenizer(), [(QUESTION, CONTEXT), ("on ?", ""), ("은 ?", typed)], 4))
    assert (together[1].answer, together[1].score, together[1].alternatives) == ("", 0.0, [])
    alone = answer(model, tokenizer(), "은 ?", CONTEXT, 4)
    for span, same in zip(together[2].alternatives, alone.alternatives, strict=True):
        assert unicodedata.normalize("NFC", typed[span.start : span.end]) == same.answer


def test_a_long_context_is_cut_and_a_long_question_refused() -> None:
    model = beside(BertForQuestionAnswering)[0]
    found = answer(model, tokenizer(), "cat", "river " * 60)
    assert found.cut == 60 - (LENGTH - 4)
    assert found.end <= (LENGTH - 4) * len("river ")
    asked, context = "cat " * 25, "the river bank sat on " * 9
    fitting = " ".join(context.split()[: LENGTH - 3 - 25])  # the question stays whole
    assert (
        answer(model, tokenizer(), asked, context).alternatives
        == answer(model, tokenizer(), asked, fitting).alternatives
    )
    with pytest.raises(DataError, match="question 1 has 60 tokens, which leaves no room"):
        answer(model, tokenizer(), "cat " * 60, "river")
    with pytest.raises(DataError, match="question 1 is empty"):
        answer(model, tokenizer(), " ", "river")
    with pytest.raises(ConfigError, match="k is 0"):
        answer(model, tokenizer(), "cat", "river", 0)


def test_without_a_first_token_there_is_no_score_for_no_answer() -> None:
    pieces = train(["the cat sat on the mat by the river bank"] * 3, type="byte-bpe", vocab_size=280)
    choices = Bert(num_layers=1, d_model=16, num_heads=2, max_length=32)
    torch.manual_seed(1)
    model = SingleStack(choices.spec(280, label_head=LabelHeadSpec(of="span", labels=("start", "end")))).eval()
    found = answer(model, pieces, "the cat", " sat on  the mat", 9)
    assert found.no_answer is None
    for span in (found.best, *found.alternatives):
        assert span.answer == span.answer.strip() == " sat on  the mat"[span.start : span.end]
