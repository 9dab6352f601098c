"""What is kept of all states of a text, beside the same text by text, wherever its padding stands."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from headway.nn.masks import Layout
from headway.nn.pooling import AttentivePooling, concat_pool, highest, mean

LENGTHS = [3, 1, 5]


def texts() -> list[Tensor]:
    draw = torch.Generator().manual_seed(4)
    return [torch.randn(length, 6, generator=draw, dtype=torch.float64) - 2 for length in LENGTHS]  # mostly negative


def padded(start: int) -> tuple[Tensor, Layout]:
    """All texts from one column on, among values that would change everything."""
    grid, keep = torch.full((3, 8, 6), 9.0, dtype=torch.float64), torch.zeros(3, 8, dtype=torch.bool)
    for row, text in enumerate(texts()):
        grid[row, start : start + len(text)], keep[row, start : start + len(text)] = text, True
    return grid, Layout.padded(keep.long(), keep)


LAYOUTS = [(torch.cat(texts()), Layout.packed(LENGTHS)), padded(0), padded(3)]


@pytest.mark.parametrize(("states", "layout"), LAYOUTS, ids=["packed", "right", "left and right"])
def test_padding_is_never_part_of_a_text(states: Tensor, layout: Layout) -> None:
    torch.testing.assert_close(mean(states, layout), torch.stack([text.mean(0) for text in texts()]))
    torch.testing.assert_close(highest(states, layout), torch.stack([text.amax(0) for text in texts()]))
    for both, last in ((False, lambda x: x[-1]), (True, lambda x: torch.cat([x[-1, :3], x[0, 3:]]))):
        expected = torch.stack([torch.cat([last(x), x.amax(0), x.mean(0)]) for x in texts()])
        torch.testing.assert_close(concat_pool(states, layout, bidirectional=both), expected)


@pytest.mark.parametrize("kind", ["dot", "additive"])
@pytest.mark.parametrize(("states", "layout"), LAYOUTS, ids=["packed", "right", "left and right"])
def test_attention_shares_one_among_the_tokens_of_a_text(kind: str, states: Tensor, layout: Layout) -> None:
    torch.manual_seed(1)
    pooling = AttentivePooling(kind, 6).double()  # type: ignore[arg-type]
    expected = []
    for text in texts():
        key = text if pooling.key is None else torch.tanh(text @ pooling.key.weight.T + pooling.key.bias)
        expected.append((key @ pooling.score.weight[0]).softmax(0) @ text)
    torch.testing.assert_close(pooling(states, layout), torch.stack(expected), rtol=1e-6, atol=1e-6)
