"""Checkpoints: everything comes back to the bit, a folder is whole or absent, and damage is named."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from headway.checkpoints import native
from headway.errors import CapacityError, CheckpointError
from headway.training.checkpoint import Checkpoints, Progress, random_state
from headway.training.loop import Limits, Training
from headway.training.optim import MovingAverage, adamw
from tests.training.translator import Setting, model_of

STATE = random_state(torch.device("cpu"))


@pytest.fixture
def trained(tmp_path: Path) -> Training:
    """Three steps with everything on; a checkpoint of the third."""
    training = Setting(folder=tmp_path, ema=0.9, dropout=0.1, limits=Limits(max_steps=3)).build()
    training.run()
    return training


def save(training: Training, randoms: list[Tensor] | None = None) -> Path:
    return training.checkpoints.save(
        training.progress, training.step.model, training.optimizer, training.moving, randoms or [STATE]
    )


def load(training: Training, step: int = 3, rank: int = 0) -> Progress:
    model = model_of(seed=7)
    return training.checkpoints.load(step, model, adamw(model), MovingAverage(model, 0.9), rank=rank)


def test_everything_comes_back_to_the_bit(trained: Training) -> None:
    torch.manual_seed(5)
    folder = save(trained, [random_state(torch.device("cpu"))])
    drawn = torch.rand(3)
    other = model_of(seed=7)
    optimizer, moving = adamw(other), MovingAverage(other, 0.9)
    held = dict(moving.parameters)
    assert trained.checkpoints.load(3, other, optimizer, moving) == trained.progress
    assert torch.equal(torch.rand(3), drawn)
    assert (trained.progress.step, trained.progress.finished) == (3, True)
    assert trained.moving
    for (name, parameter), own in zip(other.named_parameters(), trained.step.model.parameters(), strict=True):
        assert torch.equal(parameter, own)
        assert moving.parameters[name] is held[name]
        assert torch.equal(held[name], trained.moving.parameters[name])
        assert not torch.equal(held[name], parameter)
        assert optimizer.state[parameter].keys() == trained.optimizer.state[own].keys()
        for kind, tensor in trained.optimizer.state[own].items():
            assert torch.equal(optimizer.state[parameter][kind], tensor), kind
            assert optimizer.state[parameter][kind].dtype == tensor.dtype
    names = {"model.safetensors", "optimizer.safetensors", "average.safetensors", "random.safetensors", "progress.json"}
    assert {path.name for path in folder.iterdir()} == names


def test_moments_and_averages_take_the_device_and_dtype_of_the_model(trained: Training) -> None:
    """The meta device stands for an accelerator: what is restored lies where the weights lie, not where files lie."""
    trained.step.model = model_of(tied="none")  # a tie would not survive the way to this device
    trained.moving = MovingAverage(trained.step.model, 0.9)
    trained.optimizer.state = {
        p: {"exp_avg": p.detach(), "exp_avg_sq": p.detach() ** 2, "step": torch.tensor(1.0)}
        for p in trained.step.model.parameters()
    }
    save(trained)
    model = model_of(tied="none").double().to("meta")
    optimizer, moving = adamw(model), MovingAverage(model, 0.9)
    (trained.checkpoints.folder / "step-3" / "random.safetensors").unlink()
    with pytest.raises(CheckpointError, match="random"):
        trained.checkpoints.load(3, model, optimizer, moving)
    assert {tensor.device.type for state in optimizer.state.values() for tensor in state.values()} == {"meta"}
    assert {(tensor.device.type, tensor.dtype) for tensor in moving.parameters.values()} == {("meta", torch.float64)}


def test_restored_moments_are_no_view_of_the_file(trained: Training) -> None:
    path = trained.checkpoints.folder / "step-3" / "optimizer.safetensors"
    before = path.read_bytes()
    model = model_of()
    optimizer = adamw(model)
    trained.checkpoints.load(3, model, optimizer, None)
    for state in optimizer.state.values():
        for tensor in state.values():
            tensor += 1
    assert path.read_bytes() == before


def test_the_last_and_the_best_stay(trained: Training, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "kept")
    assert checkpoints.steps() == []
    for step in (1, 2, 9, 10, 11):
        progress = Progress(step=step)
        checkpoints.save(progress, trained.step.model, trained.optimizer, None, [STATE])
    (checkpoints.folder / ".step-12.999").mkdir()  # a run was killed while it wrote
    (checkpoints.folder / "notes").mkdir()
    assert checkpoints.steps() == [1, 2, 9, 10, 11]  # by number, not by name
    checkpoints.prune(2, best_step=2)
    assert checkpoints.steps() == [2, 10, 11]
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["notes", "step-10", "step-11", "step-2"]
    checkpoints.prune(1, best_step=11)
    assert checkpoints.steps() == [11]


def test_the_average_is_of_the_last_checkpoints(trained: Training, tmp_path: Path) -> None:
    checkpoints, model = Checkpoints(tmp_path / "several"), model_of()
    name, weight = next(iter(model.named_parameters()))
    for step in (1, 2, 10):
        with torch.no_grad():
            weight.fill_(step)
        checkpoints.save(Progress(step=step), model, trained.optimizer, None, [STATE])
    assert checkpoints.average(2)[name].unique().item() == 6
    assert checkpoints.average(9)[name].unique().item() == pytest.approx(13 / 3)


def test_a_write_that_fails_leaves_no_trace(trained: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: object) -> None:
        raise CapacityError(f"no room for {path}")

    folder = trained.checkpoints.folder
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.setattr(native, "write_json", full)
    with pytest.raises(CapacityError):
        save(trained)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert [path.name for path in folder.iterdir()] == ["step-3"]
    assert errno.ENOSPC  # what native turns into CapacityError


def test_a_checkpoint_is_replaced_by_its_like(trained: Training) -> None:
    trained.progress.tokens = 12345
    save(trained)
    assert load(trained).tokens == 12345
    assert [path.name for path in trained.checkpoints.folder.iterdir()] == ["step-3"]


@pytest.mark.parametrize("name", ["model", "optimizer", "average", "random"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_damaged_file_is_named(trained: Training, name: str, damage: str) -> None:
    path = trained.checkpoints.folder / "step-3" / f"{name}.safetensors"
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=re.escape(str(path))):
        load(trained)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"step": None}, "step"),
        ({"bogus": 1}, "bogus"),
        (None, "expected the progress of a training as JSON"),
    ],
)
def test_damaged_progress_is_named(trained: Training, change: dict[str, object] | None, says: str) -> None:
    path = trained.checkpoints.folder / "step-3" / "progress.json"
    data = json.loads(path.read_text()) | (change or {})
    kept = {name: value for name, value in data.items() if value is not None or name == "best"}
    path.write_text("{" if change is None else json.dumps(kept))
    with pytest.raises(CheckpointError, match=rf"{re.escape(str(path))}.*{says}"):
        load(trained)


def test_a_run_of_an_older_version_goes_on(trained: Training) -> None:
    path = trained.checkpoints.folder / "step-3" / "progress.json"
    data = json.loads(path.read_text())
    del data["prepared"], data["best"]
    path.write_text(json.dumps(data | {"best_loss": 2.5}))
    found = load(trained)
    assert (found.step, found.prepared, found.best) == (3, 0.0, 2.5)


@pytest.mark.parametrize("damage", ["a part gone", "another shape", "left over", "another average"])
def test_a_state_that_does_not_fit_is_refused(trained: Training, damage: str) -> None:
    folder = trained.checkpoints.folder / "step-3"
    path = folder / ("average.safetensors" if damage == "another average" else "optimizer.safetensors")
    tensors = load_file(path)
    name = next(name for name in tensors if "feed_forward.up.weight" in name and "sq" not in name)
    taken = tensors.pop(name)
    if damage == "left over":
        tensors |= {name: taken, f"{name}.of.another": taken.clone()}
    elif damage == "another shape":
        tensors[name] = taken[:1].clone()
    elif damage == "another average":
        tensors[f"{name}.of.another"] = taken
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match=re.escape(str(path))):
        load(trained)


def test_each_process_finds_its_own_random_state(trained: Training) -> None:
    states = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        states.append(random_state(torch.device("cpu")))
    save(trained, states)
    for rank, seed in enumerate((1, 2)):
        load(trained, rank=rank)
        drawn = torch.rand(2)
        torch.manual_seed(seed)
        assert torch.equal(drawn, torch.rand(2))
    assert trained.checkpoints.processes(3) == 2
    model = model_of()
    torch.manual_seed(3)
    trained.checkpoints.load(3, model, adamw(model), None, rank=2)  # of a process that did not exist, nothing is known
    drawn = torch.rand(2)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(2))
