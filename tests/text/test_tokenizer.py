"""Ids, offsets in the text as typed, round trips, and the same ids in transformers, for every type."""

import json
import os
import pickle
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headway.errors import CheckpointError, ConfigError, DataError
from headway.text.tokenizer import Tokenizer, TokenizerPair
from headway.text.trainer import TYPES, train

LINES = [
    "A man in an orange hat, starring at something.",
    "Two young, white males (friends) are outside near many bushes; isn't it 3.5 km?",
    "Ein Boston Terrier läuft über saftig-grünes Gras vor einem weißen Zaun.",
    "Fünf Leute in Winterjacken und mit Helmen stehen im Schnee … „schön“!",
    "나는 어제 은행에서 친구를 만났다. 정말 재미있었어요 ㅋㅋㅋ ㅠㅠ",
    "한국어 형태소는 어렵지만, 값이 싸다 😀👍🏽 e\u0301té co\u0302te",
] * 3
SIZES = {"byte-bpe": 300, "bpe": 250, "wordpiece": 300, "unigram": 125, "word": 60, "char": 500}
TOKENIZERS = {kind: train(LINES, type=kind, vocab_size=SIZES[kind], special_pieces=["<mask>"]) for kind in TYPES}
FOLDED = train(LINES, type="bpe", vocab_size=240, normalization="nfkc", lowercase=True, special_pieces=["<mask>"])
KNOWN = sorted(set("".join(LINES)) - {"\u0301", "\u0302"})  # characters every type knows
every_type = pytest.mark.parametrize("type", TYPES)

surprises = st.sampled_from(
    [
        *("a", "A", "é", "ß", "한", "글", "ㅋ", "ㅠ", "ﬁ", "Ⅷ", "™", "ｶﾞ", "漢", "İ", "😀", "👩‍👩‍👧", "👍🏽", "🇰🇷"),
        *(" ", "  ", "\t", "\r", "\n", "\0", "\u00a0", "\u3000", "\u200b", "</s>", "<mask>", "▁", "##"),
        *("\u0301", "\u0327", "\u1112", "\u1161", "\u11ab", "\u1112\u1161\u11ab", "e\u0301", "é\u0301"),
    ]
)
texts = st.lists(surprises | st.characters(codec="utf-8"), max_size=12).map("".join)
typed = st.text(st.sampled_from(KNOWN), max_size=30)


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("type", [*TYPES, "folded"])
@given(text=texts)
def test_offsets_cover_the_text_as_typed(type: str, text: str) -> None:
    tokenizer = TOKENIZERS.get(type, FOLDED)
    ids, pieces, offsets = tokenizer.encode(text)
    assert tokenizer.encode_batch([text]) == [ids]
    assert pieces == [tokenizer.piece_of(index) for index in ids]
    assert all(0 <= start <= end <= len(text) for start, end in offsets)
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(offsets))
    covered = {at for start, end in offsets for at in range(start, end)}
    gaps = [character for at, character in enumerate(text) if at not in covered]
    assert all(character.isspace() for character in gaps) if type in ("word", "wordpiece") else not gaps


@every_type
@given(text=typed.map(nfc))
def test_text_typed_in_parts_has_the_same_pieces_at_the_same_places(type: str, text: str) -> None:
    apart = unicodedata.normalize("NFD", text)
    whole, parts = TOKENIZERS[type].encode(text), TOKENIZERS[type].encode(apart)
    assert parts.ids == whole.ids
    cut = [nfc(apart[start:end]) for start, end in parts.offsets]
    assert cut == [text[start:end] for start, end in whole.offsets]


@given(text=texts)
def test_bytes_give_any_text_back(text: str) -> None:
    tokenizer = TOKENIZERS["byte-bpe"]
    assert tokenizer.decode(tokenizer.encode(text).ids) == nfc(text)


@pytest.mark.parametrize("type", ["byte-bpe", "char", "bpe", "unigram"])
@given(text=typed)
def test_known_characters_come_back(type: str, text: str) -> None:
    tokenizer = TOKENIZERS[type]
    kept = nfc(text).removeprefix(" ") if type == "bpe" else nfc(text)
    assert tokenizer.decode(tokenizer.encode(text).ids) == kept


