"""BERT (Devlin et al. 2019): choices and sizes, and its checkpoints with every head they are published with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headway.errors import CheckpointError
from headway.models.families import encoders
from headway.models.families.exchange import (
    activation,
    architecture_of,
    check,
    confirmed,
    label_head,
    label_keys,
    number,
    said_of_config,
    share,
    special_tokens,
)
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

MASKED_LM = HeadSpec(bias=True, transform="gelu")
NEXT_SENTENCE = LabelHeadSpec(of="text", labels=("is_next", "is_random"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Bert:
    """Every choice the family leaves open; the defaults are the paper's base model."""

    family: str = "bert"
    num_layers: int = 12
    d_model: int = 768
    num_heads: int = 12
    d_ff: int | None = None  # None: four times d_model
    max_length: int = 512
    token_types: int = 2  # the first text and the second
    dropout: float = 0.1  # of embeddings and sublayers
    attention_dropout: float = 0.1
    position: PositionKind = "learned"
    after_padding: bool = False  # the row of position 0 comes after that of the padding id (Liu et al. 2019)
    norm_order: NormOrder = "post"
    norm_eps: float = 1e-12
    activation: Activation = "gelu"
    init_std: float = 0.02

    def spec(
        self,
        vocab_size: int,
        tokens: SpecialTokens = SpecialTokens(start_id=-1, end_id=-1),
        *,
        language_head: HeadSpec | None = None,
        label_head: LabelHeadSpec | None = None,
    ) -> SingleStackSpec:
        """The model these choices and a vocabulary make; it has a pooler where the label head reads it, or no head.

        Raises:
            ConfigError: sizes that do not fit each other.
        """
        reads_pooler = label_head is not None and label_head.of in ("text", "choices") and label_head.reads == "pooler"
        return SingleStackSpec(
            family=self.family,
            stack=self._stack(vocab_size, tokens.pad_id + 1 if self.after_padding else 0),
            pooler=reads_pooler or (label_head is None and language_head is None),
            language_head=language_head,
            label_head=label_head,
            init=InitSpec(scheme="normal", std=self.init_std, embedding_std=self.init_std),
            tokens=tokens,
        )

    def _stack(self, vocab_size: int, offset: int) -> StackSpec:
        return StackSpec(
            vocab_size=vocab_size,
            max_length=self.max_length,
            num_layers=self.num_layers,
            d_model=self.d_model,
            d_ff=self.d_ff or 4 * self.d_model,
            attention=AttentionSpec.shared(self.d_model, self.num_heads),
            causal=False,
            position=PositionSpec(kind=self.position, offset=offset),
            embedding_norm=True,
            token_types=self.token_types,
            norm_eps=self.norm_eps,
            norm_order=self.norm_order,
            final_norm=self.norm_order != "post",
            activation=self.activation,
            dropout=DropoutSpec(embedding=self.dropout, attention=self.attention_dropout, residual=self.dropout),
        )


SIZES = {  # the small ones: Turc et al. 2019
    "tiny": Bert(num_layers=2, d_model=128, num_heads=2),
    "mini": Bert(num_layers=4, d_model=256, num_heads=4),
    "small": Bert(num_layers=4, d_model=512, num_heads=8),
    "medium": Bert(num_layers=8, d_model=512, num_heads=8),
    "base": Bert(),
    "large": Bert(num_layers=24, d_model=1024, num_heads=16),
}

# --- as others publish it ---

MODEL_TYPE, PREFIX, WORDS = "bert", "bert.", "cls.predictions"
ARCHITECTURES = (
    "BertModel",
    "BertForMaskedLM",
    "BertForNextSentencePrediction",
    "BertForPreTraining",
    "BertForSequenceClassification",
    "BertForTokenClassification",
    "BertForQuestionAnswering",
    "BertForMultipleChoice",
)
# fmt: off
READ = {  # what `spec` looks at
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "max_position_embeddings",
    "type_vocab_size", "initializer_range", "layer_norm_eps", "tie_word_embeddings", "pad_token_id", "bos_token_id",
    "eos_token_id",
}
FIXED = {  # what has one value in this family; another one would be another model
    "model_type": MODEL_TYPE,
    "is_encoder_decoder": False,
    "is_decoder": False,
    "add_cross_attention": False,
    "position_embedding_type": "absolute",
}
UNUSED = {  # what has no influence on the model: remains of Google's first release
    "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type",
}
# fmt: on
BUFFERS: dict[str, str | None] = {r"(bert\.)?embeddings\.position_ids": None}


