"""Pictures of labels: those there is something for, names that can be read, no warning with two classes or with 28."""

from itertools import pairwise
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from headway.evaluation.classification import class_report, regression_report
from headway.explain import label_figures as drawn
from headway.explain.label_figures import label_figures

LONG = "an $\\extremely$ long name of a label"


def labelled(names: list[str], rows: int = 200) -> tuple[list[str], list[str], list[float]]:
    random = np.random.default_rng(2)
    right = random.integers(0, len(names), rows)
    given = np.where(random.random(rows) < 0.7, right, 0)
    return [names[i] for i in given], [names[i] for i in right], random.random(rows).tolist()


@pytest.mark.parametrize("count", [2, 45])
def test_one_label_a_row(tmp_path: Path, count: int) -> None:
    names = [LONG, *(f"감정 {i}" for i in range(1, count))]
    given, right, sure = labelled(names)
    report = class_report(given, right, labels=names, confidences=sure)
    paths = label_figures(report, tmp_path / "plots")
    assert [path.name for path in paths] == ["confusion.png", "reliability.png", "f1.png"]
    assert sorted((tmp_path / "plots").iterdir()) == sorted(paths)
    for path in paths:
        assert matplotlib.image.imread(path).std() > 0.04


def test_several_labels_a_row_and_numbers(tmp_path: Path) -> None:
    report = class_report([["a"], ["a", "b"]], [["a"], ["b"]], labels=["a", "b"])
    assert [path.name for path in label_figures(report, tmp_path)] == ["f1.png"]
    assert [path.name for path in label_figures(regression_report([1, 2], [1, 3]), tmp_path)] == ["scatter.png"]


def inside(figure: Figure) -> bool:
    """Whether every name and number stands whole on the page, and no two of the rows overlap."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()
    page = figure.bbox
    for axes in figure.axes:
        ticks = [
            text
            for axis, place in ((axes.xaxis, 0), (axes.yaxis, 1))
            for text in axis.get_ticklabels()
            if text.get_visible()
            and min(axis.get_view_interval()) <= text.get_position()[place] <= max(axis.get_view_interval())
        ]
        for text in (*axes.texts, axes.xaxis.label, axes.yaxis.label, *ticks):
            box = text.get_window_extent()
            if text.get_text() and not (
                page.x0 <= box.x0 <= box.x1 <= page.x1 and page.y0 <= box.y0 <= box.y1 <= page.y1
            ):
                return False
        rows = [text.get_window_extent() for text in ticks if text in axes.get_yticklabels()]
        ends = sorted((box.y0, box.y1) for box in rows)
        if any(later[0] < earlier[1] - 1 for earlier, later in pairwise(ends)):
            return False
    return True


@pytest.mark.parametrize("names", [[LONG, "생활문화", "정치"], [f"감정 {i:02}" for i in range(28)]])
def test_names_stand_on_the_page_and_apart(names: list[str]) -> None:
    given, right, sure = labelled(names)
    report = class_report([None, *given], [names[0], *right], labels=names, confidences=[0.0, *sure])
    for draw in (drawn._confusion, drawn._reliability, drawn._f1):
        assert inside(draw(report)), draw.__name__
    squeezed = drawn._f1(report)
    squeezed.set_size_inches(4, 0.6)
    assert not inside(squeezed)
