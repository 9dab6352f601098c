"""Prompts of any length, continued as transformers continues them, and alike in any company and with any cache."""

from __future__ import annotations

import dataclasses
import itertools
import random
from typing import Any

import pytest
import torch
from torch import Tensor

from headway.decoding.generate import Decoding, complete, decode, write
from headway.decoding.hypotheses import LengthNorm
from headway.decoding.options import NEW_TOKENS
from headway.decoding.rollout import finish
from headway.decoding.sampling import Sampling
from headway.errors import CheckpointError, ConfigError, DataError
from headway.models.single import SingleStack
from headway.nn.positions import position_of
from tests.decoding.models import END, PAD, decoder_twins, sources, t5_twins
from tests.decoding.test_generate import assert_same
from tests.nn.stacks import KINDS, stack_of

STOPS = {"first": True, "bound": False, "never": "never"}
GRID = list(itertools.product((1, 2, 4), (0.0, 1.0, 2.0), STOPS, (5, 14), (1.0, 1.4)))
random.Random(0).shuffle(GRID)


def prompts(seed: int, count: int = 3, longest: int = 9) -> list[list[int]]:
    return [source[:-1] for source in sources(seed, count, longest)]


def generated(theirs: Any, rows: list[list[int]], side: str, options: Decoding, **more: Any) -> Any:
    """What transformers returns for `rows`, which are padded."""
    longest = max(map(len, rows))
    ids, mask = torch.full((len(rows), longest), PAD), torch.zeros(len(rows), longest, dtype=torch.long)
    for i, row in enumerate(rows):
        place = slice(longest - len(row), longest) if side == "left" else slice(0, len(row))
        ids[i, place], mask[i, place] = torch.tensor(row), 1
    return theirs.generate(
        ids, attention_mask=mask, num_beams=options.beam, num_return_sequences=options.n_best,
        max_new_tokens=options.max_length, length_penalty=options.length_norm.alpha, early_stopping=STOPS[options.stop],
        repetition_penalty=options.repetition_penalty, suppress_tokens=list(options.suppress), pad_token_id=PAD,
        return_dict_in_generate=True, output_scores=True, **{"do_sample": False, **more},
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["gpt2", "bloom", "t5"])
def test_equal_to_transformers(kind: str) -> None:
    """Greedy and beam search over three dozen settings, each for other prompts, padded to one length."""
    ours, theirs = t5_twins(1) if kind == "t5" else decoder_twins(kind, 1)
    early, outputs, run = 0, set(), decode if kind == "t5" else complete
    for number, (beam, alpha, stop, longest, penalty) in enumerate(GRID[::3]):
        rows = [[*row, 1] for row in prompts(number)] if kind == "t5" else prompts(number)
        options = Decoding(
            beam=beam, n_best=beam, length_norm=LengthNorm("power", alpha), stop=stop, max_length=longest,
            repetition_penalty=penalty, suppress=(PAD,),
        )  # fmt: skip
        found = run(ours, rows, options)
        wanted = generated(theirs, rows, "right" if kind == "t5" else "left", options)
        new = wanted.sequences[:, 1 if kind == "t5" else max(map(len, rows)) :].tolist()
        scores = wanted.sequences_scores.tolist() if beam > 1 else [None] * len(new)
        for hypothesis, ids, score in zip(itertools.chain.from_iterable(found), new, scores, strict=True):
            length = len(hypothesis.ids)
            assert hypothesis.ids == ids[:length], (beam, alpha, stop, longest, penalty)
            assert set(ids[length:]) <= {PAD}
            assert score is None or hypothesis.score == pytest.approx(score, abs=1e-5)
            early += length < longest
            outputs.add(tuple(ids))
    assert early > 10
    assert len(outputs) > 80


