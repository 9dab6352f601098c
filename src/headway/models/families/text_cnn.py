"""TextCNN (Kim 2014), in the sizes of the paper and of a CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from headway.spec import SpecialTokens, TextCnnSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class TextCnn:
    """Every choice the family leaves open; the defaults are those of the paper, section 3.1."""

    num_layers: ClassVar[int] = 1
    d_model: int = 300
    widths: tuple[int, ...] = (3, 4, 5)
    num_filters: int = 100  # of each width
    dropout: float = 0.5

    def spec(self, vocab_size: int, tokens: SpecialTokens = SpecialTokens()) -> TextCnnSpec:
        """The model these choices and a vocabulary make, without a head (`spec.labelled` puts one on).

        Raises:
            ConfigError: sizes that cannot be.
        """
        return TextCnnSpec(
            family="text_cnn",
            vocab_size=vocab_size,
            d_model=self.d_model,
            widths=self.widths,
            num_filters=self.num_filters,
            dropout=self.dropout,
            tokens=tokens,
        )


SIZES = {"tiny": TextCnn(d_model=128), "base": TextCnn()}
