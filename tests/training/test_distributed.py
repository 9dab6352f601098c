"""Two real processes: the numbers of one, one writer, and one sentence when the other dies."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch.distributed as dist
from safetensors.torch import load_file
from torch import Tensor

from headway.checkpoints.native import write_tensors
from headway.training.distributed import World, _is_lost_peer
from headway.training.log import read_metrics
from tests.training import two
from tests.training.families import FAMILIES

ROOT = Path(__file__).parents[2]


ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"}


def start(what: str, folder: Path, launcher: Sequence[str] = (), **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", *launcher, "-m", "tests.training.two", what, str(folder)],
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
    try:
        for process in processes:
            _, said = process.communicate(timeout=300)
            assert process.returncode == 0, said
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process wrote in `alone`, and two after it."""
    folder = tmp_path_factory.mktemp("two")
    write_tensors(two.train(World(), folder / "alone"), folder / "alone.safetensors")
    finish(start_all("numbers", folder))
    return folder


def largest_difference(found: Path, expected: dict[str, Tensor]) -> float:
    """Of the gradients, as a share of the largest."""
    gradients = {name: tensor for name, tensor in load_file(found).items() if not name.startswith("loss")}
    assert gradients.keys() == {name for name in expected if not name.startswith("loss")}
    largest = max(expected[name].abs().max().item() for name in gradients)
    return max((tensor - expected[name]).abs().max().item() for name, tensor in gradients.items()) / largest


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("batch", two.BATCHES)
def test_two_processes_give_the_loss_and_the_gradients_of_one(folder: Path, family: str, batch: str) -> None:
    expected = two.gradients(World(), "ddp", family, 1, batch)
    for mode in two.MODES:
        for accumulation in [parts for parts, name in two.CASES if name == batch]:
            path = folder / f"{mode} {family} {accumulation} {batch}.safetensors"
            assert largest_difference(path, expected) <= 1e-6, path.name
            for name, found in load_file(path).items():
                if name.startswith("loss"):
                    assert found.item() == pytest.approx(expected[name].item(), rel=1e-6), name


def test_dividing_by_what_one_process_counted_would_be_seen(folder: Path) -> None:
    expected = two.gradients(World(), "ddp", "bert", 1, "few")
    assert largest_difference(folder / "mutant.safetensors", expected) > 1e-3


@pytest.mark.parametrize("mode", two.MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_move_the_weights_as_one(folder: Path, family: str, mode: str) -> None:
    assert_equal(folder / f"{mode} {family} moved.safetensors", two.moved(World(), "ddp", family))


@pytest.mark.parametrize("mode", two.MODES)
@pytest.mark.parametrize("way", two.WAYS)
def test_two_processes_move_a_part_of_the_weights_as_one(folder: Path, way: str, mode: str, tmp_path: Path) -> None:
    """Adapters, what stands above frozen layers, layers that wake up one by one; and on from the checkpoint of two."""
    expected = two.restricted(World(), "ddp", way, tmp_path)
    assert_equal(folder / f"{mode} {way}.safetensors", expected)
    for name in ("model", "optimizer"):
        path = Path("step-2") / f"{name}.safetensors"
        assert_equal(folder / f"{mode}-{way}" / path, load_file(tmp_path / path))
    resumed = two.restricted(World(), "ddp", way, folder / f"{mode}-{way}")
    for name, weight in resumed.items():
        assert (weight - expected[name]).abs().max() <= 1e-9, name


def assert_equal(found: Path, expected: Mapping[str, Tensor]) -> None:
    """The same names, and numbers but for the rounding of float64."""
    tensors = load_file(found)
    assert tensors.keys() == expected.keys()
    for name, tensor in tensors.items():
        assert tensor.dtype == expected[name].dtype
        assert tensor.shape == expected[name].shape
        assert (tensor - expected[name]).abs().max() <= 1e-9, name


@pytest.mark.parametrize("mode", two.MODES)
def test_two_processes_train_to_the_weights_of_one_and_the_first_alone_writes(
    folder: Path, mode: str, tmp_path: Path
) -> None:
    feed = two.setting(World(), tmp_path).build().feed
    sizes = [len(batch) for number in range(3) for batch in feed.epoch(number)]
    assert 1 in sizes[:20]  # so that a process had none
    assert_equal(folder / f"{mode} trained.safetensors", load_file(folder / "alone.safetensors"))
    one, other = read_metrics(folder / "alone"), read_metrics(folder / mode)
    assert [row["step"] for row in one] == [row["step"] for row in other]
    for mine, theirs in zip(one, other, strict=True):
        assert mine.get("learning_rate") == theirs.get("learning_rate"), "schedules count optimizer steps"
        for name in mine.keys() - {"elapsed", "tokens_per_second"}:
            assert theirs[name] == pytest.approx(mine[name], rel=1e-9)


@pytest.mark.parametrize("mode", two.MODES)
def test_the_files_of_a_checkpoint_are_those_of_one_process(folder: Path, mode: str) -> None:
    alone, shared = (folder / name / "checkpoints" for name in ("alone", mode))
    files = [sorted(path.relative_to(place) for path in place.rglob("*")) for place in (alone, shared)]
    assert files[0] == files[1]
    assert load_file(shared / "step-20" / "random.safetensors").keys() == {"0", "1"}
    for name in ("model", "optimizer", "average"):
        path = Path("step-20") / f"{name}.safetensors"
        assert_equal(shared / path, load_file(alone / path))


@pytest.mark.parametrize("mode", two.MODES)
def test_any_number_of_processes_goes_on_in_either_mode(folder: Path, mode: str, tmp_path: Path) -> None:
    """From one to two, and from two to one."""
    expected = load_file(folder / "alone.safetensors")
    assert_equal(folder / f"{mode} resumed.safetensors", expected)
    two.go_on(World(), folder / mode, tmp_path / "resumed")
    step = tmp_path / "resumed" / "checkpoints" / "step-20"
    assert_equal(step / "model.safetensors", expected)
    assert_equal(
        step / "average.safetensors", load_file(folder / "alone" / "checkpoints" / step.name / "average.safetensors")
    )


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
