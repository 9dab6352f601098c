"""What of a model learns: all of it, thin matrices beside it (LoRA), or what stands above its frozen layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headway.config import RunConfig
from headway.errors import ConfigError
from headway.runs.folder import RunFolder
from headway.runs.kinds.scale import Scale
from headway.training.freezing import freeze
from headway.training.lora import TARGETS, adapt, adapters, merge, save_adapter


def restrict(config: RunConfig, model: Any, say: Callable[[str], None]) -> None:
    """Let only what the configuration names ask for gradients, and say how much that is.

    Raises:
        ConfigError: it names what the model has not, or nothing is left.
    """
    lora = config.lora
    if lora.rank and config.model.init is None:
        raise ConfigError(
            f"lora.rank is {lora.rank}, but the weights beside the adapters would be random and stay so; name a "
            "trained model with --model.init"
        )
    if lora.rank:
        targets = [part.strip() for part in lora.targets.split(",")] if lora.targets else TARGETS
        adapt(model, rank=lora.rank, alpha=lora.alpha, dropout=lora.dropout, targets=targets)
    if config.training.frozen:
        freeze(model, config.training.frozen)
        if lora.rank and not any(weight.requires_grad for weight in adapters(model)):
            raise ConfigError(
                f"training.frozen {config.training.frozen} freezes all adapters of lora.rank {lora.rank}; freeze "
                "fewer, or leave one of the two out"
            )
    every = sum(weight.numel() for weight in model.parameters())
    learned = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    if learned < every:
        say(f"{learned:,} of {every:,} parameters learn ({learned / every:.2%}), the others stay as they are")


def put_back(config: RunConfig, model: Any, scale: Scale | None, folder: RunFolder) -> None:
    """Make what has learned an ordinary model.

    A head that learned numbers by a scale says the numbers themselves; what adapters say is added to the weights beside
    them, and they are kept in `adapter/`.
    """
    if scale is not None:
        scale.put_into(model.label_head.out)
    if config.lora.rank:
        save_adapter(model, folder.path / "adapter", base=str(config.model.init))
        merge(model)