@pytest.mark.parametrize("type", ["word", "wordpiece"])
def test_words_come_back_as_in_print(type: str) -> None:
    text = "Two (white) friends, isn't it saftig-grünes  3.5 km?"
    tokenizer = train([text], type="word", vocab_size=22) if type == "word" else TOKENIZERS[type]
    assert tokenizer.decode(tokenizer.encode(text).ids) == " ".join(text.split())


@every_type
def test_what_is_unknown_is_shown(type: str) -> None:
    tokenizer = TOKENIZERS[type]
    ids = tokenizer.encode("한 漢").ids
    assert (tokenizer.unk_id in ids) == (type != "byte-bpe")
    assert ("<unk>" in tokenizer.decode(ids)) == (type != "byte-bpe")


@every_type
def test_special_pieces(type: str) -> None:
    tokenizer = TOKENIZERS[type]
    special = [tokenizer.pad_id, tokenizer.unk_id, tokenizer.start_id, tokenizer.end_id, tokenizer.mask_id]
    assert special == [0, 1, 2, 3, 4] == sorted(tokenizer.special_ids)
    text = "a <mask>. </s>"
    assert not tokenizer.special_ids - {1} & {*tokenizer.encode(text).ids}
    found = tokenizer.encode(text, special=True)
    assert [index for index in found.ids if index in (3, 4)] == [4, 3]
    start, end = found.offsets[found.ids.index(4)]
    assert text[start:end] == (" <mask>" if type in ("byte-bpe", "bpe", "unigram") else "<mask>")
    assert tokenizer.encode(text).ids == tokenizer.encode_batch([text])[0]  # nothing was switched
    ids = tokenizer.encode("man in").ids
    assert tokenizer.decode([2, 0, *ids, 3, 0]) == tokenizer.decode(ids)
    assert "<mask>" in tokenizer
    assert "<nothing>" not in tokenizer
    with pytest.raises(ConfigError, match="<nothing>"):
        tokenizer.id_of("<nothing>")
    for index in (-1, tokenizer.vocab_size):
        with pytest.raises(ConfigError, match=str(index)):
            tokenizer.piece_of(index)


@pytest.mark.parametrize(("type", "normalization", "lowercase"), [(kind, "nfc", False) for kind in TYPES] + [
    ("byte-bpe", "nfkc", True), ("bpe", "nfkc", False), ("unigram", "none", True)])  # fmt: skip
