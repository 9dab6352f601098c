"""What GPT-2 and BLOOM have in common as transformers publishes them: the heads, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from headway.models.families.exchange import architecture_of, label_head, label_keys, share, token_keys
from headway.models.keys import Same, weight_and_bias
from headway.spec import LabelHeadSpec, SingleStackSpec

Head = Literal["none", "words", "text", "tokens", "span"]
HEADS: tuple[Head, ...] = ("none", "words", "text", "tokens", "span")  # a family lists its architectures in this order
PROJECTIONS: dict[Head, str] = {"words": "lm_head", "text": "score", "tokens": "classifier", "span": "qa_outputs"}
READ = {"tie_word_embeddings", "classifier_dropout", "hidden_dropout"}  # what `heads` looks at
PREFIX = "transformer."


def heads(
    config: Mapping[str, Any], wanted: str | None, known: Sequence[str], dropout: float
) -> tuple[bool, LabelHeadSpec | None]:
    """Whether there is a language head, and the label head: of the architecture `wanted`, or as `config.json` says.

    `dropout` is that before a token's label where `config.json` has none.

    Raises:
        CheckpointError: the architecture is none of those `known`, or its labels make no sense.
    """
    match HEADS[known.index(architecture_of(config, wanted, known, known[0]))]:
        case "words":
            return True, None
        case "text":
            return False, label_head(config, "text", reads="last", bias=False)
        case "tokens":
            rate = share(config, "classifier_dropout", share(config, "hidden_dropout", dropout))
            return False, label_head(config, "tokens", dropout=rate)
        case "span":
            return False, label_head(config, "span")
    return False, None


def written(model: SingleStackSpec, known: Sequence[str]) -> dict[str, Any]:
    """What `heads` reads, and the special tokens."""
    head, words, labels = _head(model), model.language_head, model.label_head
    data: dict[str, Any] = {"architectures": [known[HEADS.index(head)]], **token_keys(model.tokens)}
    data["tie_word_embeddings"] = words is None or words.tied
    if labels is not None:
        data |= label_keys(labels)
        data |= {"classifier_dropout": labels.dropout} if head == "tokens" else {}
    return data


def keys(model: SingleStackSpec, base: Sequence[Same]) -> list[Same]:
    """The rows of the bare stack and those of the heads, named as they are where a head stands on the stack."""
    head = _head(model)
    if head == "none":
        return list(base)
    rows = [replace(row, theirs=PREFIX + row.theirs) for row in base]
    if model.label_head is not None:
        labels = weight_and_bias("label_head.out", PROJECTIONS[head])
        return rows + labels[: 2 if model.label_head.bias else 1]
    if model.language_head is not None and not model.language_head.tied:
        rows += [Same("head.weight", "lm_head.weight")]
    return rows


def copies(model: SingleStackSpec, embedding: str) -> dict[str, str]:
    """The head that repeats the embedding, where the two are tied."""
    is_tied = model.language_head is not None and model.language_head.tied
    return {"lm_head.weight": PREFIX + embedding} if is_tied else {}


def _head(model: SingleStackSpec) -> Head:
    if model.label_head is None:
        return "none" if model.language_head is None else "words"
    of = model.label_head.of
    return "text" if of == "choices" else of
