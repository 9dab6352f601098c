"""Unigram tokenizers with the sentencepiece package, which learns them and cuts texts several times faster than Rust.

The ids are those of the Rust library, for every text. A cut is the best sum of scores; sentencepiece adds in single
precision, the library in double, so scores learned here are multiples of 1/64: as long as a text is not too long, both
sums are exact, and of equal cuts both take the one they meet first. Longer texts and tokenizers with other scores
(those of published checkpoints) are left to the library.

Kudo 2018, section 3.2; Kudo and Richardson 2018.
"""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from tokenizers import Tokenizer as RustTokenizer

from headway.text.pipeline import JAMO
from headway.text.sentencepiece import BLANK, convert
from headway.text.spm_file import CONTROL, NORMAL, UNIGRAM, UNKNOWN, Piece, SentencePieceModel, parse, write

STEP = 64  # scores are multiples of its inverse
_EXACT = 1 << 24  # whole numbers below it are exact in single precision
_PENALTY = 10.0  # of what is unknown, below the worst piece
_RESERVED = "\0\u2585"  # a line with one would be left out
_THREADS = 16  # of learning, whatever the machine has: sums depend on how they are shared out


def model_of_pieces(pieces: Sequence[Piece], unknown: str) -> SentencePieceModel:
    """The model whose text is normalised before, and none of whose blanks are lost."""
    return SentencePieceModel(
        pieces=tuple(pieces),
        kind=UNIGRAM,
        unknown=unknown,
        byte_fallback=False,
        charsmap=b"",
        add_dummy_prefix=True,
        remove_extra_whitespaces=False,
        escape_whitespaces=True,
    )


def characters(alphabet: Collection[str]) -> set[str]:
    """The characters of a text that are pieces in any case."""
    return {BLANK, *alphabet} - {" ", "\0"}


def learn(
    lines: Sequence[str], special: Sequence[str], alphabet: Collection[str], vocab_size: int, *, progress: bool
) -> SentencePieceModel:
    """The likeliest pieces of some lines, at most `vocab_size` with the special ones, which come first.

    Args:
        lines: normalised text.
        special: what pads, what is unknown, start and end (named as sentencepiece names them), and more.
        alphabet: the characters of the lines.
        vocab_size: room for all of these at least.
        progress: let sentencepiece say on standard error what it does.
    """
    from sentencepiece import SentencePieceTrainer

    blanks = str.maketrans(dict.fromkeys(_RESERVED, " "))
    if any(letter in alphabet for letter in _RESERVED):
        lines = [line.translate(blanks) for line in lines]
    size, before = vocab_size, -1
    while True:  # its last pruning may fall below the size asked for; then a larger one is learned and cut
        content = io.BytesIO()
        SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=content,
            model_type="unigram",
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=1.0,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            max_sentence_length=1 << 30,
            pad_id=0,
            unk_id=1,
            bos_id=2,
            eos_id=3,
            control_symbols=list(special[4:]),
            num_threads=_THREADS,
            minloglevel=0 if progress else 2,
        )
        scores = {piece.text: round(piece.score * STEP) / STEP for piece in parse(content.getvalue()).pieces}
        scores = {text: score for text, score in scores.items() if text not in special}
        lowest = min(scores.values())
        scores |= dict.fromkeys(sorted(characters(alphabet) - {*scores}), lowest)  # such as line ends
        if len(scores) + len(special) >= vocab_size or len(scores) == before:
            break
        size, before = 2 * size, len(scores)
    ranked = sorted(scores, key=lambda text: (len(text) > 1, -scores[text], text))[: vocab_size - len(special)]
    ranked.sort(key=lambda text: (-scores[text], text))
    head = [Piece(text, 0.0, UNKNOWN if number == 1 else CONTROL) for number, text in enumerate(special)]
    return model_of_pieces([*head, *(Piece(text, scores[text], NORMAL) for text in ranked)], special[1])


