"""Train and resume: what the commands and `headway.train` call."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from headway.config import RunConfig, differences, load_recipe
from headway.errors import CapacityError, CheckpointError, ConfigError, Interrupted
from headway.runs.build import check
from headway.runs.folder import RunFolder
from headway.runs.kinds import kind_of
from headway.runs.kinds.kind import one
from headway.runs.prepare import Prepared, Resumed, prepare
from headway.runs.report import finish
from headway.tasks.loaded import device_of
from headway.training.distributed import World, joined
from headway.training.log import Log
from headway.training.loop import Training


def train(
    recipe: str, overrides: Mapping[str, Any] | None = None, *, run: str | Path | None = None, reuse: bool = False
) -> RunFolder:
    """Train a recipe to its end, evaluate it, and leave a complete run folder.

    Args:
        recipe: a shipped name or the path of a YAML file.
        overrides: dotted keys of the configuration and their values.
        run: the run folder; None: `runs/<recipe>`, numbered where that is taken.
        reuse: take a finished run as it is, and resume one that was stopped.

    Raises:
        HeadwayError: what was given cannot be trained; nothing is left behind.
        Interrupted: Ctrl-C; everything is saved.
    """
    begun = time.monotonic()
    config = load_recipe(recipe, list((overrides or {}).items()))
    check(config)
    kind_of(config).check()
    usual = Path("runs") / Path(recipe).stem
    path = Path(run) if run is not None else usual if reuse else free(usual)
    if reuse and (path / "config.yaml").is_file():
        return _taken_up(RunFolder.open(path), config)
    device = device_of(config.device)
    with joined(device) as world, _fresh(path, world) as folder, _logging(path, config, world) as log:
        if config.training.parallel == "fsdp" and world.size == 1:
            raise ConfigError(
                "training.parallel fsdp shares a model among several processes, but there is one; start them with "
                "torchrun --nproc-per-node 2 -m -- headway train …, or leave training.parallel ddp"
            )
        prepared = prepare(config, device=device, world=world, folder=path, say=log.note if log else _silent)
        if log:
            digest = prepared.kind.digest(prepared.data["train"])
            folder.write_start(config, prepared.spec, prepared.vocabulary, prepared.choices, digest)
            _introduce(prepared, log)
        return _go(prepared, folder, log, begun)


def resume(path: str | Path) -> RunFolder:
    """Continue a run exactly where its last checkpoint left it; a finished run stays as it is.

    Raises:
        CheckpointError: there is no run, or a file of it is damaged.
    """
    begun = time.monotonic()
    folder = RunFolder.open(Path(path))
    if folder.is_finished:
        return folder
    config = folder.read_config()
    device = device_of(config.device)
    with joined(device) as world, _logging(folder.path, config, world) as log:
        prepared = prepare(
            config,
            device=device,
            world=world,
            resumed=Resumed(
                kind_of(config).open(folder.path),
                folder.read_spec(),
                folder.read_choices(),
                has_weights=bool(folder.checkpoints.steps()),
            ),
            say=log.note if log else _silent,
        )
        folder.check_data(prepared.kind.digest(prepared.data["train"]))
        return _go(prepared, folder, log, begun)


def _taken_up(folder: RunFolder, config: RunConfig) -> RunFolder:
    """A run that `--reuse` found, finished; one of another configuration would answer another question."""
    if keys := differences(folder.read_config(), config):
        raise ConfigError(
            f"{folder.path} was begun with another {', '.join(keys)}; ask as it was asked then, "
            "or leave out --reuse and give another --run"
        )
    return folder if folder.is_finished else resume(folder.path)


def _go(prepared: Prepared, folder: RunFolder, log: Log | None, begun: float) -> RunFolder:
    """From the last checkpoint, if there is one, to a finished folder."""
    command = f"headway resume {shlex.quote(str(folder.path))}"
    training = prepared.training(folder.path, log, command)
    with _told_how_to_go_on(command):
        step = _restore(training, prepared)
        if log:
            log.rewind(step)
            if step and (before := training.checkpoints.processes(step)) != prepared.feed.world.size:
                log.note(_said_of_processes(before, prepared.feed.world.size))
            log.note(f"training from step {step:,}" if step else "training")
        _count(training, time.monotonic() - begun, log)
        training.run()
        if log:
            log.close()  # its live line makes room for the bar of the evaluation
        if prepared.feed.world.is_main:
            finish(prepared, training, folder)
    return folder


def _count(training: Training, seconds: float, log: Log | None) -> None:
    """Add the `seconds` of preparing to what was used; at least half of what `max_minutes` leaves is for the steps."""
    progress, limit = training.progress, training.limits.max_minutes
    room = float("inf") if limit is None else max(0.0, limit * 60 - progress.elapsed) / 2
    progress.elapsed += min(seconds, room)
    progress.prepared += min(seconds, room)
    if log and seconds > room:
        log.note(
            f"reading and encoding took {seconds / 60:.1f} minutes, more than half of training.max_minutes {limit:g}; "
            f"the steps have {room / 60:.1f}"
        )


@contextmanager
def _logging(path: Path, config: RunConfig, world: World) -> Iterator[Log | None]:
    """The log of the first process, closed whatever happens."""
    if not world.is_main:
        yield None
        return
    log = Log(path, tensorboard=config.training.tensorboard)
    try:
        yield log
    finally:
        log.close()


def _restore(training: Training, prepared: Prepared) -> int:
    """The last checkpoint, if there is one, into the training; its step."""
    if not (kept := training.checkpoints.steps()):
        return 0
    try:
        training.progress = training.checkpoints.load(
            kept[-1], training.step.model, training.optimizer, training.moving, rank=prepared.feed.world.rank
        )
    except CheckpointError as error:
        before = f"step {kept[-2]:,}" if len(kept) > 1 else "the beginning"
        folder = training.checkpoints.folder / f"step-{kept[-1]}"
        raise CheckpointError(f"{error} (or remove {folder} to go on from {before})") from None
    return training.progress.step


def _said_of_processes(before: int, now: int) -> str:
    return (
        f"begun in {before} processes, continued in {now}: the same training, but for rounding and what dropout draws"
    )


@contextmanager
def _told_how_to_go_on(command: str) -> Iterator[None]:
    """What stops a begun training says how it is continued."""
    try:
        yield
    except CapacityError as error:
        raise CapacityError(f"{error}; then go on with: {command}") from error
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; what was trained is saved, go on with: {command}") from None


def _introduce(prepared: Prepared, log: Log) -> None:
    parameters = sum(p.numel() for p in prepared.model.parameters())
    log.note(
        f"{len(prepared.train):,} training {prepared.kind.unit}, {len(prepared.validation):,} for validation; "
        f"vocabulary {one(prepared.vocabulary).vocab_size:,}; {parameters / 1e6:.1f} M parameters; "
        f"{prepared.choices.dtype}, {torch.get_num_threads()} threads"
    )
    if prepared.train.note:
        log.note(prepared.train.note)


@contextmanager
def _fresh(path: Path, world: World) -> Iterator[RunFolder]:
    """A new run folder, taken away again if the run never got to its start."""
    parents = [parent for parent in path.parents if not parent.exists()]
    folder = RunFolder.create(path) if world.is_main else RunFolder(path)
    try:
        yield folder
    except BaseException:
        if world.is_main and not (path / "config.yaml").exists():
            shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):  # somebody else has put something there
                for parent in parents:
                    parent.rmdir()
        raise


def free(path: Path) -> Path:
    """`path`, or the first of `path-2`, `path-3` … that is not taken."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found


def _silent(text: str) -> None:
    """Other processes than the first say nothing."""
