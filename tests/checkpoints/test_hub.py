"""Models of the hub: only what is read is fetched, the cache serves without a network, a refusal says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import headway
from headway.checkpoints import hub as client
from headway.errors import CheckpointError, ConfigError
from headway.tasks.info import describe
from tests.checkpoints.fake_hub import SHA, FakeHub, fake_hub
from tests.parity.harness import ours_of, twin_of
from tests.parity.test_families import ROWS

ROW = next(row for row in ROWS if row.name == "bert-masked-lm")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    twin_of(ROW, ROW.std).save_pretrained(tmp_path / "files")
    return tmp_path / "files"


@pytest.fixture
def hub(tmp_path: Path, folder: Path) -> Iterator[FakeHub]:
    with fake_hub(tmp_path / "cache") as hub:
        for name in ("tf_model.h5", "onnx/model.onnx", "model.fp16.safetensors", "pytorch_model.bin"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(b"large")
        hub.put("owner/name", folder)
        yield hub


def same(loaded: headway.Loaded) -> bool:
    pairs = zip(loaded.model.parameters(), ours_of(ROW).parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_only_what_is_read_is_fetched_and_the_cache_serves_later(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert same(headway.load("owner/name"))
    assert hub.downloaded == {"config.json", "generation_config.json", "model.safetensors"} & set(
        hub.repositories["owner/name"]
    )
    hub.asked.clear()
    assert same(headway.load("owner/name", offline=True))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert same(headway.load(f"owner/name@{SHA}"))
    assert describe("owner/name")["parameters"] == sum(weight.numel() for weight in ours_of(ROW).parameters())
    assert hub.asked == []


def test_pickles_are_fetched_only_where_there_is_nothing_else(hub: FakeHub, folder: Path) -> None:
    torch.save(twin_of(ROW, ROW.std).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    hub.put("owner/old", folder)
    assert same(headway.load("owner/old", revision="main"))
    assert "pytorch_model.bin" in hub.downloaded
    assert same(headway.load("owner/old", offline=True))


def test_facts_come_from_headers_alone(hub: FakeHub, folder: Path) -> None:
    facts = describe("owner/name")
    assert "model.safetensors" not in {
        path.name for path in folder.parent.glob("cache/**/*") if path.stat().st_size > 2000
    }
    here = describe(folder)
    assert {**facts, "model": ""} == {**here, "model": ""}


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("owner/none", {}, "owner/none: the hub has no such model, or it is private .* nor is there a folder"),
        ("owner/name", {"revision": "v9"}, "owner/name at revision v9: the hub has no such revision"),
        ("owner/name@v9", {}, "owner/name at revision v9: the hub has no such revision"),
        ("owner/gated", {}, "owner/gated: it may only be had by those who accepted its terms"),
        ("owner/other", {"offline": True}, r"owner/other: .*the network is switched off; .*hf download owner/other"),
        ("a/b/c", {}, "a/b/c is no folder; expected the folder of a run, a Hugging Face folder, or a hub id"),
        ("./none", {}, "none is no folder"),
        ("-x-/--", {}, "that is no name of a model on the hub"),
    ],
)
def test_a_refusal_says_what_to_do(hub: FakeHub, name: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        headway.load(name, **options)


def test_without_a_network_the_message_says_how_to_go_on(hub: FakeHub) -> None:
    hub.is_down = True
    with pytest.raises(CheckpointError, match=r"owner/name: it is no folder here, and cannot be fetched .*hf download"):
        headway.load("owner/name")


def test_a_folder_that_is_called_nearly_so_is_named(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs" / "emotion").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for name, says in {
        "runs/emotoin": "runs/emotoin is no folder; did you mean runs/emotion?",
        "runs/none": "runs/none is no folder; in runs: emotion",
        "~/runs/x": "runs/x is no folder; expected the folder of a run",
    }.items():
        with pytest.raises(CheckpointError, match=re.escape(says)):
            client.find(name)
    assert hub.asked == []
    (tmp_path / "models" / "bert-base").mkdir(parents=True)
    with pytest.raises(CheckpointError, match=r"^models/bert_base: no such folder; did you mean models/bert-base\?"):
        client.find("models/bert_base")
    with pytest.raises(CheckpointError, match=r"^emotion: no such folder; did you mean runs/emotion\? As a name of"):
        client.find("emotion")


def test_a_folder_is_found_before_the_hub_is_asked(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert client.find("files") == Path("files")
    with pytest.raises(ConfigError, match="files is a folder on this machine, which has no revision v9"):
        client.find("files", revision="v9")
    assert hub.asked == []
