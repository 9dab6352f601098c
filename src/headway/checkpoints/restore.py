"""A model from its spec and stored tensors: built on the `meta` device, then filled parameter by parameter.

Nothing is drawn at random and no memory taken twice: a parameter is the mapped tensor itself where it is stored as it
is needed, and a copy where it must be transposed, cut or brought to another dtype.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from headway.checkpoints.configuration import check_sizes, stacks
from headway.checkpoints.copies import copied
from headway.checkpoints.files import some
from headway.checkpoints.weights import Weights
from headway.errors import CheckpointError, ConfigError
from headway.models.build import Model, build
from headway.models.keys import Same
from headway.nn.init import initialise
from headway.nn.positions import position_of
from headway.nn.stack import Stack
from headway.spec import LabelHeadSpec, ModelSpec, SingleStackSpec, TransformerSpec


class Restored(NamedTuple):
    """A model from a folder, and what its weights did not say."""

    model: Model
    fresh: tuple[str, ...]  # our names of parameters that were drawn at random
    unread: tuple[str, ...]  # names in the file of tensors that the model has no place for


def with_head(spec: ModelSpec, head: LabelHeadSpec) -> SingleStackSpec:
    """The same stack with `head` and no other.

    Raises:
        ConfigError: the model is no single stack.
    """
    if not isinstance(spec, SingleStackSpec):
        raise ConfigError(f"a label head stands on a single stack; a model of the family {spec.family} is none")
    reads_pooler = head.of in ("text", "choices") and head.reads == "pooler"
    return dataclasses.replace(spec, language_head=None, label_head=head, pooler=reads_pooler)


def is_new(name: str, head: LabelHeadSpec | None) -> bool:
    """Whether our parameter `name` belongs to a head that was asked for, and not to one that was stored."""
    return head is not None and name.startswith("label_head.")


def restore(
    spec: ModelSpec,
    rows: Iterable[Same],
    weights: Weights,
    stored: Mapping[str, str],
    *,
    path: object,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Model:
    """The model of `spec`; `stored` says under which name of `weights` a row lies, and rows without one stay fresh.

    Raises:
        CheckpointError: a tensor has another shape than the model's.
        ConfigError: the rows do not name every parameter.
    """
    model = empty(spec, path)
    rows = list(rows)
    places = _places(model)
    check_shapes(model, rows, weights, stored, path)
    fresh = {name for row in rows if row.theirs not in stored for name in row.names}
    if unnamed := sorted(places.keys() - {name for row in rows for name in row.names}):
        raise ConfigError(f"checkpoints of the family {spec.family} have no {some(unnamed)}; choose another head")
    _draw(model, spec, {name: places[name] for name in sorted(fresh)}, dtype, device)
    for row in rows:
        if row.theirs in stored:
            for name, part in zip(row.names, row.to_ours(weights.get(stored[row.theirs])), strict=True):
                if torch.device(device).type != "cpu":
                    part = part.to(device, dtype).contiguous()
                elif part.dtype != dtype or not (weights.may_be_kept and _is_alone(part)):
                    part = copied(part, dtype)
                _put(model, places[name], part)
    for stack in model.modules():
        if isinstance(stack, Stack) and list(stack.position.buffers()):
            stack.position = position_of(stack.spec).to(device)
    return model


def empty(spec: ModelSpec, path: object) -> Model:
    """The model without memory: every tensor on the `meta` device.

    Raises:
        CheckpointError: no such model can be built.
    """
    check_sizes(spec, path)
    try:
        with torch.device("meta"), _Undrawn():
            return build(spec)
    except (ArithmeticError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise CheckpointError(f"{path} describes a model that cannot be built ({reason})") from None


class _Undrawn(TorchFunctionMode):
    """Leaves out all first values: on the `meta` device there are none, but torch reads its compiler to draw them."""

    _filling = frozenset({"normal_", "uniform_", "trunc_normal_", "kaiming_uniform_", "constant_", "fill_", "zero_"})

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in self._filling:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def check_shapes(
    model: nn.Module, rows: Iterable[Same], weights: Weights, stored: Mapping[str, str], path: object
) -> None:
    """Raises CheckpointError unless every stored tensor has the shape that the model asks for."""
    own, found, wrong = dict(model.named_parameters()), weights.shapes, []
    for row in rows:
        name = stored.get(row.theirs)
        if name is not None and all(part in own for part in row.names):
            wanted = row.shape([tuple(own[part].shape) for part in row.names])
            if found[name] != wanted:
                wrong.append(f"{name} is {list(found[name])}, expected {list(wanted)}")
    if wrong:
        raise CheckpointError(f"{path}: not the shapes of this model: {some(wrong)}")


def _places(model: nn.Module) -> dict[str, list[str]]:
    """Each parameter by its first name, and all its names: a tied one has several."""
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return {places[0]: places for places in names.values()}


def _put(model: nn.Module, places: Iterable[str], tensor: Tensor) -> None:
    parameter = nn.Parameter(tensor)
    for place in places:
        module, _, name = place.rpartition(".")
        setattr(model.get_submodule(module), name, parameter)


def _is_alone(tensor: Tensor) -> bool:
    """Whether it is stored as it is needed, and holds on to no memory but its own: it is no part of a larger tensor."""
    return tensor.is_contiguous() and tensor.untyped_storage().nbytes() == tensor.nbytes


def _draw(
    model: nn.Module,
    spec: ModelSpec,
    fresh: Mapping[str, list[str]],
    dtype: torch.dtype,
    device: torch.device | str,
) -> None:
    """Give the parameters `fresh` memory and first values, as in a new model."""
    leaves = {name.rpartition(".")[0] for name in fresh}
    for name, places in fresh.items():
        _put(model, places, torch.empty_like(model.get_parameter(name), dtype=dtype, device=device))
    for leaf in sorted(leaves):
        module = model.get_submodule(leaf)
        if isinstance(module, nn.Linear | nn.Embedding | nn.LayerNorm | nn.RMSNorm | nn.RNNBase | nn.Conv1d):
            module.reset_parameters()
        if isinstance(spec, TransformerSpec | SingleStackSpec):
            initialise(module, spec.init, stacks(spec)[-1].d_model)
