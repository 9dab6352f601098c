"""What a run says of its processes before any is started."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from headway.cli.main import main
from headway.runs import RunFolder
from tests.runs import tiny


def test_one_process_has_nothing_to_share(tmp_path: Path, tiny_corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "runs" / "one"
    assert main(tiny.words(tiny_corpus, run, training__parallel="fsdp")) != 0
    said = capsys.readouterr().err.strip()
    assert "training.parallel fsdp shares a model among several processes, but there is one" in said
    assert "torchrun" in said
    assert not run.parent.exists()
    assert main(tiny.words(tiny_corpus, run, training__parallel="zero")) != 0
    assert "training.parallel is 'zero'; expected ddp | fsdp" in capsys.readouterr().err


def test_another_number_of_processes_goes_on_and_says_so(
    tmp_path: Path, tiny_corpus: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As if two processes had shared the run, and one of them were left."""
    run = tmp_path / "run"
    options = {"training__checkpoint_every": 4, "training__keep_checkpoints": 2}
    assert main(tiny.words(tiny_corpus, run, **options)) == 0
    whole = load_file(run / "model.safetensors")
    assert "processes" not in capsys.readouterr().err
    for name in ("model.safetensors", "README.md"):
        (run / name).unlink()
    shutil.rmtree(run / "checkpoints" / "step-8")
    config = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(config.replace("parallel: ddp", "parallel: fsdp"), encoding="utf-8")
    path = run / "checkpoints" / "step-4" / "random.safetensors"
    (state,) = load_file(path).values()
    save_file({"0": state, "1": state.clone()}, path)
    assert main(["resume", str(run)]) == 0
    assert "begun in 2 processes, continued in 1" in " ".join(capsys.readouterr().err.split())
    assert RunFolder(run).is_finished
    assert whole.keys() == load_file(run / "model.safetensors").keys()
