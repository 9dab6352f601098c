"""The loop: exact resume, limits, rhythm, early stopping, signals, and what the log says."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from headway.errors import ConfigError, Interrupted
from headway.training import loop
from headway.training.checkpoint import Progress
from headway.training.log import read_metrics
from headway.training.loop import Limits, Rhythm, Training, stopping
from headway.training.step import Step, accumulate
from tests.training.translator import Setting, weights

TIMES = {"elapsed", "tokens_per_second"}


def timeless(folder: Path) -> list[dict[str, object]]:
    return [{k: v for k, v in row.items() if k not in TIMES} for row in read_metrics(folder)]


def stop_at(training: Training, step: int, how: Callable[[], None]) -> None:
    """Do `how` while the step after `step` is computed."""
    parts = training.feed.parts

    def watched(batch: object, epoch: int) -> object:
        if training.progress.step == step:
            how()
        return parts(batch, epoch)  # type: ignore[arg-type]

    training.feed = _Watched(training.feed, watched)  # type: ignore[assignment]


class _Watched:
    def __init__(self, feed: object, parts: object) -> None:
        self._feed, self.parts = feed, parts

    def __getattr__(self, name: str) -> object:
        return getattr(self._feed, name)


class Killed(BaseException):
    """Stands for a process that is gone: nobody catches it, nothing is saved on its way."""


def kill() -> None:
    raise Killed


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_run_that_was_killed_at_a_random_step_ends_with_the_same_bits(tmp_path: Path, seed: int) -> None:
    """Dropout, moving average, accumulation, validation, clipping, several epochs; killed twice."""
    options = {
        "limits": Limits(max_steps=23),
        "rhythm": Rhythm(validate=4, checkpoint=3, log=5, keep=2),
        "dropout": 0.2,
        "ema": 0.95,
        "accumulation": 2,
        "kind": "cosine",
    }
    whole = Setting(folder=tmp_path / "whole", **options).build()
    whole.run()
    assert whole.progress.epoch >= 1
    setting, chance = Setting(folder=tmp_path / "killed", **options), random.Random(seed)
    first, second = sorted(chance.sample(range(3, 23), 2))
    training = setting.build()
    for step in (first, second):
        stop_at(training, step, kill)
        with pytest.raises(Killed):
            training.run()
        torch.manual_seed(chance.randrange(1000))  # a new process knows nothing of the old one's random state
        training = setting.resumed()
        assert training.progress.step == training.checkpoints.steps()[-1] <= step
    training.run()
    for name, weight in weights(whole).items():
        assert torch.equal(training.step.model.get_parameter(name), weight), name
        assert training.moving
        assert whole.moving
        assert torch.equal(training.moving.parameters[name], whole.moving.parameters[name])
    for row, expected in zip(timeless(setting.folder), timeless(tmp_path / "whole"), strict=True):
        assert row == expected
    assert training.checkpoints.steps() == whole.checkpoints.steps()
    ends = [(run.progress.best, run.progress.best_step, run.progress.tokens) for run in (training, whole)]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    setting = Setting(folder=tmp_path / "run", limits=Limits(max_steps=9), dropout=0.2)
    training = setting.build()
    stop_at(training, 4, lambda: os.kill(os.getpid(), number))
    before = signal.getsignal(number)
    with pytest.raises(
        Interrupted, match=f"stopped at step 5, everything saved; go on with: headway resume {tmp_path}"
    ):
        training.run()
    assert signal.getsignal(number) is before
    assert training.checkpoints.steps()[-1] == 5
    resumed = setting.resumed()
    resumed.run()
    whole = Setting(folder=tmp_path / "whole", limits=Limits(max_steps=9), dropout=0.2).build()
    whole.run()
    assert all(torch.equal(weights(resumed)[name], weight) for name, weight in weights(whole).items())


def test_a_second_ctrl_c_interrupts_at_once() -> None:
    reached = []

    def twice() -> None:
        with stopping() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.asked
            os.kill(os.getpid(), signal.SIGTERM)  # a launcher repeats itself; only a person presses twice
            reached.append(1)
            os.kill(os.getpid(), signal.SIGINT)
            reached.append(2)

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert reached == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_stopped_before_the_first_step_and_resumed_and_stopped_again(tmp_path: Path) -> None:
    setting = Setting(folder=tmp_path, limits=Limits(max_steps=3))
    training = setting.build()
    plan = training.feed.epoch

    def early(number: int) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return plan(number)

    for _ in range(2):
        watched = _Watched(training.feed, training.feed.parts)
        watched.epoch = early  # type: ignore[attr-defined]
        training.feed = watched  # type: ignore[assignment]
        with pytest.raises(Interrupted, match="step 0"):
            training.run()
        training = setting.resumed()
    assert training.run().step == 3


def test_a_gradient_that_is_no_number_is_a_clear_error(tmp_path: Path) -> None:
    training = Setting(folder=tmp_path, limits=Limits(max_steps=5), rhythm=Rhythm(checkpoint=2)).build()
    before: dict[str, torch.Tensor] = {}

    def spoil() -> None:
        before.update(weights(training))
        loss = training.step.objective.loss

        class Spoilt:
            def loss(self, model: object, batch: object) -> object:
                losses = loss(model, batch)
                return losses | {"loss": (losses["loss"][0] * math.nan, losses["loss"][1], 1.0)}

        training.step.objective = Spoilt()  # type: ignore[assignment]

    stop_at(training, 3, spoil)
    with pytest.raises(ConfigError, match=r"at step 4 the loss is nan .* lower training.learning_rate"):
        training.run()
    assert all(torch.equal(weights(training)[name], weight) for name, weight in before.items())
    assert training.checkpoints.steps() == [2]


@pytest.mark.parametrize(
    ("limits", "progress", "share"),
    [
        (Limits(), Progress(step=10**9), 0.0),
        (Limits(max_steps=40), Progress(step=10), 0.25),
        (Limits(max_epochs=4), Progress(epoch=1, position=5), 0.375),
        (Limits(max_epochs=1), Progress(epoch=0, position=10), 1.0),
        (Limits(max_minutes=2), Progress(elapsed=30), 0.25),
        (Limits(max_minutes=2), Progress(elapsed=60, prepared=40), 0.25),  # the steps have 80 seconds
        (Limits(max_steps=40, max_epochs=4, max_minutes=1), Progress(step=10, epoch=1, elapsed=45), 0.75),
        (Limits(max_steps=4), Progress(step=9), 1.0),
    ],
)
def test_the_share_done_is_that_of_the_nearest_limit(limits: Limits, progress: Progress, share: float) -> None:
    assert limits.share(progress, batches=10) == share


@pytest.mark.parametrize(
    ("limits", "steps", "epochs"), [(Limits(max_epochs=2), None, 2), (Limits(max_steps=3, max_epochs=9), 3, None)]
)
def test_it_ends_where_the_first_limit_is(
    tmp_path: Path, limits: Limits, steps: int | None, epochs: int | None
) -> None:
    training = Setting(folder=tmp_path, limits=limits).build()
    progress = training.run()
    batches = len(training.feed.epoch(0)) + len(training.feed.epoch(1))
    assert progress.step == (steps if epochs is None else batches)
    assert progress.finished
    assert training.checkpoints.steps()[-1] == progress.step
    assert training.run() is progress  # a finished training does nothing more
    assert progress.step == (steps if epochs is None else batches)


def test_minutes_are_of_everything_and_the_schedule_ends_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that only saving and validating move: 10 and 20 seconds each, and a second for a look at it."""
    clock = [0.0]

    def look() -> float:
        clock[0] += 0.01
        return clock[0]

    monkeypatch.setattr(time, "monotonic", look)
    training = Setting(
        folder=tmp_path,
        limits=Limits(max_minutes=2),
        rhythm=Rhythm(validate=2, checkpoint=2, log=1),
        kind="linear",
        rate=1.0,
    ).build()
    training.schedule = type(training.schedule)("linear", 1e-3, 0)
    validate, save = training.validate, training._save

    def slow_validation() -> dict[str, float]:
        clock[0] += 20
        return validate()

    def slow_save() -> None:
        save()
        clock[0] += 10

    training.validate = slow_validation
    monkeypatch.setattr(Training, "_save", lambda self: slow_save())
    training.progress.elapsed = 30.0  # of an earlier sitting
    progress = training.run()
    assert progress.step == 7  # 30 + 3 · (20 + 10) = 120 seconds after step 6; the next step sees it
    assert progress.elapsed == pytest.approx(140, abs=1)
    rows = [row for row in read_metrics(tmp_path) if "loss" in row]
    rates = [row["learning_rate"] / 1e-3 for row in rows]
    assert rates == pytest.approx([0.75, 0.75, 0.5, 0.5, 0.25, 0.25, 0.0], abs=0.01)
    assert [row["elapsed"] for row in rows] == pytest.approx([30, 30, 60, 60, 90, 90, 120], abs=1)


