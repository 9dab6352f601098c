"""PNG figures: chosen heads of a trace, and the curves of a training run.

Figures are made without pyplot, so nothing global is touched and no window is needed. Hangul is drawn with whatever
installed face has it; a character that no installed face has becomes □, and the figure says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.checkpoints.files import replace_file
from headway.errors import ConfigError, nearest
from headway.explain.trace import Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FACES = (
    *("Pretendard", "Noto Sans KR", "Noto Sans CJK KR", "Noto Sans CJK JP", "NanumGothic", "Nanum Gothic"),
    *("Apple SD Gothic Neo", "AppleGothic", "Malgun Gothic", "UnDotum", "Baekmuk Dotum", "Arial Unicode MS"),
)
"""Faces with Hangul, the first installed one is used. A collection file counts under its first face (CJK JP)."""

RAMP = ("#f4f2ec", "#cfe0e8", "#84b1cd", "#2f76a6", "#0b3255")  # the page's: one hue order, monotone luminance
BLUE, RUST, INK, RULE = "#2f76a6", "#b8400a", "#1c2126", "#e2ded4"
MISSING = "□"
NUMBERS_UP_TO = 16  # tokens a side at which a number still fits its cell
NAMES_UP_TO = 40  # and at which a name fits its row


def attention_figure(
    trace: Trace,
    path: str | os.PathLike[str],
    *,
    block: str = "cross",
    layer: int = -1,
    heads: Sequence[int] | None = None,
) -> Path:
    """Draw chosen heads of one layer side by side, rows adding up to 1, on a square-root colour scale.

    Args:
        trace: what was recorded.
        path: the PNG file to write.
        block: `encoder`, `decoder` or `cross`.
        layer: from 0; negative counts from the last.
        heads: from 0; all of them where None.

    Raises:
        ConfigError: the trace has no such block, layer or head.
    """
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm
    from matplotlib.figure import Figure

    layers = trace.attention.get(block)
    if not layers:
        raise ConfigError(f"attention block {block!r} was asked for: {nearest(block, trace.attention)}")
    number = layer % len(layers) if -len(layers) <= layer < len(layers) else None
    if number is None:
        raise ConfigError(f"layer {layer} was asked for, expected 0 to {len(layers) - 1}: {block} has {len(layers)}")
    weights = layers[number]
    chosen = list(range(len(weights))) if heads is None else list(heads)
    if not chosen or not all(0 <= head < len(weights) for head in chosen):
        raise ConfigError(f"heads {chosen} were asked for, expected some of 0 to {len(weights) - 1}")
    columns = min(4, len(chosen))
    rows = -(-len(chosen) // columns)
    names, keys = trace.rows(block), trace.keys(block)
    sizes = [float(np.clip(0.32 * count, 2.4, 5.5)) for count in (len(keys), len(names))]
    figure = Figure(figsize=(columns * (sizes[0] + 1.3), rows * (sizes[1] + 1.4) + 0.5), layout="constrained", dpi=150)
    full = 0.5 if len(keys) > 40 else 1.0  # as the page: long rows are thin
    colours = LinearSegmentedColormap.from_list("headway", list(RAMP))
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, head in zip(grid.flat, chosen, strict=False):
        shown = np.ma.masked_array(weights[head], np.triu(np.ones(weights.shape[1:], bool), 1) & (block == "decoder"))
        picture = axes.imshow(shown, cmap=colours, norm=PowerNorm(0.5, 0.0, full, clip=True), aspect="equal")
        axes.set_title(f"head {head + 1}", fontsize=10, loc="left")
        _name_axes(axes, names, keys)
        if max(len(names), len(keys)) <= NUMBERS_UP_TO:
            _write_numbers(axes, weights[head])
    for axes in grid.flat[len(chosen) :]:
        axes.axis("off")
    bar = figure.colorbar(picture, ax=grid, shrink=0.6, fraction=0.03, pad=0.02)
    bar.set_label("attention weight, square-root scale" + (f", ends at {full}" if full < 1 else ""), fontsize=8)
    bar.ax.tick_params(labelsize=8)
    side_of_rows = "written token" if block == "cross" else "token"
    figure.suptitle(
        f"{block.capitalize()} attention, layer {number + 1}: each {side_of_rows} (row) looks at … (column)"
    )
    drawn = [name for side in (names, keys) if len(side) <= NAMES_UP_TO for name in side]
    if any(MISSING in drawable(name) and MISSING not in name for name in drawn):
        figure.supxlabel(f"{MISSING}: no installed font has this character; Noto Sans CJK KR has Hangul", fontsize=8)
    return save_png(figure, Path(path))


def training_curves(rows: Sequence[Mapping[str, Any]], folder: str | os.PathLike[str]) -> list[Path]:
    """Draw the rows of `metrics.jsonl` over the training step.

    `loss.png` (of the plain labels, nats a token; of numbers the squared error), `learning_rate.png`, `throughput.png`
    (tokens a second) and `bleu.png` (with chrF), each where there are such rows.

    Returns:
        The files written.
    """
    loss, unit = "nll", "loss of the plain labels, nats"
    if not any(loss in row for row in rows):
        loss, unit = "loss", "squared error, in variances of the numbers"
    pictures = (
        ("loss", unit, {loss: "training", "validation_loss": "validation"}, min),
        ("learning_rate", "learning rate", {"learning_rate": ""}, None),
        ("throughput", "tokens a second", {"tokens_per_second": ""}, None),
        ("bleu", "score, 0 to 100", {"bleu": "BLEU", "chrf": "chrF"}, max),
    )
    target = Path(folder)
    written = []
    for name, label, series, best in pictures:
        curves = {text: found for key, text in series.items() if (found := _series(rows, key))}
        if curves:
            written.append(save_png(_curves(curves, label, best), target / f"{name}.png"))
    return written


def _series(rows: Sequence[Mapping[str, Any]], key: str) -> list[tuple[int, float]]:
    """(step, value) of every row that has a finite value; of a step written twice by a resumed run, the later one."""
    found = {row["step"]: float(row[key]) for row in rows if row.get(key) is not None and np.isfinite(row[key])}
    return sorted(found.items())


def _curves(curves: Mapping[str, list[tuple[int, float]]], label: str, best: Any) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained", dpi=150)
    axes = figure.subplots()
    peaks = {
        text: best(points, key=lambda point: point[1]) if best and text not in ("", "training") else points[-1]
        for text, points in curves.items()
    }
    highest = max(value for _, value in peaks.values())
    for (text, points), colour, style in zip(curves.items(), (BLUE, RUST), ("-", "--"), strict=False):
        steps, values = zip(*points, strict=True)
        sparse = len(points) <= 30
        axes.plot(steps, values, style, color=colour, linewidth=1.6, marker="o" if sparse else "", markersize=3.5)
        said, beside = f"{text} {peaks[text][1]:.4g}".strip(), (6, 6 if peaks[text][1] == highest else -13)
        axes.annotate(said, peaks[text], beside, textcoords="offset points", color=colour, fontsize=9)
    axes.set_xlabel("training step")
    axes.set_ylabel(label)
    axes.set_xlim(left=0)
    axes.margins(x=0.12, y=0.12)
    if best is not min:  # a loss falls by little of what it is
        axes.set_ylim(bottom=0)
    axes.grid(color=RULE, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _name_axes(axes: Axes, names: Sequence[str], keys: Sequence[str]) -> None:
    """Names every row and column while there is room for them, else numbers some."""
    style: dict[str, Any] = {"family": faces(), "parse_math": False}
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda place, _: f"{place + 1:.0f}")  # counted from 1, as on the page
    if len(keys) <= NAMES_UP_TO:
        axes.set_xticks(range(len(keys)), [drawable(key) for key in keys], rotation=60, ha="right", fontsize=8, **style)
        for tick in axes.get_xticklabels():
            tick.set_rotation_mode("anchor")
    if len(names) <= NAMES_UP_TO:
        axes.set_yticks(range(len(names)), [drawable(name) for name in names], fontsize=8, **style)
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)


def _write_numbers(axes: Axes, weights: Any) -> None:
    for (row, key), weight in np.ndenumerate(weights):
        if weight >= 0.095:
            ink = "white" if weight > 0.31 else INK
            axes.text(key, row, f"{weight:.2f}".removeprefix("0"), ha="center", va="center", fontsize=6.5, color=ink)


@cache
def faces() -> list[str]:
    """The faces text is drawn with, in order: matplotlib's own, then the first installed one with Hangul."""
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *[face for face in FACES if face in installed][:1]]


@cache
def _letters() -> frozenset[int]:
    """Every code point that one of the faces has a glyph for."""
    from matplotlib import font_manager

    paths = [font_manager.findfont(face) for face in faces()]
    return frozenset(code for path in paths for code in font_manager.get_font(path).get_charmap())


def drawable(text: str) -> str:
    """`text` with □ for every character that no installed face has."""
    return "".join(letter if ord(letter) in _letters() else MISSING for letter in text)


def save_png(figure: Figure, path: Path) -> Path:
    """Writes the PNG whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda part: figure.savefig(part, format="png", facecolor="white"))
    return path
