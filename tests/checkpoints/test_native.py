"""Run-folder files: what is written comes back to the bit, and every damage is named."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from headway.checkpoints import native
from headway.errors import CapacityError, CheckpointError
from headway.models.families.vaswani import Vaswani
from headway.models.transformer import EncoderDecoder

CHOICES = {"num_layers": 1, "d_model": 8, "d_ff": 12, "num_heads": 2, "max_length": 9}


def model(tied: str = "all", vocab: int = 7, seed: int = 0) -> EncoderDecoder:
    torch.manual_seed(seed)
    return EncoderDecoder(Vaswani(tied=tied, **CHOICES).spec(vocab, vocab))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    native.save_weights(model(), path)
    return path


@pytest.mark.parametrize("tied", ["all", "decoder", "none"])
def test_weights_come_back_to_the_bit_with_tied_ones_stored_once(tmp_path: Path, tied: str) -> None:
    written, read = model(tied), model(tied, seed=1)
    native.save_weights(written, tmp_path / "w")
    before = dict(read.named_parameters())
    native.load_weights(read, tmp_path / "w")
    stored = load_file(tmp_path / "w")
    assert stored.keys() == dict(written.named_parameters()).keys()
    for name, weight in read.named_parameters():
        assert weight is before[name]  # in place: an optimiser or a tie keeps its hold
        assert torch.equal(weight, stored[name])
        assert torch.equal(weight, written.get_parameter(name))
    assert (read.head.weight is read.decoder.tokens.weight) == (tied != "none")
    assert (read.encoder.tokens is read.decoder.tokens) == (tied == "all")
    assert [p.name for p in tmp_path.iterdir()] == ["w"]


def test_a_model_of_another_dtype_reads_the_weights_in_its_own(path: Path) -> None:
    half = model().bfloat16()
    native.load_weights(half, path)
    assert torch.equal(half.head.weight, model().head.weight.bfloat16())


def test_what_does_not_fit_is_named_and_nothing_is_changed(path: Path) -> None:
    tensors = load_file(path)
    renamed = dict(tensors)
    renamed["encoder.blocks.0.extra"] = renamed.pop("decoder.blocks.0.feed_forward.up.weight")
    save_file(renamed, path)
    target, untouched = model(seed=2), model(seed=2)
    with pytest.raises(CheckpointError, match=r"model.safetensors .* missing: decoder.*up.weight; left over: .*extra"):
        native.load_weights(target, path)
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match=re.escape("encoder.tokens.weight is [7, 8], expected [9, 8]")):
        native.load_weights(model(vocab=9), path)
    assert all(torch.equal(a, b) for a, b in zip(target.parameters(), untouched.parameters(), strict=True))


def test_a_model_is_loaded_without_a_draw(path: Path) -> None:
    expected, before = model(), torch.get_rng_state()
    loaded = native.load(expected.spec, path)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), expected.parameters(), strict=True))
    assert loaded.head.weight is loaded.encoder.tokens.weight
    assert torch.equal(loaded.decoder.position.table, expected.decoder.position.table)
    assert not loaded.training


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text", "folder"])
def test_a_damaged_file_is_named(path: Path, damage: str) -> None:
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "text": b"not weights" * 9}[damage])
    with pytest.raises(CheckpointError, match=re.escape(str(path))):
        native.load_weights(model(), path)


def test_a_write_that_fails_leaves_the_old_file_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = path.read_bytes()

    def full(tensors: object, part: Path, metadata: object) -> None:
        part.write_bytes(b"half a file")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(native, "save_file", full)
    with pytest.raises(CapacityError, match=re.escape(str(path))):
        native.save_weights(model(seed=3), path)
    assert path.read_bytes() == old
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_others_may_read_the_weights_as_they_may_any_new_file(path: Path) -> None:
    (path.parent / "plain").touch()
    assert path.stat().st_mode == (path.parent / "plain").stat().st_mode


def test_json_is_readable_text_and_comes_back(tmp_path: Path) -> None:
    data = {"name": "번역기", "steps": [1, 2], "best": None}
    native.write_json(tmp_path / "a.json", data)
    assert native.read_json(tmp_path / "a.json", "a test") == data
    text = (tmp_path / "a.json").read_bytes().decode()
    assert "번역기" in text
    assert text.endswith("}\n")
    assert "\r" not in text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist"),
        (b'{"a": 1,\n "b": }', "line 2"),
        (b"[1]", "holds list"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_damaged_json_is_named_with_what_was_expected(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "spec.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"{re.escape(str(path))}.*{says}.*the spec of a model"):
        native.read_json(path, "the spec of a model")
