"""What is chosen by measuring, once, at the start of a run: the dtype, the linear kernel, the attention core.

Which is fastest depends on the processor. The choice is written into the run folder and taken from there on resume,
because another choice would round differently.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from headway.errors import CheckpointError
from headway.nn.attention import Attention
from headway.nn.cores import CORES
from headway.nn.linear import Kernel, Linear, onednn, set_kernel
from headway.nn.recurrent import Alignment

_KERNELS: dict[str, Kernel] = {"torch": torch.nn.functional.linear, "onednn": onednn}
_WORTHWHILE = 0.97  # an alternative must take less than this share of the time
_ROUNDS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """How the arithmetic is done."""

    dtype: Literal["float32", "bfloat16"] = "float32"
    linear: Literal["torch", "onednn"] = "torch"
    attention: Literal["sdpa", "eager"] = "sdpa"
    threads: int = 0

    @property
    def autocast(self) -> torch.dtype | None:
        """The dtype that autocast computes in; None: that of the weights."""
        return torch.bfloat16 if self.dtype == "bfloat16" else None

    def apply(self, model: nn.Module) -> None:
        """Put the chosen kernels into `model`."""
        if self.threads:
            torch.set_num_threads(self.threads)
        set_kernel(model, lambda: _KERNELS[self.linear])
        for module in model.modules():
            if isinstance(module, Attention | Alignment):
                module.core = CORES[self.attention]()

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Choices:
        """What a run folder says.

        Raises:
            CheckpointError: a choice that this version does not know.
        """
        try:
            choices = cls(**data)
        except TypeError as error:
            raise CheckpointError(f"environment.json: choices: {error}") from None
        known = {"dtype": ("float32", "bfloat16"), "linear": tuple(_KERNELS), "attention": tuple(CORES)}
        for name, names in known.items():
            if getattr(choices, name) not in names:
                given = getattr(choices, name)
                raise CheckpointError(f"environment.json: choices: {name} is {given!r}; expected {' or '.join(names)}")
        return choices


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the processor multiplies bfloat16 in hardware; without it, it is many times slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def choose(
    model: nn.Module, run: Callable[[torch.dtype | None], object], *, device: torch.device, dtype: str, threads: int = 0
) -> Choices:
    """Try the alternatives one after the other on `run`, a forward and backward pass, and keep what is faster.

    Args:
        model: where the kernels are tried; it is left with the chosen ones.
        run: computes one typical batch in the autocast dtype given, and may leave gradients behind.
        device: where `model` is.
        dtype: `float32` or `bfloat16` fixes it; `auto` takes bfloat16 where it is fast.
        threads: CPU threads; 0: as torch chooses.
    """
    if dtype == "auto":
        dtype = "bfloat16" if has_fast_bfloat16(device) else "float32"
    best = Choices(dtype="bfloat16" if dtype == "bfloat16" else "float32", threads=threads)
    best.apply(model)
    if device.type != "cpu" or not any(isinstance(module, Linear) for module in model.modules()):
        return best
    alternatives: list[dict[str, Any]] = [{"attention": "eager"}]
    if best.dtype == "float32" and torch.backends.mkldnn.is_available():
        alternatives.append({"linear": "onednn"})
    with torch.random.fork_rng():
        run(best.autocast)
        for change in alternatives:
            other = dataclasses.replace(best, **change)
            if _ratio(model, run, other, best) < _WORTHWHILE:
                best = other
    best.apply(model)
    model.zero_grad(set_to_none=True)
    return best


def _ratio(model: nn.Module, run: Callable[[torch.dtype | None], object], other: Choices, best: Choices) -> float:
    """The time of `other` over that of `best`, the quickest of alternate rounds: others can only slow one down."""
    times: dict[Choices, list[float]] = {other: [], best: []}
    for _ in range(_ROUNDS):
        for choices, taken in times.items():
            choices.apply(model)
            begun = time.perf_counter()
            run(choices.autocast)
            taken.append(time.perf_counter() - begun)
    return min(times[other]) / min(times[best])
