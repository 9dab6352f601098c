"""A small character model of Shakespeare from the first step to its loss on the held-out tenth, for several seeds.

    git clone https://github.com/karpathy/nanoGPT
    python -m benchmarks shakespeare --nanogpt nanoGPT --seeds 1 2 3

nanoGPT's model and optimizer with the CPU setting of its README (4 layers, 128 wide, 4 heads, 2,000 steps of 12 × 64
characters, no dropout; rate 1e-3 after 100 steps, falling to 1e-4; no biases), and `headway train shakespeare-char`,
which is as large, takes as many steps of as many characters, and has a rate of its own: 4e-3, falling to 0.
Both are scored by the same function: the mean over every character of the last tenth, from the line that begins there,
in blocks of 64 of which each begins anew.

Seconds are given twice: those of the steps, and those of all. For nanoGPT these are its steps and its nine estimates of
the loss, as its train.py makes them; for us the whole run, with reading, vocabulary, two validations over the whole
tenth, checkpoints, the evaluation and the plots.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

import headway
from benchmarks import nanogpt
from benchmarks.machine import Answer, Child, bare_parser, load, processor, publish, serve, versions
from headway.runs import RunFolder

RECIPE, STEPS, ROWS, LENGTH = "shakespeare-char", 2000, 12, 64
SIZES = {"n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": LENGTH, "dropout": 0.0, "bias": False}
RATE, LOWEST, WARMUP, CLIP_NORM = 1e-3, 1e-4, 100, 1.0
ESTIMATES, ESTIMATED = 250, 20  # steps between its estimates, and batches of each split in one
SHARE = 0.9  # of the text, to learn from
WORSE = 0.01  # nats that ours may be above theirs
SCORED = 100  # blocks at a time
VARIANTS = ("headway", "nanogpt")


def split(text: str) -> tuple[str, str]:
    """What is learned from, and what is scored: nine tenths, and the lines that begin after them."""
    cut = int(len(text) * SHARE)
    return text[:cut], text[text.index("\n", cut - 1) + 1 :]


@torch.no_grad()
def score(logits: Callable[[Tensor], Tensor], ids: NDArray[np.int64]) -> float:
    """Mean nats of all ids but the first, from those before in their block; the last block may be shorter.

    `logits` takes `(rows, length)` and gives `(rows, length, vocabulary)`.
    """
    full = (len(ids) - 1) // LENGTH * LENGTH
    inputs, labels = (torch.from_numpy(ids[first : first + full]).view(-1, LENGTH) for first in (0, 1))
    pieces = list(zip(inputs.split(SCORED), labels.split(SCORED), strict=True))
    if full < len(ids) - 1:
        pieces.append((torch.from_numpy(ids[None, full:-1]), torch.from_numpy(ids[None, full + 1 :])))
    losses = (F.cross_entropy(logits(x).flatten(0, 1).double(), y.flatten(), reduction="sum") for x, y in pieces)
    return float(sum(losses)) / (len(ids) - 1)


def rate(step: int) -> float:
    """Of step 0, 1 …: the schedule of its train.py."""
    if step < WARMUP:
        return RATE * (step + 1) / (WARMUP + 1)
    return LOWEST + 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP))) * (RATE - LOWEST)


def theirs(folder: Path, text: str, seed: int) -> Answer:
    """nanoGPT's training loop, without its log and its checkpoints."""
    names = {character: index for index, character in enumerate(sorted(set(text)))}
    splits = [np.array([names[character] for character in part], np.int64) for part in split(text)]
    learned, scored = map(torch.from_numpy, splits)
    torch.manual_seed(seed)
    model = nanogpt.model(folder, vocab_size=len(names), **SIZES)
    optimizer = nanogpt.optimizer(model, RATE)
    begun, estimating = time.perf_counter(), 0.0
    for step in range(STEPS):
        if step % ESTIMATES == 0:
            estimating += estimate(model, learned, scored)
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        model(*batch(learned))[1].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    estimating += estimate(model, learned, scored)
    seconds = time.perf_counter() - begun
    model.eval()
    # Without labels its model gives the last logits only; -1 is the label it passes over.
    loss = score(lambda x: model(x, torch.full_like(x, -1))[0], splits[1])
    return {"loss": loss, "steps_seconds": seconds - estimating, "whole_seconds": seconds}


def batch(stream: Tensor) -> list[Tensor]:
    """What its train.py reads at a step: windows from anywhere, and the same one character on."""
    places = torch.randint(len(stream) - LENGTH, (ROWS,))
    return [torch.stack([stream[place + first : place + first + LENGTH] for place in places]) for first in (0, 1)]


