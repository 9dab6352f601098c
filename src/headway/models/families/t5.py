"""T5 (Raffel et al. 2020) and its version 1.1 (Shazeer 2020): learned distances, RMS norms, no biases, no scale.

Version 1.1 gates the feed-forward and has a head of its own. The encoder may also stand alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from headway.errors import CheckpointError
from headway.models.families.exchange import (
    activation,
    activation_name,
    architecture_of,
    check,
    confirmed,
    label_head,
    label_keys,
    number,
    said_of_config,
    share,
    special_tokens,
    token_keys,
)
from headway.models.keys import Same, each_layer, weight_and_bias
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
    TransformerSpec,
)

MODEL_TYPE, PREFIX = "t5", "transformer."
WHOLE = ("T5ForConditionalGeneration", "T5Model", "T5WithLMHeadModel")  # with a decoder; the last is an old name
ARCHITECTURES = (*WHOLE, "T5EncoderModel", "T5ForTokenClassification")
# fmt: off
READ = {  # what `spec` looks at
    "vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_decoder_layers", "num_heads", "n_positions",
    "relative_attention_num_buckets", "relative_attention_max_distance", "dropout_rate", "classifier_dropout",
    "layer_norm_epsilon", "feed_forward_proj", "dense_act_fn", "is_gated_act", "tie_word_embeddings",
    "scale_decoder_outputs", "pad_token_id", "eos_token_id", "decoder_start_token_id",
}
FIXED = {"model_type": MODEL_TYPE, "is_decoder": False}  # what has one value in this family
UNUSED = {"is_encoder_decoder", "initializer_factor", "bos_token_id"}  # what the class or nobody decides
LEFT_OUT = {"relative_attention_num_buckets": 32, "relative_attention_max_distance": 128, "n_positions": 512}
# fmt: on
INIT = InitSpec(scheme="fan_in", embedding_std=1.0)
PLACES = ("embedding", "attention", "activation", "residual", "final")  # of dropout


@dataclass(frozen=True, kw_only=True, slots=True)
class T5:
    """Every choice the family leaves open; the defaults are the paper's small model."""

    num_layers: int = 6
    decoder_layers: int | None = None  # None: as many as the encoder
    d_model: int = 512
    d_ff: int = 2048
    num_heads: int = 8
    head_dim: int = 64  # whatever the width is
    dropout: float = 0.1  # at all five places
    activation: Activation = "relu"
    gated: bool = False
    tied_head: bool = True  # encoder and decoder always share their embedding
    scaled_head: bool = True  # where it is tied: its inputs by d_model ** -0.5
    position: PositionKind = "relative"
    buckets: int = 32
    max_distance: int = 128
    norm_order: NormOrder = "pre"
    norm_eps: float = 1e-6
    max_length: int = 512  # tokens it was trained on: distances have no end

    def spec(
        self, source_vocab_size: int, target_vocab_size: int, tokens: SpecialTokens = SpecialTokens()
    ) -> TransformerSpec:
        """The model these choices and a joint vocabulary make.

        Raises:
            ConfigError: sizes that do not fit each other.
        """
        encoder, decoder = self._stack(source_vocab_size), self._stack(target_vocab_size)
        layers = self.decoder_layers or self.num_layers
        is_scaled = self.tied_head and self.scaled_head
        return TransformerSpec(
            family=MODEL_TYPE,
            encoder=encoder,
            decoder=replace(decoder, num_layers=layers, causal=True, cross_attention=True),
            head=HeadSpec(tied=self.tied_head, scale=self.d_model**-0.5 if is_scaled else 1.0),
            init=INIT,
            tokens=tokens,
        )

    def encoder(
        self, vocab_size: int, tokens: SpecialTokens = SpecialTokens(), *, label_head: LabelHeadSpec | None = None
    ) -> SingleStackSpec:
        """The encoder alone.

        Raises:
            ConfigError: a size is impossible.
        """
        return SingleStackSpec(
            family=MODEL_TYPE, stack=self._stack(vocab_size), label_head=label_head, init=INIT, tokens=tokens
        )

    def _stack(self, vocab_size: int) -> StackSpec:
        return StackSpec(
            vocab_size=vocab_size,
            max_length=self.max_length,
            num_layers=self.num_layers,
            d_model=self.d_model,
            d_ff=self.d_ff,
            attention=AttentionSpec(
                num_heads=self.num_heads, head_dim=self.head_dim, scale=1.0, query_bias=False, out_bias=False
            ),
            causal=False,
            position=PositionSpec(kind=self.position, buckets=self.buckets, max_distance=self.max_distance),
            norm="rms",
            norm_eps=self.norm_eps,
            norm_order=self.norm_order,
            final_norm=self.norm_order != "post",
            activation=self.activation,
            gated=self.gated,
            ff_bias=False,
            fits_float16=False,
            dropout=DropoutSpec(**dict.fromkeys(PLACES, self.dropout)),
        )


