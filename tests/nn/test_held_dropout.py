"""What is drawn once and held."""

from __future__ import annotations

import torch

from headway.nn.held_dropout import LockedDropout, WordDropout


def test_a_row_keeps_its_draw_over_its_length_and_gets_another_each_time() -> None:
    torch.manual_seed(0)
    dropout, x = LockedDropout(0.25), torch.ones(40, 9, 50)
    first, second = dropout(x), dropout(x)
    for out in (first, second):
        assert bool((out == out[:, :1]).all())  # the same in every column
        assert len({tuple(row.tolist()) for row in out[:, 0]}) == 40  # another in every row
        torch.testing.assert_close(out.unique(), torch.tensor([0.0, 256 / 192]))
        assert abs(float((out == 0).float().mean()) - 0.25) < 0.03
    assert not torch.equal(first, second)
    assert dropout.eval()(x) is x


def test_a_word_is_lost_wherever_it_stands() -> None:
    torch.manual_seed(0)
    dropout, ids = WordDropout(500, 0.25), torch.arange(500).repeat(3, 2)
    vectors = torch.ones(3, 1000, 4)
    first, second = dropout(vectors, ids), dropout(vectors, ids)
    assert bool((first[0, :500] == first[2, 500:]).all())
    assert bool((first == first[..., :1]).all())  # whole words
    assert abs(float((first == 0).float().mean()) - 0.25) < 0.06
    assert not torch.equal(first, second)
    assert dropout.eval()(vectors, ids) is vectors
