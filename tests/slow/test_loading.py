"""Loading files of more than a gigabyte takes little more memory than the weights, in whatever form they lie there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from headway.checkpoints.restore import empty
from headway.models.families import PUBLISHED

PROGRAM = """
import sys, resource
import torch
import headway
from headway.tasks.loaded import load
from pathlib import Path
def resident(field):
    lines = Path("/proc/self/status").read_text().split("\\n")
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
before = resident("VmRSS")
model = load(sys.argv[1]).model
for weight in model.parameters():
    weight.sum()  # what is mapped becomes resident
size = sum(weight.nbytes for weight in model.parameters())
print(size, (resident("VmHWM") - before) / size)
"""
GPT2 = {"model_type": "gpt2", "n_layer": 24, "n_embd": 1024, "n_head": 16, "n_positions": 1024, "vocab_size": 50257}
BERT = {
    "model_type": "bert", "num_hidden_layers": 24, "hidden_size": 1024, "num_attention_heads": 16, "vocab_size": 30522,
    "intermediate_size": 4096, "max_position_embeddings": 512, "type_vocab_size": 2,
}  # fmt: skip


def shapes(config: dict[str, object]) -> dict[str, list[int]]:
    """What the tensors of such a checkpoint are."""
    family = PUBLISHED[str(config["model_type"])]
    spec = family.spec(config)
    own = dict(empty(spec, "a test").named_parameters())
    return {row.theirs: list(row.to_theirs([own[name] for name in row.names]).shape) for row in family.keys(spec)}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
@pytest.mark.parametrize(
    ("config", "form"),
    [(GPT2, "safetensors"), (BERT, "safetensors"), (GPT2, "pickle"), (BERT, "pickle")],
    ids=lambda value: value["model_type"] if isinstance(value, dict) else str(value),
)
def test_peak_memory(config: dict[str, object], form: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    table, end = {}, 0
    if form == "pickle":
        torch.save({name: torch.zeros(shape) for name, shape in shapes(config).items()}, tmp_path / "pytorch_model.bin")
    else:  # the header alone, and a hole
        for name, shape in shapes(config).items():
            size = 4 * int(torch.Size(shape).numel())
            table[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
            end += size
        header = json.dumps(table).encode()
        with (tmp_path / "model.safetensors").open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            file.truncate(8 + len(header) + end)
    done = subprocess.run([sys.executable, "-c", PROGRAM, tmp_path], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    size, share = map(float, done.stdout.split())
    print(f"{form}: {size / 2**30:.2f} GiB, peak {share:.3f} times that")
    assert size > 1e9
    assert share <= 1.15
