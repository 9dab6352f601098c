"""`headway attend`: what it writes, what it prints, and that numbers count from 1 as on the page."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import headway
from headway.cli.main import main
from headway.explain import figures
from tests.explain import samples


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Puts a sample trace in the place of a model; returns what it was asked for."""
    calls: list[tuple[object, ...]] = []
    module = ModuleType("headway.explain.attend")

    def look(loaded: object, name: str, text: str, *, target: str | None = None) -> object:
        calls.append((name, text, target))
        return samples.translation(text, target or samples.ENGLISH)

    vars(module)["look"] = look
    monkeypatch.setitem(sys.modules, "headway.explain.attend", module)
    monkeypatch.setattr(headway, "load", lambda name, **options: SimpleNamespace(fresh=(), unread=()), raising=False)
    return calls


def test_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[tuple[object, ...]]) -> None:
    assert main(["attend", "runs/x", samples.KOREAN, "Given.", "--out", str(tmp_path / "page.html")]) == 0
    assert asked == [("runs/x", samples.KOREAN, "Given.")]
    assert (tmp_path / "page.html").read_text("utf-8").startswith("<!doctype html>")
    assert capsys.readouterr().out.startswith(str(tmp_path / "page.html"))


def test_a_figure_of_the_heads_that_the_page_calls_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[dict[str, object]] = []
    real = figures.attention_figure
    monkeypatch.setattr(
        figures, "attention_figure", lambda *args, **asked: (drawn.append(asked), real(*args, **asked))[1]
    )
    files = ["--out", str(tmp_path / "page.html"), "--png", str(tmp_path / "figure.png")]
    assert main(["attend", "x", "나는", *files, "--block", "decoder", "--layer", "2", "--heads", "1,4", "--json"]) == 0
    assert drawn == [{"block": "decoder", "layer": 1, "heads": [0, 3]}]
    found = json.loads(capsys.readouterr().out)
    assert found["figure"] == str(tmp_path / "figure.png")
    assert found["bytes"] == (tmp_path / "page.html").stat().st_size
    assert found["layers"]["cross"] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("wrong", [["--layer", "0"], ["--heads", "0,3"], ["--heads", "a"], ["--heads", ""]])
def test_a_number_that_is_none_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: list[str], asked: list[tuple[object, ...]]
) -> None:
    assert main(["attend", "x", "나는", "--out", str(tmp_path / "page.html"), *wrong]) == 2
    assert "from 1" in capsys.readouterr().err
    assert not asked


@pytest.mark.parametrize("option", [["--block", "cross"], ["--layer", "2"], ["--heads", "1,2"]])
def test_what_is_chosen_for_a_figure_needs_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str], asked: list[tuple[object, ...]]
) -> None:
    assert main(["attend", "x", "나는", "--out", str(tmp_path / "page.html"), *option]) == 2
    assert f"{' '.join(option)} chooses what --png draws; add --png" in capsys.readouterr().err
    assert not asked


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--block", "cross"], "--block cross: this model has no such block; it has decoder"),
        (["--layer", "13"], "--layer 13: expected 1 to 12, the layers of the block decoder"),
        (["--heads", "1,13"], "--heads 13: expected some of 1 to 12, the heads of the block decoder"),
    ],
)
def test_what_a_model_has_not_is_counted_from_one_too(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    option: list[str],
    said: str,
) -> None:
    monkeypatch.setattr(sys.modules["headway.explain.attend"], "look", lambda *args, **asked: samples.long_text(20))
    files = ["--out", str(tmp_path / "page.html"), "--png", str(tmp_path / "figure.png")]
    assert main(["attend", "x", "나는", *files, *option]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_wrong_head_writes_nothing(tmp_path: Path) -> None:
    files = ["--out", str(tmp_path / "page.html"), "--png", str(tmp_path / "figure.png")]
    assert main(["attend", "x", "나는", *files, "--heads", "9"]) == 2
    assert not list(tmp_path.iterdir())
