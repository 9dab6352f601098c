"""Spans are T5's own, the text can be told from source and target, and the loss is that of transformers."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from headway.data.batching import Draws
from headway.errors import ConfigError
from headway.objectives.seq2seq import Ids
from headway.objectives.span_corruption import SpanBatch, SpanCorruption
from headway.spec import SpecialTokens
from headway.training.distributed import World
from headway.training.step import Step, accumulate, means
from tests.parity.harness import ours_of, twin_of
from tests.parity.rows_t5 import ROWS

TOKENS = SpecialTokens(pad_id=0, start_id=0, end_id=1)
SENTINELS = range(3098, 2098, -1)  # as in T5: from the end of the vocabulary down
LENGTHS = st.lists(st.integers(0, 3) | st.integers(0, 150), min_size=1, max_size=4)
DENSITIES, MEANS = st.floats(0.01, 0.99), st.floats(1.0, 12.0)


def texts_of(lengths: Sequence[int], seed: int = 0, vocabulary: int = 2000) -> list[Ids]:
    random = np.random.default_rng(seed)
    return [random.integers(2, vocabulary, length).astype(np.uint16) for length in lengths]


def draws_of(count: int, seed: int = 0, epoch: int = 0) -> Draws:
    return Draws(np.arange(count), seed=seed, epoch=epoch)


def rows_of(ids: Tensor, end: int = TOKENS.end_id) -> list[list[int]]:
    """Packed ids, cut behind the end tokens, which are left out."""
    ends = [-1, *(ids == end).nonzero()[:, 0].tolist()]
    return [ids[before + 1 : after].tolist() for before, after in pairwise(ends)]


def restored(source: list[int], target: list[int]) -> list[int]:
    """The text, from what stands behind each sentinel of the target."""
    said: dict[int, list[int]] = {}
    for token in target:
        if token in SENTINELS:
            said[(mark := token)] = []
        else:
            said[mark].append(token)
    return [token for place in source for token in (said[place] if place in SENTINELS else [place])]


# --- T5's own algorithm, a token at a time ---


def by_t5(
    tokens: list[int], density: float, mean: float, draw: np.random.Generator
) -> tuple[list[int], list[int], int, int]:
    """Inputs and targets of `t5.data.preprocessors`, with the spans of `draw`; how many tokens go, and spans."""
    length = max(len(tokens), 2)
    noise = min(max(round(length * density), 1), length - 1)
    spans = max(round(noise / mean), 1)
    assume(spans <= length - noise)  # theirs has no answer

    def random_segmentation(items: int) -> list[int]:
        first_in_segment = [0] * items
        for place in draw.choice(items - 1, spans - 1, replace=False, shuffle=False):
            first_in_segment[1 + place] = 1
        lengths, segment = [0] * spans, 0
        for is_first in first_in_segment:
            segment += is_first
            lengths[segment] += 1
        return lengths

    def noise_span_to_unique_sentinel(noise_mask: list[bool]) -> list[int]:
        kept, sentinel, before = [], SENTINELS[0] + 1, False
        for token, is_noise in zip(tokens, noise_mask, strict=True):
            if is_noise and not before:
                sentinel -= 1
                kept.append(sentinel)
            elif not is_noise:
                kept.append(token)
            before = is_noise
        return kept

    mask: list[bool] = []
    gone = random_segmentation(noise)
    for nonnoise_length, noise_length in zip(random_segmentation(length - noise), gone, strict=True):
        mask += [False] * nonnoise_length + [True] * noise_length
    del mask[len(tokens) :]
    return noise_span_to_unique_sentinel(mask), noise_span_to_unique_sentinel([not m for m in mask]), noise, spans


def random_spans_helper(inputs_length: int, density: float, mean: float) -> tuple[int, int]:
    def lengths(tokens: int) -> tuple[int, int]:
        noise = round(tokens * density)
        spans = round(noise / mean)
        return tokens - noise + spans + 1, noise + spans + 1

    tokens = inputs_length - 1
    while lengths(tokens + 1)[0] <= inputs_length:
        tokens += 1
    return tokens, lengths(tokens)[1]


@given(LENGTHS, DENSITIES, MEANS, st.integers(0, 9))
def test_spans_are_those_of_t5(lengths: list[int], density: float, mean: float, seed: int) -> None:
    rows = texts_of(lengths)
    theirs = [by_t5(row.tolist(), density, mean, draws_of(len(rows), seed)[i]) for i, row in enumerate(rows)]
    batch = SpanCorruption(TOKENS, SENTINELS, density, mean).collate(rows, draws_of(len(rows), seed))
    assert rows_of(batch.pairs.source) == [source for source, _, _, _ in theirs]
    assert rows_of(batch.pairs.labels) == [target for _, target, _, _ in theirs]
    assert batch.pairs.inputs.tolist() == [token for _, target, _, _ in theirs for token in (TOKENS.start_id, *target)]
    for row, (_, target, noise, spans) in zip(rows, theirs, strict=True):
        assert len(row) < 2 or len(target) == noise + spans


@given(LENGTHS, DENSITIES, MEANS, st.integers(1, 6), st.integers(0, 9))
def test_the_text_comes_back(lengths: list[int], density: float, mean: float, sentinels: int, seed: int) -> None:
    rows, objective = texts_of(lengths, seed), SpanCorruption(TOKENS, SENTINELS[:sentinels], density, mean)
    batch = objective.collate(rows, draws_of(len(rows), seed))
    sources, targets = rows_of(batch.pairs.source), rows_of(batch.pairs.labels)
    for row, source, target in zip(rows, sources, targets, strict=True):
        marks, said = ([token for token in side if token in SENTINELS] for side in (source, target))
        assert said == list(SENTINELS[: min(len(said), sentinels)])
        if len(row) > 1:
            assert marks == said != []
            assert 0 < len(target) - len(said) < len(row)
        else:
            assert (source, target) == (row.tolist(), [SENTINELS[0]] * len(row))
        assert restored(source, target) == row.tolist()
    assert [[len(source) + 1, len(target) + 1] for source, target in zip(sources, targets, strict=True)] == (
        objective.lengths(lengths).tolist()
    )
    text = [token for target in targets for token in target if token not in SENTINELS]
    assert batch.pairs.labels[batch.text].tolist() == text
    assert sorted(torch.cat([batch.text, batch.marks]).tolist()) == list(range(len(batch.pairs.labels)))
    assert batch.counts == {"loss": len(batch.pairs.labels), "nll": len(batch.pairs.labels), "masked_nll": len(text)}
    assert batch.tokens == int(objective.lengths(lengths).sum())


@pytest.mark.parametrize(("density", "mean", "sentinels"), [(0.15, 3.0, 1000), (0.5, 3.0, 1000), (0.3, 1.0, 8)])
def test_exact_lengths_are_exact(density: float, mean: float, sentinels: int) -> None:
    objective = SpanCorruption(TOKENS, SENTINELS[:sentinels], density, mean)
    for length in range(3, 150):
        tokens, target = objective.exact_lengths(length)
        batch = objective.collate(texts_of([tokens, tokens + 1]), draws_of(2, seed=length))
        sources, targets = rows_of(batch.pairs.source), rows_of(batch.pairs.labels)
        assert (len(sources[0]) + 1, len(targets[0]) + 1) == (length, target)
        assert len(sources[1]) + 1 > length
        if sentinels == 1000 and density != 0.5 and length > 12:  # at 0.5 theirs may take one less
            assert (tokens, target) == random_spans_helper(length, density, mean)


def test_density_and_span_length_are_kept_over_texts_of_all_lengths() -> None:
    lengths = np.random.default_rng(0).integers(40, 300, 200)
    batch = SpanCorruption(TOKENS, SENTINELS).collate(texts_of(lengths.tolist()), draws_of(200))
    gone, spans = len(batch.text), len(batch.marks) - 200
    assert gone / lengths.sum() == pytest.approx(0.15, abs=0.001)
    assert gone / spans == pytest.approx(3.0, abs=0.05)


def test_all_masks_are_equally_likely() -> None:
    objective, times = SpanCorruption(TOKENS, SENTINELS, 0.4, 1.5), 1000
    batch = objective.collate([np.arange(2, 10)] * times, draws_of(times))  # 3 of 8 go, in 2 spans
    seen = Counter(map(tuple, rows_of(batch.pairs.source)))
    assert len(seen) == 2 * 4  # ways to cut 3, times ways to cut 5
    assert sum((count - times / 8) ** 2 for count in seen.values()) / (times / 8) < 24.3  # χ² of 7, p = 0.001


def test_a_text_is_corrupted_alike_in_any_batch_and_anew_in_each_epoch() -> None:
    rows, objective = texts_of([90, 70, 50, 80]), SpanCorruption(TOKENS, SENTINELS)

    def sources(places: list[int], epoch: int, seed: int = 3) -> list[list[int]]:
        draws = Draws(np.array(places), seed=seed, epoch=epoch)
        return rows_of(objective.collate([rows[place] for place in places], draws).pairs.source)

    whole = sources([0, 1, 2, 3], epoch=1)
    assert sources([2, 0], epoch=1) == [whole[2], whole[0]]
    for other in (sources([0, 1, 2, 3], epoch=2), sources([0, 1, 2, 3], epoch=1, seed=4)):
        assert all(mine != theirs for mine, theirs in zip(whole, other, strict=True))


# --- the loss ---


def small(smoothing: float = 0.0) -> SpanCorruption:
    return SpanCorruption(TOKENS, range(98, 88, -1), label_smoothing=smoothing)


def batch_of(objective: SpanCorruption, lengths: Sequence[int] = (40, 1, 23)) -> SpanBatch:
    return objective.collate(texts_of(lengths, vocabulary=89), draws_of(len(lengths)))


def test_the_loss_is_that_of_transformers() -> None:
    twin, objective = copy.deepcopy(twin_of(ROWS[0], 0.1)), small()
    batch = batch_of(objective)
    sources, targets = (
        [torch.tensor([*row, TOKENS.end_id]) for row in rows_of(ids)]
        for ids in (batch.pairs.source, batch.pairs.labels)
    )
    source = pad_sequence(sources, batch_first=True, padding_value=-1)
    labels = pad_sequence(targets, batch_first=True, padding_value=-100)
    given = {"input_ids": source.clamp(min=0), "attention_mask": (source >= 0).long()}
    with torch.no_grad():
        losses = objective.loss(ours_of(ROWS[0]), batch)
        of_all = twin(**given, labels=labels).loss
        decoder_input_ids = twin._shift_right(labels)
        text = labels.masked_fill((labels >= 89) | (labels == TOKENS.end_id), -100)
        logits = twin(**given, decoder_input_ids=decoder_input_ids).logits
        of_text = torch.nn.functional.cross_entropy(logits.flatten(0, 1), text.flatten())
    assert {name: (count, weight) for name, (_, count, weight) in losses.items()} == {
        "loss": (len(batch.pairs.labels), 1.0),
        "nll": (len(batch.pairs.labels), 0.0),
        "masked_nll": (int((text >= 0).sum()), 0.0),
    }
    assert {name: count for name, (_, count, _) in losses.items()} == batch.counts
    for name, expected in (("loss", of_all), ("nll", of_all), ("masked_nll", of_text)):
        torch.testing.assert_close(losses[name][0] / losses[name][1], expected, rtol=2e-6, atol=0)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_and_gradient_are_those_of_the_pairs(smoothing: float) -> None:
    model, objective = copy.deepcopy(ours_of(ROWS[0])).double(), small(smoothing)
    batch = batch_of(objective)
    losses, whole = objective.loss(model, batch), objective.seq2seq.loss(model, batch.pairs)
    found, expected = (torch.autograd.grad(each["loss"][0], list(model.parameters())) for each in (losses, whole))
    for name in ("loss", "nll"):
        torch.testing.assert_close(losses[name][0], whole[name][0], rtol=1e-12, atol=0)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-11)


def test_texts_of_one_token_are_learned_from_too() -> None:
    objective = small()
    found = means(accumulate(Step(ours_of(ROWS[0]), objective), [(batch_of(objective, [1, 1]), True)], world=World()))
    assert found["masked_nll"] == 0 < found["loss"] == found["nll"]


def test_a_batch_moves_to_a_device_whole() -> None:
    moved = batch_of(small()).to(torch.device("meta"))
    assert {moved.pairs.source.device.type, moved.text.device.type, moved.marks.device.type} == {"meta"}


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="no sentinels; use a vocabulary with pieces such as <extra_id_0>"):
        SpanCorruption(TOKENS, [])
    for density in (0.0, 1.0, float("nan")):
        with pytest.raises(ConfigError, match=f"the noise density is {density}; it must be more than 0 and less than"):
            SpanCorruption(TOKENS, SENTINELS, density)
    for mean in (0.9, float("inf"), float("nan")):
        with pytest.raises(ConfigError, match=f"the mean span length is {mean} tokens; it must be at least 1"):
            SpanCorruption(TOKENS, SENTINELS, 0.15, mean)
    with pytest.raises(ConfigError, match=r"a source of exactly 2 tokens at .* of 0\.15 .*; 3 tokens would do"):
        SpanCorruption(TOKENS, SENTINELS).exact_lengths(2)
    with pytest.raises(ConfigError, match=r"a source of exactly 4 tokens at .* length of 1\.0; 3 tokens would do"):
        SpanCorruption(TOKENS, SENTINELS, 0.9, 1.0).exact_lengths(4)
