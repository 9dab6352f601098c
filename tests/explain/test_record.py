"""Recording changes nothing but what is remembered, and leaves a model as it was."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from headway.errors import ConfigError
from headway.explain.record import recording
from headway.models.build import build
from headway.models.families.recurrent import Recurrent
from headway.models.families.vaswani import Vaswani
from headway.nn.attention import Attention
from headway.nn.recurrent import Alignment

SOURCE = torch.tensor([[5, 6, 7, 8, 3], [9, 4, 3, 0, 0]])
MASK = SOURCE != 0
TARGET = torch.tensor([[2, 5, 6, 7], [2, 8, 9, 4]])


def model_of(kind: str) -> nn.Module:
    """Weights large enough that attention is far from even."""
    torch.manual_seed(0)
    choices = (
        Recurrent(cell="gru", num_layers=1, d_model=16, attention=kind)
        if kind in ("dot", "additive", "none")
        else Vaswani(num_layers=2, d_model=16, d_ff=24, num_heads=4, position=kind)
    )
    model = build(choices.spec(12, 12)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.4)
    return model


@torch.no_grad()
def logits(model: nn.Module) -> Tensor:
    return model(SOURCE, MASK, TARGET).logits


def attentions(model: nn.Module) -> dict[str, nn.Module]:
    return {name: module for name, module in model.named_modules() if isinstance(module, Attention | Alignment)}


@pytest.mark.parametrize("kind", ["sinusoidal", "rotary", "alibi", "relative", "dot", "additive"])
def test_outputs_are_the_same_and_probabilities_are_probabilities(kind: str) -> None:
    model = model_of(kind)
    before = logits(model)
    with recording(model) as record:
        torch.testing.assert_close(logits(model), before, rtol=0, atol=2e-6 * float(before.abs().max()))
    assert record.keys() == attentions(model).keys()
    for name, calls in record.items():
        assert len(calls) == 1
        is_of_source = name.startswith("encoder")
        weights = calls[0]
        assert weights.shape == (2, 4 if "." in name else 1, 5 if is_of_source else 4, 4 if _is_causal(name) else 5)
        rows = weights[MASK[:, None].expand(weights.shape[:3])] if is_of_source else weights
        torch.testing.assert_close(rows.sum(-1), torch.ones_like(rows[..., 0]))
        if _is_causal(name):
            assert not weights.triu(1).any()
        else:
            assert not weights[1, ..., 3:].any(), "padding was looked at"


def _is_causal(name: str) -> bool:
    return name.startswith("decoder") and name.endswith(".attention")


@pytest.mark.parametrize("kind", ["sinusoidal", "dot"])
def test_cores_come_back_exceptions_included(kind: str) -> None:
    model = model_of(kind)
    before = {name: module.core for name, module in attentions(model).items()}
    with recording(model):
        assert all(module.core is not before[name] for name, module in attentions(model).items())
    assert {name: module.core for name, module in attentions(model).items()} == before
    with pytest.raises(ConfigError), recording(model):
        model(SOURCE + 99)
    assert {name: module.core for name, module in attentions(model).items()} == before
    with recording(model) as outer, recording(model) as inner:
        logits(model)
    assert not any(outer.values())
    assert all(inner.values())
    assert {name: module.core for name, module in attentions(model).items()} == before


@pytest.mark.parametrize("name", ["encoder.blocks.1.attention", "decoder.blocks.0.cross_attention"])
def test_a_head_that_is_off_is_one_whose_columns_of_the_output_are_zero(name: str) -> None:
    model, switched = model_of("sinusoidal"), torch.tensor([1.0, 1.0, 0.0, 1.0])
    before = logits(model)
    with recording(model, heads={name: switched}) as record:
        off = logits(model)
    assert record[name][0][:, 2].any(), "what the head looked at is still recorded"
    with torch.no_grad():
        attentions(model)[name].out.weight[:, 8:12] = 0
    torch.testing.assert_close(off, logits(model), rtol=0, atol=2e-6 * float(off.abs().max()))
    assert (off - before).abs().max() > 1e-2


def test_an_unknown_module_is_named() -> None:

    model = model_of("sinusoidal")
    wrong = recording(model, heads={"encoder.blocks.7.attention": torch.ones(4)})
    with pytest.raises(ConfigError, match=r"no attention 'encoder.blocks.7.attention'; did you mean"), wrong:
        pass


def test_a_model_without_attention_has_nothing_to_record() -> None:
    model = model_of("none")
    with recording(model) as record:
        logits(model)
    assert record == {}
