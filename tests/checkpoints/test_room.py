"""Copies of views, however they lie, and memory that neither overlaps nor goes too early; no compiler is read."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from headway.checkpoints import room
from headway.checkpoints.room import Room
from headway.models.families import PUBLISHED


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(64, 128), (130, 7), (3, 200), (1, 65), (65, 1)])
def test_any_view_is_copied_as_it_reads(shape: tuple[int, int], dtype: torch.dtype) -> None:
    stored = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    views = [stored, stored.T, *stored.T.chunk(3), stored[::2, 1:], stored[0], stored[:0], stored.new_tensor(2.0)]
    place = Room()
    for wanted in (dtype, torch.float32, torch.bfloat16):
        copies = [place.copy(view, wanted) for view in views]
        for view, copied in zip(views, copies, strict=True):
            assert copied.is_contiguous()
            assert torch.equal(copied, view.to(wanted)), "no later copy lies over it"
            assert copied.data_ptr() % 64 == 0 or not copied.numel()


def test_memory_stays_until_no_tensor_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_PIECE", 4096)
    place = Room()
    tensors = [place.take((n,), torch.float32).fill_(n) for n in (1000, 25, 3000, 1, 900)]
    del place
    gc.collect()
    assert [set(tensor.tolist()) for tensor in tensors] == [{1000.0}, {25.0}, {3000.0}, {1.0}, {900.0}]
    assert len({tensor.untyped_storage().data_ptr() for tensor in tensors}) == len(tensors)
    assert [tensor.untyped_storage().nbytes() for tensor in tensors] == [tensor.nbytes for tensor in tensors]


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
