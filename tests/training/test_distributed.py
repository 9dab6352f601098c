"""Two real processes: the numbers of one, one writer, and one sentence when the other dies."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file

from headway.training.distributed import World, _is_lost_peer
from headway.training.log import read_metrics
from tests.training import two

ROOT = Path(__file__).parents[2]


ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"}


def start(what: str, folder: Path, launcher: Sequence[str] = (), **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *launcher, "-m", "tests.training.two", what, str(folder)],
        cwd=ROOT,
        env=ENVIRONMENT | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def start_all(what: str, folder: Path) -> list[subprocess.Popen[str]]:
    """Two processes, as a launcher starts them."""
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    return [start(what, folder, **common, RANK=rank, LOCAL_RANK=rank) for rank in ("0", "1")]


def finish(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        _, said = process.communicate(timeout=200)
        assert process.returncode == 0, said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes wrote."""
    folder = tmp_path_factory.mktemp("two")
    finish(start_all("numbers", folder))
    return folder


@pytest.mark.parametrize(("accumulation", "batch"), two.CASES)
def test_two_processes_give_the_loss_and_the_gradients_of_one(folder: Path, accumulation: int, batch: str) -> None:
    expected = two.gradients(World(), 1, batch)
    found = load_file(folder / f"{accumulation}-{batch}")
    assert found.keys() == expected.keys()
    names = [name for name in expected if not name.startswith("loss")]
    largest = max(expected[name].abs().max().item() for name in names)
    for name in names:
        assert (found[name] - expected[name]).abs().max() <= 1e-6 * largest, name
    for name in ("loss loss", "loss nll"):
        assert found[name].item() == pytest.approx(expected[name].item(), rel=1e-6)


def test_two_processes_train_to_the_weights_of_one_and_the_first_alone_writes(folder: Path, tmp_path: Path) -> None:
    alone = two.train(World(), tmp_path)
    feed = two.setting(World(), tmp_path).build().feed
    sizes = [len(batch) for number in range(3) for batch in feed.epoch(number)]
    assert 1 in sizes[:20]  # so that a process had none
    for name, found in load_file(folder / "weights").items():
        assert found.dtype == torch.float64
        assert (found - alone[name]).abs().max() <= 1e-9, name
    one, other = read_metrics(tmp_path), read_metrics(folder)
    assert [row["step"] for row in one] == [row["step"] for row in other]
    for mine, theirs in zip(one, other, strict=True):
        for name in mine.keys() - {"elapsed", "tokens_per_second"}:
            assert theirs[name] == pytest.approx(mine[name], rel=1e-9)
    steps = [sorted(path.name for path in (place / "checkpoints").iterdir()) for place in (folder, tmp_path)]
    assert steps[0] == steps[1]
    assert load_file(folder / "checkpoints" / "step-20" / "random.safetensors").keys() == {"0", "1"}


def test_a_process_that_dies_stops_the_other_with_one_sentence(tmp_path: Path) -> None:
    survivor, victim = start_all("lose", tmp_path)
    victim.communicate(timeout=100)
    _, said = survivor.communicate(timeout=60)
    assert victim.returncode == -9
    assert survivor.returncode == 1
    last = said.strip().split("\n")[-1]
    assert last.startswith("headway: process 0 of 2 stops: another process of this training ended.")
    assert "`headway resume`" in last
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("error", "is_lost"),
    [
        (RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1234"), True),
        (dist.DistNetworkError("The client socket has timed out"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)"), False),
    ],
)
def test_only_a_lost_process_is_called_one(error: Exception, is_lost: bool) -> None:
    assert _is_lost_peer(error) == is_lost


def test_two_agents_start_it_together(tmp_path: Path) -> None:
    where = [f"--rdzv-endpoint=127.0.0.1:{free_port()}", "--rdzv-backend=c10d"]
    launcher = ["-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", *where]
    finish([start("facts", tmp_path, launcher) for _ in range(2)])
