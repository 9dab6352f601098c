"""Sources in any order and any company: the same outputs, in the order that was given."""

from typing import Literal

import pytest
import torch
from torch import nn

from headway.decoding.generate import Decoding, decode
from headway.decoding.hypotheses import Hypothesis
from headway.decoding.sampling import Sampling
from headway.errors import ConfigError, DataError
from headway.models.build import build
from headway.models.families.recurrent import Recurrent
from headway.models.transformer import EncoderDecoder
from headway.spec import SpecialTokens
from tests.decoding.models import END, sources

KINDS = [Decoding(beam=1), Decoding(beam=4, n_best=3), Decoding(beam=3, stop="never", force_end=True, ratio=1, extra=2)]


def assert_same(found: list[list[Hypothesis]], wanted: list[list[Hypothesis]]) -> None:
    for ours, theirs in zip(found, wanted, strict=True):
        assert [h.ids for h in ours] == [h.ids for h in theirs]
        assert [h.score for h in ours] == pytest.approx([h.score for h in theirs], abs=1e-5)
        assert [h.hit_limit for h in ours] == [h.hit_limit for h in theirs]


@pytest.mark.parametrize("options", KINDS)
def test_batches_change_nothing_and_order_is_kept(tiny: EncoderDecoder, options: Decoding) -> None:
    rows = sources(1, 13, longest=14)
    alone = [decode(tiny, [row], options)[0] for row in rows]
    assert len({tuple(best[0].ids) for best in alone}) > 8
    assert len({len(best[0].ids) for best in alone}) > 4
    for batch_tokens in (30, 100, 4000):
        assert_same(decode(tiny, rows, options, batch_tokens=batch_tokens), alone)
    assert_same(decode(tiny, rows[::-1], options), alone[::-1])


@pytest.mark.parametrize("attention", ["none", "dot"])
@pytest.mark.parametrize("options", KINDS[:2])
def test_a_recurrent_model_is_decoded_alike(options: Decoding, attention: Literal["none", "dot"]) -> None:
    torch.manual_seed(2)
    choices = Recurrent(cell="lstm", d_model=12, num_layers=1, attention=attention)
    model = build(choices.spec(41, 41, SpecialTokens(pad_id=40, start_id=40, end_id=END))).eval()
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.6)
    rows = sources(1, 7)
    alone = [decode(model, [row], options)[0] for row in rows]
    assert len({tuple(best[0].ids) for best in alone}) > 3
    assert_same(decode(model, rows, options), alone)


def test_the_limit_grows_with_the_source(tiny: EncoderDecoder) -> None:
    rows = [[*([7] * count), END] for count in (1, 5, 60)]
    options = Decoding(beam=2, n_best=2, ratio=1.5, extra=3, suppress=(END,))  # which never ends
    lengths = [[len(h.ids) for h in best] for best in decode(tiny, rows, options)]
    assert lengths == [[6, 6], [12, 12], [64, 64]]  # int(1.5 · 2) + 3, and never more than the model has positions for
    assert all(h.hit_limit for best in decode(tiny, rows, options) for h in best)


def test_what_is_suppressed_never_comes_and_min_length_holds(tiny: EncoderDecoder) -> None:
    rows = sources(2, 8)
    free = {token for best in decode(tiny, rows, Decoding(beam=1)) for token in best[0].ids}
    banned = tuple(sorted(free - {END})[:5])
    for options in (
        Decoding(beam=1, suppress=banned),
        Decoding(beam=4, n_best=4, suppress=banned),
        Decoding(n_best=3, suppress=banned, sampling=Sampling(temperature=3.0)),
    ):
        assert not any(set(h.ids) & set(banned) for best in decode(tiny, rows, options) for h in best)
    ends = decode(tiny, rows, Decoding(beam=4, n_best=4, min_length=7))
    assert min(len(h.ids) for best in ends for h in best) == 7


def test_sampling_follows_its_seed_and_leaves_the_global_generator_alone(tiny: EncoderDecoder) -> None:
    rows = sources(3, 6)
    options = Decoding(n_best=4, sampling=Sampling(seed=5))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = decode(tiny, rows, options)
    assert torch.equal(before, torch.get_rng_state())
    assert_same(decode(tiny, rows, options), first)
    other = decode(tiny, rows, Decoding(n_best=4, sampling=Sampling(seed=6)))
    assert [h.ids for best in other for h in best] != [h.ids for best in first for h in best]
    assert {len(best) for best in first} == {4}
    assert len({tuple(h.ids) for best in first for h in best}) > 12


def test_sampling_at_no_temperature_is_greedy_with_the_models_own_probability(tiny: EncoderDecoder) -> None:
    rows = sources(4, 6)
    greedy = decode(tiny, rows, Decoding(beam=1))
    for sampling in (Sampling(temperature=1e-4), Sampling(top_k=1), Sampling(top_p=1e-6)):
        assert_same(decode(tiny, rows, Decoding(sampling=sampling)), greedy)


def test_nothing_is_nothing(tiny: EncoderDecoder) -> None:
    assert decode(tiny, [], Decoding()) == []


def test_a_source_that_cannot_be_read_is_refused(tiny: EncoderDecoder) -> None:
    with pytest.raises(DataError, match="source 1 has no token"):
        decode(tiny, [[END], []])
    with pytest.raises(ConfigError, match="65 tokens"):
        decode(tiny, [[7] * 65])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beam": 0}, "beam is 0"),
        ({"n_best": 6}, "a beam of 5 finds no more than 5"),
        ({"max_length": 0}, "max_length is 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Decoding(**wrong)
