"""Figures: written whole, with the heads and curves asked for; Hangul, formulas, rare letters without a warning."""

import re
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from headway.errors import ConfigError
from headway.explain import figures
from headway.explain.figures import attention_figure, training_curves
from headway.explain.trace import Token
from tests.explain import samples


@pytest.mark.parametrize("block", ["encoder", "decoder", "cross"])
def test_chosen_heads_are_drawn_without_a_warning(tmp_path: Path, block: str) -> None:
    text = "나는 $\\frac$ 😀𒀀 은행"
    tokens = [Token(9, word[0], *word.span()) for word in re.finditer(r"\S+", text)]
    trace = samples.translation(text, text, source_tokens=tokens)
    path = attention_figure(trace, tmp_path / "new" / "figure.png", block=block, layer=2, heads=[0, 3])
    picture = matplotlib.image.imread(path)
    assert picture.ndim == 3
    assert picture.std() > 0.05
    assert list(path.parent.iterdir()) == [path]


def test_more_heads_make_a_larger_figure(tmp_path: Path) -> None:
    trace = samples.translation("나는 너를", "I you", layers=1, heads=6)
    one = matplotlib.image.imread(attention_figure(trace, tmp_path / "one.png", heads=[5]))
    six = matplotlib.image.imread(attention_figure(trace, tmp_path / "six.png"))
    assert six.shape[0] > 1.6 * one.shape[0]  # two rows of four
    assert six.shape[1] > 3.5 * one.shape[1]


@pytest.mark.parametrize(
    "asked", [{"block": "crosss"}, {"layer": 6}, {"heads": [0, 8]}, {"heads": []}, {"heads": [-1]}]
)
def test_what_is_not_there_is_named(tmp_path: Path, asked: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="asked for"):
        attention_figure(samples.translation(), tmp_path / "figure.png", **asked)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_letter_no_face_has_becomes_a_box(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(figures, "FACES", ())
    for cached in (figures.faces, figures._letters):
        cached.cache_clear()
    try:
        assert figures.drawable("나 a") == "□ a"
        attention_figure(samples.translation(), tmp_path / "figure.png", heads=[0])  # a missing glyph would warn
    finally:
        monkeypatch.undo()
        for cached in (figures.faces, figures._letters):
            cached.cache_clear()


def test_curves_of_a_run(tmp_path: Path) -> None:
    training = [
        {"step": n, "loss": 9 / n, "nll": 8 / n, "learning_rate": 1e-3, "tokens_per_second": 1e4} for n in range(1, 50)
    ]
    validation = [{"step": n, "validation_loss": 4.0, "bleu": n, "chrf": 2 * n} for n in (10, 20)]
    names = ["loss.png", "learning_rate.png", "throughput.png", "bleu.png"]
    assert [path.name for path in training_curves([*training, *validation], tmp_path)] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert [path.name for path in training_curves(validation[:1], tmp_path / "short")] == ["loss.png", "bleu.png"]
    assert training_curves([], tmp_path / "none") == []


def test_a_loss_fills_its_picture_and_a_rate_begins_at_zero() -> None:
    points = {"": [(10, 5.0), (20, 4.5)]}
    loss, rate = (figures._curves(points, "label", best).axes[0].get_ylim()[0] for best in (min, None))
    assert 4 < loss < 4.5
    assert rate == 0


def test_a_resumed_step_counts_once_and_nan_not_at_all() -> None:
    rows = [{"step": 1, "loss": 9.0}, {"step": 2, "loss": np.nan}, {"step": 3, "loss": None}, {"step": 1, "loss": 8.0}]
    assert figures._series(rows, "loss") == [(1, 8.0)]