def test_transformers_reads_the_same_ids(type: str, normalization: str, lowercase: bool, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = TOKENIZERS[type]
    if (normalization, lowercase) != ("nfc", False):
        tokenizer = train(
            LINES,
            type=type,
            vocab_size=SIZES[type] - 10,
            normalization=normalization,
            lowercase=lowercase,
            special_pieces=["<mask>", "<x_0>"],
        )
    tokenizer.save(tmp_path)
    twin = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    ids = [twin.pad_token_id, twin.unk_token_id, twin.bos_token_id, twin.eos_token_id, twin.mask_token_id]
    assert ids == [0, 1, 2, 3, 4]
    assert len(twin) == tokenizer.vocab_size
    assert {*twin.all_special_ids} == tokenizer.special_ids

    @settings(max_examples=60)
    @example("a <mask> </s>  😀 e\u0301")
    @given(text=texts | typed)
    def same(text: str) -> None:
        assert twin(text)["input_ids"] == tokenizer.encode(text).ids

    same()
    assert twin(LINES)["input_ids"] == tokenizer.encode_batch(LINES)
    assert transformers.AutoTokenizer.from_pretrained(tmp_path)(LINES)["input_ids"] == tokenizer.encode_batch(LINES)


def test_saved_loaded_pickled_is_the_same(tmp_path: Path) -> None:
    tokenizer = TOKENIZERS["unigram"]
    tokenizer.save(tmp_path / "new")
    names = ["spiece.model", "tokenizer.json", "tokenizer_config.json"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == names
    for other in (Tokenizer.load(tmp_path / "new"), pickle.loads(pickle.dumps(tokenizer))):
        assert other == tokenizer
        assert hash(other) == hash(tokenizer)
        assert other.fingerprint == tokenizer.fingerprint
        assert other.encode(LINES[4]) == tokenizer.encode(LINES[4])
        assert other.end_id == 3
    assert tokenizer != TOKENIZERS["bpe"]


def test_a_tokenizer_from_elsewhere_leaves_its_habits(tmp_path: Path) -> None:
    """BERT's file: it pads, truncates and adds [CLS] and [SEP] by itself, and takes syllables apart."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##real", "e", "\u1112", "##\u1161"]
    rust = tokenizers.Tokenizer(
        tokenizers.models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    rust.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    rust.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    rust.add_special_tokens(pieces[:5])
    rust.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    rust.enable_truncation(2)
    rust.enable_padding(length=9)
    rust.save(str(tmp_path / "tokenizer.json"))
    config = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": {"content": "[CLS]"}, "mask_token": "[MASK]"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"sep_token": "[SEP]"}))
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.encode("Unreal É [MASK] unreal").ids[:3] == [5, 6, 7]
    assert tokenizer.encode("Unreal É [MASK]", special=True).ids == [5, 6, 7, 4]
    assert tokenizer.encode("É 하").offsets == [(0, 1), (2, 3), (2, 3)]
    assert (tokenizer.start_id, tokenizer.end_id, tokenizer.has_roles) == (2, 3, {"pad", "unk", "start", "end", "mask"})
    assert tokenizer.type == "wordpiece"
    tokenizer.save(tmp_path / "copy")
    assert (tmp_path / "copy" / "tokenizer.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()
    assert Tokenizer.load(tmp_path / "copy").end_id == 3


def test_a_missing_role_is_named() -> None:
    rust = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "end": 1}, unk_token="a"))
    tokenizer = Tokenizer(rust.to_str().encode(), {"eos_token": "end", "bos_token": "gone"})
    assert tokenizer.pad_id == tokenizer.end_id == 1
    with pytest.raises(ConfigError, match="bos_token or cls_token"):
        _ = tokenizer.start_id
    assert tokenizer.decode([0, 1]) == "a"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer.json in"),
        (lambda folder: cut(folder / "tokenizer.json"), "tokenizer.json is damaged"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "tokenizer.json is damaged"),
        (lambda folder: cut(folder / "tokenizer_config.json"), "tokenizer_config.json is damaged"),
        (lambda folder: (folder / "tokenizer_config.json").write_text("[]"), "holds list"),
    ],
)
def test_a_damaged_folder_is_named(damage: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    TOKENIZERS["char"].save(tmp_path)
    damage(tmp_path)
    with pytest.raises(CheckpointError, match=message):
        Tokenizer.load(tmp_path)


def test_half_a_pair_is_refused() -> None:
    tokenizer = TOKENIZERS["byte-bpe"]
    for call in (lambda: tokenizer.encode("ab\ud83d"), lambda: tokenizer.encode_batch(["fine", "ab\ud83d"])):
        with pytest.raises(DataError, match=r"character 2 .* U\+D83D"):
            call()


def test_pairs(tmp_path: Path) -> None:
    first, second = TOKENIZERS["bpe"], TOKENIZERS["char"]
    TokenizerPair(first, first).save(tmp_path / "joint")
    TokenizerPair(first, second).save(tmp_path / "separate")
    joint, separate = TokenizerPair.load(tmp_path / "joint"), TokenizerPair.load(tmp_path / "separate")
    assert joint.is_joint
    assert joint.source is joint.target
    assert joint.fingerprint == first.fingerprint
    assert not separate.is_joint
    assert tuple(separate) == (first, second)
    assert separate.fingerprint != TokenizerPair(second, first).fingerprint
    with pytest.raises(CheckpointError, match="separate tokenizers; name"):
        Tokenizer.load(tmp_path / "separate")
    first.save(tmp_path / "separate")
    with pytest.raises(CheckpointError, match="joint tokenizer and separate"):
        TokenizerPair.load(tmp_path / "separate")
    with pytest.raises(CheckpointError, match="there is no"):
        TokenizerPair.load(tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_process_neither_warns_nor_hangs(tmp_path: Path) -> None:
    """The library's threads are gone there; `tokenizers` before 0.23 warned, and one told to stay parallel hangs."""
    TOKENIZERS["byte-bpe"].save(tmp_path)
    script = f"""
import os
from headway.text.tokenizer import Tokenizer
tokenizer = Tokenizer.load({str(tmp_path)!r})
texts = ["a man in a hat"] * 3000
ids = tokenizer.encode_batch(texts)
child = os.fork()
if child == 0:
    os._exit(0 if tokenizer.encode_batch(texts) == ids else 9)
assert os.waitpid(child, 0)[1] == 0
assert tokenizer.encode_batch(texts) == ids
"""
    environment = {name: value for name, value in os.environ.items() if name != "TOKENIZERS_PARALLELISM"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
