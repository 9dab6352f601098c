"""`--dry-run`: what a run will take, from doing a little of it: some steps, the largest batch, a few translations."""

from __future__ import annotations

import dataclasses
import resource
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from headway.config import RunConfig, load_recipe, to_yaml
from headway.runs.build import check
from headway.runs.kinds import kind_of
from headway.runs.kinds.measuring import seconds_of_losses
from headway.runs.prepare import Prepared, prepare
from headway.tasks.loaded import device_of
from headway.training.distributed import World
from headway.training.optim import MovingAverage, adamw
from headway.training.step import Step, accumulate, update

_STEPS = 8  # timed, spread over the lengths of an epoch's batches


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What a run is expected to be."""

    config: RunConfig
    parameters: int
    rows: int
    steps: int
    epochs: float
    tokens_per_second: float
    peak_bytes: int  # of the whole process
    training_seconds: float  # with validations
    test_seconds: float

    @property
    def seconds(self) -> float:
        """Training and test together."""
        return self.training_seconds + self.test_seconds

    def to_json(self) -> dict[str, Any]:
        """Every field, and the resolved configuration as nested data."""
        return {**dataclasses.asdict(self), "seconds": self.seconds}

    def to_text(self) -> str:
        """For people."""
        return (
            f"{to_yaml(self.config)}\n"
            f"{self.parameters:,} parameters, {self.rows:,} training rows\n"
            f"{self.steps:,} steps, {self.epochs:.1f} epochs, {self.tokens_per_second:,.0f} tokens/s\n"
            f"memory: about {self.peak_bytes / 2**30:.2f} GiB\n"
            f"time: about {self.training_seconds / 60:.1f} minutes of training, validations included, "
            f"and {self.test_seconds / 60:.1f} for the test"
        )


def estimate(recipe: str, overrides: Mapping[str, Any] | None = None) -> Estimate:
    """Build everything in this process, measure a little, extrapolate; nothing is written but the data cache.

    Raises:
        HeadwayError: whatever the run itself would raise before its first step.
    """
    begun = time.monotonic()
    config = load_recipe(recipe, list((overrides or {}).items()))
    check(config)
    kind_of(config).check()
    prepared = prepare(config, device=device_of(config.device), say=Console(stderr=True, highlight=False).print)
    plan = prepared.feed.epoch(0)
    built = time.monotonic() - begun
    step_seconds, rate = _time_steps(prepared, plan)
    split = "test" if "test" in prepared.data else "validation"
    scores, test = prepared.kind.seconds(prepared.model, prepared.vocabulary, prepared.data, split)
    validation = _time_losses(prepared) + scores
    steps, training = _extrapolate(config, len(plan), step_seconds, validation, built)
    return Estimate(
        config=config,
        parameters=sum(p.numel() for p in prepared.model.parameters()),
        rows=len(prepared.train),
        steps=steps,
        epochs=steps / len(plan),
        tokens_per_second=rate,
        peak_bytes=_peak_bytes(),
        training_seconds=training,
        test_seconds=test,
    )


def _time_steps(prepared: Prepared, plan: list[Any]) -> tuple[float, float]:
    """Mean seconds of a step, and tokens a second; the batch with the most tokens comes first, for the memory."""
    config = prepared.config.training
    step = Step(prepared.model, prepared.objective)
    optimizer = adamw(prepared.model, beta2=config.beta2, weight_decay=config.weight_decay)
    moving = MovingAverage(prepared.model, config.ema_decay) if config.ema_decay else None
    largest = max(plan, key=prepared.feed.tokens)
    spread = plan[:: max(1, len(plan) // _STEPS)][:_STEPS]
    times, tokens = [], []
    step.train()
    for number, batch in enumerate([largest, *spread], 1):
        begun = time.perf_counter()
        accumulate(step, prepared.feed.parts(batch), world=World(), autocast=prepared.choices.autocast)
        update(step, optimizer, rate=0.0, clip_norm=config.clip_norm)
        if moving is not None:
            moving.update(prepared.model, number)
        times.append(time.perf_counter() - begun)
        tokens.append(prepared.feed.tokens(batch))
    step.eval()
    return statistics.mean(times[1:]), sum(tokens[1:]) / sum(times[1:])


def _time_losses(prepared: Prepared) -> float:
    """Seconds of the losses of one validation."""
    budget, autocast = prepared.config.training.batch_tokens, prepared.choices.autocast
    return seconds_of_losses(prepared.model, prepared.validation, prepared.objective, budget, autocast=autocast)


def _extrapolate(
    config: RunConfig, batches: int, step_seconds: float, validation: float, built: float
) -> tuple[int, float]:
    """Steps and seconds until the first limit."""
    training = config.training
    every = training.validate_every or batches
    of_step = step_seconds + validation / every
    steps = [training.max_steps] if training.max_steps else []
    if training.max_epochs:
        steps.append(training.max_epochs * batches)
    if training.max_minutes:
        steps.append(max(1, int((training.max_minutes * 60 - built) / of_step)))
    return min(steps), built + min(steps) * of_step


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
