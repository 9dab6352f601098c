"""How words are spelled for a convolution."""

from __future__ import annotations

from headway.text.characters import PAD, TEXT_END, TEXT_START, WORD_END, WORD_START, spell, spell_text, spellings
from headway.text.trainer import train

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
    assert spell_text(["x"], 4).tolist() == [[258, 256, 259, 260], [258, 120, 259, 260], [258, 257, 259, 260]]


def test_every_piece_of_a_vocabulary_is_spelled() -> None:
    tokenizer = train(["한국 말 a b", "한국 b"], type="word", vocab_size=8)
    table = spellings(tokenizer, 10)
    assert len(table) == tokenizer.highest_id + 1 == 8
    assert table[tokenizer.id_of("한국")].tolist() == spell(["한국"], 10)[0].tolist()
    assert table[tokenizer.start_id, :3].tolist() == [258, 256, 259]
    assert table[tokenizer.end_id, :3].tolist() == [258, 257, 259]
