"""Several processes, one training: who I am, the few sums that all must agree on, and models that are cut into parts.

`torchrun` or `accelerate launch` start the processes and set the environment; one process alone needs neither. What
cuts a model (FSDP2) takes a second to import, and is imported only by those who do.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from headway.checkpoints import native
from headway.errors import HeadwayError
from headway.nn.block import Block

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class World:
    """The processes of one training."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """The sum of `values` over all processes, on every process."""
        total = values.clone()
        if self.size > 1:
            dist.all_reduce(total)
        return total

    def share(self, value: Any) -> Any:
        """What the first process holds, as JSON data, on every process."""
        if self.size == 1:
            return value
        text = json.dumps(value).encode() if self.is_main else b""
        length = self.sum(torch.tensor([len(text)]))
        letters = torch.zeros(int(length), dtype=torch.uint8)
        if self.is_main:
            letters = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        dist.broadcast(letters, 0)
        return json.loads(bytes(letters.tolist()))

    def first(self, make: Callable[[], T]) -> T:
        """What `make` gives, the first process before the others: it fills the cache from which they read."""
        if self.is_main:
            made = make()
        self.barrier()
        if not self.is_main:
            made = make()
        return made

    def barrier(self) -> None:
        """Wait for all processes."""
        self.sum(torch.zeros(1))

    def gather(self, value: Tensor) -> list[Tensor]:
        """The equal-sized tensors of all processes, in the order of their ranks."""
        if self.size == 1:
            return [value]
        parts = [torch.empty_like(value) for _ in range(self.size)]
        dist.all_gather(parts, value)
        return parts

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module whose backward pass averages gradients over all processes; a sharded one does already."""
        if self.size == 1 or is_sharded(module):
            return module
        return DistributedDataParallel(module, gradient_as_bucket_view=True, forward_sync_buffers=False)

    def shard(self, step: nn.Module) -> None:
        """Leave each process a part of every parameter, of those that the first has (FSDP2; Zhao et al. 2023).

        A block is whole while it computes, all else from the forward to the backward pass: recurrent layers too, whose
        states are views, which FSDP2 warns of. This comes before the optimizer, which then holds parts. `step` is the
        module that is called.
        """
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(next(step.parameters()).device.type, (self.size,))
        for parameter in step.parameters():
            dist.broadcast(parameter.detach(), 0)
        for module in list(step.modules()):
            if isinstance(module, Block):
                fully_shard(module, mesh=mesh)
        fully_shard(step, mesh=mesh)


def is_sharded(module: nn.Module) -> bool:
    """Whether this process has only its part of the parameters."""
    return is_part(next(module.parameters()))


def is_part(tensor: Tensor) -> bool:
    """Whether it is a `DTensor`: one process's part, which knows of the whole."""
    return hasattr(tensor, "full_tensor")


def whole(tensor: Tensor) -> Tensor:
    """All of it; for a part, every process must ask."""
    if not is_part(tensor):
        return tensor
    from torch.distributed.tensor import DTensor

    assert isinstance(tensor, DTensor)
    return tensor.full_tensor()


def part_of(tensor: Tensor, like: Tensor) -> Tensor:
    """A view of what this process needs of a whole `tensor`: the same part as `like` is, or all of it."""
    if not is_part(like):
        return tensor
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(like, DTensor)
    return distribute_tensor(tensor, like.device_mesh, like.placements, src_data_rank=None)


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter once, under its first name; of a sharded model whole, for the first process, if all ask."""
    own = {name: parameter.detach() for name, parameter in model.named_parameters()}
    if not is_sharded(model):
        return own
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    found: dict[str, Any] = get_model_state_dict(
        model, options=StateDictOptions(full_state_dict=True, cpu_offload=True)
    )
    return {name: found[name] for name in own if found}


def put_together(sharded: nn.Module, model: nn.Module) -> None:
    """Give the weights of a sharded model to one that is whole; all processes call it, and it happens on the first."""
    if weights := weights_of(sharded):
        native.fill(model, weights, "the parts of a model")


@contextmanager
def exchanging(step: nn.Module, wanted: bool) -> Iterator[None]:
    """Inside, a backward pass averages gradients over all processes only if `wanted`; until then each keeps its own."""
    if isinstance(step, DistributedDataParallel) and not wanted:
        with step.no_sync():
            yield
        return
    if is_sharded(step):
        from torch.distributed.fsdp import FSDPModule

        assert isinstance(step, FSDPModule)
        step.set_requires_gradient_sync(wanted)
    yield


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """Join the processes that the launcher started; leave them at the end, also after an error.

    Raises:
        HeadwayError: another process ended in the middle of the training.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"  # counts and states are summed on the CPU
    dist.init_process_group(backend, timeout=timedelta(minutes=30))
    world = World(dist.get_rank(), size)
    try:
        yield world
    except (dist.DistError, RuntimeError) as error:
        if not _is_lost_peer(error):
            raise
        raise HeadwayError(
            f"process {world.rank} of {size} stops: another process of this training ended. "
            "Its own message stands above; once mended, continue with `headway resume`"
        ) from error
    finally:
        dist.destroy_process_group()


def _is_lost_peer(error: Exception) -> bool:
    signs = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Read error", "Timed out waiting")
    return isinstance(error, dist.DistError) or any(sign in str(error) for sign in signs)
