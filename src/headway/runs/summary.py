"""What a person reads at the end of a training: the score, some translations, the pictures, what to do next."""

from __future__ import annotations

from typing import Any

from headway.runs.folder import RunFolder


def summary(folder: RunFolder) -> str:
    """The end of a run, as text."""
    evaluation = folder.evaluation
    lines = [f"{folder.path}: {scores(evaluation)}", "", "translations it was not trained on:"]
    for sample in evaluation["samples"]:
        lines += [f"  {sample['source']}", f"    → {sample['translation']}"]
        if sample["translation"] != sample["reference"]:
            lines += [f"    ≠ {sample['reference']}"]
    pictures = sorted(folder.plots.glob("*.png")) + sorted(folder.path.glob("*.html"))
    lines += ["", "pictures:", *(f"  {path}" for path in pictures)]
    first = evaluation["samples"][0]["source"]
    lines += [
        "",
        "try next:",
        f'  echo "{first}" | headway translate {folder.path} --n-best 3',
        f'  headway attend {folder.path} "{first}" --out attention.html',
        f"  headway info {folder.path}",
    ]
    return "\n".join(lines)


def scores(evaluation: dict[str, Any]) -> str:
    """The metrics of an evaluation, and what of the embedded grammar came out right."""
    lines = [f"{evaluation['split']}, {evaluation['rows']:,} rows"]
    lines += [f"  {_score(name, values)}" for name, values in evaluation["metrics"].items()]
    if copied := evaluation.get("copied_source"):
        lines += [
            f"  copying the source would score BLEU {copied['bleu']['score']:.2f}, chrF {copied['chrf']['score']:.2f}"
        ]
    if phenomena := evaluation.get("phenomena"):
        lines += ["", "right, phenomenon by phenomenon:"]
        lines += [f"  {v['score']:6.1%}  {name} ({v['right']}/{v['total']})" for name, v in phenomena.items()]
    return "\n".join(lines)


def _score(name: str, values: dict[str, Any]) -> str:
    text = f"{name:<17} {values['score']:.4g}"
    if "low" in values:
        text += f"  [{values['low']:.4g}, {values['high']:.4g}]"
    return text + (f"  {values['signature']}" if "signature" in values else "")
