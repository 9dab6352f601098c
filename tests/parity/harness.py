"""A model of transformers with redrawn weights, ours with the same ones, and how their outputs are compared.

`rows_*.py` say what is compared, `test_families.py` compares it.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PretrainedConfig

from headway.checkpoints.configuration import with_names
from headway.checkpoints.native import fill
from headway.checkpoints.rename import to_ours
from headway.models import build
from headway.nn.attention import Attention
from headway.nn.cores import CORES
from headway.nn.feed_forward import ACTIVATIONS
from tests.parity.twins import TOLERANCE, attentions, to_left

Padding = Literal["none", "right", "left"]
DROPOUTS = {  # what the rates are called, each another number: a swapped pair is seen
    "hidden_dropout_prob": 0.2,
    "attention_probs_dropout_prob": 0.3,
    "classifier_dropout": 0.4,
    "embd_pdrop": 0.25,
    "resid_pdrop": 0.2,
    "attn_pdrop": 0.3,
    "hidden_dropout": 0.2,
    "attention_dropout": 0.3,
    "activation_dropout": 0.4,
    "dropout": 0.2,
    "dropout_rate": 0.2,
}

UNREAD = ("cls.predictions.bias", "lm_head.bias")  # of a BERT that is not tied: the same as the decoder's


@dataclass(frozen=True, eq=False)
class Row:
    """One class of transformers beside ours."""

    name: str
    twin: type
    config: PretrainedConfig  # small, its sizes odd and all different
    family: Any  # the module
    std: float = 0.2  # of the redrawn weights, large for a trained model; 0.02 is always tried too
    inputs: Literal["tokens", "pairs", "choices", "seq2seq"] = "tokens"  # pairs: with token_type_ids
    takes_positions: bool = False  # left padding is compared with the twin's, given position_ids; else with our right
    outputs: tuple[str, ...] = ("logits",)
    mutants: tuple[Callable[[Any], None], ...] = ()  # each must make the comparison fail


@functools.cache
def twin_of(row: Row, std: float) -> nn.Module:
    """The twin in evaluation mode, all its dropouts set; norm gains 1 ± 0.1, norm biases N(0, 0.1), the rest N(0, std).

    One a process: nobody may change it.
    """
    torch.manual_seed(0)
    config = copy.deepcopy(row.config)
    for name, rate in DROPOUTS.items():
        if name in config.to_dict():
            setattr(config, name, rate)
    config._attn_implementation, config.use_cache = "eager", False
    twin = row.twin(config).eval()
    norms = {
        weight for module in twin.modules() if type(module).__name__.endswith("Norm") for weight in module.parameters()
    }
    with torch.no_grad():
        for name, weight in twin.named_parameters():
            if weight in norms:
                weight.uniform_(0.9, 1.1) if name.endswith("weight") else weight.normal_(std=0.1)
            elif weight.requires_grad:
                weight.normal_(std=std)
        for name in UNREAD:
            if not config.tie_word_embeddings and name in dict(twin.named_parameters()):
                twin.get_parameter(name).copy_(twin.get_parameter(name.replace("bias", "decoder.bias")))
    return twin


def tensors_of(row: Row, std: float) -> dict[str, Tensor]:
    """The twin's tensors that the key table names; whatever else it has must be known as a copy or a buffer."""
    state, spec = twin_of(row, std).state_dict(), spec_of(row, std)
    table, copies = {key.theirs for key in row.family.keys(spec)}, row.family.copies(spec).keys()
    for name in state.keys() - table - copies:
        assert any(re.fullmatch(pattern, name) for pattern in row.family.BUFFERS), f"the family does not know {name}"
    return {name: tensor for name, tensor in state.items() if name in table}


def spec_of(row: Row, std: float) -> Any:
    """What our family reads from the twin's configuration."""
    return spec_of_config(row, twin_of(row, std).config)


def spec_of_config(row: Row, config: PretrainedConfig) -> Any:
    """What our family reads from a configuration beside the twin's weights."""
    names = dict(twin_of(row, row.std).named_parameters())
    return row.family.spec(with_names(config.to_dict(), names), row.twin.__name__)


def ours_of(row: Row, std: float | None = None) -> Any:
    """A fresh model of ours with the weights of the twin, in evaluation mode."""
    std = std or row.std
    model = build(spec_of(row, std))
    fill(model, to_ours(tensors_of(row, std), row.family.keys(model.spec), "the twin"), "the twin")
    return model.eval()


# --- inputs and outputs ---


def batch(row: Row, padding: Padding = "right") -> dict[str, Tensor]:
    """What both models are called with: three rows (of two choices) of odd length, the shorter ones padded."""
    generator = torch.Generator().manual_seed(1)
    if row.inputs == "seq2seq":
        source, target = (_texts(row, padding, generator, lengths) for lengths in ([11, 8, 5], [9, 4, 7]))
        return source | {f"decoder_{name}": tensor for name, tensor in target.items()}
    if row.inputs == "choices":
        texts = _texts(row, padding, generator, [11, 8, 5, 7, 1, 10])
        return {name: tensor.unflatten(0, (3, 2)) for name, tensor in texts.items()}
    return _texts(row, padding, generator, [11, 8, 5])


