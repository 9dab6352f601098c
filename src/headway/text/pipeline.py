"""What stands around a tokenizer's model, by type: the Unicode form, the cuts between words, the way back to text."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any, Literal

from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as RustTokenizer

FORMS: dict[str, Literal["NFC", "NFKC"] | None] = {"nfc": "NFC", "nfkc": "NFKC", "none": None}
MASK = "<mask>"
JAMO = [chr(code) for code in range(0x3131, 0x318F)]  # Hangul compatibility jamo: ㅋㅋ, ㅠㅠ
_HIDDEN = [chr(0x10FF00 + place) for place in range(len(JAMO))]  # private use; no Unicode form touches these
_WORDS = Regex(r"\w+|[^\w\s]")
_UNPRINTED = Regex(  # blanks print does not have: before closing marks, after opening ones, inside don't, T-Shirt, 3.5
    r" (?=[.,!?;:%…)\]}»”])|(?<=[(\[{«„]) |(?<=\w) (?=['’/-] \w)|(?<=\w ['’/-]) (?=\w)|(?<=\d [.,:]) (?=\d)"
)


def assemble(type: str, model: models.Model, normalizer: normalizers.Normalizer | None = None) -> RustTokenizer:
    """The whole tokenizer of a type around a model, trained or to be trained."""
    rust = RustTokenizer(model)
    if normalizer is not None:
        rust.normalizer = normalizer
    match type:
        case "byte-bpe":
            rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            rust.decoder = decoders.ByteLevel()
        case "bpe":
            cuts = [pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Metaspace(prepend_scheme="first")]
            rust.pre_tokenizer = pre_tokenizers.Sequence(cuts)
            rust.decoder = decoders.Metaspace(prepend_scheme="first")
        case "wordpiece" | "word":
            rust.pre_tokenizer = word_cuts()
            joined = [decoders.WordPiece("##", cleanup=False), decoders.Fuse(), decoders.Replace(_UNPRINTED, "")]
            rust.decoder = decoders.Sequence(joined)
        case "char":
            rust.decoder = decoders.Fuse()
    return rust


def words(text: str) -> list[tuple[str, tuple[int, int]]]:
    """The words of a text as the type `word` sees them, each with its half-open range of characters."""
    return word_cuts().pre_tokenize_str(text)


def word_cuts() -> pre_tokenizers.PreTokenizer:
    """What cuts a text into the words of the type `word`."""
    return pre_tokenizers.Split(_WORDS, "removed", invert=True)


def special_token(piece: str, type: str) -> AddedToken:
    """How a special piece is found in text; a mask takes the blank before it along where a word's piece holds one."""
    swallows = piece == MASK and type in ("byte-bpe", "bpe", "unigram")
    return AddedToken(piece, special=True, normalized=False, lstrip=swallows)


def unicode_form(normalization: str, lowercase: bool) -> normalizers.Normalizer | None:
    """The normalizer of a Unicode form, safe for Hangul.

    NFKC alone turns ㅋ (U+314B) into a consonant that waits for a vowel (U+110F), and ㅋㅋ into what no font shows; so
    the compatibility jamo are hidden from it. Accents are not stripped: that would take syllables apart.
    """
    parts: list[normalizers.Normalizer] = []
    if normalization == "nfc":
        parts.append(normalizers.NFC())
    if normalization == "nfkc":
        parts += [normalizers.Replace(jamo, hidden) for jamo, hidden in zip(JAMO, _HIDDEN, strict=True)]
        parts.append(normalizers.NFKC())
        parts += [normalizers.Replace(hidden, jamo) for jamo, hidden in zip(JAMO, _HIDDEN, strict=True)]
    if lowercase:
        parts.append(normalizers.Lowercase())
    return normalizers.Sequence(parts) if len(parts) > 1 else next(iter(parts), None)


def normalize(text: str, normalizer: normalizers.Normalizer | None, normalization: str, lowercase: bool) -> str:
    """The normalised text; quick for text that is in its form already."""
    form = FORMS[normalization]
    if normalizer is None or (not lowercase and form and unicodedata.is_normalized(form, text)):
        return text
    return normalizer.normalize_str(text)


def type_of(definition: Mapping[str, Any]) -> str:
    """The type that the content of a `tokenizer.json` is of, also where it was trained elsewhere."""
    model = definition["model"]
    if model["type"] == "BPE" and "ByteLevel" in json.dumps(definition["pre_tokenizer"]):
        return "byte-bpe"
    if model["type"] == "BPE":
        return "bpe" if model["merges"] else "char"
    return {"WordLevel": "word"}.get(model["type"], str(model["type"]).lower())
