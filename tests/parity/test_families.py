"""Every published family beside its twins: outputs, dropout, names, gradients, configurations. The rows say which."""

from __future__ import annotations

import importlib
import json
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import headway.nn.cores
import headway.nn.dropout
from headway.checkpoints.rename import to_ours, to_theirs
from headway.errors import CheckpointError
from headway.models.families import PUBLISHED
from headway.models.families.exchange import NOTES
from headway.models.single import SingleStack
from headway.nn.cache import GrowingCache
from headway.nn.masks import Layout
from headway.spec import TransformerSpec, from_json, to_json
from tests.parity.harness import (
    TOLERANCE,
    Row,
    batch,
    difference,
    dropout_places,
    numberless,
    ours_of,
    outputs,
    pattern,
    positions,
    spec_of,
    spec_of_config,
    tensors_of,
    train,
    twin_of,
)

FILES: list[ModuleType] = [
    importlib.import_module(f"tests.parity.{path.stem}") for path in sorted(Path(__file__).parent.glob("rows_*.py"))
]
ROWS: list[Row] = [row for file in FILES for row in file.ROWS]


def is_causal(row: Row) -> bool:
    """It can write."""
    spec = row.family.spec(row.config.to_dict(), row.twin.__name__)
    return isinstance(spec, TransformerSpec) or spec.stack.causal


each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.__name__.rsplit("_")[-1])


@each_row
@torch.no_grad()
def test_the_outputs_are_those_of_transformers(row: Row) -> None:
    for std in {row.std, 0.02}:
        ours, twin = ours_of(row, std), twin_of(row, std)
        for padding in ("none", "right"):
            given = batch(row, padding)
            assert difference(outputs(row, ours, given), outputs(row, twin, given)) < TOLERANCE, (std, padding)
        left, right = batch(row, "left"), outputs(row, ours, batch(row))
        assert difference(outputs(row, ours, left), right) < TOLERANCE
        if row.takes_positions:
            assert difference(right, outputs(row, twin, left | positions(left))) < TOLERANCE


@each_row
@torch.no_grad()
def test_a_wrong_model_does_not_pass(row: Row) -> None:
    given, theirs = batch(row), outputs(row, twin_of(row, row.std), batch(row))
    assert row.mutants, "a row without a mutant proves nothing"
    for mutate in row.mutants:
        ours = ours_of(row)
        mutate(ours)
        assert difference(outputs(row, ours, given), theirs) > 50 * TOLERANCE, mutate.__name__


