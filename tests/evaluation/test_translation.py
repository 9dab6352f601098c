"""Translation scores are sacreBLEU's own, with its signature and an interval that can be repeated."""

from __future__ import annotations

import random

import pytest
import sacrebleu

from headway.errors import DataError
from headway.evaluation.translation import exact_match, translation_metrics

WORDS = (
    "a man in the red shirt walks his dog , while two children play near water . 나는 사과를 먹었다 안녕하세요".split()
)


def corpus(rows: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """References, and hypotheses that miss some of their words."""
    chance = random.Random(seed)
    references = [" ".join(chance.choices(WORDS, k=chance.randint(4, 15))) for _ in range(rows)]
    hypotheses = [" ".join(w for w in text.split() if chance.random() > 0.15) for text in references]
    return hypotheses, references


def test_the_scores_and_signatures_are_those_of_sacrebleu() -> None:
    hypotheses, references = corpus(60)
    hypotheses[3] = ""
    found = translation_metrics(hypotheses, references)
    bleu, chrf = sacrebleu.metrics.BLEU(), sacrebleu.metrics.CHRF()
    assert found["bleu"]["score"] == bleu.corpus_score(hypotheses, [references]).score
    assert found["chrf"]["score"] == chrf.corpus_score(hypotheses, [references]).score
    assert found["bleu"]["signature"] == str(bleu.get_signature())
    assert found["chrf"]["signature"] == str(chrf.get_signature())
    assert "tok:13a" in found["bleu"]["signature"]
    assert "case:mixed" in found["bleu"]["signature"]
    assert 20 < found["bleu"]["score"] < 90


def test_the_interval_contains_the_score_and_is_the_same_again() -> None:
    hypotheses, references = corpus(200)
    found = translation_metrics(hypotheses, references)
    assert translation_metrics(hypotheses, references) == found
    for scores in found.values():
        assert scores["low"] < scores["score"] < scores["high"]
        assert 0.2 < scores["high"] - scores["low"] < 10
    fewer = translation_metrics(hypotheses[:20], references[:20])
    for name in found:  # fewer rows say less
        assert fewer[name]["high"] - fewer[name]["low"] > 1.5 * (found[name]["high"] - found[name]["low"])


def test_the_interval_is_that_of_sacrebleu_s_own_resampling() -> None:
    """Its mean and width, from its own code and other draws."""
    hypotheses, references = corpus(100)
    found = translation_metrics(hypotheses, references)["bleu"]
    metric = sacrebleu.metrics.BLEU(references=[references])
    theirs = metric.corpus_score(hypotheses, None, n_bootstrap=1000)
    assert (found["high"] + found["low"]) / 2 == pytest.approx(theirs._mean, abs=0.5)
    assert (found["high"] - found["low"]) / 2 == pytest.approx(theirs._ci, rel=0.2)


def test_a_perfect_translation_and_a_single_row() -> None:
    _, references = corpus(30)
    found = translation_metrics(references, references)
    assert found["bleu"]["low"] == found["bleu"]["high"] == pytest.approx(100)
    assert translation_metrics(references[:1], references[:1]).keys() == {"bleu", "chrf"}
    assert "low" not in translation_metrics(references[:1], references[:1])["bleu"]
    assert "low" not in translation_metrics(references, references, intervals=False)["chrf"]


@pytest.mark.parametrize(("hypotheses", "references"), [([], []), (["a"], ["a", "b"])])
def test_rows_that_do_not_pair(hypotheses: list[str], references: list[str]) -> None:
    with pytest.raises(DataError, match=f"{len(hypotheses)} translations against {len(references)} references"):
        translation_metrics(hypotheses, references)


def test_an_exact_match_is_exact() -> None:
    assert exact_match(["a b", "A b", "a b ", "c"], ["a b", "a b", "a b", "c"]) == {"score": 0.5}
