"""The highest value of each filter is that of a window with a word in it, never of padding alone."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from headway.nn.convolution import MaxOverTime


def test_a_window_of_padding_alone_is_never_the_highest() -> None:
    """Each word lowers what a filter says, so nothing would be higher than a window without one."""
    torch.manual_seed(0)
    convolution = MaxOverTime(4, 3, 3)
    with torch.no_grad():
        convolution.weight.copy_(-convolution.weight.abs())
    texts = [torch.rand(length, 4) for length in (2, 1, 5)]
    expected = torch.stack(
        [
            F.conv1d(F.pad(text, (0, 0, 2, 2)).T[None], convolution.weight, convolution.bias)[0].amax(-1)
            for text in texts
        ]
    )
    grid = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
    found = convolution(F.pad(grid, (0, 0, 0, 4)), torch.tensor([2, 1, 5]))
    torch.testing.assert_close(found, expected)
    assert (expected < convolution.bias).all()
    torch.testing.assert_close(convolution(texts[2][None])[0], expected[2])
