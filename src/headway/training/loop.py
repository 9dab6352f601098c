"""The loop: steps until a limit is reached, rows logged, validations, checkpoints, early stopping, a clean way out."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from types import FrameType
from typing import Any

import torch

from headway.data.batching import Rows
from headway.errors import ConfigError, Interrupted
from headway.evaluation.loss import perplexity
from headway.training.checkpoint import Checkpoints, Progress, random_state
from headway.training.distributed import World
from headway.training.feed import Feed
from headway.training.log import Log
from headway.training.optim import MovingAverage, Unfreezing
from headway.training.schedule import Schedule
from headway.training.step import Counted, Step, accumulate, means, update


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Whatever comes first ends the training; None: no such limit."""

    max_steps: int | None = None
    max_epochs: int | None = None
    max_minutes: float | None = None

    def share(self, progress: Progress, batches: int) -> float:
        """How much of the training is done, 0..1, when an epoch has `batches`; its time begins with the first step."""
        shares = [0.0]
        if self.max_steps is not None:
            shares.append(progress.step / self.max_steps)
        if self.max_epochs is not None:
            shares.append((progress.epoch + progress.position / batches) / self.max_epochs)
        if self.max_minutes is not None:
            shares.append((progress.elapsed - progress.prepared) / (60 * self.max_minutes - progress.prepared))
        return min(max(shares), 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rhythm:
    """How often something happens, in steps; 0 of the first two means each epoch."""

    validate: int = 0
    checkpoint: int = 0
    log: int = 20
    keep: int = 2  # checkpoints, beside the best
    patience: int = 0  # validations that are no better; 0: any number


@dataclass(kw_only=True, slots=True)
class Training:
    """Everything one training consists of; `run` goes on from `progress`."""

    step: Step
    optimizer: torch.optim.Optimizer
    feed: Feed
    schedule: Schedule
    limits: Limits
    rhythm: Rhythm
    checkpoints: Checkpoints
    log: Log | None  # None on every process but the first
    validate: Callable[[], dict[str, float]]  # at least `validation_loss`; all processes call it, the first is heard
    judge: Callable[[dict[str, float]], float] = itemgetter("validation_loss")  # of a validation; less is better
    world: World = World()
    moving: MovingAverage | None = None
    unfreezing: Unfreezing | None = None
    autocast: torch.dtype | None = None
    clip_norm: float = 1.0
    progress: Progress = field(default_factory=Progress)
    resume_command: str = "headway resume"
    chance: float = math.inf  # nats a token, of a model that has learned nothing but how frequent words are
    _started: float = 0.0  # on the clock, as if all sittings had been one
    _saved: int = -1  # the step of the last checkpoint

    def run(self) -> Progress:
        """Train to the end.

        Raises:
            Interrupted: after Ctrl-C or SIGTERM, once the state is saved.
            ConfigError: the loss is no longer a number.
        """
        wrapped = self.world.wrap(self.step)
        self.step.train()
        self._started, self._saved = time.monotonic() - self.progress.elapsed, self.progress.step or -1
        with stopping() as stop:
            while not self.progress.finished:
                plan = self.feed.epoch(self.progress.epoch)
                if self.unfreezing is not None:
                    self.unfreezing.begin(self.progress.epoch)
                    wrapped = self.world.wrap(self.step)
                self._epoch(wrapped, plan, stop)
        return self.progress

    def _epoch(self, wrapped: torch.nn.Module, plan: list[Rows], stop: Stop) -> None:
        progress = self.progress
        while progress.position < len(plan):
            begun = time.monotonic()
            self._tick()
            share, interrupted = self._agree(self.limits.share(progress, len(plan)), stop.asked)
            if interrupted:
                self._interrupt()
            batch = plan[progress.position]
            losses = accumulate(
                wrapped, self.feed.parts(batch, progress.epoch), world=self.world, autocast=self.autocast
            )
            rate = self.schedule.rate(progress.step + 1, share)
            self._move(rate, losses)
            progress.step, progress.position = progress.step + 1, progress.position + 1
            progress.tokens += self.feed.tokens(batch)
            self._tick()
            self._record(batch, losses, rate, share, time.monotonic() - begun)
            over, _ = self._agree(float(self.limits.share(progress, len(plan)) >= 1.0), False)
            self._pause(epoch_ends=progress.position == len(plan), over=over >= 1.0)
            if progress.finished:
                return
        progress.epoch, progress.position = progress.epoch + 1, 0

    def _tick(self) -> None:
        self.progress.elapsed = time.monotonic() - self._started

    def _agree(self, share: float, asked: bool) -> tuple[float, bool]:
        """The first process's share, and whether any process was asked to stop: the same on all."""
        if self.world.size == 1:
            return share, asked
        values = self.world.sum(torch.tensor([share if self.world.is_main else 0.0, float(asked)], dtype=torch.float64))
        return float(values[0]), bool(values[1])

    def _move(self, rate: float, losses: Counted) -> None:
        try:
            update(self.step, self.optimizer, rate=rate, clip_norm=self.clip_norm)
        except FloatingPointError:
            loss = means(losses)["loss"]
            raise ConfigError(
                f"at step {self.progress.step + 1} the loss is {loss:.3g} and its gradient is not a number; "
                "lower training.learning_rate, raise training.warmup_steps, or set training.clip_norm 1"
            ) from None
        if self.moving is not None:
            self.moving.update(self.step.model, self.progress.step + 1)

    def _record(self, batch: Rows, losses: Counted, rate: float, share: float, seconds: float) -> None:
        """Add to the window of steps since the last row; write the row and clear the window when it is full."""
        window, tokens = self.progress.window, self.feed.tokens(batch)
        added = {"tokens": tokens, "padded": self.feed.padded_tokens(batch), "seconds": seconds}
        for name, (summed, count) in losses.items():
            added |= {name: summed, name + _COUNT: count}
        for name, value in added.items():
            window[name] = window.get(name, 0.0) + value
        if self.progress.step % self.rhythm.log == 0:
            self.feed.release()
        if self.log is None:
            return
        row = self._row(rate)
        self.log.live(share, self.progress.elapsed - self.progress.prepared, row)
        if self.progress.step % self.rhythm.log == 0:
            self.log.row(row)
            window.clear()

    def _row(self, rate: float) -> dict[str, Any]:
        progress, window = self.progress, self.progress.window
        names = [name.removesuffix(_COUNT) for name in window if name.endswith(_COUNT)]
        losses = means({name: (window[name], window[name + _COUNT]) for name in names})
        return {
            "step": progress.step,
            "epoch": progress.epoch,
            "elapsed": round(progress.elapsed, 3),
            **losses,
            **perplexity(losses),
            "learning_rate": rate,
            "tokens_per_second": window["tokens"] / window["seconds"],
            "padding": 1 - window["tokens"] / window["padded"],
        }

    def _pause(self, *, epoch_ends: bool, over: bool) -> None:
        """Validate, save and end, as the rhythm asks after this step."""
        progress, rhythm = self.progress, self.rhythm
        if over or _is_due(progress.step, rhythm.validate, epoch_ends):
            self._validate()
            over = over or bool(rhythm.patience and progress.stale >= rhythm.patience)
        progress.finished = over
        if over or _is_due(progress.step, rhythm.checkpoint, epoch_ends) or progress.best_step == progress.step:
            self._save()

    def _validate(self) -> None:
        progress = self.progress
        self.step.eval()
        metrics: dict[str, float] = self.world.share(self.validate())
        self.step.train()
        self._tick()
        if self.log is not None:
            self.log.row({"step": progress.step, "elapsed": round(progress.elapsed, 3)} | metrics)
            shown = "  ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in metrics.items())
            self.log.note(f"step {progress.step:,}  {shown}")
            least = min(metrics["validation_loss"], self.chance if progress.best is None else progress.best)
            if progress.step >= _LEARNS_BY and not least < self.chance:
                self.log.note(
                    f"nothing is learned yet: knowing how frequent each answer is gives {self.chance:.3f}; if this "
                    "goes on, lower training.learning_rate, raise training.warmup_steps, or look at the data"
                )
        value = self.judge(metrics)
        if value == math.inf and self.log is not None:
            self.log.note("there is nothing to judge this validation by, so it is not the best")
        if value < (math.inf if progress.best is None else progress.best):  # never so where it is NaN
            progress.best, progress.best_step, progress.stale = value, progress.step, 0
        else:
            progress.stale += 1

    def _save(self) -> None:
        randoms = self.world.gather(random_state(next(self.step.parameters()).device))
        model, world = self.step.model, self.world
        self.checkpoints.save(self.progress, model, self.optimizer, self.moving, randoms, world=world)
        if world.is_main:
            self.checkpoints.prune(self.rhythm.keep, self.progress.best_step)
        self._saved = self.progress.step

    def _interrupt(self) -> None:
        if self._saved != self.progress.step:
            self._save()
        raise Interrupted(f"stopped at step {self.progress.step}, everything saved; go on with: {self.resume_command}")


_COUNT = " counted"  # of a window: beside the sum of a loss, what it is divided by
_LEARNS_BY = 100  # steps; a model that is no better than chance by then is worth a word


def _is_due(step: int, every: int, epoch_ends: bool) -> bool:
    return step % every == 0 if every else epoch_ends


@dataclass(slots=True)
class Stop:
    """Whether somebody asked for the end."""

    asked: bool = False


@contextmanager
def stopping() -> Iterator[Stop]:
    """Inside, the first Ctrl-C or SIGTERM only asks; the second Ctrl-C interrupts at once."""
    stop = Stop()

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.asked = True

    numbers = (signal.SIGINT, signal.SIGTERM)
    try:
        before = [signal.signal(number, ask) for number in numbers]
    except ValueError:  # not the main thread: signals are somebody else's
        yield stop
        return
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
