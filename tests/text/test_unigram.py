"""Unigram tokenizers: the sentencepiece package and the Rust library give the same ids, from either file."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor

from headway.text.spm_file import parse, write
from headway.text.tokenizer import Tokenizer
from headway.text.trainer import train
from headway.text.unigram import STEP
from tests.text import test_sentencepiece as published

LINES = [
    "나는 어제  친구를 만났다. ㅋㅋㅋ 정말 재미있었어요!\n",
    "The cats sat on the mat, 1000 and 10000 times;\tthen 00 or 000.\n",
    " 😀 two  spaces, a\u00a0hard one, ▁ and ▅, e\u0301t\u00e9 \r",
    "한국어와 English가 섞인 문장은 2024년에 40% 늘었다.\n",
    "가나 다라 마바사 가나다라 나다 라마 마바 사가 나가다",
] * 3
FORMS = [("nfc", False), ("nfkc", True), ("none", False)]
pieces = st.sampled_from(
    [
        *("cat", "cats", "the", "mat", "00", "000", "1000", "가나", "나다라", "친구를", "재미있었어요", "ㅋ", "ㅋㅋ"),
        *(" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u200b", "▁", "▅", "\0", "漢字", "😀", "👍🏽", "ﬁ", "Ⅷ"),
        *("<s>", "</s>", "<pad>", "<mask>", "<unk>", "<", ">", "A", "É", "e\u0301", "\u0301"),
        *("\u1112\u1161\u11ab", "\u1112", "\u1161", "\u11ab"),
    ]
)
texts = st.lists(pieces | st.text(max_size=3), max_size=14).map("".join)


@cache
def tokenizer(normalization: str = "nfc", lowercase: bool = False) -> Tokenizer:
    return train(
        LINES,
        type="unigram",
        vocab_size=190,
        special_pieces=["<mask>"],
        normalization=normalization,
        lowercase=lowercase,
        exact=False,
    )


@pytest.mark.parametrize(("normalization", "lowercase"), FORMS)
def test_both_give_the_same_ids(normalization: str, lowercase: bool, tmp_path: Path) -> None:
    ours = tokenizer(normalization, lowercase)
    ours.save(tmp_path)
    package = SentencePieceProcessor(model_file=str(tmp_path / "spiece.model"))
    assert ours._cutter is not None

    @settings(max_examples=150)
    @example(["0" * 9, "00 0000 00000 가나다라나다라마바사가나 " * 9])
    @example([unicodedata.normalize("NFD", LINES[0]), LINES[1], "", " ", "\n"])
    @example(["<mask> a</s>", "<m", "a\0b"])
    @given(st.lists(texts, max_size=5))
    def same(batch: list[str]) -> None:
        slow = [ours.encode(text).ids for text in batch]
        assert ours.encode_batch(batch) == slow
        for text, ids in zip(batch, slow, strict=True):
            if normalization == "none":
                assert package.encode(text) == ids
            if normalization == "none" and ours.unk_id not in ids:
                assert package.decode(ids) == ours.decode(ids) == text.replace("▁", " ")

    same()


def test_what_sums_do_not_settle_is_left_to_the_library(tmp_path: Path) -> None:
    ours = tokenizer()
    assert ours._cutter is not None
    long = "cats " * (ours._cutter._longest // 4)
    fast = ours._cutter.cut([long, "cats", long[: ours._cutter._longest]])
    assert [ids is None for ids in fast] == [True, False, False]
    assert ours.encode_batch([long, "cats", long]) == [ours.encode(text).ids for text in (long, "cats", long)]
    assert all((score * STEP).is_integer() for _, score in ours.definition["model"]["vocab"])
    (tmp_path / "spiece.model").write_bytes(published.train("unigram"))
    other = Tokenizer.load(tmp_path)
    assert other._cutter is None
    other.save(tmp_path / "saved")
    assert not (tmp_path / "saved" / "spiece.model").exists()


@pytest.mark.parametrize(("normalization", "lowercase"), FORMS)
def test_either_file_is_the_tokenizer(normalization: str, lowercase: bool, tmp_path: Path) -> None:
    ours = tokenizer(normalization, lowercase)
    ours.save(tmp_path)
    assert Tokenizer.load(tmp_path) == ours
    (tmp_path / "tokenizer.json").unlink()
    other = Tokenizer.load(tmp_path)
    assert other == ours
    assert (other.special_ids, other.mask_id, other.wrap([7]).ids) == (ours.special_ids, 4, [7])
    other.save(tmp_path / "again")
    (tmp_path / "again" / "tokenizer.json").unlink()
    assert Tokenizer.load(tmp_path / "again") == ours


@pytest.mark.parametrize("kind", published.KINDS)
def test_a_model_file_is_written_as_it_was_read(kind: str) -> None:
    model = parse(published.train(kind))
    assert parse(write(model)) == model
    again = SentencePieceProcessor(model_proto=write(model))
    for text in [*published.TEXTS, "  two  blanks "]:
        assert again.encode(text) == published.processor(kind).encode(text)


def test_every_character_is_known_line_ends_too() -> None:
    for text in LINES:
        ids = tokenizer().encode(text).ids
        assert tokenizer().unk_id not in ids
        assert tokenizer().decode(ids) == unicodedata.normalize("NFC", text).replace("▁", " ")
