"""The hidden states of every layer of a stack, without a switch on the model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from headway.nn.stack import Stack


@contextmanager
def layer_states(stack: Stack) -> Iterator[list[Tensor]]:
    """Inside, each forward of `stack` by this thread leaves the states `(..., d_model)` between its blocks.

    Yields:
        Of the latest forward, filled while it runs: the embeddings, the output of each block but the last, and what the
        stack returns, final norm included. These are the `hidden_states` of transformers.
    """
    states: list[Tensor] = []
    thread = threading.get_ident()

    def note(module: nn.Module, given: tuple[Any, ...]) -> None:
        if threading.get_ident() != thread:
            return
        if module is stack.blocks[0]:
            states.clear()
        states.append(given[0])

    def finish(_module: nn.Module, _given: tuple[Any, ...], out: Tensor) -> None:
        if threading.get_ident() == thread:
            states.append(out)

    hooks = [block.register_forward_pre_hook(note) for block in stack.blocks]
    hooks.append(stack.register_forward_hook(finish))
    try:
        yield states
    finally:
        for hook in hooks:
            hook.remove()