def test_validations_checkpoints_and_rows_keep_their_rhythm(tmp_path: Path) -> None:
    rhythm = Rhythm(validate=3, checkpoint=5, log=2, keep=9)
    training = Setting(folder=tmp_path, limits=Limits(max_steps=11), rhythm=rhythm).build()
    losses = iter([math.nan, 2.0, 2.5, 4.0])  # what is no number is never the best
    training.validate = lambda: {"validation_loss": next(losses), "validation_perplexity": 1.0}
    training.run()
    rows = read_metrics(tmp_path)
    assert [row["step"] for row in rows if "loss" in row] == [2, 4, 6, 8, 10]
    assert [(row["step"], row["validation_loss"]) for row in rows if "loss" not in row] == [
        (3, None),  # what JSON has for it
        (6, 2.0),
        (9, 2.5),
        (11, 4.0),
    ]
    assert training.checkpoints.steps() == [5, 6, 10, 11]  # each fifth, each better one, the last
    assert (training.progress.best_step, training.progress.best, training.progress.stale) == (6, 2.0, 2)


def test_without_a_rhythm_the_epoch_gives_it(tmp_path: Path) -> None:
    training = Setting(folder=tmp_path, limits=Limits(max_epochs=3), rhythm=Rhythm(keep=9)).build()
    losses = iter([3.0, 3.5, 3.5])
    training.validate = lambda: {"validation_loss": next(losses)}
    training.run()
    ends = np.cumsum([len(training.feed.epoch(number)) for number in range(3)]).tolist()
    assert [row["step"] for row in read_metrics(tmp_path) if "validation_loss" in row] == ends
    assert training.checkpoints.steps() == ends


