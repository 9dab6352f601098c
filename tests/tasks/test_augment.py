"""Variants of labelled texts: other words in the same places, or another end, whole characters, the same seed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import BertForMaskedLM, BertForSequenceClassification

import headway
from headway.cli.main import main
from headway.decoding.generate import Decoding
from headway.errors import ConfigError
from headway.models.build import Model, build
from headway.models.families.bert import MASKED_LM, Bert
from headway.models.families.gpt2 import Gpt2
from headway.spec import SpecialTokens
from headway.tasks.augment import EMPTY, ONE_WORD, TOO_LONG, Refilling, augment
from headway.tasks.loaded import Loaded
from headway.text.pipeline import MASK
from headway.text.tokenizer import Tokenizer
from headway.text.trainer import train
from tests.tasks.tiny import beside, tokenizer

KOREAN = [
    "영화가 정말 재미있었다 ㅋㅋ 또 보고 싶다.",
    "배우들의 연기는 훌륭했지만 이야기가 지루했다 ㅠㅠ",
    "the cat sat",
]
TEXTS = ["the  cat sat, on (the) mat .", "서울은 한국의 수도다", "", "cat", "the " * 60, "the river, the bank ?"]


@pytest.fixture(scope="module")
def bert() -> Model:
    return beside(BertForMaskedLM)[0].eval()


def fresh(kind: str, type: str) -> tuple[Model, Tokenizer]:
    """A random model over a vocabulary of mostly Korean pieces."""
    pieces = train(KOREAN * 3, type=type, vocab_size=320, exact=False, special_pieces=(MASK,))
    special = SpecialTokens(pad_id=pieces.pad_id, start_id=pieces.start_id, end_id=pieces.end_id)
    torch.manual_seed(1)
    if kind == "bert":
        choices: Any = Bert(num_layers=1, d_model=16, d_ff=16, num_heads=2, max_length=80)
        model: Model = build(choices.spec(pieces.vocab_size, special, language_head=MASKED_LM))
    else:
        model = build(Gpt2(num_layers=1, d_model=16, num_heads=2, max_length=80).spec(pieces.vocab_size, special))
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.4)
    return model.eval(), pieces


def differing(text: str, other: str) -> list[bool]:
    """Which words are others; whatever stands between words must be equal."""
    assert re.sub(r"\w+", "_", text) == re.sub(r"\w+", "_", other)
    return [a != b for a, b in zip(re.findall(r"\w+", text), re.findall(r"\w+", other), strict=True)]


def test_a_masked_model_changes_a_share_of_the_words_and_nothing_else(bert: Model) -> None:
    found = list(augment(bert, tokenizer(), TEXTS, Refilling(num=6, share=0.4)))
    assert [variants.note for variants in found] == ["", "", EMPTY, ONE_WORD, TOO_LONG, ""]
    assert [len(variants.texts) for variants in found] == [6, 6, 0, 0, 0, 6]
    for text, variants, wanted in ((TEXTS[0], found[0], 2), (TEXTS[1], found[1], 1), (TEXTS[5], found[5], 2)):
        changed = [differing(text, variant) for variant in variants.texts]
        assert {sum(words) for words in changed} == {wanted}
        assert len(set(map(tuple, changed))) > 1  # not always the same ones
        assert len(set(variants.texts)) == 6
    most = next(augment(bert, tokenizer(), [TEXTS[0]], Refilling(share=0.99)))
    assert sum(differing(TEXTS[0], most.texts[0])) == 5  # of 6: never all


def test_the_drawn_words_are_among_the_most_probable(bert: Model) -> None:
    """With k = 1 a word of one piece is the best other one of those that begin a word."""
    text, places = "the cat sat on the mat", re.compile(r"\w+")
    for seed in range(4):
        (variant,) = next(augment(bert, tokenizer(), [text], Refilling(share=0.2, top_k=1, seed=seed))).texts
        (place,) = [i for i, is_other in enumerate(differing(text, variant)) if is_other]
        ids = [2, *tokenizer().encode(text).ids, 3]
        original, ids[place + 1] = ids[place + 1], 4
        scores = bert(torch.tensor([ids])).logits[0, place + 1]
        ranked = [
            tokenizer().piece_of(i) for i in scores.argsort(descending=True).tolist() if i < tokenizer().vocab_size
        ]
        words = [piece for piece in ranked if re.fullmatch(r"\w+", piece)]
        assert places.findall(variant)[place] == next(w for w in words if w != tokenizer().piece_of(original))


@pytest.mark.parametrize("type", ["byte-bpe", "unigram", "wordpiece", "char", "word", "bpe"])
def test_hangul_stays_whole_and_typed_forms_are_kept(type: str) -> None:
    model, pieces = fresh("bert", type)
    texts = [*KOREAN, "재미있었다\tㅋㅋ  😀 영화가!"]
    for text, variants in zip(texts, augment(model, pieces, texts, Refilling(num=3, share=0.5, top_k=50)), strict=True):
        assert len(variants.texts) == 3
        for variant in variants.texts:
            assert "\ufffd" not in variant
            assert any(differing(text, variant))


@pytest.mark.parametrize("type", ["byte-bpe", "bpe", "unigram"])
def test_a_causal_model_keeps_the_beginning_and_about_the_length(type: str) -> None:
    model, pieces = fresh("gpt2", type)
    texts = [*KOREAN, "", "한마디", "긴 " * 100]
    found = list(augment(model, pieces, texts, Refilling(num=3, top_k=40)))
    assert [variants.note for variants in found][3:] == [EMPTY, ONE_WORD, TOO_LONG]
    for text, variants in zip(KOREAN, found, strict=False):
        words = text.split()
        kept = " ".join(words[: max(1, round(len(words) / 2))])
        assert variants.texts or type == "byte-bpe"  # whose random bytes hardly make characters
        for variant in variants.texts:
            assert variant.startswith(kept)
            assert variant != text
            assert "\ufffd" not in variant
            assert len(kept.split()) <= len(variant.split()) <= len(words)


def test_where_a_folder_says_that_texts_end_they_end() -> None:
    model, pieces = fresh("gpt2", "byte-bpe")
    with torch.no_grad():
        best = int(model(torch.tensor([pieces.encode("영화가 정말").ids])).logits[0, -1].argmax())
    options, texts = Refilling(top_k=1, share=0.3), ["영화가 정말 재미"]
    made = Decoding(beam=1, ends=(best,))
    assert next(augment(model, pieces, texts, options, made=made)).texts == (f"영화가 정말{pieces.decode([best])}",)
    assert next(augment(model, pieces, texts, options)).texts == ()  # one word without an end, perhaps half of it


def test_the_seed_decides_and_neither_batches_nor_neighbours_do(bert: Model) -> None:
    texts = [TEXTS[0], TEXTS[5], TEXTS[1], "the mat sat"] * 3
    options = Refilling(num=2, share=0.3, seed=7)
    found = list(augment(bert, tokenizer(), texts, options))
    assert found == list(augment(bert, tokenizer(), texts, options, batch_tokens=1, chunk=2))
    assert found[0] != found[4]  # the same text in another place is drawn anew
    assert found != list(augment(bert, tokenizer(), texts, Refilling(num=2, share=0.3, seed=8)))
    model, pieces = fresh("gpt2", "byte-bpe")
    again = [list(augment(model, pieces, KOREAN, options)) for _ in range(2)]
    assert again[0] == again[1]


def test_the_prompt_is_read_and_not_part_of_the_variant(bert: Model) -> None:
    rows = [("the cat sat on the mat", "river")]
    plain = [next(augment(bert, tokenizer(), rows, Refilling(seed=s))) for s in range(6)]
    asked = [next(augment(bert, tokenizer(), rows, Refilling(seed=s, prompt="{label} bank . "))) for s in range(6)]
    assert asked != plain
    for variants in asked:
        assert sum(differing(rows[0][0], variants.texts[0])) == 1
    with pytest.raises(ConfigError, match="text 1 has none"):
        list(augment(bert, tokenizer(), ["the cat sat"], Refilling(prompt="{label}: ")))
    with pytest.raises(ConfigError, match="gives labels to texts cannot write variants of texts"):
        augment(beside(BertForSequenceClassification)[0], tokenizer(), ["the cat"])


@pytest.mark.parametrize("given", [{"num": 0}, {"share": 1.0}, {"share": 0.0}, {"top_k": 0}, {"temperature": 0.0}])
def test_what_cannot_be_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(given))):
        Refilling(**given)


FILES = {
    "a.tsv": 'id\ttext\tlabel\n7\tthe cat sat\t"1\n8\t\t0\n',
    "a.csv": 'label,text\n1,"the cat, sat"\n0,""\n',
    "a.jsonl": '{"label": 1, "text": "the cat sat", "n": {"x": "서울"}}\n{"label": 0, "text": ""}\n',
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_keeps_its_form(
    name: str, tmp_path: Path, bert: Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = Loaded(bert, tokenizer(), bert.spec, tmp_path, Decoding(beam=1), None)  # type: ignore[arg-type]
    monkeypatch.setattr(headway, "load", lambda model, **options: loaded, raising=False)
    path = tmp_path / name
    path.write_text(FILES[name], encoding="utf-8")
    assert main(["augment", "m", str(path), "--num", "2", "--keep-original"]) == 0
    out, err = capsys.readouterr()
    assert err == "headway: 1 of 2 rows have no variant, or fewer: 1 empty\n"
    texts = loaded.augment(["the cat, sat" if name == "a.csv" else "the cat sat", ""], Refilling(num=2))
    assert texts[1] == ()
    lines, original = out.split("\n")[:-1], FILES[name].split("\n")[:-1]
    header = [] if name == "a.jsonl" else original[:1]
    row = original[len(header)]
    spoken = "the cat, sat" if name == "a.csv" else "the cat sat"
    last = "0," if name == "a.csv" else original[-1]  # a quote that is not needed
    assert lines == [*header, row, *(row.replace(spoken, text) for text in texts[0]), last]
    assert main(["augment", "m", str(path), "--num", "2"]) == 0
    assert capsys.readouterr().out.split("\n")[:-1] == [*header, *(row.replace(spoken, text) for text in texts[0])]
    assert main(["augment", "m", str(path), "--num", "2", "--json"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.split("\n")[:-1])
    assert first["variants"] == list(texts[0])
    assert first["text"] == spoken
    assert (second["text"], second["variants"], second["note"]) == ("", [], EMPTY)


@pytest.mark.parametrize(
    ("name", "content", "options", "status", "told"),
    [
        ("a.txt", "the cat\n", [], 2, "name it with --data.format"),
        ("a.tsv", "id\tdocument\n1\tx\n", [], 3, "no column 'text' for text; the columns are id, document"),
        ("a.tsv", "id\ttext\n1\n", [], 3, "line 2: 1 fields, but the first line has 2"),
        ("a.jsonl", '{"review": "x"}\n', [], 3, "line 1: no text at the key text; its keys are review"),
        ("a.jsonl", '{"text": "\\ud83d"}\n', [], 3, "line 1: holds half of a surrogate pair"),
        ("a.jsonl", '{"text": "x"}\n\n', [], 3, "line 2: not JSON at character 1 (Expecting value); one"),
        ("a.tsv", "", [], 3, "a.tsv: no rows; at least one is needed"),
        ("a.tsv", "text\tlabel\nthe cat\t1\n\nthe cat\t2\n", [], 3, "line 3: 1 fields, but the first line has 2"),
        ("a.jsonl", "[1]\n", [], 3, "line 1: no text at the key text"),
        ("a.csv", 'text\n"open\n', [], 3, "is a quote left open?"),
        ("a.tsv", "text\nx\n", ["--num", "0"], 2, "num is 0"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    name: str, content: str, options: list[str], status: int, told: str, tmp_path: Path, bert: Model,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    loaded = Loaded(bert, tokenizer(), bert.spec, tmp_path, Decoding(beam=1), None)  # type: ignore[arg-type]
    monkeypatch.setattr(headway, "load", lambda model, **options: loaded, raising=False)
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert main(["augment", "m", str(tmp_path / name), *options]) == status
    err = capsys.readouterr().err
    assert told in err
    assert "Traceback" not in err
