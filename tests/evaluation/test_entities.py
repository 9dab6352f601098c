"""Names are counted as nervaluate counts them, labels as scikit-learn does; the lexicon knows words, no context."""

from __future__ import annotations

import random

import pytest
from nervaluate import Evaluator
from sklearn.metrics import f1_score

from headway.errors import DataError
from headway.evaluation.entities import Lexicon, is_bio, tagging_metrics, tagging_report

LABELS = ["O", "B-PS", "I-PS", "B-LC", "I-LC"]


def drawn(seed: int, sentences: int = 60) -> tuple[list[list[str]], list[list[str]]]:
    """References with names that go on, and predictions that are right three times of four."""
    draw = random.Random(seed)
    right = [draw.choices(LABELS, [4, 1, 2, 1, 2], k=draw.randint(1, 12)) for _ in range(sentences)]
    return [[label if draw.random() < 0.75 else draw.choice(LABELS) for label in row] for row in right], right


def test_names_by_hand() -> None:
    right = [["B-PS", "I-PS", "O"], ["O", "I-LC", "I-LC"], ["B-PS", "B-PS"]]
    given = [["B-PS", "I-PS", "I-PS"], ["O", "B-LC", "I-LC"], ["B-PS", "B-LC"]]
    metrics = tagging_metrics(given, right)  # right: LC, though it begins with I-, and the first PS of the last one
    assert {name: metrics[name]["score"] for name in metrics} == {
        "entity_f1": 0.5, "entity_precision": 0.5, "entity_recall": 0.5, "accuracy": 0.625,
    }  # fmt: skip
    assert tagging_report(given, right)["per_class"]["PS"] == {
        "precision": 0.5, "recall": pytest.approx(1 / 3), "f1": 0.4, "support": 3,
    }  # fmt: skip
    assert "strict" in metrics["entity_f1"]["signature"]


def test_names_equal_nervaluate() -> None:
    given, right = drawn(3)
    found = Evaluator(right, given, tags=["PS", "LC"], loader="list").evaluate()
    metrics, report = tagging_metrics(given, right), tagging_report(given, right)
    for name in ("precision", "recall", "f1"):
        assert metrics[f"entity_{name}"]["score"] == pytest.approx(getattr(found["overall"]["strict"], name), abs=1e-6)
        for kind in ("PS", "LC"):
            score = report["per_class"][kind][name]
            assert score == pytest.approx(getattr(found["entities"][kind]["strict"], name))
    assert 0.2 < metrics["entity_f1"]["score"] < 0.8


def test_intervals_are_of_sentences() -> None:
    given, right = drawn(4, 200)
    once, more = tagging_metrics(given, right)["entity_f1"], tagging_metrics(given * 4, right * 4)["entity_f1"]
    assert once["low"] < once["score"] < once["high"]
    assert (once["high"] - once["low"]) / (more["high"] - more["low"]) == pytest.approx(2, rel=0.2)
    alike = tagging_metrics([["B-PS", "O"]] * 9, [["B-PS", "B-PS"]] * 9)  # each sentence as the others: no doubt
    assert alike["accuracy"] == {"score": 0.5, "low": 0.5, "high": 0.5}


def test_labels_without_names() -> None:
    draw = random.Random(5)
    right = [draw.choices(["NOUN", "VERB", "ADJ"], k=7) for _ in range(30)]
    given = [[label if draw.random() < 0.7 else "X" for label in row] for row in right]
    metrics = tagging_metrics(given, right)
    flat = [[label for row in rows for label in row] for rows in (right, given)]
    assert set(metrics) == {"accuracy", "macro_f1"}
    assert metrics["macro_f1"]["score"] == pytest.approx(f1_score(*flat, average="macro", zero_division=0), abs=1e-6)
    assert tagging_report(given, right)["per_class"]["NOUN"]["support"] == flat[0].count("NOUN")
    assert not is_bio(["O"])
    assert not is_bio(["O", "B-PS", "S-PS"])


def test_the_lexicon_knows_words() -> None:
    words = Lexicon(["in Rome", "in Rome now", "Rome fell"], [["O", "B-LC"], ["O", "B-LC", "O"], ["B-PS", "O"]], "word")
    assert words.tag("Rome or  in Rome") == ["B-LC", "O", "O", "B-LC"]
    text, labels = "서울 시 은", ["B-LC", "I-LC", "I-LC", "I-LC", "O", "O"]
    characters = Lexicon([text], [labels], "char")
    assert characters.tag("서울 시 나 은") == ["B-LC", "I-LC", "I-LC", "I-LC", "O", "O", "O", "O"]
    assert Lexicon(["a b b"], [["DET", "NOUN", "NOUN"]], "word").tag("c a") == ["NOUN", "DET"]


@pytest.mark.parametrize(("given", "message"), [([], "labels of 0 sentences against 1"), ([["O"]], "1: 1 labels")])
def test_what_does_not_fit(given: list[list[str]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        tagging_metrics(given, [["O", "O"]])
