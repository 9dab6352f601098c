"""Which parameters stand how high."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
import torch

from headway.models import build
from headway.models.families import CLASSIFIERS, awd_lstm, bert, elmo, gpt2, t5
from headway.models.groups import layer_groups
from headway.spec import LabelHeadSpec, labelled

GPT2 = gpt2.Gpt2(num_layers=2, d_model=8, num_heads=2, max_length=8)
SPECS: dict[str, Any] = {
    "gpt2": GPT2.spec(9),
    "gpt2 untied": gpt2.Gpt2(num_layers=2, d_model=8, num_heads=2, max_length=8, tied=False).spec(9),
    "bert": bert.Bert(num_layers=2, d_model=8, d_ff=8, num_heads=2, max_length=8).spec(
        9, language_head=bert.MASKED_LM, label_head=bert.NEXT_SENTENCE
    ),
    "awd_lstm": awd_lstm.AwdLstm(num_layers=2, d_model=4, d_cell=6).spec(9),
    "elmo": elmo.Elmo(d_model=4, d_cell=6, filters=((1, 2),)).spec(9),
}


@pytest.mark.parametrize("name", SPECS)
def test_every_parameter_stands_once_from_the_bottom_to_the_top(name: str) -> None:
    with torch.device("meta"):
        model = build(SPECS[name])
    groups, names = layer_groups(model), {p: name for name, p in model.named_parameters()}
    found = [[names[p] for p in group] for group in groups]
    assert sorted(chain(*found)) == sorted(names.values())
    layers = found[-3:-1]
    for i, layer in enumerate(layers):
        assert all(f".{i}." in member for member in layer)
        assert len(layer) == len(layers[0])
    tied = "head.weight" not in names.values()
    if name == "awd_lstm":
        assert found[0] == layers[0]  # the only table goes with the head
        assert found[-1] == ["tokens.weight", "head.bias"]
    else:
        table = "characters.table.weight" if name == "elmo" else "stack.tokens.weight"
        assert (table in found[-1]) == (tied and name != "elmo")
        assert len(found) == 4
    if "stack.final_norm.weight" in names.values():
        assert "stack.final_norm.weight" in found[-1]
        assert "stack.position.table.weight" in found[0]


def test_the_encoder_is_below_the_decoder() -> None:
    with torch.device("meta"):
        model = build(t5.SIZES["tiny"].spec(9, 9))
    names = {p: name for name, p in model.named_parameters()}
    order = [names[group[0]].split(".")[0] for group in layer_groups(model)[1:-1]]
    assert order == sorted(order, key="encoder decoder".index)
    assert {"encoder", "decoder"} == set(order)


@pytest.mark.parametrize("family", ["awd_lstm", "elmo", "lstm", "text_cnn"])
def test_a_head_for_labels_is_the_top_and_learns_first(family: str) -> None:
    choices = CLASSIFIERS[family]["tiny"]
    head = LabelHeadSpec(of="text", labels=("a", "b"))
    with torch.device("meta"):
        model = build(labelled(choices.spec(9), head))
    names = {p: name for name, p in model.named_parameters()}
    bottom, *layers, top = [[names[p] for p in group] for group in layer_groups(model)]
    assert {"label_head.out.weight", "label_head.out.bias"} <= set(top)
    assert not any("label_head" in name for group in (bottom, *layers) for name in group)
    assert all(".layers." in f".{name}" for group in layers for name in group)
    assert len(layers) == (0 if family == "text_cnn" else choices.num_layers)
