"""The Transformer of "Attention Is All You Need" (Vaswani et al. 2017): choices, sizes, the one-liner of the course."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headway.spec import (
    Activation,
    AttentionSpec,
    DropoutSpec,
    HeadSpec,
    InitSpec,
    NormOrder,
    PositionKind,
    PositionSpec,
    SpecialTokens,
    StackSpec,
    TransformerSpec,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Vaswani:
    """Every choice the family leaves open; the defaults are the paper's base model."""

    num_layers: int = 6
    decoder_layers: int | None = None  # None: as many as the encoder
    d_model: int = 512
    d_ff: int = 2048
    num_heads: int = 8
    dropout: float = 0.1  # of embeddings and sublayers
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    norm_order: NormOrder = "post"
    position: PositionKind = "sinusoidal"
    activation: Activation = "relu"
    max_length: int = 512
    tied: Literal["all", "decoder", "none"] = "all"  # which embeddings and head share one table

    def spec(
        self, source_vocab_size: int, target_vocab_size: int, tokens: SpecialTokens = SpecialTokens()
    ) -> TransformerSpec:
        """The model these choices and two vocabularies make.

        Raises:
            ConfigError: sizes that do not fit each other.
        """
        encoder = self._stack(source_vocab_size, self.num_layers, decoder=False)
        decoder = self._stack(target_vocab_size, self.decoder_layers or self.num_layers, decoder=True)
        return TransformerSpec(
            family="vaswani",
            encoder=encoder,
            decoder=decoder,
            shared_embedding=self.tied == "all",
            head=HeadSpec(tied=self.tied != "none"),
            init=InitSpec(scheme="xavier"),
            tokens=tokens,
        )

    def _stack(self, vocab_size: int, num_layers: int, *, decoder: bool) -> StackSpec:
        return StackSpec(
            vocab_size=vocab_size,
            max_length=self.max_length,
            num_layers=num_layers,
            d_model=self.d_model,
            d_ff=self.d_ff,
            attention=AttentionSpec.shared(self.d_model, self.num_heads),
            causal=decoder,
            cross_attention=decoder,
            position=PositionSpec(kind=self.position),
            embedding_scale=self.d_model**0.5,
            norm_order=self.norm_order,
            final_norm=self.norm_order != "post",
            activation=self.activation,
            dropout=DropoutSpec(
                embedding=self.dropout,
                attention=self.attention_dropout,
                activation=self.activation_dropout,
                residual=self.dropout,
            ),
        )


SIZES = {
    "tiny": Vaswani(num_layers=3, d_model=256, d_ff=512, num_heads=4),
    "base": Vaswani(),
    "big": Vaswani(d_model=1024, d_ff=4096, num_heads=16, dropout=0.3),
}
