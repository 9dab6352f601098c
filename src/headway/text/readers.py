"""The files of each family → a tokenizer of the Rust library, the names of its special pieces, a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import AddedToken, normalizers
from tokenizers import Tokenizer as RustTokenizer

from headway.text import known, merges, sentencepiece, spm_file, wordpiece
from headway.text.files import read_bytes
from headway.text.pipeline import FORMS, unicode_form
from headway.text.special import written

BERT_INPUTS = ("input_ids", "token_type_ids", "attention_mask")
MORE = ("extra_special_tokens", "additional_special_tokens")


class Published(NamedTuple):
    """A folder, its `config.json`, and what it says about special pieces; both are empty where it says nothing."""

    folder: Path
    config: dict[str, Any]
    settings: dict[str, Any]

    def read(self, name: str) -> bytes:
        """The bytes of a file in the folder."""
        return read_bytes(self.folder / name)

    @property
    def says(self) -> str:
        """The names of its tokenizer and its model, in lower case."""
        return f"{self.settings.get('tokenizer_class')} {self.config.get('model_type')}".lower()

    @property
    def more(self) -> list[object]:
        """The special pieces that it lists besides those with a role."""
        lists = [self.settings.get(key) for key in MORE]
        return [piece for listed in lists if isinstance(listed, list) for piece in listed]


class Read(NamedTuple):
    """What a reader makes of its files: a tokenizer, the usual names of its special pieces, and its template."""

    rust: RustTokenizer
    names: Mapping[str, str]
    single: str = ""
    pair: str = ""
    inputs: tuple[str, ...] = ("input_ids", "attention_mask")
    mask_strips: bool = False  # the mask takes the blank before it along


def _read_vocab_txt(published: Published) -> Read:
    content = published.read("vocab.txt")
    opening: list[str | None] = [*wordpiece.lines(content)[:8]]
    settings = {**known.left_out(published.config, opening), **published.settings}
    names = wordpiece.NAMES
    return Read(wordpiece.convert(content, settings), names, wordpiece.SINGLE, wordpiece.PAIR, BERT_INPUTS)


def _read_merges(published: Published) -> Read:
    vocab = merges.read_vocab(published.read("vocab.json"))
    pairs = merges.read_merges(published.read("merges.txt"))
    said = published.says
    if "qwen2" in said:
        return Read(merges.convert(vocab, pairs, "qwen2", published.settings), merges.QWEN2_NAMES)
    if any(family in said for family in ("roberta", "bart", "longformer")) or merges.looks_like_roberta(vocab):
        rust = merges.convert(vocab, pairs, "roberta", published.settings)
        return Read(rust, merges.ROBERTA_NAMES, merges.SINGLE, merges.PAIR, mask_strips=True)
    usual = merges.GPT2_NAMES if "<|endoftext|>" in vocab else merges.PLAIN_NAMES
    return Read(merges.convert(vocab, pairs, "gpt2", published.settings), usual)


def _read_t5(published: Published) -> Read:
    """`spiece.model` is T5's, unless the folder says that it is ours or KoBERT's, or another's whose ids differ."""
    said = published.says
    _refuse(said, "spiece.model")
    model = spm_file.parse(published.read("spiece.model"))
    form = published.settings.get("normalization")
    if form in FORMS:  # written here: the model takes text in that form
        before = unicode_form(str(form), bool(published.settings.get("lowercase", False)))
        return Read(sentencepiece.convert(model, before=[] if before is None else [before]), {}, mask_strips=True)
    if "bert" in said:
        return kobert(model, None, published.settings)
    count = published.settings.get("extra_ids")
    if type(count) is not int:
        named = {written(piece) or "" for piece in published.more}
        count = sum(piece.startswith("<extra_id_") for piece in named) or 100
    if not 0 <= count <= 10_000:
        raise ValueError(f"extra_ids is {count:,}, expected up to 10,000")
    pieces = sentencepiece.with_extra_ids([piece.text for piece in model.pieces], count)
    extra = [piece for piece in pieces if piece.startswith("<extra_id_")]
    rust = sentencepiece.convert(model, pieces, special=set(extra))
    rust.add_special_tokens([AddedToken(piece, normalized=False, special=True) for piece in extra])
    return Read(rust, sentencepiece.T5_NAMES, sentencepiece.T5_SINGLE, sentencepiece.T5_PAIR)


def _read_xlm_roberta(published: Published) -> Read:
    name = "sentencepiece.bpe.model"
    _refuse(published.says, name)
    model = spm_file.parse(published.read(name))
    pieces = sentencepiece.fairseq([piece.text for piece in model.pieces])
    rust = sentencepiece.convert(model, pieces, special={*pieces[:4], pieces[-1]})
    return Read(rust, merges.ROBERTA_NAMES, merges.SINGLE, merges.PAIR, mask_strips=True)


