"""What is left of a distribution, against the processors of transformers over any settings."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.generation import logits_process as theirs

from headway.decoding.generate import Decoding
from headway.decoding.hypotheses import NO_TOKEN
from headway.decoding.processors import Moment, RepetitionPenalty
from headway.decoding.sampling import Draw, Sampling
from headway.errors import ConfigError

NOBODY = torch.zeros(3, dtype=torch.bool)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    vocabulary=st.sampled_from([2, 11, 300]),
    length=st.integers(1, 12),
    penalty=st.sampled_from([0.7, 1.0, 1.1, 2.0]),
    temperature=st.floats(0.2, 3.0),
    top_k=st.integers(0, 40),
    top_p=st.floats(0.05, 1.0),
)
def test_as_transformers(
    seed: int, vocabulary: int, length: int, penalty: float, temperature: float, top_k: int, top_p: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, vocabulary, generator=generator) * 4
    ids = torch.randint(vocabulary, (3, length), generator=generator)
    wanted = theirs.LogitsProcessorList([theirs.RepetitionPenaltyLogitsProcessor(penalty)])
    wanted.append(theirs.TemperatureLogitsWarper(temperature))
    if top_k:
        wanted.append(theirs.TopKLogitsWarper(top_k))
    wanted.append(theirs.TopPLogitsWarper(top_p))
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p)
    scores = logits.clone()
    RepetitionPenalty(penalty)(scores, Moment(length, NOBODY, ids[:, : length // 2 + 1], ids[:, length // 2 + 1 :]))
    found = Draw(sampling, torch.device("cpu")).probabilities(scores)
    found = found / found.sum(-1, keepdim=True)
    torch.testing.assert_close(found, wanted(ids, logits).softmax(-1), rtol=0.0, atol=1e-6)


def test_the_penalty_sees_no_padding_and_each_token_once() -> None:
    first = torch.tensor([[NO_TOKEN, 3], [1, 1]])
    written = torch.tensor([[2], [4], [3], [3]])  # two hypotheses a prompt
    scores = torch.tensor([[6.0, 6.0, -6.0, 6.0, 6.0]] * 4)
    RepetitionPenalty(2.0)(scores, Moment(2, NOBODY, first, written))
    assert scores.tolist() == [[6, 6, -12, 3, 6], [6, 6, -6, 3, 3], [6, 3, -6, 3, 6], [6, 3, -6, 3, 6]]


def test_a_penalty_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"repetition_penalty is 0.0; it must be above 0"):
        Decoding(repetition_penalty=0.0)
