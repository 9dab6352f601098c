"""Everything a training needs to go on as if it had never stopped: `checkpoints/step-N/`, safetensors and JSON only.

A folder appears whole or not at all. Weights, moments, averages, the place in the data, the clock and the random state
of every process are in it, so that a resumed run ends with the same bits.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from headway.checkpoints import native
from headway.errors import CheckpointError
from headway.training.optim import MovingAverage, average

_PREFIX = "step-"
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(slots=True)
class Progress:
    """How far a training is."""

    step: int = 0  # optimizer steps done
    epoch: int = 0
    position: int = 0  # batches of this epoch done
    elapsed: float = 0.0  # seconds, over all sittings
    tokens: int = 0
    best_loss: float | None = None  # of the validations, nats a token
    best_step: int = 0
    stale: int = 0  # validations since the best
    finished: bool = False
    window: dict[str, float] = field(default_factory=dict)  # sums since the last row of the log


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The `checkpoints/` of one run."""

    folder: Path

    def save(
        self,
        progress: Progress,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        moving: MovingAverage | None,
        randoms: list[Tensor],
    ) -> Path:
        """Write `step-N/`; `randoms` is the random state of each process.

        Raises:
            CapacityError: the disk is full.
        """
        target = self.folder / f"{_PREFIX}{progress.step}"
        part = self.folder / f".{target.name}.{os.getpid()}"
        part.mkdir(parents=True, exist_ok=True)
        try:
            native.save_weights(model, part / "model.safetensors")
            native.write_tensors(_moments(model, optimizer), part / "optimizer.safetensors")
            native.write_tensors({str(rank): state for rank, state in enumerate(randoms)}, part / "random.safetensors")
            if moving is not None:
                native.write_tensors(moving.parameters, part / "average.safetensors")
            native.write_json(part / "progress.json", dataclasses.asdict(progress))
            if target.exists():  # the same step again, after a resume: put aside, not deleted before the new one stands
                target.replace(part.with_suffix(".old"))
            part.replace(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
            shutil.rmtree(part.with_suffix(".old"), ignore_errors=True)
        return target

    def load(
        self,
        step: int,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        moving: MovingAverage | None,
        *,
        rank: int = 0,
    ) -> Progress:
        """Put everything back as `save` found it, the random state of this process included.

        Raises:
            CheckpointError: a file is missing or damaged, or the run had fewer processes.
        """
        folder = self.folder / f"{_PREFIX}{step}"
        native.load_weights(model, folder / "model.safetensors")
        _restore_moments(model, optimizer, folder / "optimizer.safetensors")
        if moving is not None:
            _restore_average(moving, folder / "average.safetensors")
        randoms = native.read_tensors(folder / "random.safetensors")
        if str(rank) not in randoms:
            raise CheckpointError(
                f"{folder} was written by {len(randoms)} processes; process {rank} finds no random state of its own. "
                f"Resume with {len(randoms)} processes"
            )
        _restore_random(model, randoms[str(rank)])
        values = native.read_json(folder / "progress.json", "the progress of a training")
        if wrong := values.keys() ^ {entry.name for entry in dataclasses.fields(Progress)}:
            raise CheckpointError(f"{folder / 'progress.json'} lacks or does not know {', '.join(sorted(wrong))}")
        return Progress(**values)

    def steps(self) -> list[int]:
        """The steps that are kept, oldest first."""
        names = [path.name.removeprefix(_PREFIX) for path in self.folder.glob(f"{_PREFIX}*")]
        return sorted(int(name) for name in names if name.isdecimal())

    def prune(self, keep: int, best_step: int) -> None:
        """Remove all but the last `keep` and the best, and what a killed run left half written."""
        for step in self.steps()[:-keep]:
            if step != best_step:
                shutil.rmtree(self.folder / f"{_PREFIX}{step}")
        for part in self.folder.glob(f".{_PREFIX}*"):
            shutil.rmtree(part)

    def weights(self, step: int) -> dict[str, Tensor]:
        """The weights of one checkpoint."""
        return native.read_tensors(self.folder / f"{_PREFIX}{step}" / "model.safetensors")

    def average(self, count: int) -> dict[str, Tensor]:
        """The mean weights of the last `count` checkpoints."""
        return average([self.weights(step) for step in self.steps()[-count:]])


def _moments(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"{kind}.{name}": optimizer.state[parameter][kind]
        for name, parameter in model.named_parameters()
        for kind in _MOMENTS
        if parameter in optimizer.state
    }


def _restore_moments(model: nn.Module, optimizer: torch.optim.Optimizer, path: Path) -> None:
    tensors = native.read_tensors(path)
    for name, parameter in model.named_parameters():
        state = {kind: tensors.pop(f"{kind}.{name}") for kind in _MOMENTS if f"{kind}.{name}" in tensors}
        if state and [tensor.shape for tensor in state.values()] != [parameter.shape, parameter.shape, ()]:
            raise CheckpointError(f"{path} lacks a part of the optimizer's state of {name}; take an earlier checkpoint")
        if state:
            optimizer.state[parameter] = {k: tensor.to(parameter.device, copy=True) for k, tensor in state.items()}
    native.check_names(missing=set(), left_over=set(tensors), path=path)


def _restore_average(moving: MovingAverage, path: Path) -> None:
    tensors, own = native.read_tensors(path), moving.parameters
    native.check_names(missing=own.keys() - tensors.keys(), left_over=tensors.keys() - own.keys(), path=path)
    for name, tensor in own.items():
        tensor.copy_(tensors[name])


def random_state(device: torch.device) -> Tensor:
    """The random state of this process: that of the CPU and, behind it, that of the device where it is another."""
    states = [torch.get_rng_state()]
    if device.type != "cpu":
        states.append(torch.get_device_module(device).get_rng_state())
    return torch.cat(states)


def _restore_random(model: nn.Module, state: Tensor) -> None:
    device, of_cpu = next(model.parameters()).device, len(torch.get_rng_state())
    torch.set_rng_state(state[:of_cpu].clone())
    if device.type != "cpu":
        torch.get_device_module(device).set_rng_state(state[of_cpu:].clone())
