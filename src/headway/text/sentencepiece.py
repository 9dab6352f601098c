"""SentencePiece models as tokenizers of the Rust library: the same pieces, ids, normalisation and blanks.

Kudo and Richardson 2018 (SentencePiece), Kudo 2018 (unigram), Sennrich et al. 2016 (bpe). The ids are those of the
sentencepiece package, but for three corners: a tie between two cuts of the same score (000 as 0 and 00); a mark behind
a character that is replaced, which the library drops; and in bpe, where its maker defined pieces, one of them at the
start of a text or a blank at its end. Special pieces that stand in a text are characters, as sentencepiece reads them,
unless the tokenizer is asked to see them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as RustTokenizer

from headway.text import charsmap
from headway.text.spm_file import BPE, NORMAL, USER_DEFINED, Piece, SentencePieceModel

BLANK = "▁"
T5_NAMES = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
T5_SINGLE, T5_PAIR = "$A:0 {eos_token}:0", "$A:0 {eos_token}:0 $B:0 {eos_token}:0"
LLAMA_NAMES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
_NEVER = -1e5  # a score below that of any other cut of a word, unless nothing else knows a character of it


def convert(
    model: SentencePieceModel,
    pieces: Sequence[str] | None = None,
    *,
    special: Collection[str] = (),
    before: Sequence[normalizers.Normalizer] = (),
    splits_numbers: bool = False,
) -> RustTokenizer:
    """The tokenizer of a model.

    Args:
        model: what its file says.
        pieces: the pieces in the order of their ids, where that is not the order of the model. Pieces that the model
            does not have are taken only for characters that it does not know.
        special: which of `pieces` no text ever becomes.
        before: what is done to a text before the model's own normalisation.
        splits_numbers: whether a comma after a digit is a piece of its own, as in ALBERT and KoBERT.

    Raises:
        ValueError: its table of replacements is damaged, there is no piece for what is unknown, or the Rust library
            cannot do what it does.
    """
    pieces = [piece.text for piece in model.pieces] if pieces is None else pieces
    known = {piece.text: piece for piece in model.pieces}
    ids = {piece: index for index, piece in enumerate(pieces)}
    if model.unknown not in ids:
        raise ValueError(f"there is no id for {model.unknown}, which stands for what is unknown")
    if model.kind == BPE:
        merged = [piece for piece in model.pieces if piece.type == NORMAL and piece.text in ids]
        rust = RustTokenizer(_bpe(model, ids, [piece for piece in merged if not (splits_numbers and _listed(piece))]))
        defined = [piece.text for piece in model.pieces if piece.type == USER_DEFINED and piece.text in ids]
        if any(BLANK in piece for piece in defined):
            raise ValueError(
                "it is a bpe model with blanks in pieces that its maker defined; they cannot be kept exactly"
            )
        rust.add_tokens([AddedToken(piece, normalized=False) for piece in defined])
        closed: list[str] = []
    else:
        defined = []
        closed = [
            piece
            for piece in pieces
            if piece in special or (piece in known and known[piece].type not in (NORMAL, USER_DEFINED))
        ]
        rust = RustTokenizer(_unigram(model, pieces, closed, splits_numbers))
    rust.normalizer = _normalizer(model, before, whole=not defined)
    splits = model.escape_whitespaces and not any(BLANK in piece[1:] for piece in pieces)
    cuts: list[pre_tokenizers.PreTokenizer] = [_apart(closed, known)] if closed else []
    if defined and model.add_dummy_prefix:
        cuts.append(pre_tokenizers.Metaspace(BLANK, prepend_scheme="first", split=splits))
    elif splits:
        cuts.append(pre_tokenizers.Split(BLANK, "merged_with_next"))
    if cuts:
        rust.pre_tokenizer = pre_tokenizers.Sequence(cuts)
    rust.decoder = _decoder(model)
    return rust


def _unigram(
    model: SentencePieceModel, pieces: Sequence[str], closed: Collection[str], splits_numbers: bool
) -> models.Unigram:
    """Pieces that their maker defined score so that they always win, as sentencepiece does it (unigram_model.cc)."""
    known = {piece.text: piece for piece in model.pieces}
    best = max((piece.score for piece in model.pieces if piece.type == NORMAL), default=0.0)
    closed = set(closed)
    scored = []
    for text in pieces:
        piece = known.get(text)
        score = _NEVER if piece is None else piece.score
        if text in closed:
            score = 0.0
        elif piece is not None and piece.type == USER_DEFINED:
            score = len(text) * best - 0.1
        elif piece is not None and splits_numbers and _listed(piece):
            score -= 100
        scored.append((text, score))
    return models.Unigram(scored, unk_id=list(pieces).index(model.unknown), byte_fallback=model.byte_fallback)


def _bpe(model: SentencePieceModel, ids: dict[str, int], merged: Sequence[Piece]) -> models.BPE:
    """Every way to make a piece of two others is a merge, the piece with the best score first."""
    normal = {piece.text for piece in merged}
    merges = []
    for piece in merged:
        cuts = [(piece.text[:cut], piece.text[cut:]) for cut in range(1, len(piece.text))]
        pairs = [(left, right) for left, right in cuts if left in normal and right in normal]
        merges += [(-piece.score, ids[left], ids[right], left, right) for left, right in pairs]
    ranked = [(left, right) for *_, left, right in sorted(merges)]
    return models.BPE(ids, ranked, unk_token=model.unknown, fuse_unk=True, byte_fallback=model.byte_fallback)


def _listed(piece: Piece) -> bool:
    return len(piece.text) > 1 and piece.text[-1] == "," and piece.text[-2].isdigit()


def _normalizer(
    model: SentencePieceModel, before: Sequence[normalizers.Normalizer], whole: bool
) -> normalizers.Normalizer:
    """NFC joins what the library, which replaces letter by letter, leaves in parts: Hangul typed as jamo.

    Not `whole`: pieces that their maker defined cut the text before it comes here, so its ends are not known.
    """
    parts = list(before)
    if model.charsmap:
        charsmap.check(model.charsmap)
        parts += [normalizers.Precompiled(model.charsmap), normalizers.NFC()]
    if model.remove_extra_whitespaces:
        parts.append(normalizers.Replace(Regex(" {2,}"), " "))
    if model.remove_extra_whitespaces and whole:
        parts += [normalizers.Replace(Regex(end), "") for end in (r"\A ", rf"[ {BLANK}]+\z")]
    if model.add_dummy_prefix and whole:
        parts.append(normalizers.Prepend(" "))
    if model.escape_whitespaces:
        parts.append(normalizers.Replace(" ", BLANK))
    return normalizers.Sequence(parts)


def _apart(closed: Collection[str], known: Collection[str]) -> pre_tokenizers.Split:
    """Cuts special pieces that stand in a text in two, so that they are no pieces any more.

    The cut lies beside a character that is `known`, because a row of others is one piece for what is unknown.
    """
    ends: dict[str, list[str]] = {}
    for piece in closed:
        places = (at for at in range(1, len(piece)) if piece[at - 1] in known or piece[at] in known)
        cut = next(places, 1)
        ends.setdefault(piece[:cut], []).append(re.escape(piece[cut:]))
    cuts = (f"(?<={re.escape(start)})(?={'|'.join(rest)})" for start, rest in ends.items())
    return pre_tokenizers.Split(Regex("|".join(cuts)), "isolated")


def _decoder(model: SentencePieceModel) -> decoders.Decoder:
    parts: list[decoders.Decoder] = [decoders.Replace(BLANK, " ")] if model.escape_whitespaces else []
    if model.byte_fallback:
        parts.append(decoders.ByteFallback())
    parts.append(decoders.Fuse())
    if model.add_dummy_prefix:
        parts.append(decoders.Strip(" ", 1, 0))
    return decoders.Sequence(parts)


def with_extra_ids(pieces: Sequence[str], count: int) -> list[str]:
    """T5's pieces: `<extra_id_0>` is the last, and those before it count up (Raffel et al. 2020, section 3.1.4).

    >>> with_extra_ids(["<pad>", "</s>"], 2)
    ['<pad>', '</s>', '<extra_id_1>', '<extra_id_0>']
    """
    there = set(pieces)
    extra = (f"<extra_id_{number}>" for number in reversed(range(count)))
    return [*pieces, *(piece for piece in extra if piece not in there)]


def fairseq(pieces: Sequence[str]) -> list[str]:
    """XLM-RoBERTa's pieces: four special ones, the model's without its own three, and the mask.

    >>> fairseq(["<unk>", "<s>", "</s>", "▁a"])
    ['<s>', '<pad>', '</s>', '<unk>', '▁a', '<mask>']
    """
    return ["<s>", "<pad>", "</s>", "<unk>", *pieces[3:], "<mask>"]
