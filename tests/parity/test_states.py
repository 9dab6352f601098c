"""The states that are noted between the blocks are the `hidden_states` of transformers."""

import threading
from typing import Any

import pytest
import torch

from headway.nn.masks import Layout
from headway.nn.stack import Stack
from headway.nn.states import layer_states
from tests.parity import rows_bert, rows_bloom, rows_gpt2, rows_llama, rows_roberta, rows_t5
from tests.parity.harness import Row, batch, ours_of, twin_of
from tests.parity.twins import TOLERANCE, difference, marian_twin
from tests.parity.twins import ours_of as our_marian

FILES = (rows_bert, rows_roberta, rows_gpt2, rows_bloom, rows_llama, rows_t5)
ROWS: list[Row] = [next(row for row in file.ROWS if row.inputs in ("tokens", "pairs")) for file in FILES]


def states_of(stack: Stack, given: dict[str, Any]) -> list[torch.Tensor]:
    with layer_states(stack) as states:
        for _ in range(2):  # the second forward leaves its own states only
            stack(given["input_ids"], Layout.padded(given["input_ids"], given["attention_mask"]),
                  types=given.get("token_type_ids"))  # fmt: skip
    assert not stack._forward_hooks
    return states


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@torch.no_grad()
def test_the_states_of_every_layer(row: Row) -> None:
    given = batch(row)
    ours = states_of(ours_of(row).stack, given)
    theirs = twin_of(row, row.std)(**given, output_hidden_states=True).hidden_states
    assert len(ours) == len(theirs) > 2
    for mine, their in zip(ours, theirs, strict=True):
        assert difference(mine, their, given["attention_mask"]) < TOLERANCE


@torch.no_grad()
def test_the_states_of_a_translators_encoder() -> None:
    twin = marian_twin()
    ids = torch.randint(4, 99, (2, 7), generator=torch.Generator().manual_seed(1))
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    theirs = twin.model.encoder(**given, output_hidden_states=True).hidden_states
    for mine, their in zip(states_of(our_marian(twin).encoder, given), theirs, strict=True):
        assert difference(mine, their) < TOLERANCE


@torch.no_grad()
def test_another_threads_forward_is_not_noted() -> None:
    row = ROWS[0]
    stack, given = ours_of(row).stack, batch(row)
    with layer_states(stack) as states:
        stack(given["input_ids"])
        before = list(states)
        other = threading.Thread(target=stack, args=(given["input_ids"][:1],))
        other.start()
        other.join()
        assert [id(state) for state in states] == [id(state) for state in before]
