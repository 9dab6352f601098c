"""Exact match and F1 are those of the published scripts: beside torchmetrics, and by hand where it has no word."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torchmetrics.functional.text as twins

from headway.errors import DataError
from headway.evaluation.squad import (
    KORQUAD,
    SQUAD,
    answer_metrics,
    exact_and_f1,
    normalised,
    normalised_korean,
    random_spans,
)

WORDS = "the a an An. U.S. us New-York “Paris” cat, cats 12 1,2 … ( ) ' it's café 서울 - A.".split()


def texts(seed: int, count: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(0, 5))) + draw.choice(["", " ", "\n"]) for _ in range(count)]


def test_squad_1_is_that_of_torchmetrics() -> None:
    answers, references = texts(1, 300), [texts(2 + i, 1 + i % 3) for i in range(300)]
    answers[:40] = [right[-1].upper() for right in references[:40]]
    ours = exact_and_f1(answers, references)
    for i, (answer, right) in enumerate(zip(answers, references, strict=True)):
        twin = twins.squad(
            {"prediction_text": answer, "id": "x"},
            {"answers": {"answer_start": [0] * len(right), "text": right}, "id": "x"},
        )
        if not normalised(answer) and "" in map(normalised, right):
            continue  # torchmetrics has the rule of 2.0 there, see below
        assert 100 * ours[i] == pytest.approx([float(twin["exact_match"]), float(twin["f1"])], abs=1e-4), answer
    assert len({round(f1, 6) for f1 in ours[:, 1]}) >= 8


@pytest.mark.parametrize(
    ("answer", "references", "first", "second"),  # exact match and F1 by the scripts of SQuAD 1.1 and 2.0
    [
        ("The cat!", ["a cat", "dog"], (1, 1), (1, 1)),
        ("the black cat", ["black dog", "cat sat down"], (0, 0.5), (0, 0.5)),
        ("the", ["a"], (1, 0), (1, 1)),  # nothing is left of either: no words in common, but in 2.0 "no answer" twice
        ("the", ["a", "cat"], (1, 0), (0, 0)),
        ("", ["cat"], (0, 0), (0, 0)),
        ("cat", ["the"], (0, 0), (0, 0)),
    ],
)
def test_what_the_scripts_say_by_hand(
    answer: str, references: list[str], first: tuple[float, float], second: tuple[float, float]
) -> None:
    assert tuple(exact_and_f1([answer], [references])[0]) == pytest.approx(first)
    assert tuple(exact_and_f1([answer], [references], knows_none=True)[0]) == pytest.approx(second)


def test_where_there_is_no_answer_only_nothing_is_right() -> None:
    found = exact_and_f1(["", "The", "cat", "cat"], [[], [], [], ["cat"]], knows_none=True)
    assert found.tolist() == [[1, 1], [1, 1], [0, 0], [1, 1]]


def test_korquad_counts_characters() -> None:
    assert normalised_korean("《토지》(소설)은 'The' END.") == "토지 소설 은 the end"
    assert KORQUAD.exact("<서울>", "서울") == 1.0
    assert KORQUAD.exact("서 울", "서울") == 0.0  # only F1 forgets blanks
    assert KORQUAD.f1("서 울", "서울") == 1.0
    assert KORQUAD.f1("서울은", "서울") == pytest.approx(2 * 2 / 5)
    assert KORQUAD.f1("1,000명", "1000") == pytest.approx(8 / 9)
    assert (SQUAD.f1("서울은", "서울"), KORQUAD.f1("부산", "서울")) == (0.0, 0.0)


def test_random_spans_are_as_long_and_lie_in_the_text() -> None:
    context = " One two\nthree  four five. "
    spans = random_spans(["x y"] * 200 + ["", "a b c d e f"], [context] * 202)
    assert {len(span.split()) for span in spans[:200]} == {2}
    assert set(spans[:200]) == {"One two", "two\nthree", "three  four", "four five."}
    assert spans[200:] == ["", "One two\nthree  four five."]
    assert spans == random_spans(["x y"] * 200 + ["", "a b c d e f"], [context] * 202)


def test_metrics_are_percent_with_intervals() -> None:
    answers = ["cat"] * 30 + ["dog"] * 20 + [""] * 10
    references = [["cat"]] * 40 + [["dog", "a dog"]] * 10 + [[]] * 10
    plain = answer_metrics(answers[:50], references[:50], ["a cat and a dog"] * 50)
    assert set(plain) == {"exact_match", "f1", "random_span_f1"}
    assert (plain["f1"]["score"], plain["f1"]["signature"]) == (80.0, "SQuAD 1.1")
    assert 65 < plain["f1"]["low"] < 75 < 85 < plain["f1"]["high"] < 95
    assert plain["random_span_f1"]["score"] < 60
    both = answer_metrics(answers, references, ["a cat and a dog"] * 60)
    assert both["has_answer_f1"]["score"] == 80.0
    assert both["no_answer_exact"] == {"score": 100.0, "low": 100.0, "high": 100.0, "signature": "SQuAD 2.0"}
    assert both["exact_match"]["score"] == pytest.approx(100 * 50 / 60)
    korean = answer_metrics(["서울은"], [["서울"]], ["수도 서울은"])
    assert korean["korquad_f1"]["score"] == pytest.approx(80.0)
    assert np.isclose(korean["f1"]["score"], 0.0)
    with pytest.raises(DataError, match="no questions"):
        answer_metrics([], [], [])
