"""Qwen2 (Yang et al. 2024): Llama with a bias in query, key and value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from headway.errors import CheckpointError
from headway.models.families import llama
from headway.models.families.exchange import check, confirmed
from headway.models.families.llama import BUFFERS, PREFIX, Llama, copies, keys
from headway.spec import SingleStackSpec

__all__ = ["BUFFERS", "PREFIX", "config", "copies", "keys", "spec"]
MODEL_TYPE = "qwen2"
ARCHITECTURES = tuple(name.replace("Llama", "Qwen2") for name in llama.ARCHITECTURES)
READ = llama.READ - {"attention_bias", "mlp_bias"} | {"layer_types"}  # what `spec` looks at
FIXED = llama.FIXED | {"model_type": MODEL_TYPE, "use_sliding_window": False}  # what has one value in this family
UNUSED = {"sliding_window", "max_window_layers"}  # only where windows are used


@dataclass(frozen=True, kw_only=True, slots=True)
class Qwen2(Llama):
    """Every choice the family leaves open; the defaults are the model of half a billion parameters."""

    num_layers: int = 24
    d_model: int = 896
    d_ff: int = 4864
    num_heads: int = 14
    num_kv_heads: int | None = 2
    query_bias: bool = True
    rotary_base: float = 1000000.0
    max_length: int = 131072
    tied: bool = True
    family: ClassVar[str] = MODEL_TYPE


SIZES = {
    "0.5b": Qwen2(),
    "1.5b": Qwen2(num_layers=28, d_model=1536, d_ff=8960, num_heads=12),
    "7b": Qwen2(num_layers=28, d_model=3584, d_ff=18944, num_heads=28, num_kv_heads=4, tied=False),
}


def spec(config: Mapping[str, Any], architecture: str | None = None) -> SingleStackSpec:
    """The model that a Qwen2 `config.json` describes.

    Raises:
        CheckpointError: a key is missing, unknown, or has a value that this family cannot have.
    """
    check(config, read=READ, fixed=FIXED, unused=UNUSED)
    kinds = config.get("layer_types") or []
    if not isinstance(kinds, list) or any(kind != "full_attention" for kind in kinds):
        raise CheckpointError(f"config.json: layer_types is {kinds!r}; only 'full_attention' is supported")
    return llama.read(Qwen2, config, architecture, ARCHITECTURES, query_bias=True, out_bias=False, ff_bias=False)


def config(model: SingleStackSpec) -> dict[str, Any]:
    """The `config.json` of a model that a Qwen2 can be: `spec` gives the model back.

    Raises:
        ConfigError: the model has something that a Qwen2 has not.
    """
    data = llama.write(model, ARCHITECTURES) | {"model_type": MODEL_TYPE, "use_sliding_window": False}
    return confirmed(data, spec, model)
