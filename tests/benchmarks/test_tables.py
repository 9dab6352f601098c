"""The page of results says what the files of results say."""

from __future__ import annotations

from pathlib import Path

from benchmarks import tables


def test_the_page_is_that_of_the_files() -> None:
    """`python -m benchmarks.tables > docs/results.md` writes it."""
    written = Path(__file__).parents[2] / "docs" / "results.md"
    assert written.read_text(encoding="utf-8") == tables.page()


def test_several_seeds_stand_beside_the_first() -> None:
    """Their mean, and the lowest and the highest; the interval stays that of the rows."""
    table = tables.Table("", {"accuracy": "accuracy"}, scale=100)
    first = {"score": 0.8, "low": 0.79, "high": 0.81}
    assert table._cell(first) == "80.0 [79.0, 81.0]"
    seeds = {"score": 0.805, "low": 0.77, "high": 0.84, "scores": [0.8, 0.82, 0.795]}
    assert table._cell(first, seeds) == "80.0 [79.0, 81.0]; 3 seeds: 80.5 (79.5 to 82.0)"
