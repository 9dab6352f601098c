"""How the linear layers of a loaded model multiply: chosen for this processor by timing the model's own layers.

Which form is fastest depends on the processor, so nothing is assumed: some layers run in every form, for the row counts
of decoding, and the quickest one is put into all of them. Weights are prepared when a layer first runs.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from headway.errors import ConfigError
from headway.nn.kernels import ByRows, Int8, Packed
from headway.nn.linear import Kernel, Linear, onednn, sliced

ROWS = (1, 8, 80)  # one text, a batch of them, a batch of beams
_WORTHWHILE = 0.97  # another kernel must take less than this share of the time
_WORTH_MEMORY = 0.9  # and one that keeps a second form of the weights less than this
_ROUNDS = 3
_SMALL = 2**20  # weights; below, multiplying is not what takes the time
_SAMPLE = 2**23  # weights that are timed: more than a processor's cache holds, and read in milliseconds
_SHARE = 0.25  # of the machine's memory, the most that a second form may take
_FEW = 8  # rows; beyond, quantised activations are always the faster
Times = dict[str, dict[int, float]]  # form → rows → milliseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Arithmetic:
    """How the linear layers of a model multiply, and what was measured to decide it."""

    linear: Literal["torch", "onednn", "packed", "int8"] = "torch"
    few: int = 0  # int8: up to so many rows the activations are not quantised
    slices: bool = False  # the weight is read in slices for a single row
    milliseconds: Mapping[str, Mapping[int, float]] = field(default_factory=dict)  # form → rows → time of the sample


def prepare(model: nn.Module, *, quantize: str | None = None, rows: Sequence[int] = ROWS) -> Arithmetic:
    """Give every `Linear` of `model` the kernel that is fastest here for inference.

    Without `quantize` the choice changes outputs by rounding only. Layers that share weight and bias share their form.

    Args:
        model: on its device and in its dtype; it is left with the chosen kernels.
        quantize: `int8`: eight bits, on a CPU; faster, and a little less exact.
        rows: tokens in one product, as many as they will typically be.

    Raises:
        ConfigError: `int8` for a model that is not on a CPU.
    """
    linears = [module for module in model.modules() if isinstance(module, Linear)]
    on_cpu = all(linear.weight.device.type == "cpu" for linear in linears)
    if quantize and not on_cpu:
        raise ConfigError(f"{quantize} multiplies on a CPU only; leave quantize out, or load the model on the CPU")
    worth_timing = on_cpu and sum(_weights(linears)) >= _SMALL
    if quantize:
        few, times = _few(linears, [n for n in rows if n <= _FEW]) if worth_timing else (0, {})
        # Products of few rows are rounded to bfloat16, which makes equals of words whose scores are close.
        scores = {module.num_embeddings for module in model.modules() if isinstance(module, nn.Embedding)}
        _put(linears, lambda linear: Int8(0 if linear.out_features in scores else few))
        return Arithmetic(linear="int8", few=few, milliseconds=times)
    forms = _forms(linears, max(rows)) if worth_timing else {}
    times = _times(linears, forms, rows)
    best = _best(times)
    make = forms.get(best, lambda: F.linear)
    slices = bool(forms) and 1 in rows and _slices(linears, make, times)
    _put(linears, lambda _: ByRows(sliced, make()) if slices else make())
    return Arithmetic(linear=best, slices=slices, milliseconds=times)


def _slices(linears: Sequence[Linear], make: Callable[[], Kernel], times: Times) -> bool:
    """Whether a single row is multiplied faster by slices of the weight than by the form that was chosen."""
    found = _times(linears, {"chosen": make, "sliced": lambda: sliced}, (1,))
    times["sliced"] = found["sliced"]
    return found["sliced"][1] < _WORTHWHILE * found["chosen"][1]


def _few(linears: Sequence[Linear], rows: Sequence[int]) -> tuple[int, Times]:
    """Up to how many rows it is faster not to quantise the activations, and what was measured."""
    times = _times(linears, {"int8": Int8, "int8, few rows": lambda: Int8(_FEW)}, rows)
    many, few = times.values()
    return max((n for n in rows if few[n] < many[n]), default=0), times


def _forms(linears: Sequence[Linear], rows: int) -> dict[str, Callable[[], Kernel]]:
    """What there is beside torch's own: oneDNN, and oneDNN from reordered weights if the machine has room for them."""
    dtypes = {linear.weight.dtype for linear in linears}
    forms: dict[str, Callable[[], Kernel]] = {"torch": lambda: F.linear}
    if not torch.backends.mkldnn.is_available():
        return forms
    if dtypes == {torch.float32}:
        forms["onednn"] = lambda: onednn
    taken = sum(_weights(linears)) * max(dtype.itemsize for dtype in dtypes)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else math.inf
    if dtypes <= Packed(rows).dtypes and taken <= _SHARE * machine:
        forms["packed"] = lambda: Packed(rows)
    return forms


def _best(times: Times) -> Literal["torch", "onednn", "packed"]:
    """The quickest, all row counts weighing the same; more memory or another rounding must be worth it."""
    mean = {form: math.prod(found.values()) ** (1 / len(found)) for form, found in times.items()}
    best: Literal["torch", "onednn", "packed"] = "torch"
    if "onednn" in mean and mean["onednn"] < _WORTHWHILE * mean["torch"]:
        best = "onednn"
    return "packed" if "packed" in mean and mean["packed"] < _WORTH_MEMORY * mean[best] else best


def _put(linears: Sequence[Linear], make: Callable[[Linear], Kernel]) -> None:
    """A kernel for every layer; one for those that share weight and bias."""
    made: dict[tuple[int, int], Kernel] = {}
    for linear in linears:
        linear.kernel = made.setdefault((id(linear.weight), id(linear.bias)), make(linear))


def _weights(linears: Sequence[Linear]) -> list[int]:
    """How many each layer has; those that are shared count once."""
    return list({id(linear.weight): linear.weight.numel() for linear in linears}.values())


@torch.no_grad()
def _times(linears: Sequence[Linear], forms: Mapping[str, Callable[[], Kernel]], rows: Sequence[int]) -> Times:
    """Milliseconds of the first layers in each form, the quickest of rounds in turn: others can only slow one down.

    For many rows fewer layers are timed: then it is the products that take the time, and not reading the weights.
    """
    times: Times = {form: {} for form in forms}
    kernels = {form: [make() for _ in linears] for form, make in forms.items()}
    sizes = list(accumulate(linear.weight.numel() for linear in linears))
    for n in rows:
        sample = [linear for linear, size in zip(linears, sizes, strict=True) if size * n <= _SAMPLE * min(n, _FEW)]
        sample = sample or list(linears[:1])
        inputs = [torch.ones(n, linear.in_features, dtype=linear.weight.dtype) for linear in sample]
        for number in range(_ROUNDS + 1):
            for form, made in kernels.items():
                begun = time.perf_counter()
                for linear, kernel, x in zip(sample, made, inputs, strict=False):
                    kernel(x, linear.weight, linear.bias)
                taken = 1000 * (time.perf_counter() - begun)
                if number:  # the first round prepares
                    times[form][n] = min(taken, times[form].get(n, taken))
    return times
