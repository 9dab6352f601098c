"""A hundred damaged folders, ten of them through the command line; two thousand in tests/slow."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.cli.main import main
from headway.errors import CheckpointError
from tests.checkpoints.fuzz import fuzz


def test_a_damaged_folder_is_refused_or_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = fuzz(range(100), tmp_path)
    assert sum(refused.values()) > 60
    assert sum(count > 0 for count in refused.values()) > 10


def test_the_command_line_says_so_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(folder: Path) -> None:
        capsys.readouterr()
        status = main(["convert", str(folder), str(tmp_path / "out"), "--to", "headway"])
        if status:
            err = capsys.readouterr().err
            assert status in (2, 3, 4)
            assert [line[:9] for line in err.strip().split("\n")] == ["headway: "], err
            raise CheckpointError(err)

    assert sum(fuzz(range(100, 110), tmp_path, run).values()) > 3
