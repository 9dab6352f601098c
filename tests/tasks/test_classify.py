"""Labels of texts and pairs: by name, with the probabilities of transformers, in order."""

import pytest
import torch
from transformers import BertForSequenceClassification, BertForTokenClassification

from headway.errors import ConfigError, DataError
from headway.tasks.classify import Classification, classify
from tests.tasks.tiny import LENGTH, beside, given, tokenizer

LABELS = ("나쁨", "좋음", "보통")
NAMES = {"id2label": dict(enumerate(LABELS)), "label2id": {label: i for i, label in enumerate(LABELS)}}
TEXTS = ["the cat sat on the mat .", "", "서울은 수도다", "  ", "river", "서울은 수도다 . cat cat cat"]


@pytest.mark.parametrize("problem", ["single_label_classification", "multi_label_classification", "regression"])
def test_scores_are_those_of_transformers(problem: str) -> None:
    ours, twin = beside(BertForSequenceClassification, problem_type=problem, **NAMES)
    found = list(classify(ours, tokenizer(), TEXTS, batch_tokens=20, chunk=4))
    texts = [text for text in TEXTS if text.strip()]
    with torch.no_grad():
        logits = twin(**given(*texts)).logits
    scores = {"s": logits.softmax(-1), "m": logits.sigmoid(), "r": logits}[problem[0]]
    assert [bool(result.scores) for result in found] == [bool(text.strip()) for text in TEXTS]
    for result, values in zip([result for result in found if result.scores], scores, strict=True):
        assert tuple(result.scores) == LABELS
        assert list(result.scores.values()) == pytest.approx(values.tolist(), abs=2e-5)
        ranked = sorted(zip(values.tolist(), LABELS, strict=True), reverse=True)
        best = {"s": [ranked[0][1]], "m": [label for score, label in ranked if score > 0.5], "r": []}[problem[0]]
        assert list(result.labels) == best
        assert result.label == (best[0] if best else None)
    assert len({tuple(result.scores.values()) for result in found}) == 5


def test_a_pair_is_read_as_one_and_the_longer_text_is_cut() -> None:
    ours, twin = beside(BertForSequenceClassification, **NAMES)
    first, second = ("the cat", "cat " * 50, "cat " * 50), ("river bank .", "river", "bank " * 40)
    room = LENGTH - 3
    found = list(classify(ours, tokenizer(), [*zip(first, second, strict=True), ("", " ")]))
    assert [result.cut for result in found] == [0, 51 - room, 90 - room, 0]
    assert found[3] == Classification("single", (), {})
    fitting = (
        ("the cat", "cat " * (room - 1), "cat " * (room - room // 2)),
        ("river bank .", "river", "bank " * (room // 2)),
    )
    with torch.no_grad():
        scores = twin(**given(*fitting[0], pairs=fitting[1])).logits.softmax(-1)
    for result, values in zip(found, scores, strict=False):
        assert list(result.scores.values()) == pytest.approx(values.tolist(), abs=2e-5)
    with pytest.raises(DataError, match="line 2 has 51 tokens, but the model reads at most 37"):
        list(classify(ours, tokenizer(), list(zip(first, second, strict=True)), too_long="refuse"))


def test_another_models_command_is_named() -> None:
    model = beside(BertForTokenClassification)[0]
    with pytest.raises(
        ConfigError, match="family bert that gives labels to words cannot classify; it is for headway tag"
    ):
        classify(model, tokenizer(), ["a"])