@pytest.mark.parametrize("kind", ["gpt2", "t5"])
@pytest.mark.parametrize("beam", [1, 3])
def test_any_of_several_tokens_ends_an_output(kind: str, beam: int) -> None:
    (ours, theirs), first = (t5_twins(1), 1) if kind == "t5" else (decoder_twins(kind, 1), END)
    last: set[int] = set()
    for seed, (least, forces) in enumerate([(0, False), (4, False), (0, True), (6, False)]):
        ends = (first, *range(3 + seed, 24 + seed, 3))
        rows = [[*row, 1] for row in prompts(seed)] if kind == "t5" else prompts(seed)
        options = Decoding(beam=beam, n_best=beam, max_length=7, ends=ends, min_length=least, force_end=forces)
        found = itertools.chain.from_iterable((decode if kind == "t5" else complete)(ours, rows, options))
        wanted = generated(
            theirs, rows, "right" if kind == "t5" else "left", options, eos_token_id=list(ends),
            min_new_tokens=max(least - 1, 0), forced_eos_token_id=first if forces else None,
        )  # fmt: skip
        new = wanted.sequences[:, 1 if kind == "t5" else max(map(len, rows)) :].tolist()
        for hypothesis, ids in zip(found, new, strict=True):
            assert hypothesis.ids == ids[: len(hypothesis.ids)], options
            assert set(ids[len(hypothesis.ids) :]) <= {PAD}
            assert len(hypothesis.ids) >= least
            assert not set(hypothesis.ids[:-1]) & set(ends)
            assert not forces or hypothesis.ids[-1] in ends
            last.add(hypothesis.ids[-1])
    assert len(last & {first, *range(3, 28)}) > 1


@pytest.mark.parametrize("beam", [1, 2])
def test_weights_that_are_no_numbers_are_told(beam: int) -> None:
    ours, rows = decoder_twins("bloom", 0)[0], prompts(3, 4)
    with torch.no_grad():
        ours.stack.tokens.weight[rows[2][0]] = torch.nan
    for sampling in (None, Sampling()):
        with pytest.raises(CheckpointError, match="no number"):
            complete(ours, rows, Decoding(beam=beam, sampling=sampling))


class Forced:
    """Records what a draw would be from, and takes given tokens instead."""

    def __init__(self, sampling: Sampling, tokens: Tensor) -> None:
        from headway.decoding.sampling import Draw

        self.draw, self.tokens, self.seen = Draw(sampling, torch.device("cpu")), tokens, list[Tensor]()

    def __call__(self, scores: Tensor) -> Tensor:
        self.seen.append(self.draw.probabilities(scores))
        return self.tokens[:, len(self.seen) - 1]


