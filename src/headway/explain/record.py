"""Attention probabilities of one forward pass, with the fast kernel still on everywhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn

from headway.errors import ConfigError, nearest
from headway.nn.attention import Attention
from headway.nn.cores import Eager, GridCore
from headway.nn.recurrent import Alignment


@contextmanager
def recording(model: nn.Module, *, heads: Mapping[str, Tensor] | None = None) -> Iterator[dict[str, list[Tensor]]]:
    """Inside, every attention of `model` runs in the open; after, exceptions included, as before.

    It changes a shared module: use it where nobody else runs the model at the same time.

    Args:
        model: any model of the house.
        heads: module name → a factor a head `(heads,)`, 0 switches a head off.

    Yields:
        Module name → the probabilities `(batch, heads, query, key)` of each call.

    Raises:
        ConfigError: `heads` names a module that is no attention of `model`.
    """
    attentions = {name: m for name, m in model.named_modules() if isinstance(m, Attention | Alignment)}
    before = {name: module.core for name, module in attentions.items()}
    if unknown := (heads or {}).keys() - attentions.keys():
        name = min(unknown)
        raise ConfigError(f"heads: the model has no attention {name!r}; {nearest(name, attentions)}")
    record: dict[str, list[Tensor]] = {name: [] for name in attentions}
    try:
        for name, module in attentions.items():
            module.core = GridCore(Eager(record[name], (heads or {}).get(name)))
        yield record
    finally:
        for name, module in attentions.items():
            module.core = before[name]
