"""What takes minutes: an estimate against the run it foretells, launchers, a lost process, and the wheel."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.runs import tiny

ROOT = Path(__file__).parents[2]
SMALL = {
    "training.max_steps": 150,
    "training.max_minutes": "null",
    "training.threads": 1,
    "training.validate_every": 75,
}
# A program like the command that prints, behind its output, the largest memory it ever had.
MEASURED = """
import resource, sys
from headway.cli.main import main

status = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
sys.exit(status)
"""


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1", **more}


def headway(*words: object) -> tuple[dict[str, object], int, float]:
    """The JSON a command prints, its peak memory in bytes and its seconds."""
    begun = time.monotonic()
    command = [sys.executable, "-c", MEASURED, *map(str, words), "--json"]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, encoding="utf-8", check=True)
    found, peak = done.stdout.split("\n")[:2]
    return json.loads(found), int(peak), time.monotonic() - begun


def test_a_dry_run_foretells_time_and_memory(tmp_path: Path) -> None:
    """Within a quarter, on a machine that does nothing else meanwhile."""
    options = [word for key, value in SMALL.items() for word in (f"--{key}", value)]
    headway("train", "quickstart", *options, "--dry-run")  # fills the cache, which the run would fill
    foretold, _, _ = headway("train", "quickstart", *options, "--dry-run")
    _, peak, _ = headway("train", "quickstart", *options, "--run", tmp_path / "run")
    last = tiny.metrics(tmp_path / "run")[-1]
    found = json.loads((tmp_path / "run" / "evaluation.json").read_text(encoding="utf-8"))
    print(f"foretold {foretold['training_seconds']:.1f} s, {foretold['peak_bytes'] / 2**20:.0f} MiB")
    print(f"found    {last['elapsed']:.1f} s, {peak / 2**20:.0f} MiB; test {found['seconds']} s")
    assert last["step"] == foretold["steps"] == 150
    assert abs(foretold["training_seconds"] / last["elapsed"] - 1) < 0.25
    assert abs(foretold["peak_bytes"] / peak - 1) < 0.25


def test_accelerate_launch_starts_one_process(tmp_path: Path, tiny_corpus: str) -> None:
    if find_spec("accelerate") is None:
        pytest.skip("accelerate is not installed")
    launcher = (
        "-m accelerate.commands.launch --num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no"
    )
    command = [sys.executable, *launcher.split(), "--cpu", "-m", "headway", *tiny.words(tiny_corpus, tmp_path / "run")]
    done = subprocess.run(command, env=environment(), capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "README.md").exists()


def test_the_loss_of_one_of_two_processes_is_said(tmp_path: Path, tiny_corpus: str) -> None:
    """The other one ends with a sentence and without a traceback, and the run can be continued."""
    run, port = tmp_path / "run", str(random.randrange(20000, 40000))
    words = tiny.words(tiny_corpus, run, training__max_steps=100000, training__checkpoint_every=5)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "headway", *words],
            env=environment(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=port),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            encoding="utf-8",
        )
        for rank in ("0", "1")
    ]
    with processes[0] as first, processes[1] as second:
        deadline = time.monotonic() + 120
        while not (run / "checkpoints" / "step-5").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        second.send_signal(signal.SIGKILL)
        try:
            _, said = first.communicate(timeout=60)
        finally:
            first.kill()
    assert first.returncode == 1, said
    assert "Traceback" not in said
    assert re.search(r"headway: process 0 of 2 stops: another process of this training ended.*headway resume", said)


def test_the_wheel_holds_what_a_training_needs(tmp_path: Path) -> None:
    """Built from this tree and unpacked: its recipes, its page, and a training from an empty folder."""
    if find_spec("hatchling") is None:
        pytest.skip("hatchling, which builds the wheel, is not installed: pip install hatchling")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*build, str(tmp_path / "wheel"), str(ROOT)], check=True)
    (wheel,) = (tmp_path / "wheel").glob("headway-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = {name for name in packed.namelist() if name.startswith("headway/")}
        packed.extractall(tmp_path / "unpacked")
    source = ROOT / "src"
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "headway"], cwd=source, capture_output=True, encoding="utf-8", check=True
    ).stdout.split("\0")[:-1]
    assert not set(tracked) - names, "a file of the package is not in the wheel"
    assert {"headway/recipes/quickstart.yaml", "headway/explain/page/page.html"} <= names
    (tmp_path / "empty").mkdir()
    path = os.pathsep.join([str(tmp_path / "unpacked"), *(entry for entry in sys.path if str(ROOT / "src") != entry)])
    command = [sys.executable, "-m", "headway", "train", "quickstart", "--training.max_steps", "3"]
    small = "--training.validation_bleu false --decoding.beam 1 --model.num_layers 1 --model.d_model 32"
    done = subprocess.run(
        [*command, *small.split()], cwd=tmp_path / "empty", capture_output=True, encoding="utf-8", check=False,
        env=environment(PYTHONPATH=path, HEADWAY_CACHE=str(tmp_path / "cache")),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [entry.name for entry in (tmp_path / "empty").iterdir()] == ["runs"]
    assert "headway translate runs/quickstart" in done.stdout
