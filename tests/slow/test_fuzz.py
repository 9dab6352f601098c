"""Two thousand damaged folders in one process: errors of ours or nothing, no code, no hang, bounded memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkpoints.fuzz import DAMAGES, fuzz


def test_two_thousand_damaged_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = fuzz(range(1000, 3000), tmp_path)
    print(refused)
    assert sum(refused.values()) > 1200
    assert all(refused[damage.__name__] for damage in DAMAGES)