def _texts(row: Row, padding: Padding, generator: torch.Generator, lengths: list[int]) -> dict[str, Tensor]:
    pad = 0 if row.config.pad_token_id is None else row.config.pad_token_id
    shape = len(lengths), lengths[0]
    ids = torch.randint(row.config.vocab_size - 1, shape, generator=generator)
    texts = {"input_ids": ids + (ids >= pad)}  # a real token is never the padding: some twins look for it
    if row.inputs in ("pairs", "choices"):
        texts["token_type_ids"] = torch.randint(row.config.type_vocab_size, shape, generator=generator)
    if padding == "none":
        return texts
    mask = (torch.arange(shape[1]) < torch.tensor(lengths)[:, None]).long()
    texts["input_ids"] = texts["input_ids"].where(mask.bool(), pad)
    if padding == "left":
        texts, mask = {name: to_left(tensor, mask)[0] for name, tensor in texts.items()}, to_left(mask, mask)[1]
    return texts | {"attention_mask": mask}


def positions(given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The place of each token among the real ones."""
    return {"position_ids": (given["attention_mask"].cumsum(-1) - 1).clamp(min=0)}


def outputs(row: Row, model: nn.Module, given: Mapping[str, Tensor]) -> list[Tensor]:
    """Each output of the row at its real tokens."""
    output = model(**given)
    masks = [mask.bool() for name, mask in given.items() if name.endswith("attention_mask")]
    return [_real(getattr(output, name), masks) for name in row.outputs]


def _real(output: Tensor, masks: list[Tensor]) -> Tensor:
    return next((output[mask] for mask in masks if output.shape[:2] == mask.shape), output)


def difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """The largest difference as a share of the largest value, over all outputs."""
    pairs = list(zip(ours, theirs, strict=True))
    assert all(a.shape == b.shape for a, b in pairs), [(a.shape, b.shape) for a, b in pairs]
    return max(((a - b).abs().max() / b.abs().max()).item() for a, b in pairs)


# --- dropout ---


def pattern(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Stands for every dropout of both: another factor a value; a constant would commute with the linear layers."""
    return x * (1 + p * torch.arange(x.numel()).sin().view(x.shape)) if training else x


def train(model: nn.Module) -> nn.Module:
    """Ours in training mode, with the attention whose dropout can be replaced."""
    for attention in attentions(model):
        attention.core = CORES["eager"]()
    return model.train()


def dropout_places(model: nn.Module) -> dict[str, tuple[nn.Module, str]]:
    """Every kind of place where ours may drop values: one module of it, the last, and the name of its rate."""
    places: dict[str, tuple[nn.Module, str]] = {}
    for name, module in model.named_modules():
        rate = "p" if isinstance(module, nn.Dropout) else "dropout" if isinstance(module, Attention) else None
        if rate:
            places[re.sub(r"\d+", "{i}", name)] = module, rate
    return places


# --- names ---


def weight_and_bias(modules: str) -> set[str]:
    """Both parameters of each of the modules, which are separated by spaces."""
    return {f"{module}.{part}" for module in modules.split() for part in ("weight", "bias")}


def numberless(names: Iterator[str]) -> set[str]:
    """The names, with {i} for the number of a block."""
    return {re.sub(r"blocks\.\d+\.", "blocks.{i}.", name) for name in names}


# --- mutants that most rows can have ---


def scale_off(model: nn.Module) -> None:
    """Scores 1 % too large."""
    for attention in attentions(model):
        attention.scale *= 1.01


def query_and_key_swapped(model: nn.Module) -> None:
    """In the first layer; not for grouped heads."""
    attention = attentions(model)[0]
    attention.query, attention.key = attention.key, attention.query


def positions_later(model: nn.Module) -> None:
    """Learned positions of a single stack, one place off."""
    table = model.stack.position.table.weight.data
    table.copy_(table.roll(-1, 0))


def tanh_for_erf(model: nn.Module) -> None:
    """The approximation of gelu where the exact one belongs, in one layer."""
    model.stack.blocks[0].feed_forward.activation = ACTIVATIONS["gelu_tanh"]


def erf_for_tanh(model: nn.Module) -> None:
    """The exact gelu where the approximation belongs, in one layer."""
    model.stack.blocks[0].feed_forward.activation = F.gelu


def blocks_swapped(model: nn.Module) -> None:
    """The layers of a single stack, the last one first."""
    model.stack.blocks = nn.ModuleList(reversed(model.stack.blocks))


__all__ = ["TOLERANCE", "Row"]
