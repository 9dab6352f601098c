"""Optimizer steps of Headway and of a peer on the same batches, in turn: what the programs about one model share."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from benchmarks import machine
from headway.objectives.losses import Objective
from headway.training.choices import choose
from headway.training.distributed import World
from headway.training.feed import Feed
from headway.training.optim import adamw
from headway.training.step import Step, accumulate, means, update

RATE = 1e-4  # low: after a few steps nothing may part two variants but their dropouts
CLIP_NORM, EPSILON, SEED = 1.0, 1e-9, 1
NEAR = 0.05  # nats between those means: from the same weights, with dropouts of one's own
SAME = 1e-4  # nats between the losses of the first batch, dropout off


class Trained(Protocol):
    """A model and how it learns."""

    model: nn.Module

    def loss(self, batch: Any) -> float:
        """Of one batch, a label, its gradient left behind."""
        ...

    def move(self) -> None:
        """Along the gradient."""
        ...


class Ours:
    """The path of `headway train`: measured choices, packed batches, the fused optimizer."""

    def __init__(
        self, model: nn.Module, objective: Objective, first: Any, precision: str, *, beta2: float, weight_decay: float
    ) -> None:
        """`first` is a batch to measure the kernels with."""
        self.model, self.step, self.world = model, Step(model, objective), World()
        self.optimizer = adamw(model, beta2=beta2, weight_decay=weight_decay)
        self.choices = choose(
            model,
            lambda autocast: accumulate(self.step, [(first, True)], world=self.world, autocast=autocast),
            device=torch.device("cpu"), dtype=precision, threads=torch.get_num_threads(),
        )  # fmt: skip

    def loss(self, batch: Any) -> float:
        """See `Trained`."""
        return means(accumulate(self.step, [(batch, True)], world=self.world, autocast=self.choices.autocast))["loss"]

    def move(self) -> None:
        """See `Trained`."""
        update(self.step, self.optimizer, rate=RATE, clip_norm=CLIP_NORM)


class Peer:
    """Somebody else's model, trained as its users train it, with our clipping."""

    def __init__(
        self, model: nn.Module, loss_of: Callable[[Any], Tensor], optimizer: torch.optim.Optimizer, precision: str
    ) -> None:
        """`loss_of` gives the mean loss of one of our batches."""
        self.model, self.loss_of, self.optimizer = model, loss_of, optimizer
        self.autocast = precision == "bfloat16"

    def loss(self, batch: Any) -> float:
        """See `Trained`."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
            loss = self.loss_of(batch)
        loss.backward()
        return float(loss.detach())

    def move(self) -> None:
        """See `Trained`."""
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


@dataclass(frozen=True, kw_only=True)
class Program:
    """One benchmark: the variants, ours first, and how each is made."""

    name: str
    about: str  # what `--help` shows
    what: str
    packages: tuple[str, ...]  # whose versions are printed
    variants: tuple[str, ...]
    speed: Mapping[str, float]  # variant → our speed over its, at least
    memory: Mapping[str, float]  # variant → our peak memory over its, at most
    prepare: Callable[[argparse.Namespace, Path], None]  # writes what the variants read
    feed: Callable[[str, Path], Feed]  # of variant and that folder
    make: Callable[[str, Any, str, Path], Trained]  # of variant, first batch of ours, precision and that folder
    apart: frozenset[str] = frozenset()  # variants with batches of their own: only the initial losses are compared
    flags: Callable[[argparse.ArgumentParser], object] = lambda parser: None


def work(program: Program, arguments: argparse.Namespace) -> None:
    """The process of one variant: `initial` or a number of steps a line in, what came out."""
    torch.set_num_threads(arguments.threads)
    feed = program.feed(arguments.worker, arguments.folder)
    plan = feed.epoch(0)
    ours = program.feed(program.variants[0], arguments.folder)
    first = _batch(ours, ours.epoch(0)[0])
    trained = program.make(arguments.worker, first, arguments.precision, arguments.folder)
    made = 0

    def answer(question: Any) -> machine.Answer:
        nonlocal made
        if question == "initial":
            return {
                "loss": initial_loss(trained, first),
                "choices": str(getattr(trained, "choices", "")),
            }
        losses, tokens = [], 0
        for _ in range(question):
            epoch, place = divmod(made, len(plan))
            losses.append(trained.loss(_batch(feed, plan[place], epoch)))
            trained.move()
            made, tokens = made + 1, tokens + feed.tokens(plan[place])
        return {"losses": losses, "tokens": tokens}

    machine.serve(answer)


def initial_loss(trained: Trained, batch: Any) -> float:
    """With dropout off; the model is left as it was, ready to learn."""
    trained.model.eval()
    loss = trained.loss(batch)
    trained.model.zero_grad(set_to_none=True)
    trained.model.train()
    torch.manual_seed(SEED)
    return loss


def measure(program: Program, precision: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All variants in turn."""
    command = ("-m", f"benchmarks.{program.name}", "--folder", str(folder), "--threads", str(arguments.threads))
    children = {
        variant: machine.Child(*command, "--precision", precision, "--worker", variant).wait()  # one loads, others wait
        for variant in program.variants
    }
    title = f"{program.name}, {precision}"
    result = machine.train_in_turns(children, arguments.steps, arguments.rounds, title=title)
    curves = result.pop("curves")
    ours, *others = program.variants
    for variant in others:
        if variant in program.apart:
            continue
        gaps = [abs(a - b) for a, b in zip(curves[ours], curves[variant], strict=True)]
        result[variant]["curve_gap"] = {"mean": round(statistics.mean(gaps), 4), "largest": round(max(gaps), 4)}
    return result | compare(program, result)


