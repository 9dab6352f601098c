"""`headway push`: what is published is a model that loads from the hub again, with a card that says what it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml

import headway
from headway.cli.main import main
from tests.checkpoints.fake_hub import FakeHub, fake_hub

LINES = ["der hund läuft 1.", "die katze isst 2."]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    with fake_hub(tmp_path / "cache") as hub:
        yield hub


def test_a_run_goes_up_with_its_card_and_comes_down_the_same(
    hub: FakeHub, post_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(post_run), "owner/tiny", "--private"]) == 0
    assert capsys.readouterr().out == "https://huggingface.co/owner/tiny\n"
    files = hub.repositories["owner/tiny"]
    assert {"config.json", "model.safetensors", "tokenizer.json", "evaluation.json", "README.md"} <= files.keys()
    assert not {"metrics.jsonl", "spec.json"} & files.keys()

    card = files["README.md"].decode()
    head = yaml.safe_load(card.split("---\n")[1])
    evaluation = json.loads((post_run / "evaluation.json").read_text(encoding="utf-8"))
    assert head["library_name"] == "transformers"
    assert head["metrics"] == sorted(evaluation["metrics"])
    assert 'headway.load("owner/tiny")' in card
    assert 'MarianMTModel.from_pretrained("owner/tiny")' in card
    for metric, values in evaluation["metrics"].items():
        assert f"| {metric} | {values['score']:.4g} |" in card
        assert values.get("signature", "") in card
    digest = re.search(r"`([0-9a-f]{64})`", (post_run / "README.md").read_text(encoding="utf-8"))
    assert digest is not None
    assert digest[1] in card
    assert "- Command: `" in card
    assert str(post_run) not in card.replace(card[card.index("- Command") :].split("\n")[0], "")

    ours, theirs = headway.load(post_run), headway.load("owner/tiny")
    assert theirs.translate(LINES) == ours.translate(LINES)
    assert theirs.decoding == ours.decoding
    pairs = zip(ours.model.parameters(), theirs.model.parameters(), strict=False)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_what_is_made_is_told_as_an_object_too(
    hub: FakeHub, post_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "폴더")
    for given, told in (
        (["push", str(post_run), "owner/tiny"], {"url": "https://huggingface.co/owner/tiny"}),
        (["convert", str(post_run), folder, "--to", "headway"], {"folder": folder}),
    ):
        capsys.readouterr()
        assert main([*given, "--json"]) == 0
        assert capsys.readouterr().out == json.dumps(told, ensure_ascii=False) + "\n"


def test_what_transformers_has_not_goes_up_as_it_is(hub: FakeHub, recurrent_run: Path) -> None:
    assert main(["push", str(recurrent_run), "owner/gru"]) == 0
    assert (
        yaml.safe_load(hub.repositories["owner/gru"]["README.md"].decode().split("---\n")[1])["library_name"]
        == "headway"
    )
    ours, theirs = headway.load(recurrent_run), headway.load("owner/gru")
    assert theirs.translate(LINES) == ours.translate(LINES)


def test_a_hub_that_refuses_is_told(hub: FakeHub, tiny_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hub.may_write = False
    assert main(["push", str(tiny_run), "owner/tiny"]) == 3
    assert "hf auth login" in capsys.readouterr().err
    assert main(["push", str(tiny_run), "tiny"]) == 2
    assert "expected owner/name" in capsys.readouterr().err


def test_a_network_that_fails_is_told_as_such(
    hub: FakeHub, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of a folder that is called nearly so: what is published was found."""

    def fails(*given: object, **named: object) -> None:
        raise OSError("no route to host")

    (tmp_path / "owner" / "tiny2").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.HfApi.create_repo", fails)
    assert main(["push", str(tiny_run), "owner/tiny"]) == 3
    said = capsys.readouterr().err
    assert "owner/tiny: cannot be published (OSError: no route to host)" in said
    assert "did you mean" not in said