def test_patience_ends_a_training_that_no_longer_improves(tmp_path: Path) -> None:
    rhythm = Rhythm(validate=2, checkpoint=2, keep=1, patience=2)
    training = Setting(folder=tmp_path, limits=Limits(max_steps=40), rhythm=rhythm).build()
    losses = iter([5.0, 4.0, 4.5, 3.0, 3.0, 3.5])
    training.validate = lambda: {"validation_loss": next(losses)}
    progress = training.run()
    assert (progress.step, progress.best_step, progress.finished) == (12, 8, True)
    assert training.checkpoints.steps() == [8, 12]


def test_a_score_judges_where_one_is_asked_for(tmp_path: Path) -> None:
    """The loss is best at first, the score last but one; patience follows the score."""
    rhythm = Rhythm(validate=2, checkpoint=20, keep=1, patience=2)
    training = Setting(folder=tmp_path, limits=Limits(max_steps=40), rhythm=rhythm).build()
    measured = iter([(1.0, 0.0), (1.5, -0.1), (2.0, 0.3), (3.0, 0.2), (4.0, 0.3)])
    training.validate = lambda: dict(zip(("validation_loss", "f1"), next(measured), strict=True))
    training.judge = lambda metrics: -metrics["f1"]
    progress = training.run()
    assert (progress.step, progress.best_step, progress.best) == (10, 6, -0.3)
    assert training.checkpoints.steps() == [6, 10]


