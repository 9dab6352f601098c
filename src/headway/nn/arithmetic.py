"""How the linear layers of a loaded model multiply: chosen for this processor by timing the model's own layers.

Which form is fastest depends on the processor, so nothing is assumed: some layers run in every form, for the row counts
of decoding, and the quickest one is put into all of them. That is done when the model first multiplies, so that loading
does not wait for it. Weights are prepared when a layer first runs.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from headway.errors import ConfigError
from headway.nn.kernels import ByRows, Int8, Packed, wants_gradient
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


class Choice:
    """The arithmetic of a model, which is measured when one of its layers first multiplies, or when it is asked for."""

    def __init__(self, model: nn.Module, *, quantize: str | None = None) -> None:
        """See `prepare`; a model that is not worth timing has its kernels at once."""
        self._model, self._quantize = model, quantize
        self._lock = threading.RLock()
        self._found: Arithmetic | None = None
        linears = _linears(model)
        _check(linears, quantize)
        if _is_worth_timing(linears):
            for linear in linears:
                linear.kernel = Unchosen(self, linear)
        else:
            self._found = prepare(model, quantize=quantize)

    @property
    def arithmetic(self) -> Arithmetic:
        """How the layers multiply, and what was measured to decide it."""
        return self.make()

    def make(self) -> Arithmetic:
        """Measure, once; layers that were given another kernel meanwhile keep it."""
        with self._lock:
            if self._found is None:
                others = {linear: linear.kernel for linear in _linears(self._model) if not _awaits(linear, self)}
                self._found = prepare(self._model, quantize=self._quantize)
                for linear, kernel in others.items():
                    linear.kernel = kernel
            return self._found


class Unchosen:
    """The kernel of a layer that has not multiplied yet: its first product without gradients chooses for the model."""

    def __init__(self, choice: Choice, linear: Linear) -> None:
        self.choice, self.linear = choice, linear

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """`F.linear`; by the kernel that is found to be the fastest where there is a choice."""
        special = torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling()
        if special or x.device.type != "cpu" or wants_gradient(x, weight, bias):
            return F.linear(x, weight, bias)
        return self.chosen()(x, weight, bias)

    def chosen(self) -> Kernel:
        """The kernel of the layer, measured if it was not."""
        self.choice.make()
        return F.linear if self.linear.kernel is self else self.linear.kernel

    def __repr__(self) -> str:
        return "chosen by the first product"

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy has what was chosen."""
        return _itself, (self.chosen(),)


def _itself(kernel: Kernel) -> Kernel:
    return kernel


def _awaits(linear: Linear, choice: Choice) -> bool:
    return isinstance(linear.kernel, Unchosen) and linear.kernel.choice is choice


def prepare(model: nn.Module, *, quantize: str | None = None, rows: Sequence[int] = ROWS) -> Arithmetic:
    """Give every `Linear` of `model` the kernel that is fastest here for inference, now.

    Without `quantize` the choice changes outputs by rounding only. Layers that share weight and bias share their form.

    Args:
        model: on its device and in its dtype; it is left with the chosen kernels.
        quantize: `int8`: eight bits, on a CPU; faster, and a little less exact.
        rows: tokens in one product, as many as they will typically be.

    Raises:
        ConfigError: `int8` for a model that is not on a CPU.
    """
    linears = _linears(model)
    _check(linears, quantize)
    worth_timing = _is_worth_timing(linears)
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


def _linears(model: nn.Module) -> list[Linear]:
    return [module for module in model.modules() if isinstance(module, Linear)]


def _are_on_cpu(linears: Sequence[Linear]) -> bool:
    return all(linear.weight.device.type == "cpu" for linear in linears)


def _check(linears: Sequence[Linear], quantize: str | None) -> None:
    if quantize and not _are_on_cpu(linears):
        raise ConfigError(f"{quantize} multiplies on a CPU only; leave quantize out, or load the model on the CPU")


def _is_worth_timing(linears: Sequence[Linear]) -> bool:
    return _are_on_cpu(linears) and sum(_weights(linears)) >= _SMALL


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
