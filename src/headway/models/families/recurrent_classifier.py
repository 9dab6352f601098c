"""The recurrent families where they give labels to texts instead of translating them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headway.models.families.recurrent import CELLS, Cell
from headway.spec import RecurrentClassifierSpec, SpecialTokens


@dataclass(frozen=True, kw_only=True, slots=True)
class RecurrentClassifier:
    """Every choice the family leaves open; the defaults are an LSTM in both directions (Graves & Schmidhuber 2005)."""

    cell: Cell = "lstm"
    num_layers: int = 1
    d_model: int = 512
    attention: Literal["none", "dot", "additive"] = "none"  # of all states; none: their last, highest and mean
    bidirectional: bool = True  # each direction has half of the width
    dropout: float = 0.3

    def spec(self, vocab_size: int, tokens: SpecialTokens = SpecialTokens()) -> RecurrentClassifierSpec:
        """The model these choices and a vocabulary make, without a head (`spec.labelled` puts one on).

        Raises:
            ConfigError: sizes that do not fit each other.
        """
        return RecurrentClassifierSpec(
            family=self.cell,
            cell=self.cell,
            vocab_size=vocab_size,
            num_layers=self.num_layers,
            d_model=self.d_model,
            attention=self.attention,
            bidirectional=self.bidirectional,
            dropout=self.dropout,
            tokens=tokens,
        )


SIZES: dict[str, dict[str, RecurrentClassifier]] = {
    cell: {"tiny": RecurrentClassifier(cell=cell, d_model=256), "base": RecurrentClassifier(cell=cell, num_layers=2)}
    for cell in CELLS
}
