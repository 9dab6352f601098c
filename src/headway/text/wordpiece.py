"""BERT's tokenizer from its `vocab.txt`: one piece a line, the line number is the id.

Devlin et al. 2019, and `BasicTokenizer` and `WordpieceTokenizer` of google-research/bert. The ids are those of
`transformers.BertTokenizerFast` for the same folder, with one difference, for the better. Stripping accents takes
every syllable of Hangul apart into jamo (NFD). A vocabulary that was built from text treated so holds jamo (`bert-base-
multilingual-uncased`), and is served as it is; for one that holds whole syllables every Korean word would become
`[UNK]`, so there the parts are joined again (NFC). Cased Korean vocabularies also read Hangul that was typed in parts,
as files from macOS hold it, where all their characters are in NFC; `transformers` gives `[UNK]`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from tokenizers import Tokenizer as RustTokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers

from headway.text.korean import is_hangul
from headway.text.special import written

NAMES = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
SINGLE, PAIR = "{cls_token}:0 $A:0 {sep_token}:0", "{cls_token}:0 $A:0 {sep_token}:0 $B:1 {sep_token}:1"


def convert(content: bytes, settings: Mapping[str, Any]) -> RustTokenizer:
    """The tokenizer of a `vocab.txt`, with nothing around the texts yet.

    Args:
        content: the bytes of the file.
        settings: `do_lower_case` (True where it is not said, as in `BertTokenizer`), `strip_accents` (as
            `do_lower_case` where it is not said), `tokenize_chinese_chars` (True) and `unk_token`.

    Raises:
        ValueError: the file is not UTF-8, or has no piece for what is unknown.
    """
    vocab = {piece: index for index, piece in enumerate(lines(content))}
    unknown = written(settings.get("unk_token")) or NAMES["unk_token"]
    if unknown not in vocab:
        raise ValueError(f"there is no {unknown} among its {len(vocab)} pieces")
    rust = RustTokenizer(models.WordPiece(vocab, unk_token=unknown, max_input_chars_per_word=100))
    rust.normalizer = _normalizer("".join(vocab), settings)
    rust.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    rust.decoder = decoders.WordPiece(prefix="##")
    return rust


def lines(content: bytes) -> list[str]:
    r"""The lines of a UTF-8 file as Python reads them in text mode; what else Unicode calls a line's end is a piece.

    >>> lines("a\r\n\u2028\nb".encode())
    ['a', '\u2028', 'b']
    """
    text = content.decode().replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n") if text else []


def _normalizer(alphabet: str, settings: Mapping[str, Any]) -> normalizers.Normalizer:
    lowercase = bool(settings.get("do_lower_case", True))
    strip = settings.get("strip_accents")
    strips = lowercase if strip is None else bool(strip)
    chinese = bool(settings.get("tokenize_chinese_chars", True))
    bert = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=chinese, strip_accents=strips, lowercase=lowercase
    )
    characters = set(alphabet)
    jamo = sum("\u1100" <= character <= "\u11ff" for character in characters)
    whole = sum(map(is_hangul, characters)) > jamo
    if whole and (strips or (jamo == 0 and unicodedata.is_normalized("NFC", "\n".join(sorted(characters))))):
        return normalizers.Sequence([bert, normalizers.NFC()])
    return bert
