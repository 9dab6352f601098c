"""Models of recurrent cells: encoder-decoders, and language models of one direction and of two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headway.errors import ConfigError
from headway.spec.parts import HeadSpec, LabelHeadSpec, SpecialTokens, check_rate, check_sizes


def check_labels(family: str, head: LabelHeadSpec | None) -> None:
    """Raises ConfigError unless a model without a stack of blocks has a head of texts, or none."""
    if head is not None and head.of != "text":
        raise ConfigError(f"a model of the family {family} gives labels to texts, not to {head.of}; choose another one")


@dataclass(frozen=True, kw_only=True, slots=True)
class RecurrentSpec:
    """A recurrent encoder-decoder (Sutskever et al. 2014), with attention (Bahdanau 2015, Luong 2015) or without."""

    family: str
    cell: Literal["rnn", "gru", "lstm"]
    source_vocab_size: int
    target_vocab_size: int
    max_length: int
    num_layers: int
    d_model: int
    attention: Literal["none", "dot", "additive"] = "dot"
    bidirectional: bool = True
    dropout: float = 0.0
    shared_embedding: bool = True
    head: HeadSpec = HeadSpec()
    tokens: SpecialTokens = SpecialTokens()

    def __post_init__(self) -> None:
        check_sizes(self, "source_vocab_size", "target_vocab_size", "max_length", "num_layers", "d_model")
        check_rate("dropout", self.dropout)
        if self.bidirectional and self.d_model % 2:
            raise ConfigError(f"d_model is {self.d_model}; a bidirectional encoder splits it in two, so make it even")
        if self.shared_embedding and self.source_vocab_size != self.target_vocab_size:
            raise ConfigError(
                f"one embedding for both sides needs one vocabulary, but the source has {self.source_vocab_size} "
                f"and the target {self.target_vocab_size} pieces; use a joint tokenizer or untie the embeddings"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class AwdLstmSpec:
    """An LSTM language model with dropout in every place (Merity et al. 2018); what is lost is one draw a row or pass.

    The layers have the width `d_cell`, but for the last one, whose states are projected.
    """

    family: str
    vocab_size: int
    num_layers: int
    d_model: int
    d_cell: int
    word_dropout: float = 0.0  # of whole words, wherever they stand in a batch
    input_dropout: float = 0.0  # of the embeddings
    layer_dropout: float = 0.0  # of what a layer hands to the next
    output_dropout: float = 0.0  # of what is projected
    weight_dropout: float = 0.0  # of the matrices from state to state
    head: HeadSpec | None = HeadSpec(bias=True)
    label_head: LabelHeadSpec | None = None  # instead of `head`; reads the last, the highest and the mean of the states
    d_label: int = 50  # width of the layer inside the label head (Howard & Ruder 2018, section 3.3)
    tokens: SpecialTokens = SpecialTokens()

    def __post_init__(self) -> None:
        check_sizes(self, "vocab_size", "num_layers", "d_model", "d_cell", "d_label")
        check_labels(self.family, self.label_head)
        if self.head is not None and self.label_head is not None:
            raise ConfigError("one model cannot both say words and give labels; leave one of its two heads out")
        for name in ("word_dropout", "input_dropout", "layer_dropout", "output_dropout", "weight_dropout"):
            check_rate(name, getattr(self, name))


@dataclass(frozen=True, kw_only=True, slots=True)
class CharacterSpec:
    """How a word becomes a vector from its characters, whatever the vocabulary (Jozefowicz et al. 2016)."""

    filters: tuple[tuple[int, int], ...]  # of each convolution its width, in characters, and how many it has
    max_length: int = 50  # characters of a word, the marks at its ends included
    d_character: int = 16
    num_highways: int = 2
    activation: Literal["relu", "tanh"] = "relu"
    vocab_size: int = 261  # bytes, and five marks; see `text/characters.py`
    pad_id: int = 260  # what fills a short word

    def __post_init__(self) -> None:
        check_sizes(self, "max_length", "d_character", "vocab_size")
        widths = [width for width, _ in self.filters]
        if not widths or min(widths) < 1 or max(widths) > self.max_length or min(n for _, n in self.filters) < 1:
            raise ConfigError(
                f"the filters are {self.filters}; expected pairs of a width from 1 to max_length {self.max_length} "
                "and a number from 1 on"
            )
        if self.num_highways < 0 or not 0 <= self.pad_id < self.vocab_size:
            raise ConfigError(
                f"num_highways is {self.num_highways} and pad_id {self.pad_id}; expected 0 or more, and one of the "
                f"{self.vocab_size} characters"
            )

    @property
    def token_ids(self) -> int:
        """How many ids spelled words may have: each character, and each byte once more at the start of a word."""
        return self.vocab_size + 256

    @property
    def width(self) -> int:
        """What all convolutions together say of a word."""
        return sum(number for _, number in self.filters)


@dataclass(frozen=True, kw_only=True, slots=True)
class BidirectionalSpec:
    """Two LSTM language models over the characters of words, one for each direction (Peters et al. 2018)."""

    family: str
    vocab_size: int  # words that are predicted; 0: the projection to them was not kept
    characters: CharacterSpec
    num_layers: int
    d_model: int  # of a word, and of the states of each direction
    d_cell: int  # of memory cells; wider than `d_model`, and states are projected
    skips: bool = True  # each layer but the first adds its input to its output
    clip_cell: float | None = None  # the largest size of a memory cell's value; None: any
    clip_state: float | None = None  # the same, of a projected state
    dropout: float = 0.0  # of the input of every layer and of the output
    label_head: LabelHeadSpec | None = None  # instead of the projection; reads a mixture of all layers
    d_label: int = 256  # width of the recurrent layer inside the label head
    tokens: SpecialTokens = SpecialTokens()

    def __post_init__(self) -> None:
        check_sizes(self, "num_layers", "d_model", "d_cell", "d_label")
        check_labels(self.family, self.label_head)
        if self.vocab_size and self.label_head is not None:
            raise ConfigError("one model cannot both say words and give labels; leave one of its two heads out")
        if self.label_head is not None and self.d_label % 2:
            raise ConfigError(f"d_label is {self.d_label}; two directions split it in two, so make it even")
        check_rate("dropout", self.dropout)
        if self.vocab_size < 0 or self.d_cell < self.d_model:
            raise ConfigError(
                f"vocab_size is {self.vocab_size}, d_cell {self.d_cell} and d_model {self.d_model}; expected 0 words "
                "or more, and cells at least as wide as states"
            )
        for name in ("clip_cell", "clip_state"):
            clip = getattr(self, name)
            if clip is not None and not clip > 0:
                raise ConfigError(f"{name} is {clip}; it must be above 0")
