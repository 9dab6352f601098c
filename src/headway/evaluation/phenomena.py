"""What a translator of the embedded grammar has learned, phenomenon by phenomenon: particles, tense, numerals."""

from __future__ import annotations

from collections.abc import Sequence

from headway.data import grammar


def phenomena_of(sources: Sequence[str], hypotheses: Sequence[str]) -> dict[str, dict[str, float]]:
    """The share of right answers a phenomenon, over those sources that the grammar makes.

    Returns:
        `{phenomenon: {"score": 0..1, "right": n, "total": n}}`, empty where no source is the grammar's.
    """
    pairs = {pair.source: pair for split, rows in grammar.generate().items() if split != "train" for pair in rows}
    known = [(pairs[source], text) for source, text in zip(sources, hypotheses, strict=True) if source in pairs]
    if not known:
        return {}
    counts = grammar.phenomenon_accuracy([pair for pair, _ in known], [text for _, text in known])
    return {name: {"score": right / total, "right": right, "total": total} for name, (right, total) in counts.items()}
