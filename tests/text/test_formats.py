"""Folders as they are published, rebuilt small: the same ids and the same wrapping as transformers gives for them."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.errors import CheckpointError
from headway.text.tokenizer import Tokenizer, TokenizerPair
from headway.text.trainer import train

LINES = [
    "A man in an orange hat, starring at something; isn't it 3.5 km?",
    "Two young, white males (friends) are outside near many bushes.",
    "나는 어제 은행에서 친구를 만났다. 정말 재미있었어요 ㅋㅋㅋ ㅠㅠ",
    "한국어 형태소는 어렵지만, 값이 싸다 😀 été Ärger",
]
WORDS = "a man in hat two young white friends outside near many bushes isn ' t it 3 . 5 km ( ) , ; ? 漢 字".split()
KOREAN = (
    "나 ##는 어제 은행 ##에서 친구 ##를 만났 ##다 정말 재미 ##있 ##었 ##어 ##요 ㅋㅋㅋ ㅠㅠ 한국 값 ##이 싸".split()
)
ENDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
HALF = sorted({*"abcdefghijklmnopqrstuvwxyz", *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")})
words = st.sampled_from(
    [*"aA éÉ한글값ㅋ漢😀\t.,'-…\u200b\u00a0", *"\n  "[:1], "[MASK]", "friends", "재미있었어요", " ", "İ"]
)
texts = st.lists(words | st.characters(codec="utf-8"), max_size=12).map("".join)


def folder(path: Path, files: dict[str, Any]) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if isinstance(content, dict):
            content = json.dumps(content, ensure_ascii=False)
        (path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def bert(*pieces: str) -> str:
    return "\n".join([*ENDS, *pieces]) + "\n"


def bpe(*special: str) -> dict[str, Any]:
    """The two files of a byte-level tokenizer with these pieces first."""
    model = train(LINES, type="byte-bpe", vocab_size=330).definition["model"]
    pieces = [*special, *[piece for piece in model["vocab"] if piece not in ("<pad>", "<unk>", "<s>", "</s>")]]
    merges = "".join(f"{left} {right}\n" for left, right in model["merges"])
    return {
        "vocab.json": {piece: index for index, piece in enumerate(pieces)},
        "merges.txt": "#version: 0.2\n" + merges,
    }


def same_as(twin: Any, tokenizer: Tokenizer, *, also: str = "") -> None:
    """Ids of every text, the wrapping of one and of two, and what the saved folder gives."""

    @settings(max_examples=60)
    @given(text=texts)
    def same(text: str) -> None:
        assert tokenizer.encode(text, special=True).ids == twin(text, add_special_tokens=False)["input_ids"]
        ids, _, offsets = tokenizer.encode(text)
        assert tokenizer.encode_batch([text]) == [ids]
        assert all(0 <= start <= end <= len(text) for start, end in offsets)

    same()
    first, second = LINES[0] + also, LINES[1]
    a, b = tokenizer.encode(first).ids, tokenizer.encode(second).ids
    assert tokenizer.wrap(a).ids == twin(first)["input_ids"]
    both = tokenizer.wrap(a, b)
    assert both.ids == twin(first, second)["input_ids"]
    assert both.token_types == twin(first, second, return_token_type_ids=True)["token_type_ids"]
    assert both.second_start is not None
    assert both.ids[both.first_start :][: len(a)] == a
    assert both.ids[both.second_start :][: len(b)] == b
    assert tokenizer.wrapping_cost(False) == len(tokenizer.wrap(a).ids) - len(a)
    assert tokenizer.wrapping_cost(True) == len(both.ids) - len(a) - len(b)
    assert tokenizer.highest_id == max(twin.get_vocab().values())


def saved_is_the_same(tokenizer: Tokenizer, path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer.save(path)
    again = Tokenizer.load(path)
    assert again == tokenizer
    assert again.has_roles == tokenizer.has_roles
    twin = transformers.PreTrainedTokenizerFast.from_pretrained(path)
    for line in [*LINES, "a <mask> [MASK] b"]:
        assert twin(line, add_special_tokens=False)["input_ids"] == tokenizer.encode(line, special=True).ids
    ids = tokenizer.encode(LINES[0]).ids
    assert twin(LINES[0], LINES[0])["input_ids"] == tokenizer.wrap(ids, ids).ids


@pytest.mark.parametrize(
    ("config", "korean"),
    [
        ({}, []),
        ({"do_lower_case": False}, KOREAN),
        ({"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False}, KOREAN),
        (
            {
                "do_lower_case": False,
                "cls_token": {"content": "[CLS]", "__type": "AddedToken"},
                "model_max_length": 300,
            },
            KOREAN,
        ),
    ],
)
def test_vocab_txt(config: dict[str, Any], korean: list[str], tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    here = folder(tmp_path / "bert", {"vocab.txt": bert(*WORDS, *HALF, *korean), "tokenizer_config.json": config})
    tokenizer = Tokenizer.load(here)
    same_as(transformers.BertTokenizerFast.from_pretrained(here), tokenizer)
    assert tokenizer.has_roles == {"pad", "unk", "start", "end", "mask"}
    assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.start_id, tokenizer.end_id) == (0, 1, 2, 3)
    wrapped = tokenizer.wrap([7], [8, 9])
    assert wrapped == ([2, 7, 3, 8, 9, 3], [0, 0, 0, 1, 1, 1], 1, 3)
    saved_is_the_same(tokenizer, tmp_path / "saved")


def test_lower_case_leaves_hangul_whole(tmp_path: Path) -> None:
    """A vocabulary of whole syllables is read whole; one of jamo (multilingual uncased) as its maker treated it."""
    transformers = pytest.importorskip("transformers")
    here = folder(tmp_path / "whole", {"vocab.txt": bert(*WORDS, *HALF, *KOREAN)})
    tokenizer = Tokenizer.load(here)
    text = "É 나는 친구를 漢 만났다 a"
    pieces = "e 나 ##는 친구 ##를 漢 만났 ##다 a".split()
    assert tokenizer.encode(text).pieces == ["e", *pieces[1:]]
    assert tokenizer.unk_id not in tokenizer.encode(LINES[2].replace(".", "")).ids
    assert tokenizer.unk_id in transformers.BertTokenizerFast.from_pretrained(here)("나는")["input_ids"]
    apart = unicodedata.normalize("NFD", text)
    found = tokenizer.encode(apart)
    assert found.pieces == pieces
    cut = [unicodedata.normalize("NFC", apart[start:end]) for start, end in found.offsets]
    assert cut == ["É", *[piece.removeprefix("##") for piece in pieces[1:]]]
    typed = "E\u0301 a… [MASK] 하\u11ab"
    assert tokenizer.encode(typed, special=True).pieces[-2:] == ["[MASK]", "[UNK]"]
    assert tokenizer.encode(typed, special=True).offsets[-2:] == [(6, 12), (13, 15)]
    jamo = [*(f"##{part}" for part in unicodedata.normalize("NFD", "나는")), unicodedata.normalize("NFD", "나")[0]]
    here = folder(tmp_path / "jamo", {"vocab.txt": bert(*WORDS, *jamo)})
    twin = transformers.BertTokenizerFast.from_pretrained(here)
    assert Tokenizer.load(here).encode("나는").ids == twin("나는", add_special_tokens=False)["input_ids"]
    assert Tokenizer.load(here).unknown_rate(["나는 a", "Ω"]) == 1 / 7


def test_gpt2(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    here = folder(tmp_path / "gpt2", bpe("<|endoftext|>"))
    tokenizer = Tokenizer.load(here)
    same_as(transformers.GPT2Tokenizer.from_pretrained(here), tokenizer)
    assert tokenizer.wrapping_cost(True) == 0
    assert tokenizer.start_id == tokenizer.end_id == tokenizer.pad_id == 0
    assert tokenizer.decode(tokenizer.encode(LINES[3]).ids) == LINES[3]
    saved_is_the_same(tokenizer, tmp_path / "saved")


@pytest.mark.parametrize("config", [{}, {"add_prefix_space": True}])
def test_roberta(config: dict[str, Any], tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    mask = {"content": "<mask>", "lstrip": True, "rstrip": False, "normalized": False, "__type": "AddedToken"}
    files = bpe("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    here = folder(tmp_path / "roberta", {**files, "tokenizer_config.json": {"mask_token": mask, **config}})
    tokenizer = Tokenizer.load(here)
    same_as(transformers.RobertaTokenizer.from_pretrained(here), tokenizer)
    assert tokenizer.wrap([7], [8, 9]) == ([0, 7, 2, 2, 8, 9, 2], [0] * 7, 1, 4)
    assert Tokenizer.load(folder(tmp_path / "bare", files)).encode("a <mask>", special=True).pieces == ["a", "<mask>"]
    saved_is_the_same(tokenizer, tmp_path / "saved")


def test_qwen2_cuts_words_its_own_way(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    files = bpe("<|endoftext|>")
    here = folder(tmp_path, {**files, "tokenizer_config.json": {"tokenizer_class": "Qwen2Tokenizer"}})
    twin = transformers.Qwen2Tokenizer.from_pretrained(here)
    tokenizer = Tokenizer.load(here)
    for text in (*LINES, "in 2024\n\n  a man's\t hat", unicodedata.normalize("NFD", LINES[2])):
        assert tokenizer.encode(text).ids == twin(text, add_special_tokens=False)["input_ids"]


def test_pieces_of_characters(tmp_path: Path) -> None:
    """`▁` and no `Ġ`: merged characters, as kogpt2 has them."""
    content = train(LINES, type="bpe", vocab_size=190).definition["model"]
    files = {"vocab.json": content["vocab"], "merges.txt": "\n".join(" ".join(pair) for pair in content["merges"])}
    tokenizer = Tokenizer.load(folder(tmp_path, files))
    assert tokenizer.type == "bpe"
    assert tokenizer.encode("한국어 漢").pieces[0].startswith("▁한")
    assert tokenizer.decode(tokenizer.encode("친구를 만났다").ids) == "친구를 만났다"
    assert tokenizer.encode("漢").ids[-1] == tokenizer.unk_id


def test_added_pieces_keep_their_ids(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    files = {"vocab.txt": bert(*WORDS), "added_tokens.json": {"[NEW]": 5 + len(WORDS), "man2": 6 + len(WORDS)}}
    here = folder(tmp_path / "a", files)
    tokenizer = Tokenizer.load(here)
    assert tokenizer.id_of("man2") == tokenizer.highest_id == 6 + len(WORDS)
    assert tokenizer.encode("a man2 in").pieces == ["a", "man2", "in"]
    (here / "added_tokens.json").write_text(json.dumps({"[NEW]": 99}))
    with pytest.raises(CheckpointError, match=r"\[NEW\].*99"):
        Tokenizer.load(here)
    config = {"added_tokens_decoder": {str(5 + len(WORDS)): {"content": "<e1>", "special": True, "lstrip": True}}}
    here = folder(tmp_path / "b", {"vocab.txt": bert(*WORDS), "tokenizer_config.json": config})
    tokenizer, twin = Tokenizer.load(here), transformers.BertTokenizerFast.from_pretrained(here)
    assert tokenizer.encode("a <e1>", special=True).ids == twin("a <e1>", add_special_tokens=False)["input_ids"]
    assert tokenizer.id_of("<e1>") in tokenizer.special_ids


def test_every_kind_of_template_is_read() -> None:
    """BERT's and RoBERTa's old processors, and Llama 3's sequence of two."""
    definition = train(LINES, type="byte-bpe", vocab_size=300).definition
    ends = {"sep": ["</s>", 3], "cls": ["<s>", 2]}
    start = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    a, b = ({"Sequence": {"id": name, "type_id": at}} for at, name in enumerate("AB"))
    llama = {
        "type": "TemplateProcessing",
        "single": [start, a],
        "pair": [start, a, start, b],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [2], "tokens": ["<s>"]}},
    }
    levels = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
    wanted = {
        "none": (None, [7, 8, 9], [0, 1, 1], 1),
        "bert": ({"type": "BertProcessing", **ends}, [2, 7, 3, 8, 9, 3], [0, 0, 0, 1, 1, 1], 3),
        "roberta": (
            {"type": "RobertaProcessing", **ends, "trim_offsets": True, "add_prefix_space": False},
            [2, 7, 3, 3, 8, 9, 3],
            [0] * 7,
            4,
        ),
        "llama": ({"type": "Sequence", "processors": [levels, llama]}, [2, 7, 2, 8, 9], [0, 0, 0, 1, 1], 3),
    }
    for name, (processor, ids, types, second) in wanted.items():
        tokenizer = Tokenizer(json.dumps({**definition, "post_processor": processor}).encode(), {})
        wrapped = tokenizer.wrap([7], [8, 9])
        assert (wrapped.ids, wrapped.token_types, wrapped.second_start) == (ids, types, second), name
        assert tokenizer.wrap([7]).second_start is None
        assert tokenizer.wrap([], []).ids == [index for index in ids if index < 7]


