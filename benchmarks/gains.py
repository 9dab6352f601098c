"""What pre-training gives: accuracies with and without it, by the share of the training rows, as table and picture.

    python -m benchmarks.gains docs/pictures/data-efficiency.png

The interval of a gain is that of the difference of two independent shares (Wald); the same test rows were asked, so it
is wider than need be.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headway.evaluation.proportion import NORMAL

RESULTS = Path(__file__).parent / "results"
PAIRS = {  # what it says: the runs without and with, in `results/`
    "NSMC, all rows": ("nsmc-scratch", "nsmc-pretrained"),
    "NSMC, 10 % of the rows": ("nsmc-scratch-10", "nsmc-pretrained-10"),
    "NSMC, 1 % of the rows": ("nsmc-scratch-1", "nsmc-pretrained-1"),
    "emotion, ULMFiT": ("emotion-ulmfit-scratch", "emotion-ulmfit"),
    "emotion, ELMo": ("emotion-elmo-scratch", "emotion-elmo"),
}
SHARES = {100: "NSMC, all rows", 10: "NSMC, 10 % of the rows", 1: "NSMC, 1 % of the rows"}


def read(folder: Path = RESULTS) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """The pairs of which both runs are there."""
    found = {}
    for what, names in PAIRS.items():
        paths = [folder / f"{name}.json" for name in names]
        if all(path.is_file() for path in paths):
            without, given = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
            found[what] = without, given
    return found


def gain(without: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, float]:
    """The difference of the accuracies, 0..1, and its 95 % interval.

    >>> run = {"rows": 100, "metrics": {"accuracy": {"score": 0.5}}}
    >>> {name: round(value, 3) for name, value in gain(run, run).items()}
    {'score': 0.0, 'low': -0.139, 'high': 0.139}
    """
    shares = [run["metrics"]["accuracy"]["score"] for run in (without, given)]
    variance = sum(p * (1 - p) / run["rows"] for p, run in zip(shares, (without, given), strict=True))
    difference, reach = shares[1] - shares[0], NORMAL * math.sqrt(variance)
    return {"score": difference, "low": difference - reach, "high": difference + reach}


def lines(folder: Path = RESULTS) -> list[str]:
    """The table in Markdown; none where no pair is there."""
    rows = []
    for what, (without, given) in read(folder).items():
        found = {name: f"{100 * value:+.1f}" for name, value in gain(without, given).items()}
        shown = [f"{run['metrics']['accuracy']['score']:.1%}, {run['minutes']:.1f} minutes" for run in (without, given)]
        rows.append(f"| {what} | {' | '.join(shown)} | {found['score']} [{found['low']}, {found['high']}] |")
    if not rows:
        return []
    head = ["| accuracy | without | with | gain, points |", "| --- | --- | --- | --- |"]
    return ["## What pre-training gives", "", *head, *rows, ""]


def draw(path: Path) -> None:
    """Both accuracies over the share of the rows."""
    from matplotlib import pyplot as plt

    found = read()
    shares = [share for share, what in SHARES.items() if what in found]
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for place, label in enumerate(("from scratch", "from the encoder of 650,000 reviews")):
        scores = [found[SHARES[share]][place]["metrics"]["accuracy"] for share in shares]
        values = [100 * score["score"] for score in scores]
        reach = [[100 * abs(score[end] - score["score"]) for score in scores] for end in ("low", "high")]
        axes.errorbar(shares, values, yerr=reach, marker="o", capsize=3, label=label)
    axes.set(xscale="log", xlabel="% of 145,000 labelled reviews", ylabel="accuracy on the test rows, %")
    axes.set_xticks(shares, [str(share) for share in shares])
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
