"""Training of tokenizers: one function, six types.

| type      | pieces                                   | decode(encode(text)) of known characters                      |
|-----------|------------------------------------------|---------------------------------------------------------------|
| byte-bpe  | merged bytes; nothing is ever unknown    | the normalised text, exactly                                  |
| char      | characters, blanks too                   | the normalised text, exactly                                  |
| bpe       | merged characters; `▁` opens a word      | the normalised text less one leading blank (`▁` reads as one) |
| unigram   | the likeliest cut; `▁` opens a word      | the normalised text, exactly (`▁` reads as a blank)           |
| wordpiece | longest match; `##` continues a word     | words and marks, spaced as is usual in print                  |
| word      | words and single punctuation marks       | as wordpiece                                                  |

BPE: Sennrich et al. 2016, section 3.2; on bytes: Radford et al. 2019, section 2.2. WordPiece: Schuster and Nakajima
2012, with pieces chosen as by BPE, as the library does. Unigram: Kudo 2018, section 3.2.

The same texts give the same bytes, every time: what the library leaves to the order of a hash table is ordered here.
Memory is bounded: beyond `max_characters` an even sample of the lines is counted, which also keeps every count
of the library far below its 32 bits.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import models, pre_tokenizers, trainers

from headway.errors import ConfigError, nearest
from headway.text.pipeline import FORMS, MASK, assemble, normalize, special_token, unicode_form
from headway.text.sentencepiece import convert
from headway.text.spm_file import SentencePieceModel
from headway.text.tokenizer import Tokenizer
from headway.text.unigram import characters, learn

PAD, UNK, START, END = SPECIAL_PIECES = ("<pad>", "<unk>", "<s>", "</s>")
_LINES = 10_000  # whose characters are counted at once


def train(
    texts: Iterable[str],
    *,
    type: str = "byte-bpe",
    vocab_size: int = 8000,
    exact: bool = True,
    normalization: str = "nfc",
    lowercase: bool = False,
    special_pieces: Sequence[str] = (),
    character_coverage: float = 1.0,
    max_characters: int = 50_000_000,
    progress: bool = False,
) -> Tokenizer:
    """Learns a vocabulary; `<pad> <unk> <s> </s>` have the ids 0 to 3, `special_pieces` those after.

    Args:
        texts: the lines to learn from, read once.
        type: one of TYPES.
        vocab_size: pieces, special ones included; for `char` the most there may be, as the data has what it has.
        exact: refuse a `vocab_size` that the data does not reach; False: take what there is.
        normalization: the Unicode form: nfc; nfkc (joins look-alikes, but leaves ㅋㅋ and ㅠㅠ as they are); or none.
        lowercase: fold case; accents and Hangul stay whole.
        special_pieces: more special pieces, such as `<mask>`.
        character_coverage: the share of all characters in the data that bpe, wordpiece, unigram and char must know; the
            rarest beyond it become `<unk>` (0.9995 suits a noisy Korean, Japanese or Chinese corpus).
        max_characters: of the texts to count at most; beyond it an even sample of the lines is taken.
        progress: bars on standard error.

    Raises:
        ConfigError: an argument is none of the above, the corpus is empty, or the vocabulary is smaller or, with
            `exact`, larger than the data allows.
    """
    special = [*SPECIAL_PIECES, *special_pieces]
    _check(type, vocab_size, normalization, special, character_coverage)
    normalizer = unicode_form(normalization, lowercase)
    lines = [normalize(text, normalizer, normalization, lowercase) for text in _sample(texts, max_characters)]
    if all(not line or line.isspace() for line in lines):
        raise ConfigError(f"the corpus is empty: {len(lines):,} lines and no word; name text to learn from")
    learned = TYPES[type](_Corpus(lines, special, vocab_size, character_coverage, progress))
    if isinstance(learned, SentencePieceModel):
        rust = convert(learned, before=[] if normalizer is None else [normalizer])
    else:
        rust = assemble(type, learned, normalizer)
    rust.add_special_tokens([special_token(piece, type) for piece in special])
    size = rust.get_vocab_size()
    if size > vocab_size:
        raise _too_small(type, vocab_size, size)
    if size < vocab_size and exact and type != "char":
        found = f"{type} finds {size:,} pieces in {len(lines):,} lines"
        raise ConfigError(
            f"vocab_size {vocab_size:,} is more than the data allows: {found}; set {size} or less, or add text"
        )
    settings = _settings(special)
    if type == "unigram":
        settings |= {"extra_ids": 0, "normalization": normalization, "lowercase": lowercase}
    return Tokenizer(rust.to_str().encode(), settings)


@dataclass
class _Corpus:
    """The lines to learn from, and what is wanted of them."""

    lines: list[str]
    special: list[str]
    vocab_size: int
    coverage: float
    progress: bool

    def alphabet(self) -> list[str]:
        """The characters to know, the most frequent first; the others become blanks in the lines."""
        counts = np.zeros(sys.maxunicode + 1, np.int64)
        for start in range(0, len(self.lines), _LINES):
            codes = "".join(self.lines[start : start + _LINES]).encode("utf-32-le", "surrogatepass")
            counts += np.bincount(np.frombuffer(codes, np.uint32), minlength=len(counts))
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        ranked = [chr(code) for code in order.tolist()]
        if self.coverage == 1:
            return ranked
        known = int(np.searchsorted(np.cumsum(counts[order]), self.coverage * counts.sum())) + 1
        rare = str.maketrans(dict.fromkeys(ranked[known:], " "))
        self.lines = [line.translate(rare) for line in self.lines]
        return ranked[:known]

    def fit(self, type: str, model: models.Model, trainer: trainers.Trainer) -> RustTokenizer:
        """Trains a model between the parts of its type."""
        rust = assemble(type, model)
        rust.train_from_iterator(self.lines, trainer, length=len(self.lines))
        return rust


def _byte_bpe(corpus: _Corpus) -> models.Model:
    trainer = trainers.BpeTrainer(
        vocab_size=corpus.vocab_size,
        special_tokens=corpus.special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=corpus.progress,
    )
    model: models.Model = corpus.fit("byte-bpe", models.BPE(), trainer).model
    return model


def _bpe(corpus: _Corpus) -> models.Model:
    corpus.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=corpus.vocab_size, special_tokens=corpus.special, show_progress=corpus.progress
    )
    model: models.Model = corpus.fit("bpe", models.BPE(unk_token=UNK), trainer).model
    return model


def _wordpiece(corpus: _Corpus) -> models.Model:
    """The continuing characters are given their ids here: the library numbers them in the order of a hash table."""
    continuing = [f"##{character}" for character in sorted(corpus.alphabet()) if _continues(character)]
    trainer = trainers.WordPieceTrainer(
        vocab_size=corpus.vocab_size, special_tokens=corpus.special + continuing, show_progress=corpus.progress
    )
    trained = corpus.fit("wordpiece", models.WordPiece(unk_token=UNK), trainer)
    return models.WordPiece(trained.get_vocab(), unk_token=UNK, max_input_chars_per_word=100)


def _continues(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] not in "PSZ" or category == "Pc"


def _unigram(corpus: _Corpus) -> SentencePieceModel:
    alphabet = {*corpus.alphabet()}
    needed = len(corpus.special) + len(characters(alphabet))
    if needed > corpus.vocab_size:
        raise _too_small("unigram", corpus.vocab_size, needed)
    return learn(corpus.lines, corpus.special, alphabet, corpus.vocab_size, progress=corpus.progress)


def _word(corpus: _Corpus) -> models.Model:
    trainer = trainers.WordLevelTrainer(
        vocab_size=corpus.vocab_size, special_tokens=corpus.special, show_progress=corpus.progress
    )
    model: models.Model = corpus.fit("word", models.WordLevel(unk_token=UNK), trainer).model
    return model


def _char(corpus: _Corpus) -> models.Model:
    """BPE without merges: the library cuts into characters by itself, several times faster than by a pattern."""
    known = [*corpus.special, *corpus.alphabet()][: corpus.vocab_size]
    return models.BPE({piece: index for index, piece in enumerate(known)}, [], unk_token=UNK)


TYPES: dict[str, Callable[[_Corpus], models.Model | SentencePieceModel]] = {
    "byte-bpe": _byte_bpe,
    "bpe": _bpe,
    "wordpiece": _wordpiece,
    "unigram": _unigram,
    "word": _word,
    "char": _char,
}


def _check(type: str, vocab_size: int, normalization: str, special: list[str], coverage: float) -> None:
    if type not in TYPES:
        raise ConfigError(f"tokenizer type {type!r} is unknown; {nearest(type, TYPES)}")
    if normalization not in FORMS:
        raise ConfigError(f"normalization {normalization!r} is unknown; {nearest(normalization, FORMS)}")
    if not 0 < coverage <= 1:
        raise ConfigError(f"character_coverage is a share above 0 and up to 1, given {coverage}; 0.9995 is usual")
    if vocab_size <= len(special):
        raise _too_small(type, vocab_size, len(special) + 1)
    for piece in special:
        if special.count(piece) > 1 or len(piece) < 2 or piece.isalnum() or any(map(str.isspace, piece)):
            raise ConfigError(f"special piece {piece!r} cannot be told from text or from another; write it like <name>")


def _too_small(type: str, vocab_size: int, needed: int) -> ConfigError:
    advice = f"set vocab_size to {needed} or more"
    if type in ("bpe", "wordpiece", "unigram"):
        advice += ", or character_coverage to 0.9995 so that rare characters are left out, or take type byte-bpe"
    return ConfigError(
        f"vocab_size {vocab_size:,} is too small: {type} needs {needed:,} for special pieces and alphabet; {advice}"
    )


def _sample(texts: Iterable[str], most: int) -> list[str]:
    """The texts, or every second, fourth, … of them, so that together they have at most `most` characters."""
    kept: list[str] = []
    size, stride = 0, 1
    for number, text in enumerate(texts):
        if number % stride:
            continue
        kept.append(text[:most])
        size += len(kept[-1])
        while size > most and len(kept) > 1:
            kept, stride = kept[::2], 2 * stride
            size = sum(map(len, kept))
    return kept


def _settings(special: list[str]) -> dict[str, Any]:
    """The `tokenizer_config.json`; text is text for `transformers` too (`split_special_tokens`)."""
    named = {"pad_token": PAD, "unk_token": UNK, "bos_token": START, "eos_token": END}
    if MASK in special:
        named["mask_token"] = MASK
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **named,
        "extra_special_tokens": [piece for piece in special if piece not in named.values()],
        "split_special_tokens": True,
        "clean_up_tokenization_spaces": False,
    }
