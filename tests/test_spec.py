"""Specs: plain data that comes back from JSON, and sizes that cannot be are refused where they are written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest

from headway.errors import CheckpointError, ConfigError
from headway.models.families.awd_lstm import AwdLstm
from headway.models.families.elmo import Elmo
from headway.models.families.recurrent_classifier import RecurrentClassifier
from headway.models.families.text_cnn import TextCnn
from headway.models.families.vaswani import Vaswani
from headway.spec import (
    AttentionSpec,
    InitSpec,
    LabelHeadSpec,
    PositionSpec,
    RecurrentSpec,
    SingleStackSpec,
    SpecialTokens,
    StackSpec,
    from_json,
    labelled,
    to_json,
)

LABELS = LabelHeadSpec(of="text", labels=("a", "b"), problem="multi")
SPECS = [
    Vaswani(position="alibi", norm_order="pre", tied="none", decoder_layers=1).spec(9, 8),
    RecurrentSpec(
        family="luong", cell="gru", source_vocab_size=9, target_vocab_size=9, max_length=5, num_layers=1, d_model=4
    ),
    AwdLstm(num_layers=2, tied=False).spec(9, SpecialTokens(pad_id=-1)),
    Elmo(clip=3.0).spec(0),
    labelled(AwdLstm().spec(9), LABELS),
    labelled(Elmo().spec(9), LABELS),
    labelled(TextCnn(widths=(2, 7)).spec(9), LABELS),
    labelled(RecurrentClassifier(cell="gru", attention="dot").spec(9), LABELS),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.family)
def test_a_spec_comes_back_from_a_file(spec: object) -> None:
    assert from_json(json.loads(json.dumps(to_json(spec)))) == spec


def edited(path: str, value: object) -> dict:
    data = json.loads(json.dumps(to_json(SPECS[0])))
    *parents, last = path.split(".")
    place = data
    for name in parents:
        place = place[name]
    if value == "removed":
        del place[last]
    else:
        place[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("kind", "cnn", "kind 'cnn'; this version knows transformer, single_stack, recurrent"),
        ("encoder.d_model", "removed", "transformer.encoder has missing or unknown keys: d_model"),
        ("encoder.width", 3, "transformer.encoder has missing or unknown keys: width"),
        ("encoder.d_model", "512", "transformer.encoder.d_model is '512'"),
        ("encoder.d_model", 512.0, "transformer.encoder.d_model is 512.0"),
        ("encoder.d_model", True, "transformer.encoder.d_model is True"),
        ("encoder.causal", 1, "transformer.encoder.causal is 1"),
        ("decoder.norm_order", "middle", "transformer.decoder.norm_order is 'middle'"),
        ("decoder.attention", 8, "transformer.decoder.attention is 8; expected an object"),
        ("encoder.dropout.final", True, "transformer.encoder.dropout.final is True"),
    ],
)
def test_a_damaged_spec_is_refused_with_the_place(path: str, value: object, says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        from_json(edited(path, value))


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ([[1, 2], [3]], r"bidirectional.characters.filters\[1\] is \[3\]"),
        ([[1, "2"]], r"bidirectional.characters.filters\[0\]\[1\] is '2'"),
        ([1], r"bidirectional.characters.filters\[0\] is 1"),
        ({"1": 2}, "bidirectional.characters.filters is {'1': 2}"),
        ([], "the filters are \\(\\)"),
    ],
)
def test_a_list_is_read_item_by_item(filters: object, says: str) -> None:
    data = json.loads(json.dumps(to_json(Elmo().spec(0))))
    data["characters"]["filters"] = filters
    with pytest.raises(CheckpointError, match=says):
        from_json(data)


def test_an_integer_is_a_float_where_one_is_expected() -> None:
    assert from_json(edited("encoder.dropout.final", 0)).encoder.dropout.final == 0.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"num_layers": 0}, "num_layers is 0; it must be at least 1"),
        ({"d_ff": -1}, "d_ff is -1"),
        ({"d_model": 5}, "d_model is 5; sinusoidal positions need an even width"),
        ({"attention": AttentionSpec(num_heads=0, head_dim=2)}, "num_heads is 0"),
        ({"attention": AttentionSpec(num_heads=3, head_dim=2, num_kv_heads=2)}, "num_heads 3 is not divisible"),
        ({"attention": AttentionSpec(num_heads=2, head_dim=2, num_kv_heads=-2)}, "not divisible by num_kv_heads -2"),
        ({"attention": AttentionSpec(num_heads=2, head_dim=2, num_kv_heads=0)}, "not divisible by num_kv_heads 0"),
        ({"token_types": -1}, "token_types is -1"),
        ({"norm_eps": float("nan")}, "norm_eps nan"),
        ({"position": PositionSpec(kind="relative", buckets=3)}, "3 buckets up to a distance of 128; give at least 4"),
        ({"position": PositionSpec(kind="relative", buckets=32, max_distance=8)}, "a distance beyond 8"),
        (
            {"position": PositionSpec(kind="rotary"), "attention": AttentionSpec(num_heads=2, head_dim=3)},
            "head_dim is 3; rotary",
        ),
    ],
)
def test_sizes_that_cannot_be_are_refused(change: dict[str, object], says: str) -> None:
    sizes = {"vocab_size": 9, "max_length": 9, "num_layers": 1, "d_model": 4, "d_ff": 8, "causal": False}
    with pytest.raises(ConfigError, match=says):
        StackSpec(**{**sizes, "attention": AttentionSpec(num_heads=2, head_dim=2), **change})


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: PositionSpec(base=0.0), "base (is )?0.0"),
        (lambda: PositionSpec(offset=-4), "offset( is)? -4"),
        (lambda: InitSpec(std=-1.0), "deviation -1.0"),
        (lambda: LabelHeadSpec(of="choices", labels=("a", "b")), "a span has two, a choice one"),
        (lambda: AttentionSpec.shared(100, 8), "d_model 100 is not divisible by num_heads 8; .* try 10 heads"),
        (lambda: AttentionSpec.shared(100, 0), "try 1 heads"),
        (lambda: AttentionSpec.shared(0, 0), "d_model is 0"),
        (lambda: SingleStackSpec(family="x", stack=SPECS[0].decoder), "looks at an encoder"),
        (lambda: dataclasses.replace(SPECS[0], decoder=SPECS[0].encoder), "cross_attention in the decoder"),
    ],
)
def test_what_cannot_be_built_is_refused_where_it_is_described(make: Callable[[], object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make()


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SPECS[0].encoder.d_model = 5
