"""What is written about a training, and what is read of it after a crash."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
from rich.console import Console

from headway.training.log import Log, read_metrics

ROW = {
    "step": 1200,
    "loss": 2.5,
    "perplexity": 12.182,
    "learning_rate": 5e-4,
    "tokens_per_second": 4321.0,
    "padding": 0.125,
}


def lines(folder: Path) -> list[str]:
    return (folder / "metrics.jsonl").read_text(encoding="utf-8").split("\n")


def test_rows_are_on_the_disk_at_once_and_valid_json(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.row({"step": 1, "loss": math.nan, "perplexity": math.inf, "note": "손실"})
    assert lines(tmp_path) == ['{"step": 1, "loss": null, "perplexity": null, "note": "손실"}', ""]
    log.row({"step": 2, "loss": 0.1})
    log.close()
    assert [json.loads(line)["step"] for line in lines(tmp_path)[:-1]] == [1, 2]
    assert read_metrics(tmp_path)[1] == {"step": 2, "loss": 0.1}


def test_a_line_that_a_crash_tore_is_passed_over_and_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert read_metrics(tmp_path) == []
    rows = [{"step": step, "loss": step / 8} for step in (1, 2, 3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 4, "lo', encoding="utf-8")
    assert read_metrics(tmp_path) == rows
    log = Log(tmp_path)
    log.rewind(2)
    log.row({"step": 3, "loss": 9.0})
    log.close()
    assert read_metrics(tmp_path) == [*rows[:2], {"step": 3, "loss": 9.0}]
    assert len(lines(tmp_path)) == 4
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.jsonl"]


@pytest.mark.parametrize("terminal", [False, True])
def test_the_live_line_says_what_a_person_wants_to_know(tmp_path: Path, terminal: bool) -> None:
    stream = io.StringIO()
    log = Log(tmp_path, console=Console(file=stream, force_terminal=terminal, width=200, highlight=False))
    log.live(0.25, 60.0, ROW)
    log.live(0.25, 60.0, ROW | {"step": 1201})  # at once again: a terminal moves, a file stays quiet
    log.note("step 7 [done]")
    log.close()
    said = stream.getvalue()
    for part in ("step 1,200", "loss 2.500", "perplexity 12.18", "5.0e-04", "4,321 tokens/s", "12.5%", "3:00 left"):
        assert (part in said) or (part == "step 1,200" and terminal)
    assert ("1,201" in said) == terminal
    assert "step 7 [done]" in said


def test_what_is_no_likelihood_has_no_perplexity(tmp_path: Path) -> None:
    stream = io.StringIO()
    log = Log(tmp_path, console=Console(file=stream, width=200, highlight=False))
    log.live(0.3, 60.0, {name: value for name, value in ROW.items() if name != "perplexity"})
    log.close()
    assert "loss 2.500  rate 5.0e-04" in stream.getvalue()


def test_tensorboard_gets_the_same_numbers(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = Log(tmp_path, tensorboard=True)
    log.row({"step": 3, "epoch": 0, "loss": 2.5, "perplexity": math.nan})
    log.close()
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert events.Tags()["scalars"] == ["loss"]
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(3, 2.5)]
