"""Translation quality by sacreBLEU (Post 2018): detokenised, with the signature that makes a score comparable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from headway.errors import DataError
from headway.evaluation.bootstrap import interval, resampled_sums


def translation_metrics(
    hypotheses: Sequence[str], references: Sequence[str], *, intervals: bool = True
) -> dict[str, dict[str, Any]]:
    """BLEU (tokenisation 13a, cased) and chrF (Popović 2015) of a whole test set, each 0..100.

    Args:
        hypotheses: detokenised outputs, one a row.
        references: one reference a row.
        intervals: also `low` and `high`, the 95 % interval by the bootstrap (Koehn 2004), of two rows or more.

    Returns:
        `{"bleu": {"score", "signature", "low", "high"}, "chrf": {…}}`.

    Raises:
        DataError: no rows, or numbers of rows that differ.
    """
    if len(hypotheses) != len(references) or not references:
        raise DataError(f"{len(hypotheses)} translations against {len(references)} references; give one a row")
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    return {
        name: _score(metric, hypotheses, references, intervals) for name, metric in (("bleu", BLEU()), ("chrf", CHRF()))
    }


def _score(metric: Any, hypotheses: Sequence[str], references: Sequence[str], intervals: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"score": metric.corpus_score(list(hypotheses), [list(references)]).score}
    result["signature"] = str(metric.get_signature())
    if intervals and len(references) > 1:
        # the statistics of every sentence once; a resampled corpus is a sum of some of them
        statistics = np.array(metric._extract_corpus_statistics(list(hypotheses), [list(references)]))
        sums = resampled_sums(statistics).astype(int).tolist()
        result |= interval(np.array([metric._compute_score_from_stats(drawn).score for drawn in sums]))
    return result


def exact_match(hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """The share of rows, 0..1, that equal their reference to the letter."""
    right = sum(hypothesis == reference for hypothesis, reference in zip(hypotheses, references, strict=True))
    return {"score": right / len(references)}
