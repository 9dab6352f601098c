"""How words are spelled for a convolution."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from headway.text.characters import (
    PAD,
    TEXT_END,
    TEXT_START,
    WORD_END,
    WORD_START,
    pieces_of,
    spell,
    spelled,
    spellings,
)
from headway.text.pipeline import words
from headway.text.tokenizer import Tokenizer
from headway.text.trainer import train
from tests.text.texts import spell_text

MARKS = (TEXT_START, TEXT_END, WORD_START, WORD_END, PAD)


def test_the_ids_are_those_of_the_published_models() -> None:
    assert MARKS == (256, 257, 258, 259, 260)
    assert spell(["Ab"], 7).tolist() == [[258, 65, 98, 259, 260, 260, 260]]
    assert spell(["한", "é", ""], 6).tolist() == [
        [258, *"한".encode(), 259, 260],
        [258, 195, 169, 259, 260, 260],
        [258, 259, 260, 260, 260, 260],
    ]
    assert spell(["abcdefg"], 5).tolist() == [[258, 97, 98, 99, 259]]
    assert spell(["x"]).shape == (1, 50)
    assert spell_text(["x"], 4)[1].tolist() == spell(["x"], 4)[0].tolist() == [258, 120, 259, 260]


def test_every_piece_of_a_vocabulary_is_spelled() -> None:
    tokenizer = train(["한국 말 a b", "한국 b"], type="word", vocab_size=8)
    table = spellings(tokenizer, 10)
    assert len(table) == tokenizer.highest_id + 1 == 8
    assert table[tokenizer.id_of("한국")].tolist() == spell(["한국"], 10)[0].tolist()
    assert table[tokenizer.start_id, :3].tolist() == [258, 256, 259]
    assert table[tokenizer.end_id, :3].tolist() == [258, 257, 259]


WORDS = train(["한국 말 A b", "한국 b"], type="word", vocab_size=8, lowercase=True)


def test_a_tokenizer_that_spells_has_the_ids_of_the_characters(tmp_path: Path) -> None:
    tokenizer = spelled(WORDS)
    assert spelled(tokenizer) is tokenizer
    assert (tokenizer.vocab_size, tokenizer.highest_id) == (517, 516)
    assert (tokenizer.start_id, tokenizer.end_id, tokenizer.pad_id) == (TEXT_START, TEXT_END, PAD)
    assert tokenizer.encode("Ab c").ids == [261 + ord("a"), ord("b"), 261 + ord("c")]  # in lower case, as `WORDS`
    read = tokenizer.wrap(tokenizer.encode("말! 한b").ids).ids
    assert pieces_of(tokenizer, read) == ["<s>", "말", "!", "한b", "</s>"]
    assert pieces_of(WORDS, [WORDS.start_id, WORDS.id_of("b")]) == ["<s>", "b"]
    tokenizer.save(tmp_path)
    assert Tokenizer.load(tmp_path) == tokenizer


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
def test_the_words_of_any_text_are_spelled_as_they_are(text: str) -> None:
    """Its bytes come back as the words that the type `word` would cut it into, known or not."""
    tokenizer = spelled(train(["a"], type="word", normalization="none", vocab_size=5))
    ids = tokenizer.encode(text).ids
    expected = [word for word, _ in words(text)]
    bytes_of = [[byte + 261 * (place == 0) for place, byte in enumerate(word.encode())] for word in expected]
    assert ids == [byte for word in bytes_of for byte in word]
    assert pieces_of(tokenizer, ids) == expected
