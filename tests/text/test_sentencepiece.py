"""SentencePiece models trained here: the package's own ids, and what T5, Llama, XLM-RoBERTa and Marian make of them."""

import io
import json
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headway.errors import CheckpointError
from headway.text import charsmap
from headway.text.sentencepiece import convert
from headway.text.spm_file import parse
from headway.text.tokenizer import Tokenizer, TokenizerPair
from tests.text.test_formats import LINES, folder, saved_is_the_same

spm = pytest.importorskip("sentencepiece")
TEXTS = [*LINES, "1,250 원 </s> <unk> == ===", "ㅋㅏ 漢字 ｶﾞ Ⅷ ™ ﬁ"]
LLAMA = {
    "model_type": "bpe",
    "vocab_size": 400,
    "byte_fallback": True,
    "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False,
    "allow_whitespace_only_pieces": True,
    "split_digits": True,
}
T5 = {"vocab_size": 160, "pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
KINDS: dict[str, dict[str, Any]] = {
    "unigram": {"vocab_size": 160},
    "defined": {"vocab_size": 160, "normalization_rule_name": "identity", "user_defined_symbols": "<sep>"},
    "bytes": {"vocab_size": 400, "byte_fallback": True},
    "t5": T5,
    "bpe": {"model_type": "bpe", "vocab_size": 190},
    "bpe-defined": {"model_type": "bpe", "vocab_size": 190, "user_defined_symbols": "<sep>"},
    "llama": LLAMA,
    "bare": {"vocab_size": 160, "add_dummy_prefix": False},
}
parts = st.sampled_from(
    [
        *("a", "A", "é", "한", "값", "ㅋ", "ㅏ", "ㅠ", "漢", "😀", "👍🏽", "ｶ", "ﬁ", "Ⅷ", "™", "ﾞ"),
        *(" ", "  ", "\t", "\n", "\u00a0", "\u3000", "\u200b", "=", "==", "1,2", ",", "friends", "재미있었어요"),
        *("e\u0301", "\u1112\u1161\u11ab", "\u1112", "\u1161", "</s>", "<unk>", "<sep>", "<0x41>"),
    ]
)
letters = st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"])
texts = st.lists(parts | letters, max_size=12).map("".join)


@cache
def train(kind: str) -> bytes:
    content = io.BytesIO()
    options = {"hard_vocab_limit": False, "minloglevel": 2, "num_threads": 1, **KINDS[kind]}
    spm.SentencePieceTrainer.train(sentence_iterator=iter(TEXTS * 2), model_writer=content, **options)
    return content.getvalue()


def processor(kind: str) -> Any:
    return spm.SentencePieceProcessor(model_proto=train(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_the_ids_are_those_of_the_package(kind: str) -> None:
    rust, twin = convert(parse(train(kind))), processor(kind)
    rust.encode_special_tokens = True

    @settings(max_examples=80)
    @example("  나는   은행에서 ")
    @example(unicodedata.normalize("NFD", LINES[2]))
    @given(text=texts)
    def same(text: str) -> None:
        if kind == "bpe-defined":
            text = f"a{text.strip()}a"  # its corner
        ids = twin.encode(text)
        assert rust.encode(text, add_special_tokens=False).ids == ids
        if twin.unk_id() not in ids:
            assert rust.decode(ids) == twin.decode(ids)

    same()
    assert rust.get_vocab_size() == len(twin)


@pytest.mark.parametrize(
    ("config", "count"), [({}, 100), ({"extra_ids": 7}, 7), ({"additional_special_tokens": ["<extra_id_0>"]}, 1)]
)
def test_t5(config: dict[str, Any], count: int, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    files = {"spiece.model": train("t5"), "config.json": {"model_type": "t5"}, "tokenizer_config.json": config}
    here = folder(tmp_path / "t5", files)
    tokenizer, size = Tokenizer.load(here), len(processor("t5"))
    last = size + count - 1
    assert (tokenizer.id_of("<extra_id_0>"), tokenizer.id_of(f"<extra_id_{count - 1}>")) == (last, size)
    assert tokenizer.highest_id == last in tokenizer.special_ids
    assert (tokenizer.pad_id, tokenizer.end_id, tokenizer.unk_id) == (0, 1, 2)
    assert tokenizer.wrap([9], [8, 7]) == ([9, 1, 8, 7, 1], [0] * 5, 0, 2)
    for text in TEXTS:
        assert tokenizer.encode(text).ids == processor("t5").encode(text)
    assert last not in tokenizer.encode("a <extra_id_0> man").ids
    if count == 100:
        twin = transformers.T5Tokenizer.from_pretrained(here)
        for text in (*LINES, "a <extra_id_0> man <extra_id_1>", "in </s> a"):
            assert tokenizer.encode(text, special=True).ids == twin(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.wrap(tokenizer.encode(LINES[0]).ids).ids == twin(LINES[0])["input_ids"]
    assert tokenizer.decode([last, *tokenizer.encode(LINES[3]).ids, 1]) == tokenizer.decode(
        tokenizer.encode(LINES[3]).ids
    )
    saved_is_the_same(tokenizer, tmp_path / "saved")


def test_llama(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    here = folder(tmp_path / "llama", {"tokenizer.model": train("llama"), "config.json": {"model_type": "llama"}})
    tokenizer, twin = Tokenizer.load(here), transformers.LlamaTokenizer.from_pretrained(here)
    for text in [*TEXTS, "a  b", "漢", " a"]:
        ids = tokenizer.encode(text).ids
        assert ids == processor("llama").encode(text)
        if "<" not in text and text[0] != " ":  # transformers reads special pieces, and drops the first blank
            assert ids == twin(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(tokenizer.wrap(ids).ids) == text
    assert tokenizer.wrap([9], [8]) == ([1, 9, 1, 8], [0, 0, 1, 1], 1, 3)
    assert tokenizer.unknown_rate(["漢字"]) == 0
    config = {"add_bos_token": False, "add_eos_token": True}
    other = Tokenizer.load(folder(here, {"tokenizer_config.json": config}))
    assert other.wrap([9], [8]).ids == [9, 2, 8, 2]
    saved_is_the_same(tokenizer, tmp_path / "saved")


def test_xlm_roberta(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    here = folder(tmp_path / "xlm", {"sentencepiece.bpe.model": train("unigram")})
    tokenizer, twin = Tokenizer.load(here), transformers.XLMRobertaTokenizer.from_pretrained(here)
    for text in LINES:
        assert tokenizer.encode(text).ids == twin(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.wrap([9], [8]).ids == [0, 9, 2, 2, 8, 2]
    assert tokenizer.mask_id == tokenizer.highest_id == len(processor("unigram")) + 1
    with pytest.raises(CheckpointError, match="camembert"):
        Tokenizer.load(folder(here, {"config.json": {"model_type": "camembert"}}))


def marian(path: Path, *, separate: bool = False) -> tuple[Path, list[str]]:
    """English and Korean models of their own, joint ids in an order of neither, and two languages to ask for."""
    models = [processor("unigram"), processor("bpe-defined")]
    found = sorted({model.id_to_piece(index) for model in models for index in range(3, len(model))} - {"<sep>"})
    pieces = ["</s>", "<unk>", ">>kor<<", ">>eng<<", *found[::-1], "<pad>"]
    vocab = {piece: index for index, piece in enumerate(pieces)}
    files: dict[str, Any] = {"source.spm": train("unigram"), "target.spm": train("bpe"), "vocab.json": vocab}
    files["tokenizer_config.json"] = {"separate_vocabs": separate}
    if separate:
        files["target_vocab.json"] = {piece: index for index, piece in enumerate(reversed(pieces))}
    return folder(path, files), pieces


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
@pytest.mark.parametrize("separate", [False, True])
def test_marian(separate: bool, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    here, pieces = marian(tmp_path / "marian", separate=separate)
    twin = transformers.MarianTokenizer.from_pretrained(here)
    pair = TokenizerPair.load(here)
    assert not pair.is_joint
    for text in [*LINES, "a man <unk> in </s>", ">>kor<< A man in an orange hat"]:
        ids = pair.source.encode(text).ids
        assert pair.source.wrap(ids).ids == twin(text, split_special_tokens=True)["input_ids"]
    assert ids[0] == pieces.index(">>kor<<")
    for text in LINES:
        ids = pair.target.encode(text).ids
        assert ids == twin(text_target=text, add_special_tokens=False)["input_ids"]
        assert pair.target.wrap(ids).ids == [*ids, pair.target.id_of("</s>")]
        if pair.target.unk_id not in ids and not separate:  # transformers decodes with the source's special ids
            assert pair.target.decode([*ids, pair.target.end_id]) == twin.decode(ids, use_source_tokenizer=False)
    assert pair.source.highest_id == len(pieces) - 1
    saved_is_the_same(pair.source, tmp_path / "source")
    pair.save(tmp_path / "saved")
    again = TokenizerPair.load(tmp_path / "saved")
    assert tuple(again) == tuple(pair)
    with pytest.raises(CheckpointError, match="as a pair"):
        Tokenizer.load(here)
    (here / "vocab.json").write_text(json.dumps({"a": 0, "</s>": 9}))
    with pytest.raises(CheckpointError, match=r"vocab\.json.*gaps"):
        TokenizerPair.load(here)


def test_a_character_that_only_the_other_side_knows_has_its_id(tmp_path: Path) -> None:
    here, pieces = marian(tmp_path)
    vocab = {**json.loads((here / "vocab.json").read_text()), "龍": len(pieces), "▁orange": len(pieces) + 1}
    (here / "vocab.json").write_text(json.dumps(vocab))
    source = TokenizerPair.load(here).source
    assert source.encode("a 龍").ids[-1] == len(pieces)
    assert source.encode("an orange").pieces == processor("unigram").encode("an orange", out_type=str)


def test_damaged_models_are_refused_with_their_reason() -> None:
    content = train("unigram")
    bad = {
        "a field of": content[:-3],
        "0 pieces": b"",
        "number without an end": b"\xff" * 12,
        "model of words": content + bytes([0x12, 2, 3 << 3, 3]),
        "blanks at the end": content + bytes([0x12, 3, 0xC0, 1, 1]),
        "expected bytes": content + bytes([1 << 3, 1]),
        "score nan": content + bytes([0x0A, 8, 0x0A, 1, 0x61, 0x15, 0, 0, 0xC0, 0x7F]),
    }
    for reason, damaged in bad.items():
        with pytest.raises(ValueError, match=reason):
            parse(damaged)
    table = parse(content).charsmap
    charsmap.check(table)
    for at, value in ((4, 0xFF), (0, 0xFF)):
        with pytest.raises(ValueError, match="table of replacements"):
            charsmap.check(table[:at] + bytes([value]) * 4 + table[at + 4 :])
    tokenizers.normalizers.Precompiled(table)
