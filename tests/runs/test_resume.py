"""A run that was killed, interrupted or ran out of disk goes on to the same bits as one that never stopped."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from headway.cli.main import main
from headway.runs import RunFolder, build, prepare
from headway.training.choices import Choices
from tests.runs import tiny

OPTIONS = {
    "training__max_steps": 40,
    "training__checkpoint_every": 4,
    "training__validate_every": 20,
    "training__keep_checkpoints": 2,
    "training__log_every": 3,
    "training__ema_decay": 0.9,
    "model__dropout": 0.3,
}
EAGER = Choices(attention="eager", threads=1)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, tiny_corpus: str) -> Callable[[Choices], Path]:
    """A run to the end with given choices."""
    done: dict[Choices, Path] = {}

    def run(choices: Choices) -> Path:
        if choices not in done:
            done[choices] = tmp_path_factory.mktemp("whole") / "run"
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(prepare, "choose", lambda *args, **options: choices)
                assert main(tiny.words(tiny_corpus, done[choices], **OPTIONS)) == 0
        return done[choices]

    return run


def begin(train: str, run: Path, until: Callable[[], bool], how: int, **more: object) -> tuple[int, str]:
    """Starts a training in its own process, sends it a signal as soon as `until`, returns its status and stderr."""
    command = [sys.executable, "-m", "headway", *tiny.words(train, run, **(OPTIONS | more))]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 100
        while not until() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(how)
        assert process.stderr is not None
        said = process.stderr.read().decode()
        return process.wait(), said


def last_step(run: Path) -> int:
    return max((row["step"] for row in tiny.metrics(run)), default=0) if (run / "metrics.jsonl").exists() else 0


def test_killed_at_a_random_step(tmp_path: Path, tiny_corpus: str, uninterrupted: Callable[[Choices], Path]) -> None:
    run, step = tmp_path / "run", random.randrange(5, 16)
    status, said = begin(tiny_corpus, run, lambda: last_step(run) >= step, signal.SIGKILL)
    assert status == -signal.SIGKILL, said
    folder = RunFolder(run)
    assert folder.checkpoints.steps(), f"no checkpoint when step {step} was reached"
    assert not folder.is_finished
    assert main(["resume", str(run)]) == 0
    whole = uninterrupted(folder.read_choices())
    assert (run / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes(), f"killed at {step}"
    same = ("step", "loss", "learning_rate", "validation_loss", "bleu")
    kept, expected = ([{k: row[k] for k in same if k in row} for row in tiny.metrics(r)] for r in (run, whole))
    assert kept == expected


def test_a_run_does_not_go_on_with_other_data(
    tmp_path: Path, tiny_corpus: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files, run = [Path(shutil.copy(file, tmp_path)) for file in tiny_corpus.split(",")], tmp_path / "run"
    status, said = begin(",".join(map(str, files)), run, lambda: last_step(run) >= 5, signal.SIGTERM)
    assert status == 130, said
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content + content.splitlines(keepends=True)[-1])
    assert main(["resume", str(run)]) == 3
    assert f"{run} began with other training data (SHA-256 " in capsys.readouterr().err
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
    assert main(["resume", str(run)]) == 0


def test_killed_before_the_first_checkpoint_and_the_choices_are_those_of_the_folder(
    tmp_path: Path, tiny_corpus: str, uninterrupted: Callable[[Choices], Path]
) -> None:
    """The folder is made to say another attention core than was chosen: a resumed run must compute with that one."""
    run = tmp_path / "run"
    status, said = begin(
        tiny_corpus, run, (run / "config.yaml").exists, signal.SIGKILL, training__checkpoint_every=1000,
        training__validate_every=1000,
    )  # fmt: skip
    assert status == -signal.SIGKILL, said
    assert not RunFolder(run).checkpoints.steps()
    config = (run / "config.yaml").read_text(encoding="utf-8")
    config = config.replace("checkpoint_every: 1000", "checkpoint_every: 4")
    (run / "config.yaml").write_text(config.replace("validate_every: 1000", "validate_every: 20"), encoding="utf-8")
    environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    environment["choices"] = {"dtype": "float32", "linear": "torch", "attention": "eager", "threads": 1}
    (run / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
    assert main(["resume", str(run)]) == 0
    weights = (run / "model.safetensors").read_bytes()
    assert weights == (uninterrupted(EAGER) / "model.safetensors").read_bytes()
    assert weights != (uninterrupted(Choices(threads=1)) / "model.safetensors").read_bytes()


def test_interrupted_by_the_keyboard(
    tmp_path: Path, tiny_corpus: str, uninterrupted: Callable[[Choices], Path]
) -> None:
    run = tmp_path / "a run"
    status, said = begin(tiny_corpus, run, lambda: last_step(run) >= 3, signal.SIGINT)
    assert status == 130, said
    assert said.rstrip().endswith(f"go on with: headway resume '{run}'")
    assert "Traceback" not in said
    assert main(["resume", str(run)]) == 0
    whole = uninterrupted(RunFolder(run).read_choices())
    assert (run / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.fixture
def unfinished(tmp_path: Path, tiny_run: Path) -> Path:
    """A run with two checkpoints whose end was never written."""
    run = shutil.copytree(tiny_run, tmp_path / "run")
    shutil.copytree(run / "checkpoints" / "step-8", run / "checkpoints" / "step-9")
    for name in ("README.md", "model.safetensors", "evaluation.json"):
        (run / name).unlink()
    return run


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "random.safetensors", "progress.json"])
def test_a_damaged_checkpoint_is_named_and_what_to_do(
    unfinished: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = unfinished / "checkpoints" / "step-9" / name
    path.write_bytes(path.read_bytes()[:40])
    assert main(["resume", str(unfinished)]) == 3
    err = capsys.readouterr().err.rstrip().rpartition("\n")[2]
    assert err.startswith(f"headway: {path}")
    assert err.endswith(f"(or remove {path.parent} to go on from step 8)")
    shutil.rmtree(path.parent)
    assert main(["resume", str(unfinished)]) == 0


def test_an_interruption_after_the_training_loses_nothing(
    unfinished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test translations take long, and so are often interrupted."""

    def interrupt(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("headway.runs.kinds.translate.evaluate_translation", interrupt)
        assert main(["resume", str(unfinished)]) == 130
    assert capsys.readouterr().err.rstrip().endswith(f"go on with: headway resume {unfinished}")
    assert main(["resume", str(unfinished)]) == 0
    assert RunFolder(unfinished).is_finished


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        ("config.yaml", None, "no run folder"),
        ("config.yaml", "training: {max_steps: many}\n", "training.max_steps is 'many'"),
        ("tokenizer.json", None, "tokenizer.json"),
        ("environment.json", "{", "environment.json, line 1"),
        ("environment.json", '{"choices": {"attention": "magic"}}', "magic"),
    ],
)
def test_a_damaged_folder_is_named(
    unfinished: Path, capsys: pytest.CaptureFixture[str], name: str, damage: str | None, told: str
) -> None:
    if damage is None:
        (unfinished / name).unlink()
    else:
        (unfinished / name).write_text(damage, encoding="utf-8")
    assert main(["resume", str(unfinished)]) in (2, 3)
    err = capsys.readouterr().err
    assert told in err
    assert err.rstrip().rpartition("\n")[2].startswith("headway: ")


def test_nothing_is_measured_again_on_resume(unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("the choices and the vocabulary are those of the folder")

    monkeypatch.setattr(prepare, "choose", refuse)
    monkeypatch.setattr(build, "train_tokenizer", refuse)
    assert main(["resume", str(unfinished)]) == 0