def test_where_no_score_can_be_measured_none_is_best(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training = Setting(folder=tmp_path, limits=Limits(max_steps=4), rhythm=Rhythm(validate=2)).build()
    training.judge = lambda metrics: math.inf
    progress = training.run()
    assert (progress.best, progress.best_step, progress.stale) == (None, 0, 2)
    assert capsys.readouterr().err.count("so it is not the best") == 2


def test_who_has_learned_nothing_is_told_so_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the first steps nobody is expected to, and who has learned may forget again."""
    monkeypatch.setattr(loop, "_LEARNS_BY", 4)
    training = Setting(folder=tmp_path, limits=Limits(max_steps=10), rhythm=Rhythm(validate=2)).build()
    training.chance, losses = 3.0, iter([5.0, 4.0, 3.0, 2.0, 4.0])
    training.validate = lambda: {"validation_loss": next(losses)}
    training.run()
    said = [
        line.split()[1] for line in capsys.readouterr().err.splitlines() if "validation loss" in line or "yet" in line
    ]
    assert said == ["2", "4", "is", "6", "is", "8", "10"]


def test_a_mean_of_several_steps_is_of_what_they_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of their means, however many tokens each has read."""
    counted = iter([{"loss": (3.0, 1.0), "right": (0.0, 0.0)}, {"loss": (1.0, 9.0), "right": (2.0, 4.0)}])
    training = Setting(folder=tmp_path, limits=Limits(max_steps=2), rhythm=Rhythm(log=2)).build()

    def accumulated(step: Step, *others: object, **more: object) -> object:
        accumulate(step, *others, **more)  # type: ignore[arg-type]
        return next(counted)

    monkeypatch.setattr(loop, "accumulate", accumulated)
    training.run()
    (row,) = [row for row in read_metrics(tmp_path) if "loss" in row]
    assert (row["loss"], row["right"]) == (pytest.approx(4 / 10), pytest.approx(2 / 4))


def test_rows_say_what_happened_in_their_window(tmp_path: Path) -> None:
    training = Setting(folder=tmp_path, limits=Limits(max_steps=6), rhythm=Rhythm(log=3), smoothing=0.0).build()
    plan = [*training.feed.epoch(0), *training.feed.epoch(1)][:6]
    training.run()
    rows = [row for row in read_metrics(tmp_path) if "loss" in row]
    for i, row in enumerate(rows):
        window = plan[3 * i : 3 * i + 3]
        tokens = sum(training.feed.tokens(batch) for batch in window)
        padded = sum(training.feed.padded_tokens(batch) for batch in window)
        assert row["padding"] == pytest.approx(1 - tokens / padded)
        assert row["loss"] == row["nll"]
        assert row["perplexity"] == pytest.approx(math.exp(row["nll"]))
        assert row["learning_rate"] == training.schedule.rate(row["step"])
        assert row["tokens_per_second"] > 0
    assert len(rows) == 2
    assert rows[0]["loss"] > rows[1]["loss"]
    assert training.progress.tokens == sum(training.feed.tokens(batch) for batch in plan)
    saved = json.loads((tmp_path / "checkpoints" / "step-6" / "progress.json").read_text())
    assert saved["window"] == {}


def test_validation_sees_the_model_without_dropout_and_training_with_it(tmp_path: Path) -> None:
    training = Setting(folder=tmp_path, limits=Limits(max_steps=4), rhythm=Rhythm(validate=2), dropout=0.5).build()
    modes: list[bool] = []
    stop_at(training, 3, lambda: modes.append(training.step.training))

    def validate() -> dict[str, float]:
        modes.append(training.step.training)
        return {"validation_loss": 1.0}

    training.validate = validate
    training.run()
    assert modes == [False, True, False]


def test_the_moving_average_follows_every_step(tmp_path: Path) -> None:
    training = Setting(folder=tmp_path, limits=Limits(max_steps=5), rhythm=Rhythm(validate=1), ema=0.3).build()
    expected, seen = weights(training), []

    def validate() -> dict[str, float]:
        seen.append(weights(training))
        return {"validation_loss": 1.0}

    training.validate = validate
    training.run()
    for step, now in enumerate(seen, 1):
        share = min(0.3, step / (step + 9))
        expected = {name: share * expected[name] + (1 - share) * now[name] for name in now}
    assert training.moving
    for name, average in training.moving.parameters.items():
        torch.testing.assert_close(average, expected[name], rtol=1e-5, atol=1e-7)


def test_it_learns(tmp_path: Path) -> None:
    training = Setting(folder=tmp_path, limits=Limits(max_steps=60), rate=1e-2, smoothing=0.0, ema=0.8).build()
    training.run()
    losses = [row["loss"] for row in read_metrics(tmp_path) if "loss" in row]
    assert losses[-1] < 0.8 * losses[0]
