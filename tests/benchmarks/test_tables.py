"""The page of results says what the files of results say."""

from __future__ import annotations

from pathlib import Path

from benchmarks import tables


def test_the_page_is_that_of_the_files() -> None:
    """`python -m benchmarks.tables > docs/results.md` writes it."""
    written = Path(__file__).parents[2] / "docs" / "results.md"
    assert written.read_text(encoding="utf-8") == tables.page()
