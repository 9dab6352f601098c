"""What a finished run printed, as one JSON object for `results/`: `python -m benchmarks.record RUN [EVALUATION]`.

EVALUATION is a file that `headway evaluate RUN --out` wrote, of another split; without it that of the run. Where RUN is
the folder of several seeds, all is said of the first, and `seeds` holds each metric's mean and the score of every one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from headway.runs import RunFolder

_KEPT = ("split", "rows", "seconds", "decoding", "metrics", "copied_source", "samples")


def record(path: Path, evaluated: Path | None = None) -> dict[str, object]:
    """The command, the machine, the course of the training and the metrics of one run folder, or of several seeds."""
    if (path / "seeds.json").exists():
        if evaluated:
            raise SystemExit(f"{path} holds several seeds; name one of them beside {evaluated}")
        repeated = json.loads((path / "seeds.json").read_text(encoding="utf-8"))
        return {**record(path / f"seed-{repeated['seeds'][0]}"), "seeds": repeated["metrics"]}
    folder = RunFolder.open(path)
    environment = json.loads((path / "environment.json").read_text(encoding="utf-8"))
    rows = folder.metrics
    training = [row for row in rows if "tokens_per_second" in row]
    validations = [row for row in rows if "validation_loss" in row]
    evaluation = json.loads(evaluated.read_text(encoding="utf-8")) if evaluated else folder.evaluation
    return {
        "command": environment["command"],
        "processor": environment["processor"],
        "versions": environment["versions"],
        "choices": environment["choices"],
        "minutes": round(rows[-1]["elapsed"] / 60, 2),
        "steps": rows[-1]["step"],
        "epochs": training[-1]["epoch"] + 1,
        "tokens_per_second": round(sum(row["tokens_per_second"] for row in training) / len(training)),
        "padding": round(sum(row["padding"] for row in training) / len(training), 4),
        "validations": [{key: round(value, 3) for key, value in row.items()} for row in validations],
        **{key: evaluation[key] for key in _KEPT if key in evaluation},
    }


if __name__ == "__main__":
    print(json.dumps(record(*map(Path, sys.argv[1:])), indent=1, ensure_ascii=False))