def test_a_folder_without_a_tokenizer_says_what_it_holds(tmp_path: Path) -> None:
    here = folder(
        tmp_path / "weights", {"model.safetensors": b"", "vocab.json": {}, "tokenizer.py": "raise SystemExit"}
    )
    for load in (Tokenizer.load, TokenizerPair.load):
        with pytest.raises(
            CheckpointError, match=r"model\.safetensors, tokenizer\.py, vocab\.json.*expected.*merges\.txt"
        ):
            load(here)
        with pytest.raises(CheckpointError, match="it is empty"):
            load(folder(tmp_path / "empty", {}))


def test_code_that_a_folder_brings_is_left_out(tmp_path: Path) -> None:
    config = {"auto_map": {"AutoTokenizer": ["tokenizer.Evil", None]}, "tokenizer_class": "Evil"}
    files = {"vocab.txt": bert(*WORDS), "tokenizer_config.json": config, "tokenizer.py": "raise SystemExit(9)"}
    tokenizer = Tokenizer.load(folder(tmp_path / "a", files))
    tokenizer.save(tmp_path / "b")
    assert "auto_map" not in (tmp_path / "b" / "tokenizer_config.json").read_text()
    assert json.loads((tmp_path / "b" / "tokenizer_config.json").read_text())["tokenizer_class"] != "Evil"