_later = T5(num_layers=8, d_ff=1024, num_heads=6, activation="gelu_tanh", gated=True, tied_head=False)
SIZES = {
    "tiny": T5(num_layers=4, d_model=256, d_ff=1024, num_heads=4),  # Tay et al. 2022
    "small": T5(),
    "base": T5(num_layers=12, d_model=768, d_ff=3072, num_heads=12),
    "large": T5(num_layers=24, d_model=1024, d_ff=4096, num_heads=16),
    "3b": T5(num_layers=24, d_model=1024, d_ff=16384, num_heads=32, head_dim=128),
    "11b": T5(num_layers=24, d_model=1024, d_ff=65536, num_heads=128, head_dim=128),
    "v1.1-small": _later,
    "v1.1-base": replace(_later, num_layers=12, d_model=768, d_ff=2048, num_heads=12),
    "v1.1-large": replace(_later, num_layers=24, d_model=1024, d_ff=2816, num_heads=16),
    "v1.1-xl": replace(_later, num_layers=24, d_model=2048, d_ff=5120, num_heads=32),
    "v1.1-xxl": replace(_later, num_layers=24, d_model=4096, d_ff=10240, num_heads=64),
}


def spec(config: Mapping[str, Any], architecture: str | None = None) -> TransformerSpec | SingleStackSpec:
    """The model that a T5 `config.json` describes; a `T5Model` gets the head that its embedding makes.

    Raises:
        CheckpointError: a key is missing, unknown, or has a value that this family cannot have.
    """
    check(config, read=READ, fixed=FIXED, unused=UNUSED)
    name = architecture_of(config, architecture, ARCHITECTURES, WHOLE[0])
    with said_of_config():
        choices, vocab_size, tokens = _choices(config, name), number(config, "vocab_size"), _tokens(config)
        if name in WHOLE:
            return choices.spec(vocab_size, vocab_size, tokens)
        rate = share(config, "classifier_dropout", 0.0)
        head = label_head(config, "tokens", dropout=rate) if name == "T5ForTokenClassification" else None
        return choices.encoder(vocab_size, tokens, label_head=head)


def _tokens(config: Mapping[str, Any]) -> SpecialTokens:
    return special_tokens(config, pad=0, start=0, end=1, starts="decoder_start_token_id")


def _choices(config: Mapping[str, Any], architecture: str) -> T5:
    config = {**LEFT_OUT, **config}
    act, gated = _feed_forward(config)
    tied, scaled = (True, True) if architecture == "T5Model" else _head(config)
    return T5(
        num_layers=number(config, "num_layers"),
        decoder_layers=number(config, "num_decoder_layers", "num_layers"),
        d_model=number(config, "d_model"),
        d_ff=number(config, "d_ff"),
        num_heads=number(config, "num_heads"),
        head_dim=number(config, "d_kv"),
        dropout=share(config, "dropout_rate", 0.1),
        activation=act,
        gated=gated,
        tied_head=tied,
        scaled_head=scaled,
        buckets=number(config, "relative_attention_num_buckets"),
        max_distance=number(config, "relative_attention_max_distance"),
        norm_eps=share(config, "layer_norm_epsilon", 1e-6),
        max_length=number(config, "n_positions"),
    )


def _feed_forward(config: Mapping[str, Any]) -> tuple[Activation, bool]:
    """The activation and whether it gates; two later keys say again what `feed_forward_proj` says."""
    form = str(config.get("feed_forward_proj") or "relu")
    gate, _, name = form.rpartition("-")
    if gate not in ("", "gated"):
        raise CheckpointError(f"config.json: feed_forward_proj is {form!r}; expected 'relu', 'gated-gelu' or the like")
    name = config.get("dense_act_fn") or ("gelu_new" if form == "gated-gelu" else name)
    gated = config.get("is_gated_act")
    return activation({"feed_forward_proj": name}, "feed_forward_proj", name), bool(gate if gated is None else gated)


