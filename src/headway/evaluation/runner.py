"""Measure a translator on a test set: what `evaluation.json` says of it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

from headway.data.progress import progress
from headway.decoding.generate import BATCH_TOKENS, Decoding
from headway.evaluation.phenomena import phenomena_of
from headway.evaluation.translation import exact_match, translation_metrics
from headway.models.protocols import Translator
from headway.tasks.translate import Translation, translate_lines
from headway.text.tokenizer import TokenizerPair

_SAMPLES = 5  # translations, evenly spaced, that are kept for people to read


def evaluate_translation(
    model: Translator,
    tokenizers: TokenizerPair,
    sources: Sequence[str],
    references: Sequence[str],
    *,
    options: Decoding,
    batch_tokens: int = BATCH_TOKENS,
    set_name: str | None = None,
    prefix: str = "",
) -> dict[str, Any]:
    """Translate `sources`, compare with `references`.

    Args:
        model: in evaluation mode.
        tokenizers: of the model.
        sources: one text a row.
        references: one translation a row.
        options: how the model is asked.
        batch_tokens: padded tokens of one decoding batch.
        set_name: the named set the rows come from; `quickstart` is also measured phenomenon by phenomenon.
        prefix: what the model reads before each source; no part of what copying is worth.

    Returns:
        Metrics (each with its score and, where there is one, signature and interval), rows, seconds, the
        decoding, samples, the share of outputs that were as long as they may be, and the scores that the sources
        themselves would have had: what a translator that copies is worth.
    """
    begun = time.monotonic()
    asked = [prefix + source for source in sources]
    best: list[Translation] = []
    with progress("translating", len(asked), "rows") as advance:
        for translations in translate_lines(model, tokenizers, asked, options, batch_tokens=batch_tokens):
            best.append(translations[0])
            advance(1)
    seconds = time.monotonic() - begun
    hypotheses = [translation.text for translation in best]
    metrics = translation_metrics(hypotheses, references)
    metrics["exact_match"] = exact_match(hypotheses, references)
    metrics["hit_length_limit"] = {"score": sum(translation.hit_limit for translation in best) / len(best)}
    result: dict[str, Any] = {
        "metrics": metrics,
        "copied_source": translation_metrics(sources, references, intervals=False),
        "rows": len(best),
        "seconds": round(seconds, 3),
        "decoding": dataclasses.asdict(options),
    }
    if set_name == "quickstart":
        result["phenomena"] = phenomena_of(sources, hypotheses)
    chosen = range(0, len(best), max(1, len(best) // _SAMPLES))[:_SAMPLES]
    result["samples"] = [
        {"source": asked[row], "translation": hypotheses[row], "reference": references[row]} for row in chosen
    ]
    return result
