"""`headway convert` and `headway.save`: there and back again to the bit, whole or not at all."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from transformers import BertForMaskedLM, MarianMTModel

import headway
from headway import spec as specs
from headway.checkpoints import native, shards
from headway.cli.main import main
from headway.errors import CapacityError, ConfigError
from tests.parity.harness import TOLERANCE, batch, difference, twin_of
from tests.parity.test_families import ROWS
from tests.tasks.tiny import beside, tokenizer


def same(a: headway.Loaded, b: headway.Loaded, dtype: torch.dtype = torch.float32) -> bool:
    pairs = zip(a.model.named_parameters(), b.model.named_parameters(), strict=True)
    return all(n == m and torch.equal(x.to(dtype).float(), y) for (n, x), (m, y) in pairs)


def test_there_and_back_again(tmp_path: Path) -> None:
    row = next(row for row in ROWS if row.name == "gpt2-text")
    twin = twin_of(row, row.std)
    twin.save_pretrained(tmp_path / "theirs")
    start = headway.load(tmp_path / "theirs")
    assert main(["convert", str(tmp_path / "theirs"), str(tmp_path / "ours"), "--to", "headway"]) == 0
    assert {path.name for path in (tmp_path / "ours").iterdir()} == {
        "spec.json", "model.safetensors", "generation_config.json",
    }  # fmt: skip
    line = ["convert", str(tmp_path / "ours"), str(tmp_path / "back"), "--to", "huggingface", "--shard-size", "20KB"]
    assert main(line) == 0
    for folder in ("ours", "back"):
        found = headway.load(tmp_path / folder)
        assert same(start, found)
        assert (found.spec, found.decoding) == (start.spec, start.decoding)
    given = batch(row)
    back = row.twin.from_pretrained(tmp_path / "back").eval()
    with torch.no_grad():
        assert difference([back(**given).logits], [twin(**given).logits]) < TOLERANCE
    assert back.config.id2label == twin.config.id2label


def test_what_a_folder_lacks_is_drawn_where_it_is_asked_for_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = beside(BertForMaskedLM)[0]
    native.save_weights(model, tmp_path / "model.safetensors")
    native.write_json(tmp_path / "spec.json", specs.to_json(dataclasses.replace(model.spec, pooler=True)))
    tokenizer().save(tmp_path)
    for words in (
        ["fill", str(tmp_path), "the [MASK] ."],
        ["attend", str(tmp_path), "the cat", "--out", str(tmp_path / "page.html")],
    ):
        assert main(words) == 3
        assert "missing: pooler.bias, pooler.weight" in capsys.readouterr().err
        assert main([*words, "--allow-missing"]) == 0
        assert "drawn at random, for the folder lacks them: pooler.weight, pooler.bias" in capsys.readouterr().err
        assert main([*words, "--revision", "v9"]) == 2
        assert "has no revision v9" in capsys.readouterr().err


def test_a_run_for_transformers(post_run: Path, tmp_path: Path) -> None:
    assert main(["convert", str(post_run), str(tmp_path / "marian"), "--to", "huggingface", "--dtype", "bfloat16"]) == 0
    ours, theirs = headway.load(post_run), headway.load(tmp_path / "marian")
    assert theirs.tokenizers.fingerprint == ours.tokenizers.fingerprint
    assert theirs.decoding == ours.decoding
    rounded = dict(theirs.model.named_parameters())
    assert all(torch.equal(w.bfloat16().float(), rounded[n]) for n, w in ours.model.named_parameters())
    assert MarianMTModel.from_pretrained(tmp_path / "marian").dtype == torch.bfloat16
    twin = MarianMTModel.from_pretrained(tmp_path / "marian", dtype=torch.float32)  # its sines in full precision
    ids = torch.tensor([[5, 6, 7, ours.spec.tokens.end_id]])
    given = {"input_ids": ids, "decoder_input_ids": ids[:, :2]}
    with torch.no_grad():
        assert difference([theirs.model(**given).logits], [twin.eval()(**given).logits]) < TOLERANCE


def test_a_second_save_leaves_nothing_of_the_first(post_run: Path, tmp_path: Path) -> None:
    loaded = headway.load(post_run)
    headway.save(loaded, tmp_path / "out", shard_size="100KB")
    (tmp_path / "out" / "notes.txt").touch()
    assert (tmp_path / "out" / "model.safetensors.index.json").is_file()
    headway.save(loaded, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").glob("model*")] == ["model.safetensors"]
    assert (tmp_path / "out" / "notes.txt").is_file()
    assert headway.load(tmp_path / "out").spec.encoder == loaded.spec.encoder
    with pytest.raises(ConfigError, match="no folder of the format headway"):
        headway.save(loaded, tmp_path / "out", format="headway")


def test_a_save_that_fails_leaves_the_old_one(post_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = headway.load(post_run)
    headway.save(loaded, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def full(tensors: object, path: Path) -> None:
        path.write_bytes(b"half a file")
        raise CapacityError("full")

    monkeypatch.setattr(shards, "write_tensors", full)
    with pytest.raises(CapacityError):
        headway.save(loaded, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "post"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"format": "onnx"}, "format is 'onnx'"),
        ({"dtype": "int8"}, "dtype is 'int8'"),
        ({"shard_size": "5 apples"}, "a shard size of '5 apples'"),
    ],
)
def test_wrong_options(tiny_run: Path, tmp_path: Path, options: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        headway.save(headway.load(tiny_run), tmp_path / "out", **options)
    assert not list(tmp_path.iterdir())


def test_what_transformers_has_not_is_said(
    recurrent_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(recurrent_run), str(tmp_path / "out"), "--to", "huggingface"]) == 2
    assert "models of the family gru have no form that transformers reads" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
