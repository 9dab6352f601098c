"""How good answers are: exact match and F1 as the published scripts of SQuAD 1.1, SQuAD 2.0 and KorQuAD 1.0 give them.

All three compare normalised texts with the right answer that is nearest, and give percent. F1 is that of words
(Rajpurkar et al. 2016); KorQuAD's is that of characters (Lim et al. 2019), for Korean puts particles on its words.
SQuAD 2.0 (Rajpurkar et al. 2018) knows questions without an answer: nothing is right there, and only nothing.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway.errors import DataError
from headway.evaluation.bootstrap import interval, resampled_sums
from headway.text.korean import is_hangul

_SEED = 12345  # of where random spans lie
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_MARKS = str.maketrans(dict.fromkeys("'\"《》<>〈〉()‘’", " "))


def normalised(text: str) -> str:
    """Lower case, without ASCII punctuation and English articles, one blank between words: what SQuAD compares.

    >>> normalised("The  U.S. - a country")
    'us country'
    """
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text.lower().translate(_NO_PUNCTUATION)).split())


def normalised_korean(text: str) -> str:
    """Brackets and quotes as blanks, then lower case without ASCII punctuation: what KorQuAD compares.

    >>> normalised_korean("《토지》(소설)은 The end.")
    '토지 소설 은 the end'
    """
    return " ".join(text.translate(_MARKS).lower().translate(_NO_PUNCTUATION).split())


@dataclass(frozen=True, slots=True)
class Script:
    """What a published script compares, and what it counts."""

    normalise: Callable[[str], str]
    units: Callable[[str], list[str]]  # of a normalised text

    def exact(self, answer: str, right: str) -> float:
        """1 where both are equal once normalised, else 0."""
        return float(self.normalise(answer) == self.normalise(right))

    def f1(self, answer: str, right: str) -> float:
        """The harmonic mean of precision and recall of their units."""
        given, wanted = self.units(self.normalise(answer)), self.units(self.normalise(right))
        same = sum((Counter(given) & Counter(wanted)).values())
        return 2 * same / (len(given) + len(wanted)) if same else 0.0


SQUAD = Script(normalised, str.split)
KORQUAD = Script(normalised_korean, lambda text: list("".join(text.split())))


def exact_and_f1(
    answers: Sequence[str], references: Sequence[Sequence[str]], script: Script = SQUAD, *, knows_none: bool = False
) -> NDArray[np.float64]:
    """Exact match and F1 of each answer, 0 to 1 `(questions, 2)`, each that of the nearest reference.

    With `knows_none` it is SQuAD 2.0's script: references of which nothing is left do not count, and where there are
    none the empty answer is right. Without it, as in SQuAD 1.1, the empty answer is right to no question.
    """
    rows = []
    for answer, right in zip(answers, references, strict=True):
        if knows_none:
            right = [text for text in right if script.normalise(text)]
            if not right or not script.normalise(answer):
                rows.append((float(not right and not script.normalise(answer)),) * 2)
                continue
        rows.append((max(script.exact(answer, text) for text in right), max(script.f1(answer, text) for text in right)))
    return np.array(rows)


def random_spans(answers: Sequence[str], contexts: Sequence[str]) -> list[str]:
    """For each answer as many words at a random place of its context; nothing for nothing. The same each call."""
    random, spans = np.random.default_rng(_SEED), []
    for answer, context in zip(answers, contexts, strict=True):
        words, wanted = list(re.finditer(r"\S+", context)), len(answer.split())
        first = int(random.integers(max(1, len(words) - wanted + 1)))
        chosen = words[first : first + wanted]
        spans.append(context[chosen[0].start() : chosen[-1].end()] if chosen else "")
    return spans


def answer_metrics(
    answers: Sequence[str], references: Sequence[Sequence[str]], contexts: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Every metric in percent with its 95 % interval over questions: `score`, `low`, `high`, `signature`.

    `exact_match` and `f1` are those of SQuAD 1.1's script, or of 2.0's where a question has no answer, with parts of
    their own for questions with and without one. Where a reference is Korean, KorQuAD's stand beside them. Of spans
    with as many words at random places, F1 is `random_span_f1` and `random_korquad_f1`.

    Raises:
        DataError: there are no questions.
    """
    if not len(answers):
        raise DataError("there are no questions to be measured; give at least one")
    has_answer = np.array([bool(right) for right in references])
    knows_none, drawn = not has_answer.all(), random_spans(answers, contexts)
    signature = "SQuAD 2.0" if knows_none else "SQuAD 1.1"
    own = exact_and_f1(answers, references, knows_none=knows_none)
    everything = np.ones(len(answers), np.bool_)
    columns = {  # name: values, those that count, signature
        "exact_match": (own[:, 0], everything, signature),
        "f1": (own[:, 1], everything, signature),
    }
    if knows_none:
        columns["no_answer_exact"] = (own[:, 0], ~has_answer, signature)
        if has_answer.any():
            columns["has_answer_exact"] = (own[:, 0], has_answer, signature)
            columns["has_answer_f1"] = (own[:, 1], has_answer, signature)
    by_chance = exact_and_f1(drawn, references, knows_none=knows_none)[:, 1]
    columns["random_span_f1"] = (by_chance, everything, signature)
    if any(is_hangul(letter) for right in references for text in right for letter in text):
        korean = exact_and_f1(answers, references, KORQUAD, knows_none=knows_none)
        by_chance = exact_and_f1(drawn, references, KORQUAD, knows_none=knows_none)[:, 1]
        columns["korquad_exact"] = (korean[:, 0], everything, "KorQuAD 1.0")
        columns["korquad_f1"] = (korean[:, 1], everything, "KorQuAD 1.0")
        columns["random_korquad_f1"] = (by_chance, everything, "KorQuAD 1.0")
    values = np.stack([values * counted for values, counted, _ in columns.values()], 1)  # (questions, metrics)
    counted = np.stack([counted for _, counted, _ in columns.values()], 1).astype(np.float64)
    drawn_values, drawn_counts = np.split(resampled_sums(np.concatenate([values, counted], 1)), 2, axis=1)
    with np.errstate(invalid="ignore"):  # a resample may have no question without an answer
        draws = drawn_values / drawn_counts
    scores = values.sum(0) / counted.sum(0)
    return {
        name: {"score": float(100 * scores[i]), **interval(100 * draws[:, i]), "signature": columns[name][2]}
        for i, name in enumerate(columns)
    }
