"""Raw text that is larger than memory may be: the most memory that `headway train` holds, from the text to its model.

    python -m benchmarks large_text --text novels.txt --gigabytes 5 --out benchmarks/results/large_text.json

FILE is repeated until it is so large, in a folder that is removed at the end, and so is the cache. A small decoder is
trained on it from the command line: its unigram vocabulary is learned, every line encoded, some steps taken, and it is
validated and evaluated. What counts is the high-water mark of that process, as the kernel gives it at its end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import machine

MOST = 2e9  # bytes of memory
VALIDATION = 200_000  # bytes of the text that are held out


def repeat(text: Path, path: Path, size: int) -> int:
    """Write `text` again and again until there are `size` bytes; how often."""
    times = 0
    with path.open("wb") as out:
        while out.tell() < size:
            with text.open("rb") as lines:
                shutil.copyfileobj(lines, out, 2**20)
            out.write(b"\n\n")
            times += 1
    return times


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One training in a process of its own, with a cache of its own."""
    large, held, run = folder / "large.txt", folder / "validation.txt", folder / "run"
    times = repeat(arguments.text, large, round(arguments.gigabytes * 1e9))
    with arguments.text.open("rb") as lines:
        held.write_bytes(b"".join(lines.readlines(VALIDATION)))
    chosen = {
        "run": run, "data.train": large, "data.validation": held,
        "tokenizer.type": "unigram", "tokenizer.vocab_size": 8000,
        "model.d_model": 64, "model.num_layers": 1, "model.num_heads": 2,
        "training.max_steps": arguments.steps, "training.batch_tokens": 4096, "training.threads": arguments.threads,
    }  # fmt: skip
    words = [word for key, value in chosen.items() for word in (f"--{key}", str(value))]
    begun = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "headway", "train", "causal-lm", *words],
        env=os.environ | {"HEADWAY_CACHE": str(folder / "cache")},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"the training failed: exit status {os.waitstatus_to_exitcode(status)}")
    peak = used.ru_maxrss * 1024
    return {
        "text_bytes": large.stat().st_size,
        "repeated": times,
        "steps": arguments.steps,
        "threads": arguments.threads,
        "seconds": round(time.perf_counter() - begun),
        "peak_bytes": peak,
        "most_bytes": MOST,
        "is_met": peak < MOST,
    }


def main() -> int:
    """Print the JSON; the exit status is 1 where the training held too much."""
    parser = machine.bare_parser("large_text", __doc__)
    parser.add_argument("--text", type=Path, required=True, metavar="FILE", help="UTF-8, not packed")
    parser.add_argument("--gigabytes", type=float, default=5.0, metavar="N", help="of the repeated text (%(default)s)")
    parser.add_argument("--steps", type=int, default=200, metavar="N", help="optimizer steps (%(default)s)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="CPU threads")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where there is room for three times the text")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the result here too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        found = measure(arguments, Path(folder))
    report = {
        "what": "the most memory of a training from raw text",
        "processor": machine.processor(),
        "versions": machine.versions("torch", "tokenizers", "sentencepiece"),
        **found,
    }
    machine.publish(report, arguments.out)
    return 0 if found["is_met"] else 1


if __name__ == "__main__":
    sys.exit(main())
