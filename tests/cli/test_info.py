"""`headway info`: the facts of a folder are those of the model in it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import headway
from headway.cli.main import main
from headway.models.single import SingleStack
from headway.models.sizes import parameters_by_part
from headway.tasks.info import describe
from tests.parity.harness import Row, ours_of, twin_of
from tests.parity.test_families import ROWS
from tests.parity.twins import marian_twin


def facts(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    assert main(["info", str(folder), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("fixture", ["tiny_run", "recurrent_run"])
def test_a_run(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], fixture: str) -> None:
    run: Path = request.getfixturevalue(fixture)
    found, loaded = facts(run, capsys), headway.load(run)
    count = sum(weight.numel() for weight in loaded.model.parameters())
    assert found["parameters"] == sum(found["parts"].values()) == count
    assert found["memory_bytes"] == 4 * count
    sides = {"tokenizer"} if fixture == "tiny_run" else {"source_tokenizer", "target_tokenizer"}
    assert {key for key in found if "tokenizer" in key} == sides
    for side in sides:
        pair = loaded.tokenizers
        tokenizer = pair.source if side == "source_tokenizer" else pair.target
        assert found[side]["vocab_size"] == tokenizer.vocab_size
        assert tokenizer.fingerprint.startswith(found[side]["sha256"])
    assert found["max_length"] == {"tiny_run": 40, "recurrent_run": 512}[fixture]
    assert main(["info", str(run)]) == 0
    out = capsys.readouterr().out
    assert f"{count:,}" in out
    assert "byte-bpe" in out


@pytest.mark.parametrize("tied", ["all", "decoder", "none"])
def test_operations_a_token_are_those_torch_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tied: str
) -> None:
    from headway import spec as specs
    from headway.checkpoints import native
    from headway.models.families.vaswani import Vaswani

    sizes = Vaswani(num_layers=2, d_model=64, d_ff=128, num_heads=2, tied=tied)
    spec = sizes.spec(500, 500 if tied == "all" else 300)
    native.write_json(tmp_path / "spec.json", specs.to_json(spec))
    model = headway.build(spec).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.tensor([[5]]), decoder_input_ids=torch.tensor([[2]]))
    found = facts(tmp_path, capsys)["flops_per_token"]
    assert abs(found / counter.get_total_flops() - 1) < 0.03  # gains and biases are counted as if multiplied


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_parts_counted_in_a_header_are_those_of_the_model(row: Row, tmp_path: Path) -> None:
    twin_of(row, row.std).save_pretrained(tmp_path, max_shard_size="50KB")
    found, model = describe(tmp_path), ours_of(row)
    assert found["parts"] == parameters_by_part(model.spec)
    assert found["parameters"] == sum(weight.numel() for weight in model.parameters())
    head = model.spec.label_head if isinstance(model, SingleStack) else None
    assert found.get("labels") == (list(head.labels) if head and head.of in ("text", "tokens") else None)
    assert found["stored"] == "F32"
    has_table = row.family.MODEL_TYPE not in ("bloom", "llama", "qwen2", "t5")
    assert (found["max_length"] is not None) == has_table


XL = {"n_layer": 48, "n_embd": 1600, "n_head": 25, "n_positions": 1024, "vocab_size": 50257}
LIGHT = """
import sys, time
start = time.process_time()
from headway.cli.main import main
assert main(["info", sys.argv[1], "--json"]) == 0
print(time.process_time() - start, *(name for name in ("torch", "numpy") if name in sys.modules), file=sys.stderr)
"""


def test_a_file_of_six_gigabytes_is_described_at_once_and_without_torch(tmp_path: Path) -> None:
    """Of GPT-2 XL's size and names, its header alone: the rest is a hole."""
    width = XL["n_embd"]
    shapes = {"wte.weight": [XL["vocab_size"], width], "wpe.weight": [XL["n_positions"], width]}
    for i in range(XL["n_layer"]):
        for name, wide in (("attn.c_attn", 3), ("attn.c_proj", 1), ("mlp.c_fc", 4)):
            shapes |= {f"h.{i}.{name}.weight": [width, wide * width], f"h.{i}.{name}.bias": [wide * width]}
        shapes |= {f"h.{i}.mlp.c_proj.weight": [4 * width, width], f"h.{i}.mlp.c_proj.bias": [width]}
        shapes |= {f"h.{i}.{norm}.{kind}": [width] for norm in ("ln_1", "ln_2") for kind in ("weight", "bias")}
        shapes |= {f"h.{i}.attn.bias": [1, 1, 1024, 1024]}
    shapes |= {"ln_f.weight": [width], "ln_f.bias": [width]}
    table, end = {}, 0
    for name, shape in shapes.items():
        size = 4 * math.prod(shape)
        table[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    header = json.dumps(table).encode()
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + end)
    config = {**XL, "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", LIGHT, tmp_path], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameters"] == 1_557_611_200
    seconds, *heavy = done.stderr.split()
    assert not heavy
    assert float(seconds) < 0.5


def test_a_folder_of_transformers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twin = marian_twin()
    twin.save_pretrained(tmp_path)
    found = facts(tmp_path, capsys)
    fixed = sum(weight.numel() for name, weight in twin.named_parameters() if "embed_positions" in name)
    assert found["parameters"] == sum(weight.numel() for weight in twin.parameters()) - fixed + len(
        twin.final_logits_bias[0]
    )
    assert "tokenizer" not in found
