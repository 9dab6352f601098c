"""Where tokens stand: the way to the grid and back, positions that padding does not move, masks only where needed."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from headway.nn.masks import Layout, Mask

lengths = st.lists(st.integers(1, 6), min_size=1, max_size=5)


@given(lengths=lengths, width=st.integers(1, 3))
def test_packed_tokens_go_to_the_grid_and_come_back(lengths: list[int], width: int) -> None:
    layout = Layout.packed(lengths)
    x = torch.arange(1.0, sum(lengths) * width + 1).view(-1, width)
    grid = layout.grid(x)
    assert grid.shape == (len(lengths), max(lengths), width)
    assert torch.equal(layout.tokens(grid), x)
    for row, part in zip(grid, x.split(lengths), strict=True):
        assert torch.equal(row[: len(part)], part)
        assert not row[len(part) :].any()
    assert torch.equal(layout.positions, torch.cat([torch.arange(length) for length in lengths]))
    assert (layout.keep is None) == (len(set(lengths)) == 1)


@given(lengths=lengths, side=st.sampled_from(["left", "right"]), extra=st.integers(0, 2), data=st.data())
def test_padding_on_either_side_moves_no_position(
    lengths: list[int], side: str, extra: int, data: st.DataObject
) -> None:
    mask = torch.arange(max(lengths) + extra) < torch.tensor(lengths)[:, None]
    mask = mask.flip(1) if side == "left" else mask
    layout = Layout.padded(mask.long(), mask.long())
    for positions, keep, length in zip(layout.positions, mask, lengths, strict=True):
        assert positions[keep].tolist() == list(range(length))
    assert layout.right_padded == (side == "right" or bool(mask.all()))
    assert (layout.keep is None) == bool(mask.all())
    rows = torch.tensor(data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=3)))
    chosen = layout.select(rows)
    assert (chosen.rows, chosen.length) == (len(rows), layout.length)
    assert chosen.keep is None or torch.equal(chosen.keep, mask[rows])


def test_a_mask_is_a_tensor_only_where_causality_does_not_say_it_all() -> None:
    layout = Layout.padded(torch.zeros(2, 3))
    keep = torch.tensor([[[[True, False, True]]]])
    bias = torch.randn(1, 1, 3, 3)
    plain = Mask.build(layout, layout, causal=True)
    assert (plain.causal, plain.keep, plain.bias) == (True, None, None)
    padded = Mask.build(layout, layout, causal=True, keep=keep)
    assert not padded.causal
    assert padded.keep.int().tolist() == [[[[1, 0, 0], [1, 0, 0], [1, 0, 1]]]]
    biased = Mask.build(layout, layout, causal=True, bias=bias)
    assert not biased.causal
    assert torch.equal(biased.bias, bias.masked_fill(torch.ones(3, 3).triu(1).bool(), -torch.inf))
