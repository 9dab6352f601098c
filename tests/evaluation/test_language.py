"""Every token is predicted once, from enough of its own document; bits per byte do not depend on the tokens."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headway.data.blocks import starts_of
from headway.errors import ConfigError, DataError
from headway.evaluation.language import language_metrics, strided_windows, token_nll
from headway.models import build
from headway.models.families.gpt2 import Gpt2
from tests.data.corpora import corpus_of

VOCABULARY, START, END, READS = 19, 2, 3, 8
IDS: dict[str, Any] = {"start_id": START, "end_id": END, "max_length": READS}


def model_of() -> Any:
    torch.manual_seed(0)
    choices = Gpt2(num_layers=2, d_model=16, num_heads=2, max_length=READS, tied=False)
    model = build(choices.spec(VOCABULARY)).double().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model


def documents(*lengths: int) -> list[list[int]]:
    random = np.random.default_rng(0)
    return [random.integers(4, VOCABULARY, length).tolist() for length in lengths]


@given(st.lists(st.integers(1, 30), max_size=6), st.integers(1, 9), st.data())
def test_every_prediction_is_scored_once_with_context(sizes: list[int], max_length: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, max_length))
    starts = np.cumsum([0, *sizes])
    document = np.repeat(np.arange(len(sizes)), sizes)
    scored: list[int] = []
    for begin, first, end in np.stack(strided_windows(starts, max_length, stride), 1).tolist():
        assert begin <= first < end <= begin + max_length
        assert len(set(document[begin:end])) == 1
        before = first - starts[document[first]]  # tokens of its document
        assert first - begin >= min(before, max_length - stride)
        scored += range(first, end)
    assert sorted(scored) == list(range(sum(sizes)))


def test_it_is_the_model_s_own_likelihood_whatever_the_batch() -> None:
    model, texts = model_of(), documents(5, 0, 29, 1, 12, 7, 8)
    corpus = corpus_of(texts)
    found = {budget: token_nll(model, corpus, **IDS, batch_tokens=budget) for budget in (1, 13, 24, 1000)}
    for nll in found.values():
        np.testing.assert_allclose(nll, found[1], rtol=1e-12)
    every = token_nll(model, corpus, **IDS, stride=1)
    expected = []
    for ids in texts:
        read, said = [START, *ids], [*ids, END]
        for place, label in enumerate(said):
            seen = torch.tensor([read[max(0, place + 1 - READS) : place + 1]])
            expected.append(-model(seen).logits[0, -1].log_softmax(-1)[label].item())
    np.testing.assert_allclose(every, expected, rtol=1e-12)
    wide = token_nll(model, corpus, **IDS, stride=READS)
    assert np.abs(wide - every).max() > 0.1  # less context, other answers: the stride is heard
    np.testing.assert_allclose(found[1], token_nll(model, corpus, **IDS, stride=READS // 2), rtol=1e-12)


@pytest.mark.parametrize("text", ["so many letters, so many bits", "사과를 먹는다\n사과는 달다\n"])
def test_a_uniform_model_needs_the_same_bits_for_every_character(text: str) -> None:
    model = model_of()
    torch.nn.init.zeros_(model.head.weight)
    characters = {letter: 4 + number for number, letter in enumerate(sorted(set(text)))}
    texts = [[characters[letter] for letter in text]] * 3
    corpus = corpus_of(texts, text_bytes=3 * len(text.encode()))
    found = language_metrics(token_nll(model, corpus, **IDS), corpus)
    bits = math.log2(VOCABULARY) * (len(text) + 1) / len(text.encode())  # the end is said too
    assert found["bits_per_byte"]["score"] == pytest.approx(bits, rel=1e-12)
    assert found["bits_per_byte"]["low"] == pytest.approx(bits, rel=1e-12)
    assert found["perplexity"]["high"] == pytest.approx(VOCABULARY, rel=1e-12)
    assert (found["tokens"], found["bytes"]) == (3 * len(text) + 3, 3 * len(text.encode()))
    assert found["nll"] == pytest.approx(math.log(VOCABULARY) * found["tokens"], rel=1e-12)


def scored(count: int, length: int = 9, seed: int = 0) -> tuple[Any, Any]:
    """Documents that differ in how hard they are, and what their predictions cost."""
    corpus, random = corpus_of(documents(*[length] * count)), np.random.default_rng(seed)
    hardness = np.repeat(random.normal(3, 0.5, count), length + 1)
    return hardness + random.normal(0, 0.1, len(hardness)), corpus


def test_the_interval_contains_the_score_is_the_same_again_and_counts_documents() -> None:
    nll, corpus = scored(200)
    found = language_metrics(nll, corpus)
    assert language_metrics(nll, corpus) == found
    for name in ("perplexity", "bits_per_byte"):
        assert found[name]["low"] < found[name]["score"] < found[name]["high"]
    by_hand = 1.96 * nll.reshape(200, 10).mean(1).std() / math.sqrt(200)  # of equal documents: the normal one
    low, high = (math.log(found["perplexity"][side]) for side in ("low", "high"))
    assert (high - low) / 2 == pytest.approx(by_hand, rel=0.1)
    assert (low + high) / 2 == pytest.approx(nll.mean(), abs=by_hand / 5)
    one = corpus_of(documents(1999))  # a single document: its stretches of twenty
    stretches = 1.96 * nll.reshape(100, 20).mean(1).std() / math.sqrt(100)
    low, high = (math.log(language_metrics(nll, one)["perplexity"][side]) for side in ("low", "high"))
    assert (high - low) / 2 == pytest.approx(stretches, rel=0.1)
    assert language_metrics(nll, corpus, intervals=False)["bits_per_byte"].keys() == {"score"}


def test_of_very_many_documents_neighbours_are_drawn_together() -> None:
    nll, corpus = scored(20_001, length=1)
    assert len(starts_of(corpus)) == 20_002
    found = language_metrics(nll, corpus)["perplexity"]
    by_hand = 1.96 * nll.reshape(-1, 2).mean(1).std() / math.sqrt(20_001)
    assert (math.log(found["high"]) - math.log(found["low"])) / 2 == pytest.approx(by_hand, rel=0.25)


def test_what_cannot_be_measured_is_told() -> None:
    model, corpus = model_of(), corpus_of(documents(3, 30))
    for stride in (0, READS + 1):
        with pytest.raises(ConfigError, match=f"a stride of {stride} tokens in windows of 8; choose 1 to 8"):
            token_nll(model, corpus, **IDS, stride=stride)
    with pytest.raises(ConfigError, match="a text has 9 tokens, but the model was built for at most 8"):
        token_nll(model, corpus, **IDS | {"max_length": READS + 1})
    with pytest.raises(DataError, match="not one document"):
        token_nll(model, corpus_of([]), **IDS)
    with pytest.raises(DataError, match="no text to measure"):
        language_metrics(np.zeros(1), corpus_of([[]]))
