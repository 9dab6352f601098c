"""What a translator has learned of the grammar, phenomenon by phenomenon."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headway.data.grammar.pairs import Pair
from headway.errors import DataError


def phenomenon_accuracy(pairs: Sequence[Pair], hypotheses: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Counts how often the words of each phenomenon came out right: `{phenomenon: (right, total)}`, sorted by name.

    A check is right where its words stand in the hypothesis as whole words in a row ("사과를", "세 권"), a check of the
    whole sentence where the hypothesis is the reference.

    Args:
        pairs: what was translated.
        hypotheses: the translations, in the same order.

    Raises:
        DataError: there is not one hypothesis for every pair.
    """
    hypotheses = list(hypotheses)
    if len(hypotheses) != len(pairs):
        raise DataError(
            f"{len(hypotheses)} hypotheses for {len(pairs)} pairs; pass one translation for every pair, in order"
        )
    counts: dict[str, tuple[int, int]] = {}
    for pair, hypothesis in zip(pairs, hypotheses, strict=True):
        for phenomenon, expected in pair.checks:
            right, total = counts.get(phenomenon, (0, 0))
            counts[phenomenon] = right + is_right(hypothesis, expected), total + 1
    return dict(sorted(counts.items()))


def is_right(hypothesis: str, expected: str) -> bool:
    """Whether the expected words stand in the hypothesis, or the hypothesis is the expected sentence.

    >>> is_right("나는 사과를 먹었다.", "먹었다"), is_right("나는 사과를 먹었다.", "과를")
    (True, False)
    """
    words = " ".join(hypothesis.split())
    if expected.endswith((".", "?")):
        return words == expected
    return f" {expected} " in f" {words.rstrip('.?')} "