@each_row
@torch.no_grad()
def test_every_dropout_stands_in_its_place(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each place kept where it should drop, or the other way round, is seen."""
    monkeypatch.setattr(F, "dropout", pattern)
    monkeypatch.setattr(headway.nn.dropout, "drop", pattern)
    monkeypatch.setattr(headway.nn.cores, "drop", pattern)
    given, twin, ours = batch(row), twin_of(row, row.std), train(ours_of(row))
    try:
        theirs = outputs(row, twin.train(), given)
    finally:
        twin.eval()
    assert difference(outputs(row, ours, given), theirs) < TOLERANCE
    for place, (module, name) in dropout_places(ours).items():
        rate = getattr(module, name)
        setattr(module, name, 0.0 if rate else 0.2)
        assert difference(outputs(row, ours, given), theirs) > 50 * TOLERANCE, place
        setattr(module, name, rate)


@each_row
def test_the_weights_come_back_to_the_bit(row: Row) -> None:
    theirs, rows = tensors_of(row, row.std), row.family.keys(spec_of(row, row.std))
    back = to_theirs(to_ours(theirs, rows, "the twin"), rows)
    assert back.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(back[name], tensor), name


@each_row
def test_every_parameter_gets_a_gradient(row: Row) -> None:
    torch.manual_seed(0)
    ours = ours_of(row)
    sum((output * torch.randn_like(output)).sum() for output in outputs(row, ours, batch(row))).backward()
    for name, weight in ours.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        if not name.endswith("key.bias"):  # adds the same to every score of a query: the softmax does not see it
            assert weight.grad.any(), name


@pytest.mark.parametrize("row", [row for row in ROWS if is_causal(row)], ids=lambda row: row.name)
@torch.no_grad()
def test_a_token_at_a_time_gives_what_all_at_once_gives(row: Row) -> None:
    """Random tokens, for a model's own choices soon repeat; a prompt padded on the left, then one by one."""
    ours, right, left = ours_of(row), batch(row), batch(row, "left")
    if isinstance(ours, SingleStack):
        whole = ours.hidden(right["input_ids"], Layout.padded(right["input_ids"], right["attention_mask"]))
        ids, mask, cache = left["input_ids"], left["attention_mask"], GrowingCache(ours.spec.stack.num_layers)
        steps = [ours.hidden(ids[:, :7], Layout.padded(ids[:, :7], mask[:, :7]), cache=cache)]
        steps += [ours.hidden(ids[:, i : i + 1], cache=cache) for i in range(7, ids.shape[1])]
        states, wanted = torch.cat(steps, 1)[mask.bool()], whole[right["attention_mask"].bool()]
    else:
        memory = ours.encode(right["input_ids"], Layout.padded(right["input_ids"], right["attention_mask"]))
        ids, cache = right["decoder_input_ids"], GrowingCache(ours.spec.decoder.num_layers)
        wanted = ours.decode(ids, None, memory)
        states = torch.cat([ours.decode(ids[:, i : i + 1], None, memory, cache) for i in range(ids.shape[1])], 1)
    assert difference([states], [wanted]) < TOLERANCE


# --- configurations and names ---


@each_row
def test_a_configuration_comes_back_from_its_spec(row: Row) -> None:
    spec = spec_of(row, row.std)
    written = row.family.config(spec)
    assert row.family.spec(written) == spec
    opened = type(row.config).from_dict(written)
    assert spec_of_config(row, opened) == spec
    assert opened.architectures == [row.twin.__name__]
    assert from_json(json.loads(json.dumps(to_json(spec)))) == spec


@each_file
def test_every_key_of_a_configuration_has_its_meaning(file: ModuleType) -> None:
    family = file.ROWS[0].family
    assert PUBLISHED[family.MODEL_TYPE] is family
    read, fixed, unused = set(family.READ), set(family.FIXED), set(family.UNUSED)
    assert not read & fixed | read & unused | fixed & unused
    for name, config in file.CONFIGS.items():
        assert config.keys() <= read | fixed | unused | NOTES, name
        spec = family.spec(config)
        assert family.spec(family.config(spec)) == spec, name
    for row in file.ROWS:
        assert row.config.to_dict().keys() <= read | fixed | unused | NOTES, row.name
    assert read <= file.OTHER.keys() | NOTES
    for key, value in file.OTHER.items():
        assert any(_changes(row, {key: value}) for row in file.ROWS), f"{key} is read and changes nothing"
    for key, value in family.FIXED.items():
        other = "other" if isinstance(value, str) or value is None else not value
        with pytest.raises(CheckpointError, match=f"{key} is"):
            family.spec(file.ROWS[0].config.to_dict() | {key: other})
    base = file.ROWS[0]
    assert not _changes(base, dict.fromkeys(family.UNUSED, "x"))
    with pytest.raises(CheckpointError, match="rope_strength"):
        family.spec(base.config.to_dict() | {"rope_strength": 5})


@each_file
def test_whatever_a_configuration_holds_it_is_a_model_or_refused(file: ModuleType) -> None:
    row = file.ROWS[0]
    for key in {*row.family.READ, "id2label", "num_labels", "problem_type", "architectures"}:
        for value in (0, -1, 3, "x", [], [0], {"a": 1}, True, 0.5, float("nan")):
            with suppress(CheckpointError):
                row.family.spec(row.config.to_dict() | {key: value}, row.twin.__name__)


def _changes(row: Row, change: dict[str, Any]) -> bool:
    config = row.config.to_dict()
    try:
        return row.family.spec(config | change, row.twin.__name__) != row.family.spec(config, row.twin.__name__)
    except CheckpointError:
        return True


@each_file
def test_the_names_of_the_parameters_are_pinned(file: ModuleType) -> None:
    """They are in every run folder: a rename here is a break for everybody."""
    models = [ours_of(row) for row in file.ROWS]
    assert numberless(name for model in models for name, _ in model.named_parameters()) == file.NAMES
