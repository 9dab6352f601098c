"""What holds of every cache under every position scheme: a row is continued as if it were alone and read whole."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from headway.errors import CapacityError
from headway.nn.cache import GrowingCache, RowCache
from headway.nn.masks import Layout
from headway.nn.slots import SlotCache, _SlotLayer
from tests.nn.stacks import KINDS, ids_of, pad, stack_of

EXACT = {"rtol": 0.0, "atol": 1e-11}  # float64
CACHES: dict[str, Callable[[], RowCache]] = {"growing": lambda: GrowingCache(2), "slots": lambda: SlotCache(2, 14)}
caches = pytest.mark.parametrize("make", CACHES.values(), ids=CACHES)
kinds = pytest.mark.parametrize("kind", KINDS)


def dirty(layer: _SlotLayer, rows: int, like: Tensor) -> Tensor:
    """Free slots that would show if anybody saw them."""
    return like.new_full((rows, layer.capacity, *like.shape[-2:]), 1e30)


@kinds
@caches
@settings(max_examples=12)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    side=st.sampled_from(["left", "right"]),
    chunks=st.lists(st.tuples(st.integers(1, 3), st.lists(st.integers(0, 3), max_size=4)), min_size=1, max_size=3),
    seed=st.integers(0, 9),
)
def test_rows_are_continued_as_if_alone(
    make: Callable[[], RowCache],
    kind: str,
    lengths: list[int],
    side: str,
    chunks: list[tuple[int, list[int]]],
    seed: int,
) -> None:
    """Prompts padded on either side, random tokens one or several at a time, rows dropped, doubled and exchanged."""
    stack, cache, texts = stack_of(kind, causal=True), make(), ids_of(lengths, seed)
    ids, mask = pad(texts, side)
    with torch.no_grad(), patch.object(_SlotLayer, "_zeros", dirty):
        found = [x[m] for x, m in zip(stack(ids, Layout.padded(ids, mask), cache=cache), mask.bool(), strict=True)]
        for number, (size, moved) in enumerate(chunks):
            if moved:
                rows = [row % len(texts) for row in moved]
                texts, found = [texts[row] for row in rows], [found[row] for row in rows]
                cache.reorder(torch.tensor(rows))
            new = torch.stack(ids_of([size] * len(texts), seed + number))
            texts = [torch.cat(pair) for pair in zip(texts, new, strict=True)]
            found = [torch.cat(pair) for pair in zip(found, stack(new, cache=cache), strict=True)]
        for text, states in zip(texts, found, strict=True):
            torch.testing.assert_close(states, stack(text[None])[0], **EXACT)


@kinds
@pytest.mark.parametrize("packed", [False, True])
def test_rows_of_slots_take_any_number_of_tokens_in_one_step(kind: str, packed: bool) -> None:
    """What joins a running batch is read beside what is written: nothing, one or several tokens a row."""
    stack, cache, sizes = stack_of(kind, causal=True), SlotCache(2, 10), [[3, 5, 1], [1, 4, 3], [6, 1, 2]]
    steps = [ids_of(row, seed) for seed, row in enumerate(sizes)]
    found: list[list[Tensor]] = [[], [], []]
    with torch.no_grad(), patch.object(_SlotLayer, "_zeros", dirty):
        for texts in steps:
            if packed:
                states = stack(torch.cat(texts), Layout.packed([len(text) for text in texts]), cache=cache)
                parts = list(states.split([len(text) for text in texts]))
            else:
                ids, mask = pad(texts, "right", extra=2)  # near the end of a row: padding would reach the next one
                states = stack(ids, Layout.padded(ids, mask), cache=cache)
                parts = [x[m] for x, m in zip(states, mask.bool(), strict=True)]
            for row, part in zip(found, parts, strict=True):
                row.append(part)
        for number, row in enumerate(found):
            whole = torch.cat([texts[number] for texts in steps])
            torch.testing.assert_close(torch.cat(row), stack(whole[None])[0], **EXACT)


@caches
def test_a_row_that_left_takes_its_columns_along(make: Callable[[], RowCache]) -> None:
    """The longest prompt ends first; the others go on to the last position there is."""
    stack, cache, texts = stack_of("learned", causal=True), make(), ids_of([12, 3])
    ids, mask = pad(texts, "left")
    with torch.no_grad():
        stack(ids, Layout.padded(ids, mask), cache=cache)
        stack(ids[:, :2], cache=cache)  # 14 tokens
        cache.reorder(torch.tensor([1]))
        new = torch.stack(ids_of([9], seed=3))
        states = torch.cat([stack(new[:, i : i + 1], cache=cache) for i in range(9)], 1)  # 14 tokens
        whole = torch.cat([texts[1], ids[1, :2], new[0]])
        torch.testing.assert_close(states[0], stack(whole[None])[0, 5:], **EXACT)


def test_more_tokens_than_slots_is_an_error_of_ours() -> None:
    stack, cache = stack_of("alibi", causal=True), SlotCache(2, 5)
    with torch.no_grad():
        stack(torch.stack(ids_of([4, 4])), cache=cache)
        with pytest.raises(CapacityError, match=r"6 tokens.*made for 5"):
            stack(torch.stack(ids_of([2, 2])), cache=cache)
