"""Why a text is normalised token by token."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from headway.nn.norms import norm_of

PAD = [0.0, 0.0, 0.0, 0.0]
TEXTS = torch.tensor(  # the (3, 3, 4) batch of the course: three texts of 3, 2 and 1 tokens, padded
    [
        [[1.0, 2.0, 3.0, 4.0], [2.0, 0.0, 1.0, 5.0], [4.0, 1.0, 3.0, 0.0]],
        [[3.0, 1.0, 0.0, 2.0], [0.0, 4.0, 2.0, 2.0], PAD],
        [[5.0, 2.0, 1.0, 3.0], PAD, PAD],
    ]
)


def test_padding_moves_batch_norm_and_leaves_layer_norm_alone() -> None:
    real = TEXTS.abs().sum(-1) > 0
    layer, batch = norm_of("layer", 4, 1e-5), nn.BatchNorm1d(4)
    alone = TEXTS[real]
    assert torch.equal(layer(TEXTS)[real], layer(alone))
    with_padding, without = batch(TEXTS.flatten(0, 1)).view_as(TEXTS)[real], batch(alone)
    assert (with_padding - without).abs().max() > 0.5
    torch.testing.assert_close(without.mean(0), torch.zeros(4))  # what batch norm promises, and padding takes away
    assert with_padding.mean(0).abs().min() > 0.1


@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_norms_are_their_formulas(kind: str) -> None:
    x, norm = torch.randn(5, 6, generator=torch.Generator().manual_seed(0)), norm_of(kind, 6, 0.1)
    centred = x - x.mean(-1, keepdim=True) if kind == "layer" else x
    expected = centred / (centred.square().mean(-1, keepdim=True) + 0.1).sqrt()
    with torch.no_grad():
        norm.weight.fill_(3.0)
        torch.testing.assert_close(norm(x), 3 * expected)
