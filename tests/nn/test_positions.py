"""Position schemes against their papers: the property each was made for, and the numbers others publish."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.t5.modeling_t5 import T5Attention

from headway.nn.positions import Alibi, Learned, Position, RelativeBias, Rotary, Sinusoidal, position_of, rotate
from tests.nn.stacks import stack_of


def test_the_sinusoids_are_those_of_the_paper_in_another_order() -> None:
    table = Sinusoidal(50, 8).table
    for position in (0, 1, 49):
        for i in range(4):  # PE(pos, 2i) = sin(pos / 10000^(2i/d)), PE(pos, 2i+1) = cos of the same
            angle = position / 10000 ** (2 * i / 8)
            assert table[position, i].item() == pytest.approx(math.sin(angle), abs=1e-7)
            assert table[position, 4 + i].item() == pytest.approx(math.cos(angle), abs=1e-7)


@given(position=st.integers(0, 400), offset=st.integers(0, 100))
def test_an_offset_is_a_rotation_of_the_sinusoids_whatever_the_position(position: int, offset: int) -> None:
    """M(φ)·p(t) = p(t + φ) with M = [[cos ωφ, sin ωφ], [−sin ωφ, cos ωφ]]."""
    table = Sinusoidal(512, 16).table.double()
    frequency = 10000 ** (-torch.arange(0, 16, 2, dtype=torch.float64) / 16)
    cos, sin = (frequency * offset).cos(), (frequency * offset).sin()
    sines, cosines = table[position].chunk(2)
    moved = torch.cat([cos * sines + sin * cosines, cos * cosines - sin * sines])
    torch.testing.assert_close(moved, table[position + offset], rtol=0, atol=1e-6)


@given(query=st.integers(0, 300), key=st.integers(0, 300), shift=st.integers(0, 300))
def test_rotary_scores_know_the_distance_alone(query: int, key: int, shift: int) -> None:
    rotary, generator = Rotary(8).double(), torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 8, dtype=torch.float64, generator=generator)

    def score(a: int, b: int) -> float:
        turned = [rotate(x, rotary.rotation(torch.tensor(place))) for x, place in ((q, a), (k, b))]
        return (turned[0] * turned[1]).sum().item()

    assert score(query, key) == pytest.approx(score(query + shift, key + shift), abs=1e-6)
    turned = rotate(q, rotary.rotation(torch.tensor(query)))
    assert turned.norm().item() == pytest.approx(q.norm().item())
    angle = query * 10000 ** (-2 / 8)  # of the second pair, (1, 5)
    assert turned[0, 1].item() == pytest.approx(
        (q[0, 1] * math.cos(angle) - q[0, 5] * math.sin(angle)).item(), abs=1e-5
    )


def test_alibi_has_the_slopes_its_authors_publish() -> None:
    eight = [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]
    assert Alibi(8).slopes.tolist() == eight
    twelve = [*eight, 0.70710678, 0.35355339, 0.17677670, 0.08838835]  # ofirpress/attention_with_linear_biases
    assert Alibi(12).slopes.tolist() == pytest.approx(twelve)
    columns = torch.arange(3)[None]
    bias = Alibi(1).bias(columns + 1, columns)
    slope = 2.0**-8
    assert bias.tolist() == [[[[-slope, 0, -slope], [-2 * slope, -slope, 0], [-3 * slope, -2 * slope, -slope]]]]


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("buckets", "farthest"), [(32, 128), (8, 20), (16, 64)])
def test_relative_buckets_are_those_of_t5(bidirectional: bool, buckets: int, farthest: int) -> None:
    distance = torch.arange(-300, 301)
    ours = RelativeBias(buckets, farthest, 2, bidirectional)._bucket(distance)
    theirs = T5Attention._relative_position_bucket(distance, bidirectional, buckets, farthest)
    assert torch.equal(ours, theirs)
    assert ours.max() == buckets - 1


@pytest.mark.parametrize(
    ("kind", "cls"),
    [
        ("none", Position),
        ("sinusoidal", Sinusoidal),
        ("learned", Learned),
        ("rotary", Rotary),
        ("alibi", Alibi),
        ("relative", RelativeBias),
    ],
)
def test_a_stack_gets_the_scheme_it_asks_for_and_no_other_hook_does_anything(kind: str, cls: type) -> None:
    position = position_of(stack_of(kind).spec)
    x, places = torch.ones(3, 12), torch.arange(3)
    assert type(position) is cls
    assert (position.embed(x, places) is x) == (kind not in ("sinusoidal", "learned"))
    assert (position.rotation(places) is None) == (kind != "rotary")
    assert (position.bias(places[None], places[None]) is None) == (kind not in ("alibi", "relative"))
    assert not any(name == "mask" for name, _ in position.named_buffers())


def test_only_the_decoder_side_of_relative_buckets_looks_back_alone() -> None:
    assert position_of(stack_of("relative").spec).bidirectional
    assert not position_of(stack_of("relative", causal=True).spec).bidirectional
