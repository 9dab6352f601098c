"""What was written for models of transformers works on ours: LoRA by peft."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import headway
from tests.parity.harness import TOLERANCE, batch, difference, twin_of
from tests.parity.test_families import ROWS


def loaded(name: str, folder: Path) -> headway.Loaded:
    row = next(row for row in ROWS if row.name == name)
    twin_of(row, row.std).save_pretrained(folder)
    return headway.load(folder)


@pytest.mark.parametrize("name", ["bert-many-labels", "gpt2-lm"])
def test_lora_learns_and_leaves_the_model_alone(name: str, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft", reason="peft is in the extra lora", exc_type=ImportError)
    model, given = loaded(name, tmp_path).model, batch(next(row for row in ROWS if row.name == name))
    before = model(**given).logits
    own = {key: weight.clone() for key, weight in model.named_parameters()}
    adapted = peft.get_peft_model(
        model, peft.LoraConfig(r=4, target_modules=["query", "value"], init_lora_weights=True)
    )
    assert torch.equal(adapted(**given).logits, before)  # a fresh adapter adds nothing
    optimizer = torch.optim.SGD([weight for weight in adapted.parameters() if weight.requires_grad], lr=0.1)
    for _ in range(2):
        loss = adapted(**given).logits.square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert adapted(**given).logits.square().mean() < loss
    names = {
        key.replace("base_model.model.", "").replace(".base_layer", ""): w for key, w in adapted.named_parameters()
    }
    assert {key.split(".")[-4] for key in names if "lora_" in key} == {"query", "value"}
    assert all(torch.equal(names[key], weight) for key, weight in own.items())
    adapted.save_pretrained(tmp_path / "adapter")
    again = peft.PeftModel.from_pretrained(headway.load(tmp_path).model, tmp_path / "adapter").eval()
    assert difference([again(**given).logits], [adapted.eval()(**given).logits]) < TOLERANCE
    merged = adapted.merge_and_unload()
    assert difference([merged(**given).logits], [again(**given).logits]) < 10 * TOLERANCE
