"""What a model is given: holes in a mask, ids outside a table, empty batches, shapes that do not fit, tracing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from headway.errors import ConfigError
from headway.models import build
from headway.models.families.recurrent import Recurrent
from headway.nn.attention import Attention
from headway.nn.cores import CORES
from headway.nn.masks import Layout
from tests.parity import rows_bert, rows_bloom, rows_gpt2, rows_llama, rows_qwen2, rows_roberta, rows_t5
from tests.parity.harness import TOLERANCE, Row, batch, difference, ours_of, outputs, twin_of

FILES = (rows_bert, rows_bloom, rows_gpt2, rows_llama, rows_qwen2, rows_roberta, rows_t5)
ROWS = {row.name: row for file in FILES for row in file.ROWS}
FIRST = [file.ROWS[0] for file in FILES]
each_family = pytest.mark.parametrize("row", FIRST, ids=lambda row: row.name)


@torch.no_grad()
def test_padding_between_tokens_is_no_distance_for_alibi_as_in_transformers() -> None:
    row = ROWS["bloom-lm"]
    given = batch(row, "none")
    given["attention_mask"] = torch.ones_like(given["input_ids"])
    given["attention_mask"][0, 3:6] = given["attention_mask"][1, 7:] = 0
    assert difference(outputs(row, ours_of(row), given), outputs(row, twin_of(row, row.std), given)) < TOLERANCE


@each_family
@torch.no_grad()
def test_a_row_with_a_hole_is_the_row_without_what_is_hidden(row: Row) -> None:
    ours, ids = ours_of(row), batch(row, "none")["input_ids"]
    mask = torch.ones_like(ids)
    mask[0, 2:5] = mask[2, :1] = mask[2, 4] = 0
    stack = ours.encoder if row.inputs == "seq2seq" else ours.stack
    whole = stack(ids, Layout.padded(ids, mask))
    for i, keep in enumerate(mask.bool()):
        assert difference([whole[i, keep]], [stack(ids[i, keep][None])[0]]) < TOLERANCE


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("bert", {"input_ids": [[3, 999]]}, "input_ids holds 999; this model has 0 to"),
        ("bert", {"input_ids": [[-1, 4]]}, "input_ids holds -1"),
        ("bert", {"input_ids": [[0.5, 4.0]]}, "input_ids is of type torch.float32"),
        ("bert", {"input_ids": [[4]], "token_type_ids": [[9]]}, "token_type_ids holds 9"),
        ("bert", {"input_ids": [[4, 5]], "token_type_ids": [[0]]}, r"token_type_ids are of shape \(1, 1\)"),
        ("bert", {"input_ids": [[4]], "position_ids": [[999]]}, "position_ids holds 999"),
        ("bert", {"input_ids": [[4, 5]], "attention_mask": [[1]]}, r"attention_mask is of shape \(1, 1\)"),
        ("bert", {"input_ids": [4, 5]}, r"shape \(2,\); expected \(batch, length\)"),
        ("bert", {"input_ids": [[[4, 5]]]}, r"shape \(1, 1, 2\); expected \(batch, length\)"),
        ("bert-choices", {"input_ids": [[4, 5]]}, r"shape \(1, 2\); expected \(batch, choices, length\)"),
        ("gpt2", {"input_ids": [[4, 5]], "token_type_ids": [[0, 1]]}, "this model has no segments"),
        ("bloom", {"input_ids": [[4, 5]], "position_ids": [[3, 4]]}, "positions of the kind 'alibi' are counted"),
        ("t5", {"input_ids": [[4]], "decoder_input_ids": [[999]]}, "decoder_input_ids holds 999"),
        ("t5", {"input_ids": [[999]]}, "input_ids holds 999"),
    ],
)
def test_what_means_nothing_to_a_model_is_refused_by_its_name(name: str, given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ours_of(ROWS[name])(**{key: torch.tensor(value) for key, value in given.items()})


def test_a_recurrent_model_is_as_strict() -> None:
    model = build(Recurrent(num_layers=1, d_model=8).spec(9, 9))
    with pytest.raises(ConfigError, match="decoder_input_ids holds 9; this model has 0 to 8"):
        model(torch.tensor([[4]]), None, torch.tensor([[9]]))


def test_segments_that_say_nothing_are_no_error() -> None:
    ids = torch.tensor([[4, 5]])
    model = ours_of(ROWS["gpt2"])
    plain, given = model(ids), model(ids, token_type_ids=torch.zeros_like(ids))
    assert torch.equal(plain.last_hidden_state, given.last_hidden_state)


@pytest.mark.parametrize("row", [*FIRST, ROWS["bert-choices"]], ids=lambda row: row.name)
@pytest.mark.parametrize("core", CORES)
@torch.no_grad()
def test_an_empty_batch_gives_empty_outputs_and_a_row_of_padding_finite_ones(row: Row, core: str) -> None:
    ours, given = ours_of(row), batch(row)
    for module in ours.modules():
        if isinstance(module, Attention):
            module.core = CORES[core]()
    whole, empty = outputs(row, ours, given), outputs(row, ours, {name: x[:0] for name, x in given.items()})
    assert all(x.numel() == 0 for x in empty)
    assert [x.shape[1:] for x in empty] == [x.shape[1:] for x in whole]
    given["attention_mask"][0] = 0
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        assert ours.to(dtype)(**given).last_hidden_state.isfinite().all()


def test_a_text_without_a_token_has_no_label() -> None:
    with pytest.raises(ConfigError, match="without a single token"):
        ours_of(ROWS["bert"])(torch.zeros(2, 0, dtype=torch.long))


@torch.no_grad()
def test_an_exported_model_takes_padding_on_either_side_and_other_sizes() -> None:
    row = ROWS["t5"]
    ours, given = ours_of(row), batch(row)
    rows, length, target = (torch.export.Dim(name, min=2, max=16) for name in ("rows", "length", "target"))
    shapes = {name: {0: rows, 1: target if "decoder" in name else length} for name in given}
    exported = torch.export.export(ours, (), kwargs=given, dynamic_shapes=shapes).module()
    for other in (batch(row, "left"), {name: x[:2, : 7 if "decoder" in name else 8] for name, x in given.items()}):
        assert difference(outputs(row, exported, other), outputs(row, ours, other)) < TOLERANCE


def test_prescribed_positions_stay_with_their_rows() -> None:
    places = torch.tensor([[3, 4], [5, 6]])
    ids: Tensor = torch.zeros(2, 2, dtype=torch.long)
    assert Layout.padded(ids, None, places).select(torch.tensor([1])).positions.tolist() == [[5, 6]]