def spec(config: Mapping[str, Any], architecture: str | None = None) -> SingleStackSpec:
    """The model that a BERT `config.json` describes.

    Raises:
        CheckpointError: a key is missing, unknown, or has a value that this family cannot have.
    """
    check(config, read=READ, fixed=FIXED, unused=UNUSED)
    name = architecture_of(config, architecture, ARCHITECTURES, "BertModel")
    choices = choices_of(config)
    has_words = name in ("BertForMaskedLM", "BertForPreTraining")
    words = HeadSpec(tied=encoders.is_tied(config), bias=True, transform=choices.activation) if has_words else None
    tokens = special_tokens(config, pad=0, start=None, end=None)
    with said_of_config():
        return choices.spec(
            number(config, "vocab_size"), tokens, language_head=words, label_head=_label_head(config, name)
        )


def choices_of(config: Mapping[str, Any]) -> Bert:
    """The choices behind a `config.json` of BERT or a near relative.

    Raises:
        CheckpointError: a key is missing or no number, or there is no type for a token.
    """
    if number(config, "type_vocab_size") < 1:
        raise CheckpointError("config.json: type_vocab_size is 0; every token is of some type, so give at least 1")
    return Bert(
        num_layers=number(config, "num_hidden_layers"),
        d_model=number(config, "hidden_size"),
        num_heads=number(config, "num_attention_heads"),
        d_ff=number(config, "intermediate_size"),
        max_length=number(config, "max_position_embeddings"),
        token_types=number(config, "type_vocab_size"),
        dropout=share(config, "hidden_dropout_prob", 0.1),
        attention_dropout=share(config, "attention_probs_dropout_prob", 0.1),
        norm_eps=share(config, "layer_norm_eps", 1e-12),
        activation=activation(config, "hidden_act", "gelu"),
        init_std=share(config, "initializer_range", 0.02),
    )


def _label_head(config: Mapping[str, Any], architecture: str) -> LabelHeadSpec | None:
    match architecture:
        case "BertForNextSentencePrediction" | "BertForPreTraining":
            return NEXT_SENTENCE
        case "BertForSequenceClassification":
            return label_head(config, "text", dropout=encoders.classifier_dropout(config))
        case "BertForTokenClassification":
            return label_head(config, "tokens", dropout=encoders.classifier_dropout(config))
        case "BertForQuestionAnswering":
            return label_head(config, "span")
        case "BertForMultipleChoice":
            return label_head(config, "choices", dropout=encoders.classifier_dropout(config))
    return None


def config(model: SingleStackSpec) -> dict[str, Any]:
    """The `config.json` of a model: `spec` gives the model back.

    Raises:
        ConfigError: the model has something that BERT has not; the message names it.
    """
    data = {"architectures": [_architecture(model)], "model_type": MODEL_TYPE, **encoders.written(model)}
    if model.label_head == NEXT_SENTENCE:
        data = {key: value for key, value in data.items() if key not in label_keys(NEXT_SENTENCE)}
    return confirmed(data, spec, model)


def _architecture(model: SingleStackSpec) -> str:
    head = model.label_head
    if model.language_head is not None:
        return "BertForMaskedLM" if head is None else "BertForPreTraining"
    if head is None:
        return "BertModel"
    return "BertForNextSentencePrediction" if head == NEXT_SENTENCE else f"BertFor{encoders.TASKS[head.of]}"


def keys(model: SingleStackSpec) -> list[Same]:
    """What each of our parameters is called in a BERT checkpoint."""
    rows = encoders.keys(model, PREFIX)
    if model.language_head is not None:
        rows += [
            *weight_and_bias("head.transform.dense", f"{WORDS}.transform.dense"),
            *weight_and_bias("head.transform.norm", f"{WORDS}.transform.LayerNorm"),
            *encoders.projection(model.language_head, WORDS),
        ]
    head = model.label_head
    if head is not None:
        name = "qa_outputs" if head.of == "span" else "classifier"
        rows += weight_and_bias("label_head.out", "cls.seq_relationship" if head == NEXT_SENTENCE else name)
    return rows


def copies(model: SingleStackSpec) -> dict[str, str]:
    """Names under which a BERT checkpoint may repeat a tensor, or keep it instead, and the name in `keys`."""
    names = [row.theirs for row in keys(model)]
    old = {".weight": ".gamma", ".bias": ".beta"}  # of norms, before 2019
    found = {
        name.removesuffix(new) + before: name
        for name in names
        for new, before in old.items()
        if name.endswith(f"LayerNorm{new}")
    }
    return found | encoders.projection_copies(model.language_head, WORDS, PREFIX)
