"""Every published family as a folder: in from whatever form it is kept in, out so that transformers opens it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from headway.checkpoints import hf
from headway.errors import CheckpointError, ConfigError
from headway.models.families import PUBLISHED
from headway.spec import LabelHeadSpec
from tests.parity.harness import TOLERANCE, Row, batch, difference, ours_of, outputs, twin_of
from tests.parity.test_families import ROWS

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
WITH_HEAD = [
    row for row in ROWS if row.twin.__name__ not in ("T5EncoderModel", f"{row.family.ARCHITECTURES[0][:-5]}Model")
]
FIRST = list({row.family.MODEL_TYPE: row for row in reversed(WITH_HEAD)}.values())
each_family = pytest.mark.parametrize("row", FIRST, ids=lambda row: row.family.MODEL_TYPE)


def named(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


def written(row: Row, folder: Path, **options: object) -> nn.Module:
    twin = twin_of(row, row.std)
    twin.save_pretrained(folder, **options)
    return twin


def same(ours: nn.Module, other: nn.Module) -> bool:
    pairs = zip(ours.named_parameters(), other.named_parameters(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def test_every_family_is_tried() -> None:
    assert {row.family.MODEL_TYPE for row in FIRST} | {"marian"} == PUBLISHED.keys()  # Marian: test_hf.py


@each_row
@torch.no_grad()
def test_in_and_out_again(row: Row, tmp_path: Path) -> None:
    twin = written(row, tmp_path / "theirs")
    found = hf.read(tmp_path / "theirs")
    assert (found.fresh, found.unread) == ((), ())
    assert same(found.model, ours_of(row))
    given = batch(row)
    assert difference(outputs(row, found.model, given), outputs(row, twin, given)) < TOLERANCE
    hf.save(found.model, tmp_path / "ours")
    back, report = row.twin.from_pretrained(tmp_path / "ours", output_loading_info=True, attn_implementation="eager")
    assert not any(report.values()), report
    state = twin.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in back.state_dict().items())
    assert difference(outputs(row, back.eval(), given), outputs(row, twin, given)) < TOLERANCE
    assert hf.read_spec(tmp_path / "ours") == found.model.spec


@each_family
def test_shards_halves_and_pickles_hold_the_same(row: Row, tmp_path: Path) -> None:
    twin, expected = written(row, tmp_path), ours_of(row)
    twin.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    shutil.copy(tmp_path / "config.json", tmp_path / "shards")
    assert len(list((tmp_path / "shards").glob("model-*.safetensors"))) > 2
    assert same(hf.load(tmp_path / "shards"), expected)
    hf.save(expected, tmp_path / "again", shard_size=20_000)
    assert len(list((tmp_path / "again").glob("model-*.safetensors"))) > 2
    assert same(hf.load(tmp_path / "again"), expected)
    assert same(row.twin.from_pretrained(tmp_path / "again"), twin)

    pickled = tmp_path / "pickled"
    pickled.mkdir()
    shutil.copy(tmp_path / "config.json", pickled)
    state = {name: tensor.clone() for name, tensor in twin.state_dict().items()}
    torch.save(state, pickled / "pytorch_model.bin")
    assert same(hf.load(pickled), expected)
    torch.save(state, pickled / "pytorch_model.bin", _use_new_zipfile_serialization=False)  # as before 2020
    assert same(hf.load(pickled), expected)
    (pickled / "pytorch_model.bin").unlink()
    index: dict[str, str] = {}
    for number, names in enumerate((list(state)[::2], list(state)[1::2])):
        index |= dict.fromkeys(names, f"pytorch_model-0000{number}.bin")
        torch.save({name: state[name].bfloat16() for name in names}, pickled / f"pytorch_model-0000{number}.bin")
    (pickled / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": index}), encoding="utf-8")
    assert same(hf.load(pickled), expected.bfloat16().float())
    assert {weight.dtype for weight in hf.load(pickled, dtype=torch.float16).parameters()} == {torch.float16}


@each_family
def test_with_and_without_the_prefix_of_the_base_model(row: Row, tmp_path: Path) -> None:
    written(row, tmp_path)
    path, prefix = tmp_path / "model.safetensors", row.family.PREFIX
    state, expected = load_file(path), ours_of(row)
    save_file({name.removeprefix(prefix): tensor for name, tensor in state.items()}, path)
    assert same(hf.load(tmp_path), expected)
    base = next(
        name for name in row.family.ARCHITECTURES if name.endswith(("Model", "EncoderModel")) and "LM" not in name
    )
    for names in (state, {name.removeprefix(prefix): tensor for name, tensor in state.items()}):
        save_file(names, path)
        found = hf.read(tmp_path, architecture=base, allow_missing=True)  # BERT's pooler is not there
        assert all(name.startswith("pooler.") for name in found.fresh)
        own = dict(expected.named_parameters())
        kept = {name: weight for name, weight in found.model.named_parameters() if name not in found.fresh}
        assert len(kept) > 9
        twins = {name: own.get(name, own.get(name.replace("stack.", "encoder.", 1))) for name in kept}
        assert all(torch.equal(weight, twins[name]) for name, weight in kept.items())


def test_parts_that_other_classes_have_are_left_unread_and_named(tmp_path: Path) -> None:
    """As in bert-base-uncased: written by pre-training, and said to be a masked language model."""
    written(named("bert-pre-training"), tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace("BertForPreTraining", "BertForMaskedLM"), encoding="utf-8")
    found = hf.read(tmp_path)
    parts = ("bert.pooler.dense.", "cls.seq_relationship.")
    assert found.unread == tuple(f"{part}{kind}" for part in parts for kind in ("bias", "weight"))
    path = tmp_path / "model.safetensors"
    save_file(load_file(path) | {"bert.encoder.layer.9.output.dense.bias": torch.ones(1)}, path)
    with pytest.raises(CheckpointError, match=r"left over: bert.encoder.layer.9.output.dense.bias"):
        hf.load(tmp_path)
    assert hf.read(tmp_path, allow_missing=True).unread[0] == "bert.encoder.layer.9.output.dense.bias"


def test_names_of_norms_before_2019(tmp_path: Path) -> None:
    row = named("bert-masked-lm")
    written(row, tmp_path)
    path = tmp_path / "model.safetensors"
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    state = load_file(path)
    for new, before in old.items():
        state = {name.replace(new, before): tensor for name, tensor in state.items()}
    save_file(state, path)
    assert same(hf.load(tmp_path), ours_of(row))


def test_a_new_head_is_drawn_and_named(tmp_path: Path) -> None:
    written(named("bert-masked-lm"), tmp_path)
    head = LabelHeadSpec(of="text", labels=("neg", "neu", "pos"))
    with pytest.raises(CheckpointError, match=r"missing: bert.pooler.dense.bias, bert.pooler.dense.weight;"):
        hf.read(tmp_path, head=head)
    torch.manual_seed(4)
    found = hf.read(tmp_path, head=head, allow_missing=True)
    parts = ("pooler.", "label_head.out.")
    assert found.fresh == tuple(f"{part}{kind}" for part in parts for kind in ("weight", "bias"))
    assert set(found.unread) == {name for name in load_file(tmp_path / "model.safetensors") if name.startswith("cls.")}
    weight = found.model.label_head.out.weight
    assert 0.01 < weight.std() < 0.03  # as `initializer_range` says
    assert not found.model.label_head.out.bias.any()
    torch.manual_seed(4)
    assert torch.equal(hf.read(tmp_path, head=head, allow_missing=True).model.label_head.out.weight, weight)
    assert same(found.model.stack, ours_of(named("bert-masked-lm")).stack)
    hf.save(found.model, tmp_path / "out")
    again = hf.read(tmp_path / "out", head=head)  # the head of a folder is not taken for the new one, the pooler is
    assert again.fresh == found.fresh[2:]
    written(named("t5"), tmp_path / "t5")
    with pytest.raises(ConfigError, match="single stack"):
        hf.read(tmp_path / "t5", head=head)


def test_missing_tensors_are_listed_or_drawn(tmp_path: Path) -> None:
    row = named("gpt2-lm")
    written(row, tmp_path)
    path = tmp_path / "model.safetensors"
    state = load_file(path)
    lost = {
        "transformer.h.1.ln_1.weight": "attention_norm.weight",
        "transformer.h.1.mlp.c_fc.weight": "feed_forward.up.weight",
    }
    save_file({name: tensor for name, tensor in state.items() if name not in lost}, path)
    with pytest.raises(CheckpointError, match="missing: " + ", ".join(lost)):
        hf.load(tmp_path)
    found = hf.read(tmp_path, allow_missing=True)
    assert set(found.fresh) == {f"stack.blocks.1.{name}" for name in lost.values()}
    block = found.model.stack.blocks[1]
    assert block.attention_norm.weight.eq(1).all()
    assert block.feed_forward.up.weight.std() > 0
    assert torch.equal(block.feed_forward.up.bias, ours_of(row).stack.blocks[1].feed_forward.up.bias)
    assert found.model.head.weight is found.model.stack.tokens.weight  # ties hold


@pytest.mark.parametrize("name", ["bloom-span", "llama-slowed-tied"])
def test_formulas_are_right_after_the_meta_device(name: str, tmp_path: Path) -> None:
    written(named(name), tmp_path)
    position = hf.load(tmp_path, dtype=torch.bfloat16).stack.position
    expected = dict(ours_of(named(name)).stack.position.named_buffers())
    assert expected
    for name, buffer in expected.items():
        assert torch.equal(position.get_buffer(name), buffer)
        assert position.get_buffer(name).dtype == torch.float32


# --- damage ---


class Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("made-by-a-pickle",)


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(named("bert"), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    for new in (True, False):
        torch.save({"a": Code()}, "pytorch_model.bin", _use_new_zipfile_serialization=new)
        with pytest.raises(CheckpointError, match=r"pytorch_model.bin holds more than tensors, perhaps code"):
            hf.load(tmp_path)
        assert not (tmp_path / "made-by-a-pickle").exists()
    for strange, says in (([1], "holds list"), ({"a": 1}, "a is int"), ({1: torch.ones(1)}, "holds dict")):
        torch.save(strange, "pytorch_model.bin")
        with pytest.raises(CheckpointError, match=f"pytorch_model.bin.*{says}"):
            hf.load(tmp_path)


def test_a_cut_shard_is_named_with_both_sizes(tmp_path: Path) -> None:
    written(named("bert"), tmp_path, max_shard_size="20KB")
    shard = sorted(tmp_path.glob("model-*.safetensors"))[1]
    size = shard.stat().st_size
    os.truncate(shard, size - 7)
    with pytest.raises(CheckpointError, match=rf"{shard.name} has {size - 7:,} bytes, but .* {size:,}; it was cut off"):
        hf.load(tmp_path)
    shard.unlink()
    with pytest.raises(CheckpointError, match=rf"index.json names files that are not there: {shard.name}"):
        hf.load(tmp_path)


@pytest.mark.parametrize(
    ("index", "says"),
    [
        ({"weight_map": {"a": "../../secret.safetensors"}}, "expected files of the same folder"),
        ({"weight_map": {"a": "/etc/passwd"}}, "expected files of the same folder"),
        ({"weight_map": {"a": 1}}, "no weight_map"),
        ({}, "no weight_map"),
    ],
)
def test_an_index_that_leads_elsewhere_is_refused(tmp_path: Path, index: object, says: str) -> None:
    written(named("bert"), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(CheckpointError, match=says):
        hf.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"num_hidden_layers": 10**9}, "num_layers is 1,000,000,000; at most"),
        ({"hidden_size": "32"}, "hidden_size is '32'"),
        ({"num_labels": 10**12, "id2label": None, "architectures": ["BertForSequenceClassification"]}, "num_labels is"),
        ({"hidden_dropout_prob": 7.0}, "dropout is 7.0"),
        ({"architectures": ["BertForSpeech"]}, "architectures names BertForSpeech; valid: .*BertModel"),
        ({"vocab_size": 98}, r"bert.*word_embeddings.weight is \[99, 32\], expected \[98, 32\]"),
    ],
)
def test_a_config_beyond_belief_is_refused_at_once(tmp_path: Path, change: dict[str, object], says: str) -> None:
    written(named("bert-masked-lm"), tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change), encoding="utf-8")
    with pytest.raises(CheckpointError, match=rf"{tmp_path}.*{says}"):
        hf.load(tmp_path)


def test_pipes_and_folders_in_the_place_of_files_are_not_opened(tmp_path: Path) -> None:
    written(named("bert"), tmp_path)
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).unlink()
        os.mkfifo(tmp_path / name)
        with pytest.raises(CheckpointError, match=f"{name} is no regular file"):
            hf.load(tmp_path)
