"""`torch.export` takes an encoder and a decoder as they are loaded, and the program gives their outputs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import headway
from tests.parity.harness import TOLERANCE, batch, difference, outputs, twin_of
from tests.parity.test_families import ROWS


@pytest.mark.parametrize("name", ["bert-many-labels", "gpt2-lm"])
@torch.no_grad()
def test_torch_export(name: str, tmp_path: Path) -> None:
    row = next(row for row in ROWS if row.name == name)
    twin_of(row, row.std).save_pretrained(tmp_path)
    model, given = headway.load(tmp_path).model, batch(row)
    program = torch.export.export(model, (), given, strict=False).module()
    assert difference(outputs(row, program, given), outputs(row, model, given)) < TOLERANCE
