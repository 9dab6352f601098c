"""Models that were made to give labels to texts, without a stack of blocks: convolutions, and recurrent cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from headway.errors import ConfigError
from headway.spec.parts import LabelHeadSpec, SpecialTokens, check_rate, check_sizes
from headway.spec.recurrent import AwdLstmSpec, BidirectionalSpec, check_labels


@dataclass(frozen=True, kw_only=True, slots=True)
class TextCnnSpec:
    """Convolutions over the words of a text, and the highest value of each of their filters (Kim 2014)."""

    family: str
    vocab_size: int
    d_model: int  # of a word
    widths: tuple[int, ...] = (3, 4, 5)  # words that a filter sees at once
    num_filters: int = 100  # of each width
    dropout: float = 0.5  # of what the filters found
    label_head: LabelHeadSpec | None = None
    tokens: SpecialTokens = SpecialTokens()

    def __post_init__(self) -> None:
        check_sizes(self, "vocab_size", "d_model", "num_filters")
        check_rate("dropout", self.dropout)
        check_labels(self.family, self.label_head)
        if not self.widths or min(self.widths) < 1 or len(set(self.widths)) < len(self.widths):
            raise ConfigError(f"the widths of the filters are {self.widths}; expected different numbers from 1 on")


@dataclass(frozen=True, kw_only=True, slots=True)
class RecurrentClassifierSpec:
    """Recurrent layers that read a text from both ends, and what is kept of all their states."""

    family: str
    cell: Literal["rnn", "gru", "lstm"]
    vocab_size: int
    num_layers: int
    d_model: int
    attention: Literal["none", "dot", "additive"] = "none"  # none: the last, the highest and the mean of the states
    bidirectional: bool = True
    dropout: float = 0.0  # of the input of every layer and of what is kept
    label_head: LabelHeadSpec | None = None
    tokens: SpecialTokens = SpecialTokens()

    def __post_init__(self) -> None:
        check_sizes(self, "vocab_size", "num_layers", "d_model")
        check_rate("dropout", self.dropout)
        check_labels(self.family, self.label_head)
        if self.bidirectional and self.d_model % 2:
            raise ConfigError(f"d_model is {self.d_model}; two directions split it in two, so make it even")


WithoutStack = TextCnnSpec | RecurrentClassifierSpec | AwdLstmSpec | BidirectionalSpec
S = TypeVar("S", bound=WithoutStack)


def labelled(spec: S, head: LabelHeadSpec) -> S:
    """The spec with this head for labels instead of any other, and with the dropout of the model.

    All other parameters keep their names, so a trained language model is where its classifier starts from.

    Raises:
        ConfigError: the head is not one of texts.
    """
    match spec:
        case AwdLstmSpec():
            return replace(spec, head=None, label_head=replace(head, dropout=spec.output_dropout))
        case BidirectionalSpec():
            pad = spec.characters.pad_id  # what is read are bytes, between marks: see text/characters.py
            marks = SpecialTokens(pad_id=pad, start_id=pad - 4, end_id=pad - 3)
            return replace(spec, vocab_size=0, label_head=replace(head, dropout=spec.dropout), tokens=marks)
    return replace(spec, label_head=replace(head, dropout=spec.dropout))
