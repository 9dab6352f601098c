"""GPT-2 small and BLOOM-560m at full size, random weights: the outputs of transformers."""

from __future__ import annotations

import pytest
import torch
from transformers import BloomConfig, BloomForCausalLM, GPT2Config, GPT2LMHeadModel

from headway.models.families import bloom, gpt2
from tests.parity import rows_bloom, rows_gpt2
from tests.parity.harness import Row, difference, ours_of, outputs, scale_off, twin_of

ROWS = [
    Row("gpt2", GPT2LMHeadModel, GPT2Config.from_dict(rows_gpt2.CONFIGS["gpt2"]), gpt2, std=0.02),
    Row(
        "bloom-560m",
        BloomForCausalLM,
        BloomConfig.from_dict(rows_bloom.CONFIGS["bigscience/bloom-560m"]),
        bloom,
        std=0.02,
    ),
]
SIZES = {"gpt2": 124_439_808, "bloom-560m": 559_214_592}
TOLERANCE = 2e-5  # 12 and 24 layers of sums over 768 to 4096 numbers, in float32


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@torch.no_grad()
def test_a_model_of_full_size_gives_what_transformers_gives(row: Row) -> None:
    ids = torch.randint(6, 50000, (2, 160), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(160) < torch.tensor([[160], [97]])).long()
    given = {"input_ids": ids, "attention_mask": mask}
    ours, theirs = ours_of(row), outputs(row, twin_of(row, row.std), given)
    twin_of.cache_clear()
    assert sum(weight.numel() for weight in ours.parameters()) == SIZES[row.name]
    found = difference(outputs(row, ours, given), theirs)
    print(f"{row.name}: {found:.1e}")
    assert found < TOLERANCE
    scale_off(ours)
    assert difference(outputs(row, ours, given), theirs) > 10 * TOLERANCE
