"""The tasks a run can have."""

from collections.abc import Callable, Mapping

from headway.config import RunConfig
from headway.runs.kinds.answer import Answer
from headway.runs.kinds.bidirectional import Bidirectional
from headway.runs.kinds.causal import Causal
from headway.runs.kinds.classify import Classify
from headway.runs.kinds.kind import Encoded, Kind, Learning, Splits, Vocabulary
from headway.runs.kinds.masked import Masked
from headway.runs.kinds.measuring import evaluation_of
from headway.runs.kinds.spans import Spans
from headway.runs.kinds.tag import Tag
from headway.runs.kinds.translate import Translate

KINDS: Mapping[str, Callable[[RunConfig], Kind]] = {
    "translate": Translate,
    "classify": Classify,
    "tag": Tag,
    "answer": Answer,
    "causal-lm": Causal,
    "masked-lm": Masked,
    "span-corruption": Spans,
    "bidirectional-lm": Bidirectional,
}

__all__ = ["KINDS", "Encoded", "Kind", "Learning", "Splits", "Vocabulary", "evaluation_of", "kind_of"]


def kind_of(config: RunConfig) -> Kind:
    """What a run of this configuration does in its own way."""
    return KINDS[config.task](config)
