"""Everything a training needs to go on as if it had never stopped: `checkpoints/step-N/`, safetensors and JSON only.

A folder appears whole or not at all. Weights, moments, averages, the place in the data, the clock and the random state
of every process are in it, so that a resumed run ends with the same bits. Of a model that several processes share, the
parts are put together: the files are those that one process writes, and any number of processes goes on from them.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from headway.checkpoints import native
from headway.errors import CheckpointError
from headway.training.distributed import World, is_sharded, part_of, weights_of
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
    prepared: float = 0.0  # of these, seconds before the steps began: reading, encoding
    tokens: int = 0
    best: float | None = None  # of the validations: the loss, nats a token, or minus the score
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
        *,
        world: World = World(),
    ) -> Path:
        """Write `step-N/`; `randoms` is the random state of each process. All of them call this, and the first writes.

        Raises:
            CapacityError: the disk is full.
        """
        tensors = {"model": weights_of(model), "optimizer": _moments(model, optimizer)}
        if moving is not None:
            tensors["average"] = _average(moving, model)
        tensors["random"] = {str(rank): state for rank, state in enumerate(randoms)}
        target = self.folder / f"{_PREFIX}{progress.step}"
        if not world.is_main:
            return target
        part = self.folder / f".{target.name}.{os.getpid()}"
        part.mkdir(parents=True, exist_ok=True)
        try:
            for name, content in tensors.items():
                native.write_tensors(content, part / f"{name}.safetensors")
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
        """Put everything back as `save` found it: of the random states that of this process, if it had one.

        Raises:
            CheckpointError: a file is missing or damaged.
        """
        folder = self.folder / f"{_PREFIX}{step}"
        _restore_weights(model, folder / "model.safetensors")
        _restore_moments(model, optimizer, folder / "optimizer.safetensors")
        if moving is not None:
            _restore_average(moving, folder / "average.safetensors")
        randoms = native.read_tensors(folder / "random.safetensors")
        if str(rank) in randoms:
            _restore_random(model, randoms[str(rank)])
        values = native.read_json(folder / "progress.json", "the progress of a training")
        values.setdefault("prepared", 0.0)  # begun before it was counted
        if "best_loss" in values:  # begun when nothing else was judged by
            values["best"] = values.pop("best_loss")
            values["window"] = {}  # which had no counts
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

    def processes(self, step: int) -> int:
        """How many there were when a checkpoint was written."""
        return len(native.read_tensors(self.folder / f"{_PREFIX}{step}" / "random.safetensors"))

    def weights(self, step: int, *, moving: bool = False) -> dict[str, Tensor]:
        """The weights of one checkpoint, or their moving average."""
        name = "average" if moving else "model"
        return native.read_tensors(self.folder / f"{_PREFIX}{step}" / f"{name}.safetensors")

    def average(self, count: int) -> dict[str, Tensor]:
        """The mean weights of the last `count` checkpoints."""
        return average([self.weights(step) for step in self.steps()[-count:]])


def _moments(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    parameters = dict(model.named_parameters())
    state = {name: optimizer.state[p] for name, p in parameters.items() if p in optimizer.state}
    if state and is_sharded(model):
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict

        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        found: Any = get_optimizer_state_dict(model, optimizer, options=options)
        state = found.get("state", {})  # of the first process only
    return {f"{kind}.{name}": state[name][kind] for name in parameters if name in state for kind in _MOMENTS}


def _average(moving: MovingAverage, model: nn.Module) -> dict[str, Tensor]:
    if not is_sharded(model):
        return moving.parameters
    with moving.applied(model):
        return weights_of(model)


def _restore_weights(model: nn.Module, path: Path) -> None:
    own, tensors = dict(model.named_parameters()), native.read_tensors(path)
    parts = {name: part_of(tensor, own[name]) if name in own else tensor for name, tensor in tensors.items()}
    native.fill(model, parts, path)


def _restore_moments(model: nn.Module, optimizer: torch.optim.Optimizer, path: Path) -> None:
    tensors = native.read_tensors(path)
    for name, parameter in model.named_parameters():
        state = {kind: tensors.pop(f"{kind}.{name}") for kind in _MOMENTS if f"{kind}.{name}" in tensors}
        if state and [tensor.shape for tensor in state.values()] != [parameter.shape, parameter.shape, ()]:
            raise CheckpointError(f"{path} lacks a part of the optimizer's state of {name}; take an earlier checkpoint")
        parts = {kind: part_of(tensor, parameter) if tensor.dim() else tensor for kind, tensor in state.items()}
        if parts:
            optimizer.state[parameter] = {k: tensor.to(parameter.device, copy=True) for k, tensor in parts.items()}
    native.check_names(missing=set(), left_over=set(tensors), path=path)


def _restore_average(moving: MovingAverage, path: Path) -> None:
    tensors, own = native.read_tensors(path), moving.parameters
    native.check_names(missing=own.keys() - tensors.keys(), left_over=tensors.keys() - own.keys(), path=path)
    for name, tensor in own.items():
        tensor.copy_(part_of(tensors[name], tensor))


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