def _head(config: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether it is tied, and scaled; one that is tied but not scaled is a version 1.1 that transformers 5 made.

    Raises:
        CheckpointError: scaled but not tied.
    """
    tied = config.get("tie_word_embeddings") is not False
    scaled = config.get("scale_decoder_outputs")
    if scaled and not tied:
        raise CheckpointError("config.json: scale_decoder_outputs without tie_word_embeddings, which no T5 has")
    return tied, tied if scaled is None else bool(scaled)


def config(model: TransformerSpec | SingleStackSpec) -> dict[str, Any]:
    """The `config.json` of a model that a T5 can be: `spec` gives the model back.

    Raises:
        ConfigError: the model has something that a T5 has not.
    """
    if isinstance(model, TransformerSpec):
        stack, layers, head, name = model.encoder, model.decoder.num_layers, None, WHOLE[0]
    else:
        stack, layers, head = model.stack, model.stack.num_layers, model.label_head
        name = "T5ForTokenClassification" if head else "T5EncoderModel"
    act = activation_name(stack.activation)
    data = {
        "architectures": [name],
        "model_type": MODEL_TYPE,
        "is_encoder_decoder": name in WHOLE,
        "vocab_size": stack.vocab_size,
        "d_model": stack.d_model,
        "d_kv": stack.attention.head_dim,
        "d_ff": stack.d_ff,
        "num_layers": stack.num_layers,
        "num_decoder_layers": layers,
        "num_heads": stack.attention.num_heads,
        "n_positions": stack.max_length,
        "relative_attention_num_buckets": stack.position.buckets,
        "relative_attention_max_distance": stack.position.max_distance,
        "dropout_rate": stack.dropout.residual,
        "layer_norm_epsilon": stack.norm_eps,
        "feed_forward_proj": f"gated-{act.removesuffix('_new')}" if stack.gated else act,
        "dense_act_fn": act,
        "is_gated_act": stack.gated,
        **({"tie_word_embeddings": True} if not isinstance(model, TransformerSpec) else _head_keys(model.head)),
        **token_keys(model.tokens, starts="decoder_start_token_id"),
        **({} if head is None else {"classifier_dropout": head.dropout, **label_keys(head)}),
    }
    return confirmed(data, spec, model)


def _head_keys(head: HeadSpec) -> dict[str, bool]:
    """What `_head` reads."""
    is_plain = head.tied and head.scale == 1.0
    return {"tie_word_embeddings": head.tied} | ({"scale_decoder_outputs": False} if is_plain else {})


def keys(model: TransformerSpec | SingleStackSpec) -> list[Same]:
    """What each of our parameters is called in a T5 checkpoint."""
    if isinstance(model, TransformerSpec):
        rows = [Same("encoder.tokens.weight", "shared.weight")]
        rows += [*_stack("encoder", "encoder", model.encoder), *_stack("decoder", "decoder", model.decoder)]
        return rows if model.head.tied else [*rows, Same("head.weight", "lm_head.weight")]
    prefix = PREFIX if model.label_head else ""
    rows = [Same("stack.tokens.weight", f"{prefix}shared.weight"), *_stack("stack", f"{prefix}encoder", model.stack)]
    return [*rows, *weight_and_bias("label_head.out", "classifier")] if model.label_head else rows


def copies(model: TransformerSpec | SingleStackSpec) -> dict[str, str]:
    """Names under which a T5 checkpoint may repeat a tensor, or keep it instead, and the name in `keys`."""
    if isinstance(model, TransformerSpec):
        names = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"]
        return dict.fromkeys(names + ["lm_head.weight"] * model.head.tied, "shared.weight")
    prefix = PREFIX if model.label_head else ""
    return {f"{prefix}encoder.embed_tokens.weight": f"{prefix}shared.weight"}


BUFFERS = {  # a table that the first checkpoints have and nobody ever read
    r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight": None
}


def _stack(ours: str, theirs: str, model: StackSpec) -> list[Same]:
    first, last = f"{theirs}.block.0.layer.0.SelfAttention", 2 if model.cross_attention else 1
    block, layer = f"{ours}.blocks.{{i}}", f"{theirs}.block.{{i}}.layer"
    layers = _attention(f"{block}.attention", f"{layer}.0", "SelfAttention")
    if model.cross_attention:
        layers += _attention(f"{block}.cross_attention", f"{layer}.1", "EncDecAttention")
    linears = {"gate": "wi_0", "up": "wi_1", "down": "wo"} if model.gated else {"up": "wi", "down": "wo"}
    layers += [
        Same(f"{block}.feed_forward.{own}.weight", f"{layer}.{last}.DenseReluDense.{other}.weight")
        for own, other in linears.items()
    ]
    return [
        Same(f"{ours}.position.table.weight", f"{first}.relative_attention_bias.weight"),
        *each_layer(
            [*layers, Same(f"{block}.feed_forward_norm.weight", f"{layer}.{last}.layer_norm.weight")], model.num_layers
        ),
        Same(f"{ours}.final_norm.weight", f"{theirs}.final_layer_norm.weight"),
    ]


def _attention(ours: str, theirs: str, name: str) -> list[Same]:
    linears = {"query": "q", "key": "k", "value": "v", "out": "o"}
    rows = [Same(f"{ours}.{own}.weight", f"{theirs}.{name}.{other}.weight") for own, other in linears.items()]
    return [*rows, Same(f"{ours}_norm.weight", f"{theirs}.layer_norm.weight")]
