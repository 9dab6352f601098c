"""The Korean checkpoints of `known.py`, rebuilt small: what their folders hold, and what is made of it."""

import io
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from headway.text.known import KNOWN, KOBERT_MODEL, left_out
from headway.text.tokenizer import Tokenizer
from headway.text.trainer import train
from tests.text.test_formats import HALF, KOREAN, LINES, WORDS, bert, folder, same_as, saved_is_the_same

spm = pytest.importorskip("sentencepiece")
KOBERT = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
TEXTS = [*LINES, "가격은 1,250원, 3,500원입니다", "``따옴표'' é ㅋㅏ", "  값이   싸다  "]


@pytest.mark.parametrize("config", [None, {"do_lower_case": False, "model_max_length": 300}])
def test_kcbert_is_cased_also_where_only_its_300_positions_say_so(
    config: dict[str, Any] | None, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    model = {"model_type": "bert", "max_position_embeddings": 300, "type_vocab_size": 2}
    files = {"config.json": model, "vocab.txt": bert(*WORDS, *HALF, *KOREAN)}
    here = folder(tmp_path / "kcbert", files | ({"tokenizer_config.json": config} if config else {}))
    tokenizer = Tokenizer.load(here)
    twin = transformers.BertTokenizerFast.from_pretrained(here, do_lower_case=False)
    same_as(twin, tokenizer)
    assert tokenizer.encode("친구를 만났다").pieces == ["친구", "##를", "만났", "##다"]
    assert tokenizer.encode("HAT 친구").ids[0] == tokenizer.unk_id
    apart = unicodedata.normalize("NFD", "친구를")
    assert tokenizer.encode(apart).offsets == [(0, 5), (5, 8)]
    assert tokenizer.wrapping_cost(True) == 3


def test_kogpt2_has_its_special_pieces(tmp_path: Path) -> None:
    """bos = eos = </s>, as its authors pass them by hand, although its config.json says <s>."""
    transformers = pytest.importorskip("transformers")
    opening, trained = KNOWN[1].opening, train(LINES, type="bpe", vocab_size=190)
    content = trained.definition
    pieces = [*opening, *(piece for piece in content["model"]["vocab"] if piece not in opening)]
    content["model"]["vocab"] = {piece: index for index, piece in enumerate(pieces)}
    ids = content["model"]["vocab"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    content["added_tokens"] = [{"id": ids[piece], "content": piece, **flags} for piece in opening]
    model = {"model_type": "gpt2", "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 3}
    here = folder(tmp_path / "kogpt2", {"tokenizer.json": content, "config.json": model})
    tokenizer = Tokenizer.load(here)
    roles = (tokenizer.start_id, tokenizer.end_id, tokenizer.pad_id, tokenizer.unk_id, tokenizer.mask_id)
    assert roles == (1, 1, 3, 5, 6)
    named = {"bos_token": "</s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    twin = transformers.PreTrainedTokenizerFast.from_pretrained(here, **named, mask_token="<mask>")
    same_as(twin, tokenizer)
    assert tokenizer.wrapping_cost(False) == 0
    saved_is_the_same(tokenizer, tmp_path / "saved")


@pytest.mark.parametrize("published", ["vocab.txt", "tokenizer.json"])
def test_klue_roberta_has_one_token_type(published: str, tmp_path: Path) -> None:
    """A RoBERTa with BERT's tokenizer: [CLS] a [SEP] b [SEP], and no second type to look up."""
    transformers = pytest.importorskip("transformers")
    vocab = "\n".join(["[CLS]", "[PAD]", "[SEP]", "[UNK]", *WORDS, *KOREAN, "[MASK]"])
    model = {"model_type": "roberta", "type_vocab_size": 1, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
    ends = {"bos_token": "[CLS]", "eos_token": "[SEP]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, **ends, "mask_token": "[MASK]"}
    files = {"vocab.txt": vocab, "config.json": model, "tokenizer_config.json": config}
    here = folder(tmp_path / "klue", files)
    twin = transformers.BertTokenizerFast.from_pretrained(here)
    if published == "tokenizer.json":
        twin.backend_tokenizer.save(str(here / "tokenizer.json"))
    tokenizer = Tokenizer.load(here)
    for line in LINES:
        assert tokenizer.wrap(tokenizer.encode(line).ids).ids == twin(line)["input_ids"]
    assert tokenizer.wrap([9], [8, 7]) == ([0, 9, 2, 8, 7, 2], [0] * 6, 1, 3)
    assert (tokenizer.start_id, tokenizer.pad_id, tokenizer.end_id, tokenizer.mask_id) == (
        0,
        1,
        2,
        tokenizer.highest_id,
    )
    tokenizer.save(tmp_path / "saved")
    assert Tokenizer.load(tmp_path / "saved").wrap([9], [8]).token_types == [0] * 5


def kobert_ids(model: Any, vocab: dict[str, int], text: str) -> list[int]:
    """What KoBertTokenizer does (monologg/KoBERT-Transformers), written anew after its description."""
    text = " ".join(text.split()).replace("``", '"').replace("''", '"')
    text = "".join(mark for mark in unicodedata.normalize("NFKD", text) if not unicodedata.combining(mark))
    pieces: list[str] = []
    for piece in model.encode(text, out_type=str):
        if piece[-1] != "," or not piece[-2:-1].isdigit():
            pieces.append(piece)
            continue
        cut = model.encode(piece[:-1].replace("▁", ""), out_type=str)
        if piece[0] != "▁":
            cut = cut[1:] if cut[0] == "▁" else [cut[0][1:], *cut[1:]]
        pieces += [*cut, ","]
    return [vocab.get(piece, vocab["[UNK]"]) for piece in pieces]


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_kobert(kind: str, tmp_path: Path) -> None:
    """A SentencePiece model whose ids stand in vocab.txt; as skt publishes it, those of the model."""
    content = io.BytesIO()
    options = {"model_type": kind, "vocab_size": 230, "hard_vocab_limit": False, "minloglevel": 2, "num_threads": 1}
    special = {"unk_id": 0, "pad_id": 1, "bos_id": -1, "eos_id": -1, "unk_piece": "[UNK]", "pad_piece": "[PAD]"}
    lines = [*TEXTS, "1, 2, 12, 250, 3, 500, 0, 50, 1250, 5," * 4] * 3
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=content, control_symbols=KOBERT[2:], **options, **special
    )
    model = spm.SentencePieceProcessor(model_proto=content.getvalue())
    own = [model.id_to_piece(index) for index in range(len(model))]
    assert any(piece[-1] == "," and piece[-2:-1].isdigit() for piece in own)
    listed = [*KOBERT, *sorted(set(own) - set(KOBERT))]
    config = {"config.json": {"model_type": "bert", "vocab_size": len(own)}}
    numbered = folder(tmp_path / "a", {KOBERT_MODEL: content.getvalue(), "vocab.txt": "\n".join(listed), **config})
    plain = folder(tmp_path / "b", {"spiece.model": content.getvalue(), **config})
    for here, pieces in ((numbered, listed), (plain, own)):
        tokenizer, vocab = Tokenizer.load(here), {piece: index for index, piece in enumerate(pieces)}
        for text in TEXTS:
            for typed in (text, unicodedata.normalize("NFD", text)):
                found = tokenizer.encode(typed)
                assert found.ids == kobert_ids(model, vocab, typed)
                assert all(0 <= start <= end <= len(typed) for start, end in found.offsets)
        assert [tokenizer.unk_id, tokenizer.pad_id, tokenizer.start_id, tokenizer.end_id] == [0, 1, 2, 3]
        assert tokenizer.mask_id == 4
        assert tokenizer.wrap([9], [8]) == ([2, 9, 3, 8, 3], [0, 0, 0, 1, 1], 1, 3)
        assert tokenizer.decode(tokenizer.encode("친구를 만났다").ids) == "친구를 만났다"
        saved_is_the_same(tokenizer, tmp_path / f"saved-{here.name}")
    text = "é 나는 ㅋㅋ 은행"
    found = Tokenizer.load(numbered).encode(text)
    cut = [text[start:end].strip() for start, end in dict.fromkeys(found.offsets)]
    assert "".join(cut) == "é나는ㅋㅋ은행"


def test_what_is_not_known_is_left_alone() -> None:
    opening = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert left_out({"model_type": "bert", "max_position_embeddings": 300}, opening)["do_lower_case"] is False
    assert left_out({"model_type": "bert", "max_position_embeddings": 512}, opening) == {}
    assert left_out({"model_type": "bert", "max_position_embeddings": 300}, opening[:4]) == {}
