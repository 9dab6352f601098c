"""What one of several processes does in `test_distributed`: `python -m tests.training.two WHAT FOLDER`."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from headway.checkpoints.native import write_tensors
from headway.errors import HeadwayError
from headway.models.groups import layer_groups
from headway.objectives.losses import Batch
from headway.training.checkpoint import Checkpoints, Progress
from headway.training.distributed import World, is_sharded, joined, weights_of, whole
from headway.training.freezing import freeze
from headway.training.loop import Limits, Rhythm, Training
from headway.training.lora import adapt
from headway.training.optim import Unfreezing, adamw
from headway.training.step import Step, accumulate, means, update
from tests.training.families import FAMILIES, ROWS
from tests.training.translator import Setting

MODES = ("ddp", "fsdp")
CASES = [(3, "usual"), (3, "few"), (2, "tiny")]  # accumulation, batch
BATCHES = {  # of three rows a process gets fewer than the other, of one row nothing
    "usual": np.arange(ROWS),
    "few": np.array([4, 0, 9]),
    "tiny": np.array([4]),
}
WAYS = ("lora", "frozen", "frozen_lora", "unfreezing")  # in which only a part learns
RATE, CLIP = 3e-3, 0.5  # so short that gradients are cut


class Alone(World):
    """The mutant: each process divides by what it counted itself."""

    def sum(self, values: Tensor) -> Tensor:
        return values


def gradients(world: World, mode: str, family: str, accumulation: int, batch: str) -> dict[str, Tensor]:
    """Loss and gradients of one batch, float32."""
    made = FAMILIES[family]()
    step = Step(made.model(seed=world.rank), made.objective)  # what the first process has, all begin with
    if mode == "fsdp":
        world.shard(step)
    wrapped = world.wrap(step)
    parts = made.feed(world, accumulation).parts(BATCHES[batch])
    for _ in range(2 if mode == "ddp" else 1):  # the second time the gradients are views of the exchange
        step.zero_grad(set_to_none=True)
        losses = means(accumulate(wrapped, parts, world=world))
    result = {name: whole(p.grad).clone() for name, p in step.named_parameters() if p.grad is not None}
    return result | {f"loss {name}": torch.tensor(value, dtype=torch.float64) for name, value in losses.items()}


def moved(world: World, mode: str, family: str) -> dict[str, Tensor]:
    """The weights after three steps of AdamW on three batches, in float64; of an LSTM each frees another layer."""
    made = FAMILIES[family]()
    step = Step(made.model(seed=world.rank).double(), made.objective)
    if mode == "fsdp":
        world.shard(step)
        assert is_sharded(step)
        assert sum(p.to_local().numel() for p in step.parameters()) < 0.7 * sum(p.numel() for p in step.parameters())
    optimizer = adamw(step.model, weight_decay=0.01, groups=layer_groups(step.model), decay=1.3)
    feed = made.feed(world, 2)
    for epoch, batch in enumerate(BATCHES.values()):
        if family == "awd_lstm":
            Unfreezing(optimizer).begin(epoch)
        wrapped = world.wrap(step)
        accumulate(wrapped, feed.parts(batch), world=world)
        update(step, optimizer, rate=RATE, clip_norm=CLIP)
    return weights_of(step.model)


def restricted(world: World, mode: str, way: str, folder: Path) -> dict[str, Tensor]:
    """The weights of a BERT of which a part learns, after two steps in float64, a checkpoint, and a third step.

    The checkpoint is written into `folder`, unless one is there.
    """
    made, checkpoints = FAMILIES["bert"](), Checkpoints(folder)
    first, second, third = BATCHES
    step, optimizer = _learner(world, mode, way, seed=world.rank)
    if not checkpoints.steps():
        for epoch, batch in enumerate((first, second)):
            _move(world, step, optimizer, made.feed(world, 2).parts(BATCHES[batch]), way, epoch)
        checkpoints.save(Progress(step=2), step.model, optimizer, None, [torch.get_rng_state()], world=world)
        world.barrier()
        step, optimizer = _learner(world, mode, way, seed=9)
    checkpoints.load(2, step.model, optimizer, None)
    _move(world, step, optimizer, made.feed(world, 2).parts(BATCHES[third]), way, 2)
    return weights_of(step.model)


def _learner(world: World, mode: str, way: str, seed: int) -> tuple[Step, torch.optim.AdamW]:
    made = FAMILIES["bert"]()
    model = made.model(seed).double()
    if "lora" in way:
        adapt(model, rank=2, targets=("query", "up"))
    if "frozen" in way:
        freeze(model, 2)
    step = Step(model, made.objective)
    if mode == "fsdp":
        world.shard(step)
    groups = () if way == "lora" else layer_groups(step.model)
    return step, adamw(step.model, weight_decay=0.01, groups=groups, decay=1.3)


def _move(
    world: World, step: Step, optimizer: torch.optim.AdamW, parts: list[tuple[Batch, bool]], way: str, epoch: int
) -> None:
    if way == "unfreezing":
        Unfreezing(optimizer).begin(epoch)
    accumulate(world.wrap(step), parts, world=world)
    update(step, optimizer, rate=RATE, clip_norm=CLIP)


def setting(world: World, folder: Path, mode: str = "ddp", steps: int = 20) -> Setting:
    """Twenty steps in float64; some batches are too small for two."""
    return Setting(
        folder=folder,
        limits=Limits(max_steps=steps),
        rhythm=Rhythm(validate=7, checkpoint=8),
        accumulation=2,
        rows=23,
        budget=40,
        dtype=torch.float64,
        ema=0.9,
        world=world,
        mode=mode,
    )


def train(world: World, folder: Path, mode: str = "ddp") -> dict[str, Tensor]:
    """The weights after `setting`, and the place where the files were written."""
    return finished(setting(world, folder, mode).build(seed=world.rank))


def go_on(world: World, begun: Path, folder: Path, mode: str = "ddp") -> dict[str, Tensor]:
    """The weights when a training is resumed from the checkpoint of step 16 of another."""
    if world.is_main:
        shutil.copytree(begun, folder)
        shutil.rmtree(folder / "checkpoints" / "step-20")
    world.barrier()
    return finished(setting(world, folder, mode).resumed(seed=world.rank))


def finished(training: Training) -> dict[str, Tensor]:
    """The weights at the end, the same on all processes."""
    training.run()
    if not is_sharded(training.step):
        sums = training.world.gather(torch.stack([p.detach().sum() for p in training.step.parameters()]))
        assert all(torch.equal(one, sums[0]) for one in sums)
    return weights_of(training.step.model)


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
    """Gradients of several batches, and the weights after a training; `folder` holds one that one process began."""
    found: dict[str, dict[str, Tensor]] = {"mutant": gradients(Alone(world.rank, world.size), "ddp", "bert", 1, "few")}
    for mode in MODES:
        for family in FAMILIES:
            for accumulation, batch in CASES:
                name = f"{mode} {family} {accumulation} {batch}"
                found[name] = gradients(world, mode, family, accumulation, batch)
            found[f"{mode} {family} moved"] = moved(world, mode, family)
        for way in WAYS:
            found[f"{mode} {way}"] = restricted(world, mode, way, folder / f"{mode}-{way}")
        found[f"{mode} trained"] = train(world, folder / mode, mode)
        found[f"{mode} resumed"] = go_on(world, folder / "alone", folder / f"{mode}-resumed", mode)
    if world.is_main:
        for name, tensors in found.items():
            write_tensors(tensors, folder / f"{name}.safetensors")


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
