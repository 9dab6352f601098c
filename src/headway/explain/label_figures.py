"""PNG figures of how texts are labelled: confusion, reliability, the F1 of each label; of numbers a scatter."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

import numpy as np

from headway.explain.figures import BLUE, INK, NAMES_UP_TO, NUMBERS_UP_TO, RAMP, RULE, RUST, drawable, faces, save_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LONGEST = 24  # letters of a label that are drawn
_WITHOUT = "no label"


def label_figures(classes: Mapping[str, Any], folder: str | os.PathLike[str]) -> list[Path]:
    """Draw what `evaluation.class_report` or `evaluation.regression_report` found.

    `confusion.png` (of one label a row), `reliability.png` (where there is confidence), `f1.png` and, of numbers,
    `scatter.png`.

    Returns:
        The files written.
    """
    pictures = {
        "confusion": (_confusion, "confusion"),
        "reliability": (_reliability, "calibration"),
        "f1": (_f1, "per_class"),
        "scatter": (_scatter, "points"),
    }
    target = Path(folder)
    return [
        save_png(draw(classes), target / f"{name}.png") for name, (draw, key) in pictures.items() if classes.get(key)
    ]


def _confusion(classes: Mapping[str, Any]) -> Figure:
    """Rows of references, columns of predictions; the colour is the share of the row."""
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm
    from matplotlib.figure import Figure

    names, counts = [_short(label) for label in classes["labels"]], np.array(classes["confusion"])
    columns = list(names)
    if "unlabelled" in classes:
        counts, columns = np.column_stack([counts, classes["unlabelled"]]), [*names, _WITHOUT]
    rows = counts.sum(1, keepdims=True)
    shares = counts / np.maximum(rows, 1)
    side = float(np.clip(0.62 * len(names), 2.2, 9.0))
    longest, cell = max(map(_width, columns)), side / len(names)
    leans = longest > 0.9 * cell
    figure = Figure(
        figsize=(side + longest + 1.8, side + (0.7 * longest if leans else 0.0) + 1.0), layout="constrained", dpi=150
    )
    axes = figure.subplots()
    colours = LinearSegmentedColormap.from_list("headway", list(RAMP))
    picture = axes.imshow(shares, cmap=colours, norm=PowerNorm(0.5, 0.0, 1.0), aspect="auto")
    if len(names) <= NAMES_UP_TO:
        style: dict[str, Any] = {"family": faces(), "parse_math": False, "fontsize": 9 if len(names) <= 16 else 8}
        lean: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if leans else {}
        axes.set_xticks(range(len(columns)), columns, **style, **lean)
        axes.set_yticks(range(len(names)), names, **style)
    if len(columns) <= NUMBERS_UP_TO:
        for (row, column), count in np.ndenumerate(counts):
            ink = "white" if shares[row, column] > 0.31 else INK
            if count:
                size = 9 if counts.max() < 10_000 else 8
                axes.text(column, row, f"{count:,}", ha="center", va="center", fontsize=size, color=ink)
    axes.set_xlabel("prediction")
    axes.set_ylabel("reference")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(picture, ax=axes, shrink=0.7, fraction=0.05, pad=0.02, ticks=[0, 0.1, 0.3, 0.6, 1.0])
    bar.ax.set_yticklabels(["0", "10 %", "30 %", "60 %", "100 %"], fontsize=8)
    bar.set_label("share of the reference's rows", fontsize=8)
    bar.outline.set_visible(False)
    axes.set_title(f"{np.trace(counts):,} of {counts.sum():,} right", fontsize=10, loc="left")
    return figure


def _reliability(classes: Mapping[str, Any]) -> Figure:
    """How often what is said with some confidence is so, and how many there are (DeGroot and Fienberg 1983)."""
    from matplotlib.figure import Figure

    bins = classes["calibration"]
    confidence, accuracy, count = (np.array([row[key] for row in bins]) for key in ("confidence", "accuracy", "count"))
    figure = Figure(figsize=(4.6, 5.6), layout="constrained", dpi=150)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], "--", color="#9a958a", linewidth=1.2)
    upper.annotate("dashed: as sure as right", (0.98, 0.03), color="#6d685e", fontsize=8, ha="right")
    upper.vlines(confidence, np.minimum(confidence, accuracy), np.maximum(confidence, accuracy), RUST, linewidth=1.2)
    upper.plot(confidence, accuracy, "o-", color=BLUE, linewidth=1.6, markersize=5)
    error = classes["expected_calibration_error"]
    upper.set_title(f"expected calibration error {error:.3f}", fontsize=10, loc="left")
    upper.set_ylim(0, 1.02)
    upper.set_xlim(0, 1)
    upper.set_ylabel("share that is right" if "confusion" in classes else "share that is so")
    lower.bar((np.floor(np.minimum(confidence, 0.9999) * 10) + 0.5) / 10, count, 0.092, color=BLUE)
    lower.set_ylabel("rows" if "confusion" in classes else "rows × labels")
    lower.set_xlabel("confidence" if "confusion" in classes else "probability of a label")
    lower.yaxis.get_major_locator().set_params(integer=True)
    lower.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    for axes in (upper, lower):
        _plain(axes)
    return figure


def _f1(classes: Mapping[str, Any]) -> Figure:
    """A bar a label, the best first; how many rows have it stands behind."""
    from matplotlib.figure import Figure

    ranked = sorted(classes["per_class"].items(), key=lambda item: -item[1]["f1"])
    values = [row["f1"] for _, row in ranked]
    names = [_short(label) for label, _ in ranked]
    figure = Figure(figsize=(5.4 + max(map(_width, names)), 0.3 * len(ranked) + 1.1), layout="constrained", dpi=150)
    axes = figure.subplots()
    axes.barh(range(len(ranked)), values, 0.68, color=BLUE)
    for place, (value, (_, row)) in enumerate(zip(values, ranked, strict=True)):
        axes.annotate(
            f"{value:.2f}", (value, place), (4, 0), textcoords="offset points", va="center", fontsize=8.5, color=INK
        )
        axes.annotate(
            f"{row['support']:,}", (1, place), (4, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="center", fontsize=8, color="#6d685e",
        )  # fmt: skip
    axes.annotate("rows", (1, 1), (4, 4), "axes fraction", "offset points", fontsize=8, color="#6d685e")
    axes.set_yticks(range(len(names)), names, family=faces(), parse_math=False, fontsize=9)
    axes.set_ylim(len(ranked) - 0.4, -0.6)
    axes.set_xlim(0, 1.08)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_title(f"F1 of each label, mean {np.mean(values):.3f}", fontsize=10, loc="left")
    _plain(axes, "x")
    return figure


def _scatter(classes: Mapping[str, Any]) -> Figure:
    """Numbers that were predicted over those that are right."""
    from matplotlib.figure import Figure

    right, given = np.array(classes["points"]).T
    figure = Figure(figsize=(4.8, 4.8), layout="constrained", dpi=150)
    axes = figure.subplots()
    ends = [min(right.min(), given.min()), max(right.max(), given.max())]
    axes.plot(ends, ends, "--", color="#9a958a", linewidth=1.2)
    axes.plot(right, given, "o", color=BLUE, markersize=4, alpha=float(np.clip(150 / len(right), 0.2, 0.8)), mew=0)
    axes.set_xlabel("reference")
    axes.set_ylabel("prediction")
    _plain(axes)
    return figure


def _plain(axes: Axes, grid: str = "both") -> None:
    axes.grid(color=RULE, linewidth=0.8, axis=grid)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0, labelsize=8.5)


def _short(label: str) -> str:
    """As much of a label as there is room for."""
    shown = " ".join(label.split())
    return drawable(shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…")


def _width(text: str) -> float:
    """Inches a name takes, about; Hangul letters are wide."""
    return 0.08 * sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
