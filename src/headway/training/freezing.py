"""Which parameters learn: all of them, those above some height, or only the head, from frozen features."""

from __future__ import annotations

from torch import nn

from headway.errors import ConfigError
from headway.models.groups import layer_groups
from headway.nn.stack import Stack


def freeze(model: nn.Module, lowest: int) -> None:
    """Let the `lowest` groups of `layer_groups` learn nothing: what reads the tokens is the first, then each layer.

    -1: nothing but what stands on the stacks learns, so that the head reads frozen features. What is frozen asks for no
    gradient: it does not move, decay, or have moments, and nothing is computed back through it. Its dropout stays.

    Raises:
        ConfigError: there are not so many groups, or nothing is left to learn.
    """
    groups = layer_groups(model)
    if not -1 <= lowest < len(groups):
        raise ConfigError(
            f"training.frozen is {lowest}, but the model has {len(groups)} groups: what reads the tokens, "
            f"{len(groups) - 2} layers, and the head; freeze 0 to {len(groups) - 1}, or all but the head with -1"
        )
    stacks = {weight for stack in model.modules() if isinstance(stack, Stack) for weight in stack.parameters()}
    for height, group in enumerate(groups):
        for weight in group:
            is_frozen = height < lowest if lowest >= 0 else height < len(groups) - 1 or weight in stacks
            if is_frozen:
                weight.requires_grad_(False)
    if not any(weight.requires_grad for weight in model.parameters()):
        raise ConfigError(
            f"training.frozen {lowest} leaves nothing to learn: the head is the table of the embeddings; freeze fewer"
        )
