"""The AWD-LSTM of Merity et al. 2018, in the sizes that ULMFiT gives it (Howard & Ruder 2018, section 4.1)."""

from __future__ import annotations

from dataclasses import dataclass

from headway.spec import AwdLstmSpec, HeadSpec, SpecialTokens


@dataclass(frozen=True, kw_only=True, slots=True)
class AwdLstm:
    """Every choice the family leaves open; the defaults are those of the paper."""

    num_layers: int = 3
    d_model: int = 400
    d_cell: int = 1150
    word_dropout: float = 0.05
    input_dropout: float = 0.4
    layer_dropout: float = 0.3
    dropout: float = 0.4  # of what is projected
    weight_dropout: float = 0.5
    tied: bool = True

    def spec(self, vocab_size: int, tokens: SpecialTokens = SpecialTokens()) -> AwdLstmSpec:
        """The model these choices and a vocabulary make.

        Raises:
            ConfigError: sizes that cannot be.
        """
        return AwdLstmSpec(
            family="awd_lstm",
            vocab_size=vocab_size,
            num_layers=self.num_layers,
            d_model=self.d_model,
            d_cell=self.d_cell,
            word_dropout=self.word_dropout,
            input_dropout=self.input_dropout,
            layer_dropout=self.layer_dropout,
            output_dropout=self.dropout,
            weight_dropout=self.weight_dropout,
            head=HeadSpec(tied=self.tied, bias=True),
            tokens=tokens,
        )


SIZES = {
    "tiny": AwdLstm(
        num_layers=2, d_model=128, d_cell=256, input_dropout=0.1, layer_dropout=0.1, dropout=0.1, weight_dropout=0.2
    ),
    "base": AwdLstm(),
}