def compare(program: Program, result: Mapping[str, Any]) -> dict[str, Any]:
    """Our speed and memory over theirs, and whether that is what was wanted."""
    ours, *others = (result[variant] for variant in program.variants)
    names = program.variants[1:]
    speed, memory = (
        {name: round(ours[key] / other[key], 2) for name, other in zip(names, others, strict=True)}
        for key in ("tokens_per_second", "peak_mib")
    )
    return {
        "speed": speed,
        "memory": memory,
        "reaches": {
            "speed": all(speed[name] >= least for name, least in program.speed.items()),
            "memory": all(memory[name] <= most for name, most in program.memory.items()),
        },
    }


def check(program: Program, result: Mapping[str, Any]) -> list[str]:
    """Who did not do the same work."""
    ours, *others = program.variants
    wrong = []
    for name in others:
        for key, near in (("initial_loss", SAME), ("last_loss", NEAR))[: 1 if name in program.apart else 2]:
            if not abs(result[ours][key] - result[name][key]) <= near:
                wrong.append(f"{key}: {result[ours][key]}, and {result[name][key]} of {name}")
    return wrong


def run(program: Program, arguments: argparse.Namespace) -> int:
    """Measure, print one JSON object; 1 if the variants did not do the same work."""
    about = machine.processor()
    report: dict[str, Any] = {
        "what": f"{program.what}, {arguments.threads} threads",
        "processor": about,
        "versions": machine.versions("headway", "torch", *program.packages),
    }
    with tempfile.TemporaryDirectory() as place:
        program.prepare(arguments, Path(place))
        report["float32"] = measure(program, "float32", Path(place), arguments)
        wrong = check(program, report["float32"])
        if machine.has_bfloat16(about):
            report["bfloat16"] = measure(program, "bfloat16", Path(place), arguments)
        else:
            report["why_no_bfloat16"] = "the processor has neither AVX-512 BF16 nor AMX"
    report["targets"] = {"speed, at least": program.speed, "memory, at most": program.memory}
    report["not_equal"] = wrong
    return machine.publish(report, arguments.out)


def main(program: Program, *, steps: int) -> int:
    """Parse and run, as the parent or as one of its children; `steps` is the default of a round."""
    parser = machine.parser(program.name, program.about)
    parser.add_argument("--steps", type=int, default=steps, metavar="N", help="optimizer steps of each in a round")
    parser.add_argument("--precision", help=argparse.SUPPRESS)
    program.flags(parser)
    arguments = parser.parse_args()
    if arguments.worker:
        work(program, arguments)
        return 0
    return run(program, arguments)


def _batch(feed: Feed, rows: Any, epoch: int = 0) -> Any:
    """The one part of a batch."""
    ((batch, _),) = feed.parts(rows, epoch)
    return batch
