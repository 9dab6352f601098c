"""Bytes of words to words of characters: how a model of characters reads the ids of `text.characters.spelled`."""

from __future__ import annotations

import torch
from torch import Tensor

from headway.nn.masks import Layout
from headway.spec import CharacterSpec
from headway.text.characters import TEXT_START, WORD_END, WORD_START


def words_of(ids: Tensor, layout: Layout, spec: CharacterSpec) -> tuple[Tensor, Layout]:
    """Bytes, a token tensor of `layout` → characters `(words, max_length)`, and the layout of the words, packed.

    A byte at the start of a word stands `vocab_size` higher than inside one, and a mark of a text is a word of its own.
    Of a word longer than `max_length` the end is not read.
    """
    grid = layout.grid(ids)
    keep = torch.ones_like(grid, dtype=torch.bool) if layout.keep is None else layout.keep
    flat, row = grid[keep], keep.nonzero()[:, 0]  # (bytes,) each
    starts = flat >= TEXT_START
    starts[:1] = True
    starts[1:] |= row[1:] != row[:-1]
    word, first = starts.cumsum(0) - 1, starts.nonzero()[:, 0]  # (bytes,), (words,)
    place = torch.arange(len(flat), device=flat.device) - first[word]
    room = spec.max_length - 2
    is_read = place < room
    characters = flat.new_full((len(first), spec.max_length), spec.pad_id)
    characters[:, 0] = WORD_START
    characters[word[is_read], place[is_read] + 1] = torch.where(flat < spec.vocab_size, flat, flat - spec.vocab_size)[
        is_read
    ]
    sizes = torch.bincount(word, minlength=len(first)).clamp(max=room)
    characters[torch.arange(len(first), device=flat.device), sizes + 1] = WORD_END
    return characters, Layout.packed(torch.bincount(row[first], minlength=layout.rows), flat.device)
