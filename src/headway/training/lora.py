"""LoRA (Hu et al. 2022): a trained model learns a new task in two thin matrices beside some of its linear layers.

W x becomes W x + (alpha / rank) B A x. A is drawn, B is 0 at first, so that nothing changes before the first step; W
never learns. At the end the product is added to W, and the model is an ordinary one again. peft makes the layers; it is
imported by those who ask for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from headway.checkpoints import native
from headway.errors import ConfigError, nearest
from headway.nn.block import Block
from headway.nn.linear import Linear

TARGETS = ("query", "value")  # Hu et al. 2022, section 4.2
HEADS = ("label_head", "pooler")  # what stands on a stack for labels: drawn anew, so it learns as it is


def adapt(
    model: nn.Module, *, rank: int, alpha: float = 16.0, dropout: float = 0.0, targets: Sequence[str] = TARGETS
) -> None:
    """Put an adapter beside each linear layer called one of `targets`; only adapters and a head for labels learn.

    Args:
        model: changed in place; its parameters get `base_layer` and `lora_A`, `lora_B` into their names.
        rank: width between the two matrices.
        alpha: what they add is multiplied by `alpha / rank`.
        dropout: of what they read.
        targets: names of linear layers in the blocks: `query`, `key`, `value`, `out`, `up`, `gate`, `down`.

    Raises:
        ConfigError: peft is not installed, a number cannot be, or the model has no such layer.
    """
    if rank < 1 or not 0 < alpha < float("inf") or not 0 <= dropout < 1:
        raise ConfigError(
            f"lora.rank {rank}, alpha {alpha}, dropout {dropout}: expected 1 or more, above 0, and 0 up to below 1"
        )
    known = sorted({name.rpartition(".")[2] for name in _linear_layers(model)})
    if not known:
        raise ConfigError("lora is for Transformers: this model has no blocks of attention; leave out lora.rank")
    if unknown := [target for target in targets if target not in known]:
        raise ConfigError(f"lora.targets: no layer is called {unknown[0]!r}; {nearest(unknown[0], known)}")
    lora, layers = _peft(), "|".join(targets)
    config = lora.LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=rf".*\bblocks\.\d+\..*\b({layers})"
    )
    lora.inject_adapter_in_model(config, model)
    for head in _heads(model).values():
        head.requires_grad_(True)


def adapters(model: nn.Module) -> list[nn.Parameter]:
    """The thin matrices of an adapted model."""
    return [weight for name, weight in model.named_parameters() if ".lora_" in name]


def save_adapter(model: nn.Module, folder: Path, *, base: str) -> None:
    """Write what an adapted model has learned as `peft.PeftModel.from_pretrained(base, folder)` reads it.

    Raises:
        CapacityError: the disk is full.
    """
    heads = tuple(_heads(model))
    tensors = {
        f"base_model.model.{name.replace('.default.', '.')}": weight.detach()
        for name, weight in model.named_parameters()
        if ".lora_" in name or name.startswith(tuple(f"{head}." for head in heads))
    }
    (config,) = model.peft_config.values()  # type: ignore[operator]
    described = config.to_dict() | {
        "base_model_name_or_path": base, "inference_mode": True, "modules_to_save": list(heads) or None
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    native.write_tensors(tensors, folder / "adapter_model.safetensors")
    native.write_json(folder / "adapter_config.json", described)


def merge(model: nn.Module) -> None:
    """Add what the adapters say to the weights beside them and take them away: the model that `adapt` was given."""
    _peft()
    from peft.tuners.lora import LoraLayer

    for name, layer in list(model.named_modules()):
        if isinstance(layer, LoraLayer):
            layer.merge()
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, layer.get_base_layer())
    del model.peft_config


def _heads(model: nn.Module) -> dict[str, nn.Module]:
    """The parts for labels, where there is a head for them."""
    if getattr(model, "label_head", None) is None:
        return {}
    return {name: part for name in HEADS if (part := getattr(model, name, None)) is not None}


def _linear_layers(model: nn.Module) -> Iterator[str]:
    for block in model.modules():
        if isinstance(block, Block):
            yield from (name for name, layer in block.named_modules() if isinstance(layer, Linear))


def _peft() -> Any:
    try:
        import peft
    except ImportError:
        raise ConfigError("lora needs a package that is not installed: pip install 'headway[lora]'") from None
    return peft
