"""Bytes become the words that a model of characters was trained on, and keep to their texts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from headway.models.families import elmo
from headway.models.spelling import words_of
from headway.nn.masks import Layout
from headway.text.characters import spelled, spellings
from headway.text.trainer import train
from tests.text.texts import spell_text

SPEC = elmo.SIZES["tiny"].spec(9).characters
WORDS = train(["나는 간다 a b", "나는 a"], type="word", vocab_size=8)
TEXTS = ["나는 간다", "a unknownword b", "온다"]


def test_words_are_spelled_as_in_pre_training_and_others_by_their_bytes() -> None:
    tokenizer = spelled(WORDS)
    rows = [tokenizer.wrap(ids).ids for ids in tokenizer.encode_batch(TEXTS)]
    packed, layout = words_of(
        torch.tensor([i for row in rows for i in row]), Layout.packed([len(row) for row in rows]), SPEC
    )
    assert packed.tolist() == np.concatenate([spell_text(text.split()) for text in TEXTS]).tolist()
    assert [layout.rows, layout.length] == [3, 5]
    known = [WORDS.start_id, *WORDS.encode(TEXTS[0]).ids, WORDS.end_id]
    assert packed[: len(known)].tolist() == spellings(WORDS)[known].tolist()

    length = max(map(len, rows)) + 2
    grid, keep = torch.full((3, length), tokenizer.pad_id), torch.zeros(3, length, dtype=torch.bool)
    for i, row in enumerate(rows):
        grid[i, 1 : 1 + len(row)], keep[i, 1 : 1 + len(row)] = torch.tensor(row), True
    found, again = words_of(grid, Layout.padded(grid, keep), SPEC)
    assert torch.equal(found, packed)
    assert torch.equal(again.grid(found), layout.grid(packed))


def test_a_long_word_is_cut_and_a_text_that_begins_within_one_is_its_own() -> None:
    ids = torch.tensor([*b"ab", 261 + ord("c"), *b"defgh"])
    characters, layout = words_of(ids, Layout.packed([1, 7]), replace(SPEC, max_length=6, filters=((1, 2),)))
    assert characters.tolist() == [
        [258, 97, 259, 260, 260, 260],
        [258, 98, 259, 260, 260, 260],
        [258, 99, 100, 101, 102, 259],
    ]
    assert layout.keep is not None
    assert layout.keep.sum(1).tolist() == [1, 2]
