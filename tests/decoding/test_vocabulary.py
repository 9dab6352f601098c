"""The blockwise search against `topk`."""

import pytest
import torch

from headway.decoding.vocabulary import highest


@pytest.mark.parametrize(("vocabulary", "count"), [(3, 10), (63, 4), (640, 10), (1280, 10), (5021, 1), (8000, 7)])
def test_as_topk(vocabulary: int, count: int) -> None:
    scores = torch.randn(9, vocabulary, generator=torch.Generator().manual_seed(vocabulary))
    scores[3] = scores[3].sort(descending=True).values  # all in the first blocks
    scores[4] = scores[4].sort().values  # all in the last, uneven one
    scores[5] = -torch.inf
    scores[5, vocabulary // 2] = 0.0
    values, places = highest(scores, count)
    wanted = scores.topk(min(count, vocabulary))
    assert torch.equal(values, wanted.values)
    assert torch.equal(scores.gather(1, places), values)
    assert all(len(set(row)) == len(row) for row in places.tolist())
    assert torch.equal(places[:5], wanted.indices[:5])
