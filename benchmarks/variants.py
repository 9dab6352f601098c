"""Models of one folder side by side: each variant is a library with a form of numbers, in a process of its own.

They take turns at the same jobs. In float32 ours must give what transformers gives; of the others it is said how many
rows are the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks import machine

VARIANTS = ["transformers-float32", "ctranslate2-float32", "ctranslate2-int8", "headway-float32", "headway-int8"]
BFLOAT16 = ["transformers-bfloat16", "headway-bfloat16"]  # where the processor has it

Rows = list[list[int]]
Results = dict[str, dict[str, Any]]  # of each variant, and in it of each job


class Benchmark(Protocol):
    """What the module of such a benchmark holds; a library is called with a job and returns the ids of its outputs."""

    JOBS: Mapping[str, Any]  # what each is called, and what the libraries are asked

    def prepare(self, folder: Path) -> None:
        """Write the model for all libraries."""

    def ours(self, folder: Path, form: str) -> tuple[Callable[[Any], Rows], str]:
        """Headway, and the arithmetic that it chose."""
        ...

    def transformers(self, folder: Path, form: str) -> Callable[[Any], Rows]:
        """transformers."""
        ...

    def ctranslate2(self, folder: Path, form: str, threads: int) -> Callable[[Any], Rows]:
        """CTranslate2."""
        ...

    def report(self, results: Results) -> dict[str, Any]:
        """What was measured, the ratios, and what they reach."""
        ...


def work(benchmark: Benchmark, variant: str, folder: Path, threads: int) -> None:
    """The process of one variant: a job a line in, its outputs out."""
    import torch

    torch.set_num_threads(threads)
    library, form = variant.split("-")
    arithmetic = None
    match library:
        case "headway":
            run, arithmetic = benchmark.ours(folder, form)
        case "transformers":
            run = benchmark.transformers(folder, form)
        case _:
            run = benchmark.ctranslate2(folder, form, threads)
    machine.serve(lambda job: {"ids": run(job), "arithmetic": arithmetic})


def measure(benchmark: Benchmark, name: str, variants: Sequence[str], rounds: int, threads: int) -> Results:
    """All variants in turn, and what came out."""
    with tempfile.TemporaryDirectory() as place:
        command = ("-m", f"benchmarks.{name}", "--folder", place, "--threads", str(threads), "--worker")
        machine.Child(*command, "prepare").close()
        children = {variant: machine.Child(*command, variant).wait() for variant in variants}
        found = {
            job: machine.take_turns(children, asked, rounds, title=f"{name}, {job}")
            for job, asked in benchmark.JOBS.items()
        }
        for child in children.values():
            child.close()
    return {variant: _result(variant, found) for variant in variants}


def _result(variant: str, found: Mapping[str, list[dict[str, machine.Answer]]]) -> dict[str, Any]:
    *_, last = (rounds[-1][variant] for rounds in found.values())
    result: dict[str, Any] = {"peak_mib": round(last["peak_bytes"] / 2**20), "arithmetic": last["arithmetic"]}
    for job, rounds in found.items():
        ids, reference = (rounds[-1][name]["ids"] for name in (variant, VARIANTS[0]))
        same = sum(one == other for one, other in zip(ids, reference, strict=True))
        result[job] = machine.speed([answers[variant] for answers in rounds], sum(map(len, ids)))
        result[job]["same_as_transformers"] = f"{same}/{len(ids)}"
    return result


def speeds(results: Results, job: str) -> dict[str, float]:
    """Tokens a second of each variant."""
    return {variant: result[job]["tokens_per_second"] for variant, result in results.items()}


def check(results: Results, jobs: Sequence[str]) -> list[str]:
    """What is not equal to transformers in float32."""
    same = {job: results["headway-float32"][job]["same_as_transformers"] for job in jobs}
    return [f"{job}: only {count} as transformers" for job, count in same.items() if len(set(count.split("/"))) > 1]


def main(benchmark: Benchmark, name: str, text: str) -> int:
    """Parse and measure, as the parent or as one of its children; 1 if ours are not those of transformers."""
    arguments = machine.parser(name, text).parse_args()
    if arguments.worker == "prepare":
        benchmark.prepare(arguments.folder)
        return 0
    if arguments.worker:
        work(benchmark, arguments.worker, arguments.folder, arguments.threads)
        return 0
    about, before = machine.processor(), machine.load()
    variants = VARIANTS + (BFLOAT16 if machine.has_bfloat16(about) else [])
    results = measure(benchmark, name, variants, arguments.rounds, arguments.threads)
    report = {
        **benchmark.report(results),
        "not_equal": check(results, list(benchmark.JOBS)),
        "results": results,
        "threads": arguments.threads,
        "load": [before, machine.load()],
        "processor": about,
        "versions": machine.versions("headway", "torch", "transformers", "ctranslate2"),
    }
    return machine.publish(report, arguments.out)
