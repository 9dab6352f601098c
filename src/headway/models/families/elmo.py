"""ELMo (Peters et al. 2018): the published sizes, and one that a CPU trains in minutes."""

from __future__ import annotations

from dataclasses import dataclass

from headway.spec import BidirectionalSpec, CharacterSpec, SpecialTokens

FILTERS = ((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024))


@dataclass(frozen=True, kw_only=True, slots=True)
class Elmo:
    """Every choice the family leaves open; the defaults are the published model, without its bounds on values."""

    num_layers: int = 2
    d_model: int = 512
    d_cell: int = 4096
    filters: tuple[tuple[int, int], ...] = FILTERS  # of each convolution its width and how many it has
    num_highways: int = 2
    dropout: float = 0.1
    clip: float | None = None  # bounds cells and states, at 3 in what is published; a sixth slower on a CPU

    def spec(self, vocab_size: int, tokens: SpecialTokens = SpecialTokens()) -> BidirectionalSpec:
        """The model these choices and a vocabulary of words make.

        Raises:
            ConfigError: sizes that do not fit each other.
        """
        return BidirectionalSpec(
            family="elmo",
            vocab_size=vocab_size,
            characters=CharacterSpec(filters=self.filters, num_highways=self.num_highways),
            num_layers=self.num_layers,
            d_model=self.d_model,
            d_cell=self.d_cell,
            clip_cell=self.clip,
            clip_state=self.clip,
            dropout=self.dropout,
            tokens=tokens,
        )


SIZES = {  # small, medium and original are published, with 13.6, 28.0 and 93.6 million parameters
    "tiny": Elmo(d_model=128, d_cell=512, filters=((1, 16), (2, 32), (3, 64), (4, 128))),
    "small": Elmo(d_model=128, d_cell=1024, num_highways=1),
    "medium": Elmo(d_model=256, d_cell=2048, num_highways=1),
    "original": Elmo(),
}
