"""Words for masks: the most probable ones, and texts that read as if they had been typed."""

import pytest
import torch
from torch import nn
from transformers import BertForMaskedLM, BertForSequenceClassification

from headway.errors import ConfigError, DataError
from headway.models.families.bert import MASKED_LM, Bert
from headway.models.single import SingleStack
from headway.tasks.fill import fill, fill_lines
from headway.text.trainer import train
from tests.tasks.tiny import LENGTH, PIECES, SPECIAL, beside, tokenizer


def test_the_words_are_the_most_probable_ones() -> None:
    ours, twin = beside(BertForMaskedLM)
    texts = ["the [MASK] sat on [MASK] .", "", "서울[MASK] 수도다"]
    found = list(fill_lines(ours, tokenizer(), texts, 4, chunk=2))
    assert (found[1].text, found[1].masks) == ("", [])
    for text, filling in zip(texts, found, strict=True):
        if not text:
            continue
        ids = [2, *tokenizer().encode(text, special=True).ids, 3]
        with torch.no_grad():
            scores = twin(torch.tensor([ids])).logits[0].softmax(-1)
        for mask, place in zip(filling.masks, [i for i, index in enumerate(ids) if index == 4], strict=True):
            assert text[mask.start : mask.end] == "[MASK]"
            ranked = sorted(range(len(SPECIAL), len(PIECES)), key=lambda index: -float(scores[place, index]))[:4]
            assert [word.word for word in mask.words] == [PIECES[index] for index in ranked]
            assert [w.score for w in mask.words] == pytest.approx([float(scores[place, i]) for i in ranked], abs=2e-5)
    assert found[0] == fill(ours, tokenizer(), texts[0], 4)
    assert len({word.word for filling in found for mask in filling.masks for word in mask.words}) > 4


def says(model: SingleStack, index: int) -> SingleStack:
    """The model, made to say one word everywhere."""
    nn.init.zeros_(model.head.weight)
    model.head.bias.data = 9.0 * torch.eye(len(model.head.bias))[index]
    return model


@pytest.mark.parametrize(
    ("word", "text", "wanted"),
    [
        ("river", "The  [MASK] ,\t[MASK].", "The  river ,\triver."),
        ("##는", "서울 [MASK] 수도", "서울는 수도"),
        ("은", "서울[MASK]", "서울은"),
    ],
)
def test_a_word_joins_as_its_piece_says(word: str, text: str, wanted: str) -> None:
    filling = fill(says(beside(BertForMaskedLM)[0], PIECES.index(word)), tokenizer(), text, 1)
    assert (filling.text, filling.masks[0].words[0].word) == (wanted, word)


@pytest.mark.parametrize(
    ("kind", "piece", "wanted"),
    [
        ("byte-bpe", "Ġcat", "the cat sat"),  # its mask takes the blank before it along, and the words bring theirs
        ("byte-bpe", "cat", "thecat sat"),
        ("bpe", "▁cat", "the cat sat"),
        ("bpe", "cat", "thecat sat"),
        ("wordpiece", "cat", "the cat sat"),
        ("wordpiece", "##at", "theat sat"),
    ],
)
def test_the_tokenizers_own_mask(kind: str, piece: str, wanted: str) -> None:
    lines = ["the cat sat on the mat", "the dog sat by the river", "서울은 한국의 수도이다"] * 4
    pieces = train(lines, type=kind, vocab_size=400, exact=False, special_pieces=("<mask>",))
    choices = Bert(num_layers=1, d_model=16, num_heads=2, max_length=32)
    model = SingleStack(choices.spec(pieces.vocab_size, language_head=MASKED_LM)).eval()
    for mask in ("<mask>", "[MASK]"):
        filling = fill(says(model, pieces.id_of(piece)), pieces, f"the {mask} sat", 1)
        assert filling.text == wanted
        assert (filling.masks[0].start, filling.masks[0].end) == (4, 10)


def test_what_cannot_be_filled() -> None:
    model = beside(BertForMaskedLM)[0]
    with pytest.raises(DataError, match=r"line 2 has no mask; put \[MASK\] where a word is wanted: 'the cat'"):
        list(fill_lines(model, tokenizer(), ["[MASK]", "the cat"]))
    with pytest.raises(DataError, match="line 1 has a mask among the 13 tokens at its end"):
        fill(model, tokenizer(), "cat " * 50 + "[MASK]")
    assert fill(model, tokenizer(), "[MASK] " + "cat " * 50).cut == 51 - (LENGTH - 2)
    with pytest.raises(ConfigError, match="k is 0"):
        fill(model, tokenizer(), "[MASK]", 0)
    with pytest.raises(ConfigError, match="gives labels to texts cannot fill masks; it is for headway classify"):
        fill(beside(BertForSequenceClassification)[0], tokenizer(), "[MASK]")
