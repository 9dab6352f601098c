"""Answers: the best of all spans, as a search through all of them finds it, in characters of the context as typed."""

import itertools
import json
import math
import unicodedata
from typing import Any

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as RustTokenizer
from transformers import BertForQuestionAnswering

from headway.errors import ConfigError, DataError
from headway.models.families.bert import Bert
from headway.models.single import SingleStack
from headway.spec import LabelHeadSpec
from headway.tasks.answer import Answer, answer, answer_pairs, best_spans
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


def test_windows_compete_by_their_logits_as_in_squad_2() -> None:
    """Beside transformers' model over the windows of the tokenizers library."""
    ours, twin = beside(BertForQuestionAnswering)
    context, most, shared = " ".join([CONTEXT, "the mat", CONTEXT, "river", CONTEXT]), 20, 5
    rust = RustTokenizer.from_str(json.dumps(tokenizer().definition))
    rust.enable_truncation(most, stride=shared, strategy="only_second")
    whole = rust.encode(QUESTION, context)
    windows = [whole, *whole.overflowing]
    assert len(windows) > 3
    spans: dict[tuple[int, int], float] = {}
    nowhere = []
    for window in windows:
        inputs = {"input_ids": window.ids, "token_type_ids": window.type_ids}
        with torch.no_grad():
            out = twin(**{name: torch.tensor([ids]) for name, ids in inputs.items()})
        starts, ends = out.start_logits[0].tolist(), out.end_logits[0].tolist()
        nowhere.append(starts[0] + ends[0])
        places = [i for i, side in enumerate(window.sequence_ids) if side == 1]
        for i, j in itertools.product(places, places):
            if i <= j < i + 4:
                span = window.offsets[i][0], window.offsets[j][1]
                spans[span] = max(spans.get(span, -math.inf), starts[i] + ends[j])
    wanted = sorted(spans.items(), key=lambda item: -item[1])[:5]
    asked: dict[str, Any] = {"max_tokens": 4, "max_length": most, "stride": shared}
    (found,) = answer_pairs(ours, tokenizer(), [(QUESTION, context)], 5, **asked)
    got = [found.best, *found.alternatives]
    assert [(span.start, span.end) for span in got] == [span for span, _ in wanted]
    assert [math.log(span.score / got[0].score) for span in got] == pytest.approx(
        [logits - wanted[0][1] for _, logits in wanted], abs=1e-3
    )
    assert math.log(found.no_answer / found.score) == pytest.approx(min(nowhere) - wanted[0][1], abs=1e-3)
    assert found.cut == 0
    several = answer_pairs(ours, tokenizer(), [("on ?", ""), (QUESTION, context)] * 3, 5, **asked, chunk=2)
    assert [one.answer for one in several] == ["", found.answer] * 3


def test_what_is_not_read_is_counted() -> None:
    model = beside(BertForQuestionAnswering)[0]

    def ask(question: str, context: str, **how: Any) -> Answer:
        return next(answer_pairs(model, tokenizer(), [(question, context)], **how))

    found = ask("cat", "river " * 60, too_long="cut")
    assert found.cut == 60 - (LENGTH - 4)
    assert found.end <= (LENGTH - 4) * len("river ")
    asked, context = "cat " * 17, "the river bank sat on " * 9
    fitting = " ".join(context.split()[: LENGTH - 3 - 17])  # the question stays whole
    assert ask(asked, context, too_long="cut").alternatives == ask(asked, fitting).alternatives
    half = (LENGTH - 3) // 2  # a question that leaves less to the context is cut there
    assert ask("cat " * 60, context, too_long="cut").cut == 60 - half + 45 - (LENGTH - 3 - half)
    assert ask("cat " * 60, context).cut == 60 - half
    assert ask("cat " * 34, "the mat").cut == 0
    with pytest.raises(DataError, match="question 1 and its context have 61 tokens, but the model reads at most 37"):
        ask("cat", "river " * 60, too_long="refuse")
    with pytest.raises(DataError, match="question 1 is empty"):
        ask(" ", "river")
    with pytest.raises(ConfigError, match="k is 0"):
        ask("cat", "river", k=0)


def test_without_a_first_token_there_is_no_score_for_no_answer() -> None:
    pieces = train(["the cat sat on the mat by the river bank"] * 3, type="byte-bpe", vocab_size=280)
    choices = Bert(num_layers=1, d_model=16, num_heads=2, max_length=32)
    torch.manual_seed(1)
    model = SingleStack(choices.spec(280, label_head=LabelHeadSpec(of="span", labels=("start", "end")))).eval()
    found = answer(model, pieces, "the cat", " sat on  the mat", 9)
    assert found.no_answer is None
    for span in (found.best, *found.alternatives):
        assert span.answer == span.answer.strip() == " sat on  the mat"[span.start : span.end]
