"""What one of several processes does in `test_distributed`: `python -m tests.training.two WHAT FOLDER`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch

from headway.checkpoints.native import write_tensors
from headway.errors import HeadwayError
from headway.objectives.seq2seq import Seq2Seq
from headway.training.distributed import World, joined
from headway.training.loop import Limits, Rhythm
from headway.training.step import Step, accumulate
from tests.training.translator import TOKENS, Setting, feed_of, model_of, rows_of

ROWS = 13
CASES = [(1, "usual"), (3, "usual"), (2, "tiny")]  # accumulation, batch
BATCHES = {"usual": np.arange(ROWS), "tiny": np.array([4])}  # of one row a process gets nothing


def gradients(world: World, accumulation: int, batch: str) -> dict[str, torch.Tensor]:
    """Loss and gradients of one batch, float32."""
    objective = Seq2Seq(TOKENS, 0.1)
    step = Step(model_of(seed=world.rank), objective)  # what the first process has, all begin with
    wrapped = world.wrap(step)
    feed = feed_of(rows_of(ROWS), objective, world=world, accumulation=accumulation)
    for _ in range(2):  # the second time the gradients are views of the exchange
        step.zero_grad(set_to_none=True)
        losses = accumulate(wrapped, feed.parts(BATCHES[batch]), world=world)
    result = {name: p.grad.clone() for name, p in step.named_parameters() if p.grad is not None}
    return result | {f"loss {name}": torch.tensor(value, dtype=torch.float64) for name, value in losses.items()}


def setting(world: World, folder: Path) -> Setting:
    """Twenty steps in float64; some batches are too small for two."""
    return Setting(
        folder=folder,
        limits=Limits(max_steps=20),
        rhythm=Rhythm(validate=7, checkpoint=8),
        accumulation=2,
        rows=23,
        budget=40,
        dtype=torch.float64,
        ema=0.9,
        world=world,
    )


def train(world: World, folder: Path) -> dict[str, torch.Tensor]:
    """The weights after `setting`, and the place where the files were written."""
    training = setting(world, folder).build(seed=world.rank)
    training.run()
    sums = world.gather(torch.stack([p.detach().sum() for p in training.step.parameters()]))
    assert all(torch.equal(one, sums[0]) for one in sums)
    return dict(training.step.named_parameters())


def facts(world: World) -> None:
    """What all processes must agree on."""
    ones = torch.ones(2)
    assert world.sum(ones).tolist() == [world.size] * 2
    assert ones.tolist() == [1, 1]
    assert world.share({"who": world.rank, "한": [1.5, None]}) == {"who": 0, "한": [1.5, None]}
    assert [int(part) for part in world.gather(torch.tensor(world.rank))] == list(range(world.size))
    order: list[int] = []
    world.first(lambda: order.append(world.rank))
    assert order == [world.rank]


def numbers(world: World, folder: Path) -> None:
    """Gradients of several batches, and the weights after a training."""
    for accumulation, batch in CASES:
        found = gradients(world, accumulation, batch)
        if world.is_main:
            write_tensors(found, folder / f"{accumulation}-{batch}")
    found = train(world, folder)
    if world.is_main:
        write_tensors({name: p.detach() for name, p in found.items()}, folder / "weights")


def lose(world: World, folder: Path) -> None:
    """The last process is killed in the middle of a training."""
    training = setting(world, folder).build()
    parts = training.feed.batches.split

    def deadly(*arguments: object) -> object:
        if world.rank == world.size - 1 and training.progress.step == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return parts(*arguments)  # type: ignore[arg-type]

    training.feed.batches.split = deadly  # type: ignore[method-assign, assignment]
    training.run()


def main() -> int:
    what, folder = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    try:
        with joined(torch.device("cpu")) as world:
            if what in ("facts", "numbers"):
                facts(world)
            if what == "numbers":
                numbers(world, folder)
            if what == "lose":
                lose(world, folder)
    except HeadwayError as error:
        print(f"headway: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
