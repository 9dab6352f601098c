"""Copies of views, however they lie, are what the views read; and no compiler is imported to build a model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from headway.checkpoints.copies import copied
from headway.models.families import PUBLISHED


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(64, 128), (130, 7), (3, 200), (1, 65), (65, 1)])
def test_any_view_is_copied_as_it_reads(shape: tuple[int, int], dtype: torch.dtype) -> None:
    stored = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    views = [stored, stored.T, *stored.T.chunk(3), stored[::2, 1:], stored[0], stored[:0], stored.new_tensor(2.0)]
    for wanted in (dtype, torch.float32, torch.bfloat16):
        for view in views:
            copy = copied(view, wanted)
            assert copy.is_contiguous()
            assert torch.equal(copy, view.to(wanted))
            assert copy.untyped_storage().nbytes() == copy.nbytes, "it holds on to no memory but its own"
            assert not copy.numel() or copy.data_ptr() != view.data_ptr()


PROGRAM = """
import json, sys
from headway.checkpoints.restore import empty
from headway.models.families import PUBLISHED
for config in json.loads(sys.argv[1]):
    empty(PUBLISHED[config["model_type"]].spec(config), "a test")
assert "torch" in sys.modules
assert "torch._dynamo" not in sys.modules
"""


def test_a_model_without_memory_is_built_without_the_compiler_of_torch(tmp_path: Path) -> None:
    gpt2 = {"model_type": "gpt2", "n_layer": 1, "n_embd": 16, "n_head": 2, "n_positions": 8, "vocab_size": 11}
    t5 = {"model_type": "t5", "num_layers": 1, "d_model": 16, "d_kv": 4, "num_heads": 2, "d_ff": 8, "vocab_size": 11}
    assert {"gpt2", "t5"} <= PUBLISHED.keys()
    configs = json.dumps([gpt2, t5])
    done = subprocess.run([sys.executable, "-c", PROGRAM, configs], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
