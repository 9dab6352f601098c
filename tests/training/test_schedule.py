"""The course of the rate against the formulas, by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.training.schedule import Kind, Schedule


@pytest.mark.parametrize("step", [1, 2, 3999, 4000, 4001, 100_000])
def test_noam_is_equation_3_of_the_paper(step: int) -> None:
    paper = 512**-0.5 * min(step**-0.5, step * 4000**-1.5)
    assert Schedule("noam", 1.0, 4000, 512).rate(step) == pytest.approx(paper, rel=1e-15)
    assert Schedule("noam", 2.0, 4000, 512).rate(step) == pytest.approx(2 * paper, rel=1e-15)
    assert Schedule("noam", 1.0, 4000, 128).rate(step) == pytest.approx(2 * paper, rel=1e-15)


@pytest.mark.parametrize(
    ("kind", "step", "progress", "share"),
    [
        ("inverse_sqrt", 1, 0.0, 1 / 100),
        ("inverse_sqrt", 100, 0.1, 1.0),
        ("inverse_sqrt", 400, 0.4, 1 / 2),
        ("cosine", 50, 0.0, 1 / 2),
        ("cosine", 300, 0.5, 1 / 2),
        ("cosine", 300, 1 / 3, 3 / 4),
        ("cosine", 300, 1.0, 0.0),
        ("linear", 50, 0.0, 1 / 2),
        ("linear", 300, 0.25, 3 / 4),
        ("linear", 300, 1.0, 0.0),
        ("linear", 300, 7.0, 0.0),
        ("slanted_triangular", 1, 0.0, 1 / 32),
        ("slanted_triangular", 31, 0.05, 1 / 2 + 1 / 64),
        ("slanted_triangular", 61, 0.1, 1.0),
        ("slanted_triangular", 331, 0.55, 1 / 2 + 1 / 64),
        ("slanted_triangular", 900, 7.0, 1 / 32),
        ("constant", 25, 0.0, 1 / 4),
        ("constant", 10_000, 0.9, 1.0),
    ],
)
def test_the_others_by_hand(kind: Kind, step: int, progress: float, share: float) -> None:
    assert Schedule(kind, 0.02, 100).rate(step, progress) == pytest.approx(0.02 * share, abs=1e-15)


@pytest.mark.parametrize("total", [10, 40, 1230])
def test_slanted_triangular_is_equation_3_of_howard_and_ruder(total: int) -> None:
    cut_frac, ratio, most = 0.1, 32, 0.01
    cut = math.floor(total * cut_frac)
    for t in range(total):
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / cut_frac - 1))
        paper = most * (1 + p * (ratio - 1)) / ratio
        assert Schedule("slanted_triangular", most, 500).rate(t + 1, t / total) == pytest.approx(paper, rel=1e-12)


@given(
    kind=st.sampled_from(["inverse_sqrt", "cosine", "linear", "slanted_triangular", "constant"]),
    warmup=st.integers(0, 50),
    total=st.integers(1, 200),
)
def test_it_rises_then_falls_and_the_last_step_still_moves(kind: Kind, warmup: int, total: int) -> None:
    schedule = Schedule(kind, 1.0, warmup)
    rates = [schedule.rate(step, (step - 1) / total) for step in range(1, total + 1)]
    top = max(range(total), key=rates.__getitem__)
    assert all(0 < rate <= 1 and math.isfinite(rate) for rate in rates)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
