"""What a token is drawn from, against plain arithmetic."""

import math

import pytest
import torch

from headway.decoding.sampling import Draw, Sampling
from headway.errors import ConfigError

LOGITS = torch.tensor([[math.log(p) for p in (0.1, 0.4, 0.2, 0.3)]])
CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("sampling", "wanted"),
    [
        (Sampling(), [0.1, 0.4, 0.2, 0.3]),
        (Sampling(temperature=0.5), [0.01 / 0.3, 0.16 / 0.3, 0.04 / 0.3, 0.09 / 0.3]),
        (Sampling(top_k=2), [0, 4 / 7, 0, 3 / 7]),
        (Sampling(top_k=9), [0.1, 0.4, 0.2, 0.3]),
        (Sampling(top_p=0.65), [0, 0.4, 0, 0.3]),  # 0.4 alone does not reach it
        (Sampling(top_p=0.3), [0, 0.4, 0, 0]),
        (Sampling(top_k=3, top_p=0.4), [0, 4 / 9, 0, 0]),  # of what top-k left
    ],
)
def test_probabilities(sampling: Sampling, wanted: list[float]) -> None:
    assert Draw(sampling, CPU).probabilities(LOGITS)[0].tolist() == pytest.approx(wanted, abs=1e-6)


def test_the_draws_have_the_shares_of_the_distribution() -> None:
    draws = Draw(Sampling(top_p=0.85), CPU)(LOGITS.expand(30000, -1))
    shares = draws.bincount(minlength=4) / len(draws)
    assert shares.tolist() == pytest.approx([0, 4 / 9, 2 / 9, 3 / 9], abs=0.01)


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.5}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Sampling(**wrong)