def model_of(definition: Mapping[str, Any]) -> SentencePieceModel | None:
    """The model that the content of a `tokenizer.json` was converted from, if it is one of ours or as exact."""
    model, added = definition["model"], definition["added_tokens"]
    if model["type"] != "Unigram" or model["unk_id"] is None or not all(token["special"] for token in added):
        return None
    if not all((score * STEP).is_integer() for _, score in model["vocab"]):
        return None
    closed = {token["content"] for token in added}
    kinds = [CONTROL if text in closed else NORMAL for text, _ in model["vocab"]]
    kinds[model["unk_id"]] = UNKNOWN
    pieces = [Piece(text, score, kind) for (text, score), kind in zip(model["vocab"], kinds, strict=True)]
    found = model_of_pieces(pieces, pieces[model["unk_id"]].text)
    twin = json.loads(convert(found).to_str())
    steps = twin["normalizer"]["normalizers"]
    twin["normalizer"] = {"type": "Sequence", "normalizers": _steps(definition)[: -len(steps)] + steps}
    parts = ("normalizer", "pre_tokenizer", "model", "decoder")
    return found if all(twin[part] == definition[part] for part in parts) else None


def _steps(definition: Mapping[str, Any]) -> list[Any]:
    normalizer = definition["normalizer"] or {}
    steps: list[Any] = normalizer.get("normalizers", [])
    return steps


class Cutter:
    """Encodes texts as `tokenizers` does, faster.

    Args:
        definition: the content of the `tokenizer.json`.
        model: `model_of(definition)`.
        rust: the library's tokenizer, for what is left to it.

    Attributes:
        content: of the model file.
    """

    def __init__(self, definition: Mapping[str, Any], model: SentencePieceModel, rust: RustTokenizer) -> None:
        from sentencepiece import SentencePieceProcessor

        self.content = write(model)
        self._processor = SentencePieceProcessor(model_proto=self.content)
        self._rust = rust
        self._form = _form([step["type"] for step in _flat(_steps(definition)[:-2])])
        worst = _PENALTY - min(piece.score for piece in model.pieces)
        self._longest = int(_EXACT / STEP / worst) - 2  # characters, though every one of them were unknown

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of every text, on all cores."""
        found = self.cut(texts)
        left = [text for text, ids in zip(texts, found, strict=True) if ids is None]
        others = iter(encode_batch(self._rust, left))
        return [next(others) if ids is None else ids for ids in found]

    def cut(self, texts: Sequence[str]) -> list[list[int] | None]:
        """The ids of every text; None where they are left to the Rust library."""
        if self._is_normal("".join(texts)) and max(map(len, texts), default=0) <= self._longest:
            every: list[list[int] | None] = self._processor.encode(list(texts))
            return every
        ready = [text if self._is_normal(text) else self._rust.normalizer.normalize_str(text)[1:] for text in texts]
        fit = [number for number, text in enumerate(ready) if len(text) <= self._longest]
        ids: list[list[int] | None] = [None] * len(texts)
        for number, found in zip(fit, self._processor.encode([ready[number] for number in fit]), strict=True):
            ids[number] = found
        return ids

    def _is_normal(self, text: str) -> bool:
        """Whether normalisation would only write the blanks as `▁` and put one before the text."""
        return self._form == "any" or (self._form is not None and unicodedata.is_normalized(self._form, text))


def encode_batch(rust: RustTokenizer, texts: Sequence[str]) -> list[list[int]]:
    """The ids of every text by the Rust library, on all cores."""
    return [encoding.ids for encoding in rust.encode_batch_fast(list(texts), add_special_tokens=False)]


def _flat(steps: Sequence[Any]) -> list[Any]:
    return [inner for step in steps for inner in (_flat(step["normalizers"]) if "normalizers" in step else [step])]


def _form(types: Sequence[str]) -> Literal["any", "NFC", "NFKC"] | None:
    """The form in which a text stays as it is under normalizers of `pipeline.unicode_form`; None: it may change."""
    jamo = ["Replace"] * len(JAMO)
    return {(): "any", ("NFC",): "NFC", (*jamo, "NFKC", *jamo): "NFKC"}.get(tuple(types))  # type: ignore[return-value]
