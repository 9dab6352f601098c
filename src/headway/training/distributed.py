"""Several processes, one training: who I am, and the few sums that all must agree on.

`torchrun` or `accelerate launch` start the processes and set the environment; one process alone needs neither.
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

from headway.errors import HeadwayError

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
        """The module whose backward pass averages gradients over all processes."""
        if self.size == 1:
            return module
        return DistributedDataParallel(module, gradient_as_bucket_view=True, broadcast_buffers=False)


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
