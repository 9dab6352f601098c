"""A model from its spec, and the one-liner of the course.

The models are imported where they are built: the tables of the families are read without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, overload

from headway.models.families.vaswani import Vaswani
from headway.spec import (
    AwdLstmSpec,
    BidirectionalSpec,
    ModelSpec,
    RecurrentClassifierSpec,
    RecurrentSpec,
    SingleStackSpec,
    TextCnnSpec,
    TranslatorSpec,
)

if TYPE_CHECKING:
    from headway.models.awd_lstm import AwdLstm
    from headway.models.elmo import Elmo
    from headway.models.recurrent import RecurrentEncoderDecoder
    from headway.models.recurrent_classifier import RecurrentClassifier
    from headway.models.single import SingleStack
    from headway.models.text_cnn import TextCnn
    from headway.models.transformer import EncoderDecoder

TranslationModel: TypeAlias = "EncoderDecoder | RecurrentEncoderDecoder"
Model: TypeAlias = (
    "EncoderDecoder | RecurrentEncoderDecoder | SingleStack | AwdLstm | Elmo | TextCnn | RecurrentClassifier"
)


@overload
def build(spec: TranslatorSpec) -> TranslationModel: ...


@overload
def build(spec: SingleStackSpec) -> SingleStack: ...


@overload
def build(spec: AwdLstmSpec) -> AwdLstm: ...


@overload
def build(spec: BidirectionalSpec) -> Elmo: ...


@overload
def build(spec: TextCnnSpec) -> TextCnn: ...


@overload
def build(spec: RecurrentClassifierSpec) -> RecurrentClassifier: ...


@overload
def build(spec: ModelSpec) -> Model: ...


def build(spec: ModelSpec) -> Model:
    """A model with fresh weights, drawn from torch's default generator."""
    from headway.models.awd_lstm import AwdLstm
    from headway.models.elmo import Elmo
    from headway.models.recurrent import RecurrentEncoderDecoder
    from headway.models.recurrent_classifier import RecurrentClassifier
    from headway.models.single import SingleStack
    from headway.models.text_cnn import TextCnn
    from headway.models.transformer import EncoderDecoder

    match spec:
        case RecurrentSpec():
            return RecurrentEncoderDecoder(spec)
        case SingleStackSpec():
            return SingleStack(spec)
        case AwdLstmSpec():
            return AwdLstm(spec)
        case BidirectionalSpec():
            return Elmo(spec)
        case TextCnnSpec():
            return TextCnn(spec)
        case RecurrentClassifierSpec():
            return RecurrentClassifier(spec)
    return EncoderDecoder(spec)


def make_model(
    src_vocab: int,
    tgt_vocab: int,
    N: int = 6,  # noqa: N803
    d_model: int = 512,
    d_ff: int = 2048,
    h: int = 8,
    dropout: float = 0.1,
) -> EncoderDecoder:
    """A fresh Transformer from the paper's own letters, with separate embeddings, as the course builds it.

    >>> make_model(11, 13, N=2, d_model=32, d_ff=64, h=4).spec.decoder.num_layers
    2
    """
    from headway.models.transformer import EncoderDecoder

    choices = Vaswani(num_layers=N, d_model=d_model, d_ff=d_ff, num_heads=h, dropout=dropout, tied="none")
    return EncoderDecoder(choices.spec(src_vocab, tgt_vocab))
