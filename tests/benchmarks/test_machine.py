"""What the benchmarks share: processes that answer in turn, time and memory of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import machine

SCRIPT = """
from benchmarks.machine import serve
def answer(question):
    if question == "leave":
        raise SystemExit(3)
    return {"double": 2 * question, "text": bytearray(2**20 * question).decode()[:0]}
serve(answer)
"""


def test_a_child_answers_and_says_what_it_took() -> None:
    child = machine.Child("-c", SCRIPT)
    small, large = child.ask(1), child.ask(60)
    child.close()
    assert (small["double"], large["double"]) == (2, 120)
    assert 0 < small["seconds"] < 60
    assert small["foreign"] >= 0
    assert large["peak_bytes"] - small["peak_bytes"] > 50 * 2**20
    broken = machine.Child("-c", "raise SystemExit(3)")
    with pytest.raises(SystemExit, match="a child failed"):
        broken.close()


def test_a_child_that_ends_is_named() -> None:
    child = machine.Child("-c", SCRIPT)
    with pytest.raises(SystemExit, match="a child ended: -c"):
        child.ask("leave")
    child.process.communicate()


class Scripted:
    """A child whose machine is as busy as it is told."""

    def __init__(self, foreign: list[float]) -> None:
        self.foreign = iter(foreign)

    def ask(self, question: object) -> machine.Answer:
        return {"foreign": next(self.foreign), "seconds": 2.0}


def test_a_disturbed_round_is_done_again_and_the_first_never_counts() -> None:
    busy = {"a": Scripted([0.9, 0.0, 0.5, 0.1, 0.0]), "b": Scripted([0.0] * 5)}
    rounds = machine.take_turns(busy, "x", 3, title="t")  # type: ignore[arg-type]
    assert [answers["b"]["counts"] for answers in rounds] == [False, True, False, True, True]
    found = machine.speed([answers["a"] for answers in rounds], 50)
    assert found["tokens_per_second"] == 25.0
    assert found["foreign_processors"] == [0.0, 0.1, 0.0]


def test_a_report_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.publish({"what": "é"}, tmp_path / "new" / "a.json") == 0
    assert json.loads(capsys.readouterr().out) == {"what": "é"}
    assert json.loads((tmp_path / "new" / "a.json").read_text(encoding="utf-8")) == {"what": "é"}
    assert machine.publish({"not_equal": ["a"]}, None) == 1
    assert 0 < machine.resident_bytes() <= machine.peak_bytes()
    assert machine.has_bfloat16({"flags": ["avx2", "amx_bf16"]})
    assert not machine.has_bfloat16({"flags": ["avx2"]})
