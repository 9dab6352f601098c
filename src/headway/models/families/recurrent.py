"""What came before the Transformer: cells of Elman (1990), GRU (Cho et al. 2014), LSTM (Gers et al. 2000)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headway.spec import HeadSpec, RecurrentSpec, SpecialTokens

Cell = Literal["rnn", "gru", "lstm"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recurrent:
    """Every choice the family leaves open; the defaults are an LSTM with the attention of Luong et al. 2015."""

    cell: Cell = "lstm"
    num_layers: int = 2
    d_model: int = 512
    attention: Literal["none", "dot", "additive"] = "dot"  # none: Sutskever et al. 2014; additive: Bahdanau et al. 2015
    bidirectional: bool = True  # the encoder reads each sentence from both ends, each with half of the width
    dropout: float = 0.2  # of the input of every layer and of the output
    max_length: int = 512  # tokens; what training cuts to: the model itself has no limit
    tied: Literal["all", "decoder", "none"] = "all"  # which embeddings and head share one table

    def spec(
        self, source_vocab_size: int, target_vocab_size: int, tokens: SpecialTokens = SpecialTokens()
    ) -> RecurrentSpec:
        """The model these choices and two vocabularies make.

        Raises:
            ConfigError: sizes that do not fit each other.
        """
        return RecurrentSpec(
            family=self.cell,
            cell=self.cell,
            source_vocab_size=source_vocab_size,
            target_vocab_size=target_vocab_size,
            max_length=self.max_length,
            num_layers=self.num_layers,
            d_model=self.d_model,
            attention=self.attention,
            bidirectional=self.bidirectional,
            dropout=self.dropout,
            shared_embedding=self.tied == "all",
            head=HeadSpec(tied=self.tied != "none"),
            tokens=tokens,
        )


CELLS: tuple[Cell, ...] = ("rnn", "gru", "lstm")
SIZES: dict[str, dict[str, Recurrent]] = {
    cell: {"tiny": Recurrent(cell=cell, num_layers=1, d_model=256), "base": Recurrent(cell=cell)} for cell in CELLS
}
