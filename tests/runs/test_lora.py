"""Adapters beside the weights of a trained model: of every family, and as a run that ends as an ordinary one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import headway
from headway.checkpoints.restore import with_head
from headway.cli.main import main
from headway.config import build_config
from headway.errors import ConfigError
from headway.models.build import build
from headway.models.families import FAMILIES, SIZES_OF
from headway.nn.block import Block
from headway.runs import prepare
from headway.runs.learning import restrict
from headway.spec import LabelHeadSpec
from headway.training.choices import Choices
from headway.training.lora import adapt, merge, save_adapter
from headway.training.optim import adamw

peft = pytest.importorskip("peft", reason="peft is in the extra lora", exc_type=ImportError)
SIZES = {**SIZES_OF, **FAMILIES}
LABELS = ("bert", "roberta", "llama")  # these get a head for labels, the others keep theirs
SMALL = {"num_layers": 2, "d_model": 32, "num_heads": 2, "max_length": 16}


def fresh(family: str) -> nn.Module:
    """A tiny model without dropout, whose weights are not small."""
    choices = next(iter(SIZES[family].values()))
    known = {name: value for name, value in SMALL.items() if hasattr(choices, name)}
    spec = type(choices)(**known).spec(*((20, 20) if family in ("vaswani", "t5") else (20,)))
    if family in LABELS:
        spec = with_head(spec, LabelHeadSpec(of="text", labels=("a", "b", "c")))
    model = build(spec)
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.3)
    return model.eval()


def logits(model: Any) -> Tensor:
    """Of two rows, one of them padded."""
    ids, mask = torch.randint(2, 20, (2, 7), generator=torch.Generator().manual_seed(1)), torch.ones(2, 7)
    mask[1, 5:] = 0
    inner = getattr(model, "base_model", model)
    is_pair = hasattr(getattr(inner, "model", inner), "encoder")
    found: Tensor = model(ids, mask, **({"decoder_input_ids": ids} if is_pair else {})).logits
    return found


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2", "bloom", "t5", "vaswani", "llama", "qwen2"])
def test_every_family_learns_in_adapters_alone(family: str, tmp_path: Path) -> None:
    torch.manual_seed(2)
    model, other = fresh(family), fresh(family)
    base = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    before = logits(model)
    adapt(model, rank=2, alpha=8.0, targets=("query", "value", "up") if family == "gpt2" else ("query", "value"))
    assert (logits(model) - before).abs().max() < 1e-6 * before.abs().max().clamp(min=1)  # nothing is added yet
    heads = [name for name in base if name.startswith(("label_head.", "pooler."))]
    assert bool(heads) == (family in LABELS)
    learned = {name: weight.numel() for name, weight in model.named_parameters() if weight.requires_grad}
    assert {name for name in learned if "lora_" not in name} == set(heads)
    attentions = sum(1 + block.has_memory for block in model.modules() if isinstance(block, Block))
    adapters = {name for name in learned if "lora_" in name}
    assert len(adapters) == 4 * attentions + (4 if family == "gpt2" else 0)
    optimizer = adamw(model, weight_decay=0.5)
    for group in optimizer.param_groups:
        group["lr"] = 0.05
    for _ in range(2):
        logits(model).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    now = {name.replace(".base_layer", ""): weight for name, weight in model.named_parameters()}
    assert all(torch.equal(now[name], weight) for name, weight in base.items() if name not in heads)
    adapted = logits(model)
    assert (adapted - before).abs().max() > 1e-2
    save_adapter(model, tmp_path / "adapter", base="somewhere")
    merge(model)
    assert [name for name, _ in model.named_parameters()] == list(base)
    assert (logits(model) - adapted).abs().max() < 1e-6 * adapted.abs().max().clamp(min=1)
    with torch.no_grad():
        for name, weight in other.named_parameters():
            if name not in heads:  # those come with the adapter
                weight.copy_(base[name])
    assert (logits(other) - adapted).abs().max() > 1e-2
    again = peft.PeftModel.from_pretrained(other, tmp_path / "adapter").eval()
    assert (logits(again) - adapted).abs().max() < 1e-6 * adapted.abs().max().clamp(min=1)


@pytest.mark.parametrize(
    ("lora", "told"),
    [
        ({"rank": 2, "targets": "query,valu"}, "no layer is called 'valu'; did you mean value"),
        ({"rank": 2, "alpha": 0.0}, "alpha 0.0"),
        ({"rank": -1}, "lora.rank -1"),
    ],
)
def test_what_cannot_be_is_one_sentence(lora: dict[str, Any], told: str) -> None:
    config = build_config({"model": {"init": "somewhere"}, "lora": lora}, origin="here")
    with pytest.raises(ConfigError, match=told):
        restrict(config, fresh("bert"), print)


@pytest.mark.parametrize(("frozen", "layers"), [(0, {"0", "1"}), (2, {"1"}), (3, set()), (-1, set())])
def test_frozen_layers_have_adapters_that_do_not_learn(frozen: int, layers: set[str]) -> None:
    given = {"model": {"init": "somewhere"}, "lora": {"rank": 2}, "training": {"frozen": frozen}}
    config, model = build_config(given, origin="here"), fresh("bert")
    if not layers:
        with pytest.raises(ConfigError, match=f"training.frozen {frozen} freezes all adapters of lora.rank 2; freeze"):
            restrict(config, model, print)
        return
    restrict(config, model, print)
    learn = [name.split(".") for name, weight in model.named_parameters() if weight.requires_grad]
    assert {parts[parts.index("blocks") + 1] for parts in learn if "blocks" in parts} == layers
    assert any(parts[0] == "label_head" for parts in learn)


def test_a_model_without_attention_and_one_that_is_not_trained_are_refused() -> None:
    lstm = build(SIZES["lstm"]["tiny"].spec(20, 20))
    config = build_config({"model": {"init": "somewhere"}, "lora": {"rank": 2}}, origin="here")
    with pytest.raises(ConfigError, match="lora is for Transformers"):
        restrict(config, lstm, print)
    with pytest.raises(ConfigError, match="name a trained model with"):
        restrict(build_config({"lora": {"rank": 2}}, origin="here"), fresh("bert"), print)


OPTIONS = {
    "data.validation": "0.2",
    "data.max_length": 24,
    "data.document": "line",
    "training.max_steps": 6,
    "training.max_minutes": "null",
    "training.max_epochs": "null",
    "training.batch_tokens": 200,
    "training.validate_every": 3,
    "training.checkpoint_every": 3,
    "training.keep_checkpoints": 2,
    "training.threads": 1,
}
SIZE = {"model.num_layers": 1, "model.d_model": 32, "model.num_heads": 2, "tokenizer.vocab_size": 300}


def words(text: Path, run: Path, **more: object) -> list[str]:
    given = OPTIONS | {key.replace("__", "."): value for key, value in more.items()}
    flat = [word for key, value in given.items() for word in (f"--{key}", str(value))]
    return ["train", "causal-lm", "--data.train", str(text), "--run", str(run), *flat]


def test_a_run_ends_as_an_ordinary_one_and_is_resumed_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prepare, "choose", lambda *args, **options: Choices(threads=1))
    text, base, run = tmp_path / "text.txt", tmp_path / "base", tmp_path / "run"
    lines = [f"나는 {i} 번째 날에 학교에 간다 the old dog ran {i % 7} times" for i in range(60)]
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert main([*words(text, base), *(str(word) for key, value in SIZE.items() for word in (f"--{key}", value))]) == 0
    capsys.readouterr()
    lora = {"model__init": base, "model__dropout": 0.2, "lora__rank": 2, "lora__dropout": 0.1}
    assert main(words(text, run, **lora, training__learning_rate=0.05)) == 0
    err = capsys.readouterr().err
    assert "256 of " in err  # rank 2 × (32 + 32) × query and value
    assert "parameters learn" in " ".join(err.split())
    tensors = json.loads((run / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert (tensors["r"], tensors["base_model_name_or_path"], tensors["modules_to_save"]) == (2, str(base), None)
    ended, begun = headway.load(run), headway.load(base)
    assert ended.spec.stack.num_layers == 1  # type: ignore[union-attr]
    adapted = peft.PeftModel.from_pretrained(begun.model, run / "adapter").eval()
    plain, ids = headway.load(base).model, torch.randint(5, 200, (2, 9), generator=torch.Generator().manual_seed(1))
    assert (adapted(ids).logits - ended.model(ids).logits).abs().max() < 1e-6
    assert (plain(ids).logits - ended.model(ids).logits).abs().max() > 1e-3
    again = shutil.copytree(run, tmp_path / "again")
    for name in ("README.md", "model.safetensors", "evaluation.json"):
        (again / name).unlink()
    shutil.rmtree(again / "checkpoints" / "step-6")
    shutil.rmtree(again / "adapter")
    shutil.rmtree(base)  # a checkpoint holds all that is needed
    assert main(["resume", str(again)]) == 0
    for name in ("model.safetensors", "adapter/adapter_model.safetensors"):
        assert (again / name).read_bytes() == (run / name).read_bytes()
