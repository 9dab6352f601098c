"""Byte-pair encoding from `vocab.json` and `merges.txt`: GPT-2, RoBERTa, BART, Qwen2, and pieces of characters.

On bytes (Radford et al. 2019, section 2.2): a byte is written as one printable character, and `Ġ` is a blank. A
vocabulary with `▁` for blanks and no `Ġ` is one of characters (Sennrich et al. 2016, as SentencePiece writes it).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as RustTokenizer

from headway.text.special import written
from headway.text.wordpiece import lines

GPT2_NAMES = dict.fromkeys(("unk_token", "bos_token", "eos_token"), "<|endoftext|>")
QWEN2_NAMES = dict.fromkeys(("pad_token", "eos_token"), "<|endoftext|>")
ROBERTA_NAMES = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}
PLAIN_NAMES = {key: piece for key, piece in ROBERTA_NAMES.items() if key not in ("cls_token", "sep_token")}
SINGLE, PAIR = "{cls_token}:0 $A:0 {sep_token}:0", "{cls_token}:0 $A:0 {sep_token}:0 {sep_token}:0 $B:0 {sep_token}:0"
_QWEN2 = Regex(  # the words of Qwen2, from its tokenizer.json
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def read_vocab(content: bytes) -> dict[str, int]:
    """The pieces and ids of a `vocab.json`.

    Raises:
        ValueError: it is no object of whole numbers from 0.
    """
    try:
        vocab = json.loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(vocab, dict) or not all(type(index) is int and 0 <= index < 2**32 for index in vocab.values()):
        raise ValueError("expected an object of pieces with whole numbers for ids")
    if len(set(vocab.values())) < len(vocab):
        raise ValueError("two pieces have the same id")
    return vocab


def read_merges(content: bytes) -> list[tuple[str, str]]:
    """The pairs of a `merges.txt`, the first merged first.

    Raises:
        ValueError: a line is not two pieces.
    """
    merges = []
    for number, line in enumerate(lines(content), 1):
        if not line or line.startswith("#version"):
            continue
        left, blank, right = line.partition(" ")
        if not (left and blank and right) or " " in right:
            raise ValueError(f"line {number} is {line!r:.60}, expected two pieces and a blank between them")
        merges.append((left, right))
    return merges


def convert(
    vocab: dict[str, int], merges: list[tuple[str, str]], family: str, settings: Mapping[str, Any]
) -> RustTokenizer:
    """The tokenizer of both files, with nothing around the texts yet.

    Args:
        vocab: pieces and their ids.
        merges: pairs of pieces.
        family: "gpt2", "roberta" or "qwen2".
        settings: `add_prefix_space` (False), and `unk_token` for pieces of characters.

    Raises:
        ValueError: a merge is of pieces that the vocabulary lacks, or words end in `</w>`, as in no family here.
    """
    characters = set("".join(vocab))
    if any(piece.endswith("</w>") for piece in vocab):
        raise ValueError("its words end in </w>, which no model here has; expected bytes (Ġ) or characters (▁)")
    if "▁" in characters and "Ġ" not in characters:
        unknown = written(settings.get("unk_token")) or "<unk>"
        rust = RustTokenizer(models.BPE(vocab, merges, unk_token=unknown if unknown in vocab else None, fuse_unk=True))
        rust.pre_tokenizer = pre_tokenizers.Metaspace()
        rust.decoder = decoders.Metaspace()
        return rust
    rust = RustTokenizer(models.BPE(vocab, merges, continuing_subword_prefix="", end_of_word_suffix=""))
    prefix = bool(settings.get("add_prefix_space", False))
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    if family == "qwen2":
        rust.normalizer = normalizers.NFC()
        cuts = [
            pre_tokenizers.Split(_QWEN2, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=False),
        ]
        rust.pre_tokenizer = pre_tokenizers.Sequence(cuts)
    rust.decoder = decoders.ByteLevel()
    return rust


def looks_like_roberta(vocab: Mapping[str, int]) -> bool:
    """Whether a vocabulary has the special pieces of RoBERTa rather than those of GPT-2."""
    return {"<s>", "</s>", "<mask>"} <= vocab.keys() and "<|endoftext|>" not in vocab