@pytest.mark.parametrize("kind", ["gpt2", "t5"])
@pytest.mark.parametrize(
    ("sampling", "penalty"),
    [
        (Sampling(), 1.0),
        (Sampling(temperature=0.6), 1.3),
        (Sampling(temperature=1.7, top_k=7, top_p=0.8), 1.0),
        (Sampling(temperature=0.9, top_k=20, top_p=0.9), 0.8),
    ],
)
def test_what_is_drawn_from_is_that_of_transformers_at_every_step(
    kind: str, sampling: Sampling, penalty: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = 1 if kind == "t5" else END
    ours, theirs = t5_twins(2) if kind == "t5" else decoder_twins(kind, 2)
    rows = [[*row, 1] for row in prompts(7)] if kind == "t5" else prompts(7)
    options = Decoding(
        beam=1, max_length=12, sampling=sampling, repetition_penalty=penalty, suppress=(PAD, end), n_best=1
    )
    torch.manual_seed(0)
    wanted = generated(
        theirs, rows, "right" if kind == "t5" else "left", options, do_sample=True, top_p=sampling.top_p,
        temperature=sampling.temperature, top_k=sampling.top_k,
    )  # fmt: skip
    order = sorted(range(len(rows)), key=lambda row: -len(rows[row]))  # as they are decoded
    forced = Forced(sampling, wanted.sequences[order, -12:])
    monkeypatch.setattr("headway.decoding.generate.Draw", lambda *_: forced)
    (decode if kind == "t5" else complete)(ours, rows, options)
    assert len(forced.seen) == len(wanted.scores) == 12
    for ours_now, theirs_now in zip(forced.seen, wanted.scores, strict=True):
        normal = ours_now / ours_now.sum(-1, keepdim=True)
        torch.testing.assert_close(normal, theirs_now[order].softmax(-1), rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("kind", ["gpt2", "bloom"])
@pytest.mark.parametrize("options", [Decoding(beam=1, suppress=(END,)), Decoding(beam=3, n_best=3)])
def test_company_order_and_cache_change_nothing(kind: str, options: Decoding) -> None:
    """GPT-2 goes on to its last position, from a short prompt beside a long one."""
    ours, rows = decoder_twins(kind, 0)[0], [*prompts(1, 7, longest=20), [*range(1, 40), 3, 4, 5]]
    options = dataclasses.replace(options, max_length=44, repetition_penalty=1.5)
    alone = [complete(ours, [row], options)[0] for row in rows]
    lengths = {len(row) + len(best[0].ids) for row, best in zip(rows, alone, strict=True)}
    assert len({tuple(best[0].ids) for best in alone}) > 3
    if kind == "gpt2" and options.suppress:
        assert max(lengths) == 49  # the last token has no position: it is never read
    for cache in ("slots", "growing"):
        together = dataclasses.replace(options, cache=cache)
        for batch_tokens in (100, 4000):
            assert_same(complete(ours, rows, together, batch_tokens=batch_tokens), alone)
    assert_same(complete(ours, rows[::-1], options), alone[::-1])


def test_several_draws_read_the_prompt_once() -> None:
    ours, rows = decoder_twins("gpt2", 0)[0], prompts(3, 4)
    read: list[tuple[int, ...]] = []
    ours.stack.register_forward_pre_hook(lambda _, inputs: read.append(tuple(inputs[0].shape)))
    options = Decoding(n_best=5, sampling=Sampling(seed=3), max_length=6, suppress=(END,))
    found = complete(ours, rows, options)
    assert read == [(4, max(map(len, rows))), *[(20, 1)] * 5]
    assert len({tuple(h.ids) for best in found for h in best}) == 20
    assert_same(complete(ours, rows, options), found)
    logits = [
        ours(torch.tensor([row + h.ids])).logits.log_softmax(-1)[0, len(row) - 1 :]
        for row, best in zip(rows, found, strict=True)
        for h in best
    ]
    for own, h in zip(logits, itertools.chain.from_iterable(found), strict=True):
        total = own[torch.arange(6), torch.tensor(h.ids)].sum().item()
        assert h.log_probability == pytest.approx(total, abs=1e-4)


def test_tokens_are_told_as_they_are_chosen() -> None:
    ours, row = decoder_twins("bloom", 1)[0], prompts(5)[0]
    options = Decoding(beam=1, max_length=9)
    (wanted,) = complete(ours, [row], options)[0]
    assert [int(token) for token in write(ours, row, options)] == wanted.ids
    assert finish(write(ours, row, options)) == [[wanted]]
    with pytest.raises(ConfigError, match="only one output at a time"):
        write(ours, row, Decoding(beam=2))


def test_prompts_that_cannot_be_read_are_refused_before_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = decoder_twins("gpt2", 0)[0]
    monkeypatch.setattr(SingleStack, "step", lambda *_: pytest.fail("read"))
    for rows, message in [
        ([[3], []], "prompt 1 has no token"),
        ([[3], [4] * 49], "prompt 1 has 49 tokens, but the model reads at most 48"),
        ([[3, 41]], "prompt 0 has the id 41, but the model knows 0 to 40"),
        ([[3, -1]], "prompt 0 has the id -1"),
    ]:
        with pytest.raises(DataError, match=message):
            complete(ours, rows)
    assert complete(ours, []) == []


def test_without_positions_that_end_there_is_no_limit() -> None:
    ours = decoder_twins("bloom", 0)[0]
    assert Decoding().limit(5000, ours.spec) == NEW_TOKENS
    assert Decoding(max_length=3000).limit(5000, ours.spec) == 3000
    for kind in KINDS:
        spec = stack_of(kind).spec
        assert spec.reach == (spec.max_length if position_of(spec).is_bounded else None)
