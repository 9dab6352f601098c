"""What GPT-2 and BLOOM have in common, and in part Llama: the choices of a model to train, the heads, their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from headway.models.families.exchange import architecture_of, label_head, label_keys, share, token_keys
from headway.models.keys import Same, weight_and_bias
from headway.spec import (
    Activation,
    AttentionSpec,
    DropoutSpec,
    HeadSpec,
    InitSpec,
    LabelHeadSpec,
    NormOrder,
    PositionKind,
    PositionSpec,
    SingleStackSpec,
    SpecialTokens,
    StackSpec,
)

Head = Literal["none", "words", "text", "tokens", "span"]
HEADS: tuple[Head, ...] = ("none", "words", "text", "tokens", "span")  # a family lists its architectures in this order
PROJECTIONS: dict[Head, str] = {"words": "lm_head", "text": "score", "tokens": "classifier", "span": "qa_outputs"}
READ = {"tie_word_embeddings", "classifier_dropout", "hidden_dropout"}  # what `heads` looks at
PREFIX = "transformer."


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoder:
    """Every choice that both families leave open; each sets its own defaults."""

    family: ClassVar[str]
    embedding_norm: ClassVar[bool] = False

    num_layers: int
    d_model: int
    num_heads: int
    position: PositionKind
    max_length: int
    d_ff: int | None = None  # None: 4 · d_model
    scale: float | None = None  # of the scores; None: head_dim ** -0.5
    dropout: float = 0.0  # of sublayers
    embedding_dropout: float | None = 0.0  # None: as that of sublayers
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    norm_order: NormOrder = "pre"
    norm_eps: float = 1e-5
    activation: Activation = "gelu_tanh"
    bias: bool = True  # of linear layers
    tied: bool = True  # the head is the embedding
    init_std: float = 0.02

    def spec(
        self,
        vocab_size: int,
        tokens: SpecialTokens = SpecialTokens(),
        *,
        language_head: bool = True,
        label_head: LabelHeadSpec | None = None,
    ) -> SingleStackSpec:
        """The model these choices and a vocabulary make; with a `label_head`, `language_head` is usually False.

        Raises:
            ConfigError: sizes that do not fit each other.
        """
        return SingleStackSpec(
            family=self.family,
            stack=StackSpec(
                vocab_size=vocab_size,
                max_length=self.max_length,
                num_layers=self.num_layers,
                d_model=self.d_model,
                d_ff=4 * self.d_model if self.d_ff is None else self.d_ff,
                attention=replace(
                    AttentionSpec.shared(self.d_model, self.num_heads, scale=self.scale),
                    query_bias=self.bias,
                    out_bias=self.bias,
                ),
                causal=True,
                position=PositionSpec(kind=self.position),
                embedding_norm=self.embedding_norm,
                norm_eps=self.norm_eps,
                norm_order=self.norm_order,
                final_norm=self.norm_order != "post",
                activation=self.activation,
                ff_bias=self.bias,
                dropout=DropoutSpec(
                    embedding=self.dropout if self.embedding_dropout is None else self.embedding_dropout,
                    attention=self.attention_dropout,
                    activation=self.activation_dropout,
                    residual=self.dropout,
                ),
            ),
            language_head=HeadSpec(tied=self.tied) if language_head else None,
            label_head=label_head,
            init=InitSpec(scheme="normal", std=self.init_std, embedding_std=self.init_std, shrinks_residual=True),
            tokens=tokens,
        )


def heads(
    config: Mapping[str, Any], wanted: str | None, known: Sequence[str], dropout: float, usual: Head = "none"
) -> tuple[bool, LabelHeadSpec | None]:
    """Whether there is a language head, and the label head: of the architecture `wanted`, or as `config.json` says.

    Where `config.json` says nothing, the head is the `usual` one, and `dropout` that before a token's label.

    Raises:
        CheckpointError: the architecture is none of those `known`, or its labels make no sense.
    """
    match HEADS[known.index(architecture_of(config, wanted, known, known[HEADS.index(usual)]))]:
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


def keys(
    model: SingleStackSpec,
    base: Sequence[Same],
    prefix: str = PREFIX,
    projections: Mapping[Head, str] = PROJECTIONS,
) -> list[Same]:
    """The rows of the bare stack and those of the heads; `prefix` stands before the former where there is a head."""
    head = _head(model)
    if head == "none":
        return list(base)
    rows = [replace(row, theirs=prefix + row.theirs) for row in base]
    if model.label_head is not None:
        labels = weight_and_bias("label_head.out", projections[head])
        return rows + labels[: 2 if model.label_head.bias else 1]
    if model.language_head is not None and not model.language_head.tied:
        rows += [Same("head.weight", f"{projections[head]}.weight")]
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
