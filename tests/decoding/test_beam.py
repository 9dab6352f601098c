"""Beam search against `transformers`, against exhaustive search, and against itself under other batches."""

import itertools
import random

import pytest
import torch
from torch import Tensor, nn

from headway.decoding.beam import beam_search
from headway.decoding.generate import Decoding, decode
from headway.decoding.hypotheses import LengthNorm
from headway.models.build import Model, build
from headway.models.families.recurrent import Recurrent
from headway.models.families.vaswani import Vaswani
from headway.models.transformer import EncoderDecoder
from headway.spec import SpecialTokens
from tests.decoding.models import END, PAD, sources, twins

STOPS = {"first": True, "bound": False, "never": "never"}
GRID = [
    (beam, alpha, stop, longest, force)
    for beam in (2, 4, 5)
    for alpha in (0.0, 0.6, 1.0, 2.0)
    for stop in STOPS
    for longest, force in ((4, False), (13, False), (13, True))
]
TRANSFORMER = Vaswani(num_layers=1, d_model=8, d_ff=8, num_heads=2)
random.Random(0).shuffle(GRID)


def padded(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    ids = nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)
    return ids, torch.arange(ids.shape[1]) < torch.tensor([len(row) for row in rows])[:, None]


def generate(theirs: object, rows: list[list[int]], **options: object) -> object:
    ids, mask = padded(rows)
    return theirs.generate(
        ids, attention_mask=mask.long(), do_sample=False, return_dict_in_generate=True, output_scores=True, **options
    )


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_transformers(seed: int) -> None:
    """A hundred settings, every third of them a seed, each for other sources: the same hypotheses, the same scores."""
    (ours, theirs), settings = twins(seed), GRID[seed::3]
    early, outputs = 0, set()
    for number, (beam, alpha, stop, longest, force) in enumerate(settings):
        rows = sources(number)
        options = Decoding(
            beam=beam, n_best=beam, length_norm=LengthNorm("power", alpha), stop=stop, max_length=longest,
            force_end=force,
        )  # fmt: skip
        found = decode(ours, rows, options)
        wanted = generate(
            theirs, rows, num_beams=beam, num_return_sequences=beam, max_new_tokens=longest, length_penalty=alpha,
            early_stopping=STOPS[stop], forced_eos_token_id=END if force else None,
        )  # fmt: skip
        sequences = zip(wanted.sequences[:, 1:].tolist(), wanted.sequences_scores.tolist(), strict=True)
        for hypothesis, (ids, score) in zip(itertools.chain.from_iterable(found), sequences, strict=True):
            length = len(hypothesis.ids)
            assert hypothesis.ids == ids[:length], (beam, alpha, stop, longest, force)
            assert set(ids[length:]) <= {PAD}
            assert hypothesis.score == pytest.approx(score, abs=1e-5)
            assert hypothesis.hit_limit == (length == longest)
            early += length < longest
            outputs.add(tuple(ids))
    assert len(settings) == 36
    assert early > 40
    assert len(outputs) > 100


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("force", [False, True])
def test_greedy_is_that_of_transformers_and_a_beam_of_one(seed: int, force: bool) -> None:
    (ours, theirs), rows = twins(seed), sources(seed, 5)
    found = decode(ours, rows, Decoding(beam=1, max_length=12, force_end=force))
    wanted = generate(theirs, rows, num_beams=1, max_new_tokens=12, forced_eos_token_id=END if force else None)
    for (hypothesis,), ids in zip(found, wanted.sequences[:, 1:].tolist(), strict=True):
        assert hypothesis.ids == ids[: len(hypothesis.ids)]
        assert set(ids[len(hypothesis.ids) :]) <= {PAD}
    options = Decoding(beam=1, max_length=12, force_end=force)
    for source, (hypothesis,) in zip(rows, found, strict=True):
        state, limits = ours.start(ours.encode(torch.tensor([source]))), torch.tensor([12])
        searched = beam_search(
            ours, state, torch.tensor([[PAD]]), limits, beam=1, stop="first",
            processors=options.processors(ours.spec),
        )  # fmt: skip
        assert searched[0][0].ids == hypothesis.ids
        assert searched[0][0].score == pytest.approx(hypothesis.score, abs=1e-5)


@pytest.mark.parametrize(
    ("choices", "norm"),
    [
        *((TRANSFORMER, norm) for norm in ("none", "avg", "gnmt:0.6", "gnmt:2", "power:0.5", "power:3", "power:-0.5")),
        (Recurrent(cell="gru", d_model=8, num_layers=1, attention="none"), "gnmt:0.6"),
        (Recurrent(cell="lstm", d_model=8, num_layers=2, attention="additive"), "avg"),
    ],
)
def test_a_wide_beam_finds_what_exhaustive_search_finds(choices: Vaswani | Recurrent, norm: str) -> None:
    """Every output of up to 4 tokens over 5 pieces, scored by full forward passes."""
    torch.manual_seed(3)
    model = build(choices.spec(5, 5, SpecialTokens(pad_id=0, start_id=1, end_id=2))).eval()
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.8)
    by = LengthNorm.parse(norm)
    rows, longest = [[3, 4, 3, 2], [4, 2]], 4
    every = [
        ids
        for length in range(1, longest + 1)
        for ids in itertools.product(range(5), repeat=length)
        if 2 not in ids[:-1] and (ids[-1] == 2 or length == longest)
    ]
    options = Decoding(beam=700, n_best=700, length_norm=by, stop="never", max_length=longest)
    for source, found in zip(rows, decode(model, rows, options), strict=True):
        scored = sorted(((log_probability(model, source, ids) / by(len(ids)), ids) for ids in every), reverse=True)
        assert len(found) == len(every) == 341
        assert [hypothesis.score for hypothesis in found] == pytest.approx([score for score, _ in scored], abs=1e-5)
        for hypothesis, (score, ids) in zip(found[:20], scored, strict=False):
            assert tuple(hypothesis.ids) == ids or hypothesis.score == pytest.approx(score, abs=1e-6)  # or a tie


def log_probability(model: Model, source: list[int], ids: list[int] | tuple[int, ...]) -> float:
    """Of `ids`, by one full forward pass without a cache."""
    tokens = torch.tensor([[model.spec.tokens.start_id, *ids]])
    with torch.inference_mode():
        logits = model(torch.tensor([source]), decoder_input_ids=tokens[:, :-1]).logits
    return float(logits.log_softmax(-1)[0].gather(1, tokens[0, 1:, None]).sum())


@pytest.mark.parametrize("stop", STOPS)
def test_scores_can_be_computed_again(tiny: EncoderDecoder, stop: str) -> None:
    norm = LengthNorm.parse("gnmt:0.8")
    rows = sources(5, 4)
    found = decode(tiny, rows, Decoding(beam=4, n_best=4, length_norm=norm, stop=stop, max_length=15))
    assert any(len(hypothesis.ids) == 15 for best in found for hypothesis in best)
    for source, best in zip(rows, found, strict=True):
        assert [hypothesis.score for hypothesis in best] == sorted((h.score for h in best), reverse=True)
        for hypothesis in best:
            again = log_probability(tiny, source, hypothesis.ids)
            assert hypothesis.log_probability == pytest.approx(again, abs=1e-4)
            assert hypothesis.score == pytest.approx(again / norm(len(hypothesis.ids)), abs=1e-5)
            assert hypothesis.hit_limit == (len(hypothesis.ids) == 15)