def _read_llama(published: Published) -> Read:
    """`tokenizer.model`; `add_bos_token` (True) and `add_eos_token` (False) say what stands around a text."""
    rust = sentencepiece.convert(spm_file.parse(published.read("tokenizer.model")))
    start = "{bos_token}" if published.settings.get("add_bos_token", True) else ""
    end = "{eos_token}" if published.settings.get("add_eos_token", False) else ""
    single, second = (
        " ".join([f"{start}:{at}" if start else "", f"${text}:{at}", f"{end}:{at}" if end else ""])
        for at, text in enumerate("AB")
    )
    return Read(rust, sentencepiece.LLAMA_NAMES, single, f"{single} {second}")


def _read_kobert(published: Published) -> Read:
    model = spm_file.parse(published.read(known.KOBERT_MODEL))
    pieces = [line.strip() for line in wordpiece.lines(published.read("vocab.txt"))]
    return kobert(model, pieces, published.settings)


def kobert(model: spm_file.SentencePieceModel, pieces: list[str] | None, settings: dict[str, Any]) -> Read:
    """KoBERT: a SentencePiece model inside of BERT; accents go, and numbers end before a comma."""
    before: list[normalizers.Normalizer] = [normalizers.Replace(quotes, '"') for quotes in ("``", "''")]
    if not settings.get("keep_accents", False):
        before += [normalizers.NFKD(), normalizers.StripAccents(), normalizers.NFC()]
    if settings.get("do_lower_case", False):
        before.append(normalizers.Lowercase())
    names = known.KOBERT_NAMES
    rust = sentencepiece.convert(model, pieces, special={*names.values()}, before=before, splits_numbers=True)
    return Read(rust, names, wordpiece.SINGLE, wordpiece.PAIR, BERT_INPUTS)


def read_marian(published: Published) -> tuple[Read, Read]:
    """`source.spm` and `target.spm` cut, `vocab.json` numbers; `target_vocab.json` where the vocabularies are separate.

    A character that one model does not know may still be a piece of the other, and has its id, as in transformers;
    there a row of them is looked up as one piece, here one by one. What no vocabulary lists is cut into what it lists.
    """
    vocab = merges.read_vocab(published.read("vocab.json"))
    separate = bool(published.settings.get("separate_vocabs", False))
    other = merges.read_vocab(published.read("target_vocab.json")) if separate else vocab
    return _marian(published.read("source.spm"), vocab), _marian(published.read("target.spm"), other)


def _marian(content: bytes, vocab: dict[str, int]) -> Read:
    pieces = sorted(vocab, key=vocab.__getitem__)
    if [vocab[piece] for piece in pieces] != list(range(len(pieces))):
        raise ValueError(f"the ids of its {len(pieces):,} pieces have gaps")
    names = sentencepiece.T5_NAMES
    languages = [piece for piece in pieces if piece.startswith(">>") and piece.endswith("<<")]
    rust = sentencepiece.convert(spm_file.parse(content), pieces, special={*names.values(), *languages})
    rust.add_tokens([AddedToken(piece, normalized=False) for piece in languages])
    return Read(rust, names, "$A:0 {eos_token}:0", "$A:0 $B:0 {eos_token}:0")


MARIAN = ("source.spm", "target.spm", "vocab.json")


def _refuse(said: str, name: str) -> None:
    """Families with files of the same name that give their pieces other ids."""
    for family in ("albert", "xlnet", "pegasus", "camembert", "mbart", "barthez", "bird", "deberta", "rembert", "nllb"):
        if family in said:
            raise ValueError(f"{name} of {family} is read otherwise; save its tokenizer.json with transformers")


READERS: dict[tuple[str, ...], Callable[[Published], Read]] = {
    ("vocab.json", "merges.txt"): _read_merges,
    ("spiece.model",): _read_t5,
    ("sentencepiece.bpe.model",): _read_xlm_roberta,
    ("tokenizer.model",): _read_llama,
    (known.KOBERT_MODEL, "vocab.txt"): _read_kobert,
    ("vocab.txt",): _read_vocab_txt,
}
FAMILIES: dict[str, Mapping[str, str]] = {
    "bert": wordpiece.NAMES,
    "roberta": merges.ROBERTA_NAMES,
    "xlm-roberta": merges.ROBERTA_NAMES,
    "bart": merges.ROBERTA_NAMES,
    "gpt2": merges.GPT2_NAMES,
    "qwen2": merges.QWEN2_NAMES,
    "t5": sentencepiece.T5_NAMES,
    "llama": sentencepiece.LLAMA_NAMES,
}