@torch.no_grad()
def estimate(model: Any, *streams: Tensor) -> float:
    """The losses of some batches of both splits, as its train.py looks at them; how long that took, in seconds."""
    begun = time.perf_counter()
    model.eval()
    for stream in streams:
        for _ in range(ESTIMATED):
            model(*batch(stream))
    model.train()
    return time.perf_counter() - begun


def ours(folder: Path, text: str, seed: int, threads: int) -> Answer:
    """`headway train shakespeare-char`, from nothing to a finished run folder."""
    begun = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        run = headway.train(RECIPE, {"seed": seed, "training.threads": threads}, run=folder / f"run-{seed}")
    seconds = time.perf_counter() - begun
    loaded = headway.load(run.path)
    scored = split(text)[1]
    ids = np.array(loaded.tokenizers.source.encode_batch([scored])[0], np.int64)
    assert len(ids) == len(scored), "an id a character"
    model: Any = loaded.model
    return {
        "loss": score(lambda x: model(x).logits, ids),
        "steps_seconds": steps_seconds(run),
        "whole_seconds": seconds,
        "validation_loss": next(row for row in reversed(run.metrics) if "validation_loss" in row)["validation_loss"],
    }


def steps_seconds(run: RunFolder) -> float:
    """What the steps of a run took, without validations and checkpoints."""
    rows = [row for row in run.metrics if "tokens_per_second" in row]
    steps = np.diff([0, *(row["step"] for row in rows)])
    assert steps.sum() == STEPS
    return float(sum(count * ROWS * LENGTH / row["tokens_per_second"] for count, row in zip(steps, rows, strict=True)))


def work(arguments: argparse.Namespace) -> None:
    """The process of one variant: a seed a line in, what came out."""
    torch.set_num_threads(arguments.threads)
    text = nanogpt.shakespeare()

    def answer(seed: int) -> Answer:
        if arguments.worker == "nanogpt":
            return theirs(arguments.folder, text, seed)
        return ours(arguments.folder, text, seed, arguments.threads)

    serve(answer)


def run(arguments: argparse.Namespace) -> int:
    """Train in turns, print one JSON object; 1 if ours has not learned as much."""
    found: dict[str, list[Answer]] = {variant: [] for variant in VARIANTS}
    before = load()
    with tempfile.TemporaryDirectory() as place:
        nanogpt.prepare(arguments, Path(place))
        command = ("-m", "benchmarks.shakespeare", "--folder", place, "--threads", str(arguments.threads))
        children = {variant: Child(*command, "--worker", variant).wait() for variant in VARIANTS}
        for seed in arguments.seeds:
            for variant, child in children.items():
                answer = child.ask(seed)
                found[variant].append(answer)
                told = f"loss {answer['loss']:.4f}, steps {answer['steps_seconds']:.1f} s"
                print(f"{variant}, seed {seed}: {told}, others used {answer['foreign']:.2f}", file=sys.stderr)
        for child in children.values():
            child.close()
    report = {
        "what": f"Shakespeare by characters, {STEPS:,} steps of {ROWS} x {LENGTH}, {arguments.threads} threads",
        "processor": processor(),
        "versions": versions("headway", "torch"),
        "load": [before, load()],
        "seeds": arguments.seeds,
        **{variant: summary(answers) for variant, answers in found.items()},
    }
    report |= compare(report["headway"], report["nanogpt"])
    publish(report, arguments.out)
    return 0 if report["reaches"]["loss"] else 1


def summary(answers: list[Answer]) -> dict[str, Any]:
    """The mean loss, the median times, and each seed's."""
    kept = ("loss", "validation_loss", "steps_seconds", "whole_seconds")
    shown: dict[str, Any] = {
        name: [round(answer[name], 4) for answer in answers] for name in kept if name in answers[0]
    }
    shown["foreign_processors"] = [round(answer["foreign"], 2) for answer in answers]
    shown["peak_mib"] = round(answers[-1]["peak_bytes"] / 2**20)
    medians = {f"median_{name}": statistics.median(shown[name]) for name in kept[2:] if name in shown}
    return {"mean_loss": round(statistics.mean(shown["loss"]), 4), **medians} | shown


def compare(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """The difference of the losses, and our speed over theirs."""
    difference = round(ours["mean_loss"] - theirs["mean_loss"], 4)
    steps, whole = (theirs[name] / ours[name] for name in ("median_steps_seconds", "median_whole_seconds"))
    return {
        "loss_difference": difference,
        "speed": {"steps": round(steps, 2), "whole": round(whole, 2)},
        "reaches": {"loss": difference <= WORSE, "steps in less time": steps > 1, "whole in less time": whole > 1},
    }


def main() -> int:
    """Parse and run, as the parent or as one of its children."""
    parser = bare_parser("shakespeare", __doc__)
    nanogpt.flags(parser)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], metavar="N", help="one training of each")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="CPU threads of each variant")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the result here too")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments)
        return 0
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
