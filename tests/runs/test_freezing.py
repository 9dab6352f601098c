"""What does not learn stays to the bit and costs no gradient; each layer's rate; both resumed to the bit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from headway.checkpoints.native import read_tensors
from headway.cli.main import main
from headway.errors import ConfigError
from headway.models.build import build
from headway.models.families import awd_lstm, bert, gpt2, t5
from headway.models.groups import layer_groups
from headway.nn.linear import onednn, set_kernel
from headway.runs import prepare
from headway.spec import LabelHeadSpec
from headway.training.choices import Choices
from headway.training.freezing import freeze
from headway.training.optim import Unfreezing, adamw

HEAD = LabelHeadSpec(of="text", labels=("a", "b"))
SPECS: dict[str, Any] = {
    "bert": bert.Bert(num_layers=2, d_model=8, d_ff=8, num_heads=2, max_length=8).spec(9, label_head=HEAD),
    "gpt2": gpt2.Gpt2(num_layers=2, d_model=8, num_heads=2, max_length=8).spec(9),
    "t5": t5.SIZES["tiny"].spec(9, 9),
    "awd_lstm": awd_lstm.AwdLstm(num_layers=2, d_model=4, d_cell=6).spec(9),
}


def frozen(model: nn.Module) -> set[str]:
    return {name for name, weight in model.named_parameters() if not weight.requires_grad}


@pytest.mark.parametrize("name", SPECS)
def test_the_lowest_groups_do_not_learn(name: str) -> None:
    model = build(SPECS[name])
    names = {weight: key for key, weight in model.named_parameters()}
    groups = [{names[weight] for weight in group} for group in layer_groups(model)]
    for lowest in range(len(groups)):
        model.requires_grad_(True)
        freeze(model, lowest)
        assert frozen(model) == set().union(*groups[:lowest])
        assert {p for part in adamw(model).param_groups for p in part["params"]} == {
            weight for weight in model.parameters() if weight.requires_grad
        }
    model.requires_grad_(True)
    for wrong in (-2, len(groups)):
        with pytest.raises(ConfigError, match=f"training.frozen is {wrong}, but the model has {len(groups)} groups"):
            freeze(model, wrong)


def test_all_but_the_head() -> None:
    model = build(SPECS["bert"])
    freeze(model, -1)
    learned = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert {name.split(".")[0] for name in learned} == {"label_head", "pooler"} & {
        name.split(".")[0] for name, _ in model.named_parameters()
    }
    with pytest.raises(ConfigError, match="leaves nothing to learn: the head is the table of the embeddings"):
        freeze(build(SPECS["gpt2"]), -1)


def test_what_is_frozen_is_not_unfrozen_layer_by_layer() -> None:
    model = build(SPECS["bert"])
    freeze(model, 2)
    before, unfreezing = frozen(model), Unfreezing(adamw(model, groups=layer_groups(model)))
    unfreezing.begin(0)
    assert frozen(model) > before
    unfreezing.begin(9)
    assert frozen(model) == before


def test_nothing_is_computed_for_frozen_weights() -> None:
    """No graph below, and of oneDNN's product only the gradients that are asked for."""
    model = build(SPECS["bert"]).train()
    set_kernel(model, lambda: onednn)
    freeze(model, 2)
    states = model.stack.tokens(torch.tensor([[1, 2]]))
    assert not model.stack.blocks[0].feed_forward(states).requires_grad
    model(torch.tensor([[1, 2, 3]])).logits.square().sum().backward()
    assert {name for name, weight in model.named_parameters() if weight.grad is None} >= frozen(model)
    assert model.stack.blocks[1].attention.query.weight.grad is not None


def test_each_layer_learns_slower_than_the_one_above_it() -> None:
    model = build(SPECS["bert"])
    optimizer = adamw(model, weight_decay=0.1, groups=layer_groups(model), decay=2.0)
    scales = {p: part["scale"] for part in optimizer.param_groups for p in part["params"]}
    wanted = {"stack.tokens": 0.125, "stack.blocks.0": 0.25, "stack.blocks.1": 0.5, "label_head": 1.0, "pooler": 1.0}
    for start, scale in wanted.items():
        found = {scales[weight] for name, weight in model.named_parameters() if name.startswith(start)}
        assert found <= {scale}
    assert set(scales) == set(model.parameters())


OPTIONS: dict[str, object] = {
    "data.validation": "0.25",
    "data.test": "0.25",
    "data.max_length": 16,
    "tokenizer.vocab_size": 60,
    "model.family": "bert",
    "model.num_layers": 2,
    "model.d_model": 16,
    "model.num_heads": 2,
    "model.dropout": 0.2,
    "training.max_steps": 6,
    "training.max_minutes": "null",
    "training.max_epochs": "null",
    "training.batch_tokens": 120,
    "training.learning_rate": 0.05,
    "training.weight_decay": 0.5,
    "training.validate_every": 3,
    "training.checkpoint_every": 3,
    "training.keep_checkpoints": 2,
    "training.threads": 1,
}


def words(data: Path, run: Path, **more: object) -> list[str]:
    given = OPTIONS | {key.replace("__", "."): value for key, value in more.items()}
    flat = [word for key, value in given.items() for word in (f"--{key}", str(value))]
    return ["train", "classify", "--data.train", str(data), "--run", str(run), *flat]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(prepare, "choose", lambda *args, **options: Choices(threads=1))
    path = tmp_path / "rows.tsv"
    rows = [f"{'좋은' if i % 2 else '나쁜'} 영화 {i} 번째 dog\t{i % 2}" for i in range(60)]
    path.write_text("text\tlabel\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def weights(run: Path, step: int) -> dict[str, Tensor]:
    return {
        name: tensor.clone()
        for name, tensor in read_tensors(run / f"checkpoints/step-{step}/model.safetensors").items()
    }


def test_a_run_is_resumed_to_the_bit(tmp_path: Path, data: Path) -> None:
    """With rates by layer too: a frozen layer neither moves nor decays, and has no moments."""
    run, again = tmp_path / "run", tmp_path / "again"
    assert main(words(data, run, training__frozen=2, training__rate_decay=1.5)) == 0
    begun, ended = weights(run, 3), weights(run, 6)
    moved = {name for name, tensor in begun.items() if not torch.equal(tensor, ended[name])}
    low = ("stack.blocks.0", "stack.tokens", "stack.types", "stack.position", "stack.embedding_norm")
    assert moved == {name for name in begun if not name.startswith(low)}
    moments = read_tensors(run / "checkpoints/step-6/optimizer.safetensors")
    assert {name.partition(".")[2] for name in moments} == moved
    shutil.copytree(run, again)
    for name in ("README.md", "model.safetensors", "evaluation.json"):
        (again / name).unlink()
    shutil.rmtree(again / "checkpoints" / "step-6")
    assert main(["resume", str(again)]) == 0
    assert (again / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
