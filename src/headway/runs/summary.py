"""What a person reads at the end of a training: the score, some samples, the pictures, what to do next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from headway.runs.folder import Repeated, RunFolder


def summary(folder: RunFolder | Repeated) -> str:
    """The end of a run, or of several, as text."""
    evaluation = folder.evaluation
    if isinstance(folder, Repeated):
        return "\n".join(
            [f"{folder.path}: {scores(evaluation)}", "", "runs:", *(f"  {run.path}" for run in folder.runs.values())]
        )
    lines = [f"{folder.path}: {scores(evaluation)}", "", *_samples(evaluation)]
    pictures = sorted(folder.plots.glob("*.png")) + sorted(folder.path.glob("*.html"))
    lines += ["", "pictures:", *(f"  {path}" for path in pictures)]
    lines += ["", "try next:", *(f"  {command}" for command in commands(folder.path, evaluation))]
    return "\n".join(lines)


def scores(evaluation: dict[str, Any]) -> str:
    """The metrics of an evaluation, and what of the embedded grammar came out right."""
    seeds = f", the mean of the seeds {_listed(evaluation['seeds'])}" if "seeds" in evaluation else ""
    lines = [f"{evaluation['split']}, {evaluation['rows']:,} rows{seeds}"]
    lines += [f"  {_score(name, values)}" for name, values in evaluation["metrics"].items()]
    if copied := evaluation.get("copied_source"):
        lines += [
            f"  copying the source would score BLEU {copied['bleu']['score']:.2f}, chrF {copied['chrf']['score']:.2f}"
        ]
    if phenomena := evaluation.get("phenomena"):
        lines += ["", "right, phenomenon by phenomenon:"]
        lines += [f"  {v['score']:6.1%}  {name} ({v['right']}/{v['total']})" for name, v in phenomena.items()]
    return "\n".join(lines)


def commands(path: Path, evaluation: dict[str, Any]) -> list[str]:
    """What can be done with a finished run, the plainest first."""
    samples = evaluation["samples"]
    first = samples[0]["source"] if samples else "…"
    quoted = '"' + first.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
    attends = [f"headway attend {path} {quoted} --out attention.html"] * (path / "attention.html").is_file()
    return [*_USES[evaluation["task"]](str(path), quoted), *attends, f"headway info {path}"]


_USES: dict[str, Callable[[str, str], list[str]]] = {
    "translate": lambda path, text: [f"echo {text} | headway translate {path} --n-best 3"],
    "classify": lambda path, text: [f"echo {text} | headway classify {path}"],
    "tag": lambda path, text: [f"echo {text} | headway tag {path}"],
    "answer": lambda path, text: [f"headway answer {path} --question {text} --context FILE"],
    "causal-lm": lambda path, text: [f"headway generate {path} {text} --top-k 40 --temperature 0.8"],
    "masked-lm": lambda path, text: [f"headway fill {path} {text}"],
    "bidirectional-lm": lambda path, text: [f"echo {text} | headway embed {path} --out vectors.npy"],
    "span-corruption": lambda path, text: [f"headway generate {path} {text} --special"],
}


def _samples(evaluation: dict[str, Any]) -> list[str]:
    if evaluation["task"] != "translate":
        lines = ["what it makes of texts it was not trained on:"]
        for sample in evaluation["samples"]:
            lines += [f"  {sample['source']}", *([f"    → {sample['written']}"] if sample["written"] else [])]
            lines += [f"    (it is {sample['reference']})"] if "reference" in sample else []
        return lines
    lines = ["translations it was not trained on:"]
    for sample in evaluation["samples"]:
        lines += [f"  {sample['source']}", f"    → {sample['translation']}"]
        if sample["translation"] != sample["reference"]:
            lines += [f"    ≠ {sample['reference']}"]
    return lines


def _score(name: str, values: dict[str, Any]) -> str:
    text = f"{name:<17} {values['score']:.4g}"
    if "low" in values:
        text += f"  [{values['low']:.4g}, {values['high']:.4g}]"
    if "scores" in values:
        text += "  of " + _listed([f"{score:.4g}" for score in values["scores"]])
    return text + "".join(f"  {values[key]}" for key in ("signature", "note") if key in values)


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))
