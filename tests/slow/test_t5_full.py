"""T5 small and base beside their twins, at full size with fresh weights."""

from __future__ import annotations

import pytest
import torch
from transformers import T5Config, T5ForConditionalGeneration

from headway.checkpoints.native import fill
from headway.checkpoints.rename import to_ours
from headway.models import build
from headway.models.families import t5
from tests.parity.rows_t5 import CONFIGS

BASE = CONFIGS["google-t5/t5-small"] | {"d_ff": 3072, "d_model": 768, "num_heads": 12, "num_layers": 12}
LATER = CONFIGS["google/t5-v1_1-base"]


@pytest.mark.parametrize("name", ["small", "base", "v1.1-base"])
@torch.no_grad()
def test_full_size_gives_the_outputs_of_transformers(name: str) -> None:
    """Longer than the longest distance that has a bucket of its own; one row padded."""
    config = {"small": CONFIGS["google-t5/t5-small"], "base": BASE, "v1.1-base": LATER}[name]
    torch.manual_seed(0)
    twin = T5ForConditionalGeneration(T5Config.from_dict(config)).eval()
    if name.startswith("v1.1"):
        twin.lm_head.weight = torch.nn.Parameter(torch.randn_like(twin.lm_head.weight) * 0.05)
    spec = t5.spec(config)
    ours, rows, state = build(spec).eval(), t5.keys(spec), twin.state_dict()
    fill(ours, to_ours({row.theirs: state[row.theirs] for row in rows}, rows, "the twin"), "the twin")
    source, target = torch.randint(2, 32128, (2, 161)), torch.randint(2, 32128, (2, 23))
    mask = (torch.arange(161) < torch.tensor([[161], [140]])).long()
    found, wanted = ours(source, mask, target), twin(source, mask, target, use_cache=False)
    for output in ("logits", "encoder_last_hidden_state"):
        a, b = getattr(found, output), getattr(wanted, output)
        if output.startswith("encoder"):
            a, b = a[mask.bool()], b[mask.bool()]
        assert (a - b).abs().max() < 2e-5 * b.abs().max(), output
