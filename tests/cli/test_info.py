"""`headway info`: the facts of a folder are those of the model in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import headway
from headway.cli.main import main
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


def test_a_folder_of_transformers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twin = marian_twin()
    twin.save_pretrained(tmp_path)
    found = facts(tmp_path, capsys)
    fixed = sum(weight.numel() for name, weight in twin.named_parameters() if "embed_positions" in name)
    assert found["parameters"] == sum(weight.numel() for weight in twin.parameters()) - fixed + len(
        twin.final_logits_bias[0]
    )
    assert "tokenizer" not in found
