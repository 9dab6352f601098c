"""Everything a training needs, from a configuration: the same for a fresh run, a resumed one and an estimate."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from rich.console import Console

from headway.config import RunConfig, TrainingConfig
from headway.data.batching import TokenBatches
from headway.errors import DataError
from headway.evaluation.loss import chance, mean_losses
from headway.models.build import build
from headway.models.groups import layer_groups
from headway.nn.stack import Stack
from headway.runs.initial import check_initial, open_initial
from headway.runs.kinds import Encoded, Kind, Learning, Splits, Vocabulary, kind_of
from headway.runs.kinds.measuring import batches_of
from headway.runs.learning import restrict
from headway.spec import ModelSpec, d_model
from headway.training.checkpoint import Checkpoints
from headway.training.choices import Choices, choose
from headway.training.distributed import World, is_sharded, put_together
from headway.training.feed import Feed
from headway.training.log import Log
from headway.training.loop import Limits, Rhythm, Training
from headway.training.optim import MovingAverage, Unfreezing, adamw
from headway.training.schedule import Schedule
from headway.training.step import Step, accumulate

_SCORES = ("bleu", "entity_f1", "macro_f1", "f1", "pearson", "validation_accuracy")  # the first that was measured
VALIDATION = 2**31  # an epoch that no training reaches: validation draws the same every time


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run, built and not yet trained."""

    config: RunConfig
    kind: Kind
    data: Splits
    vocabulary: Vocabulary
    spec: ModelSpec
    model: Any
    objective: Learning
    choices: Choices
    feed: Feed
    train: Encoded
    validation: Encoded

    def training(self, folder: Path, log: Log | None, resume_command: str) -> Training:
        """The loop over the parts, at its beginning. What it trains is `model`, or a copy that processes share."""
        config = self.config.training
        step = self._step()
        moving = MovingAverage(step.model, config.ema_decay) if config.ema_decay else None
        in_groups = config.rate_decay != 1 or config.gradual_unfreezing
        optimizer = adamw(
            step.model,
            beta2=config.beta2,
            weight_decay=config.weight_decay,
            groups=layer_groups(step.model) if in_groups else (),
            decay=config.rate_decay,
        )
        return Training(
            step=step,
            optimizer=optimizer,
            feed=self.feed,
            schedule=Schedule(config.schedule, config.learning_rate, config.warmup_steps, d_model(self.spec)),
            limits=Limits(max_steps=config.max_steps, max_epochs=config.max_epochs, max_minutes=config.max_minutes),
            rhythm=Rhythm(
                validate=config.validate_every,
                checkpoint=config.checkpoint_every,
                log=config.log_every,
                keep=max(config.keep_checkpoints, config.average_last),
                patience=config.patience,
            ),
            checkpoints=Checkpoints(folder / "checkpoints"),
            log=log,
            validate=lambda: self.validate(step.model, moving),
            judge=_minus_score if config.best_by == "score" else itemgetter("validation_loss"),
            world=self.feed.world,
            moving=moving,
            unfreezing=Unfreezing(optimizer) if config.gradual_unfreezing else None,
            autocast=self.choices.autocast,
            clip_norm=config.clip_norm,
            resume_command=resume_command,
            chance=chance(self.validation_batches()) if log else math.inf,
        )

    def _step(self) -> Step:
        """What is trained; where it is sharded, `model` stays whole and waits for validations on the first process."""
        world = self.feed.world
        if self.config.training.parallel == "ddp" or world.size == 1:
            return Step(self.model, self.objective)
        step = Step(copy.deepcopy(self.model), self.objective)
        world.shard(step)
        self.model.eval().requires_grad_(False)
        if not world.is_main:
            self.model.to("meta")
        return step

    def validate(self, trained: torch.nn.Module, moving: MovingAverage | None = None) -> dict[str, float]:
        """Losses of the validation rows, and what the kind measures beside them, on the first process.

        The others hand in their parts of `trained`, if it is sharded, and know nothing.
        """
        with moving.applied(trained) if moving else torch.no_grad():
            if is_sharded(trained):
                put_together(trained, self.model)
            if not self.feed.world.is_main:
                return {}
            means = mean_losses(self.model, self.objective, self.validation_batches(), autocast=self.choices.autocast)
            loss = means.pop("loss")
            result = {"validation_loss": means.pop("nll", loss)}
            result |= {f"validation_{name}": mean for name, mean in means.items()}
            return result | self.kind.scores(self.model, self.vocabulary, self.data)

    def validation_batches(self) -> Iterator[Any]:
        """The validation rows, packed, one batch at a time."""
        device, budget = next(self.model.parameters()).device, self.config.training.batch_tokens
        batches = batches_of(self.validation, self.objective, budget, seed=self.config.seed, epoch=VALIDATION)
        return (batch.to(device) for batch in batches)


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a run that was begun has in its folder."""

    vocabulary: Vocabulary
    spec: ModelSpec
    choices: Choices
    has_weights: bool  # False: it was stopped before its first checkpoint


def prepare(
    config: RunConfig,
    *,
    device: torch.device,
    world: World = World(),
    folder: Path | None = None,
    resumed: Resumed | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Prepared:
    """Load, encode, build.

    Args:
        config: the run.
        device: where it runs.
        world: the processes of the run; the first does what is done once, the others wait for it.
        folder: where the first process leaves the vocabulary for the others.
        resumed: what a run found out when it began; None: learn, build, measure.
        say: shows a person one line.

    Raises:
        HeadwayError: what was given cannot be trained.
    """
    if config.training.threads:
        torch.set_num_threads(config.training.threads)
    kind = kind_of(config)
    if resumed is None:
        check_initial(config.model)
    data = world.first(lambda: trainable(kind.load()))
    choices = resumed.choices if resumed else None
    torch.manual_seed(config.seed)
    has_head = False
    if resumed is not None and (resumed.has_weights or not config.model.init):
        vocabulary, spec = resumed.vocabulary, resumed.spec
        model: Any = build(spec)
    elif config.model.init:
        model, vocabulary, fresh = open_initial(config, kind, data, say)
        spec, has_head = model.spec, not any(name.startswith("label_head.") for name in fresh)
    else:
        vocabulary = _learn(config, kind, data, world, folder, say)
        spec = kind.spec(vocabulary, data)
        torch.manual_seed(config.seed)
        model = build(spec)
    restrict(config, model, say)
    train, validation = world.first(
        lambda: (kind.encode(data, "train", vocabulary, spec), kind.encode(data, "validation", vocabulary, spec))
    )
    if train.scale is not None and has_head:
        train.scale.take_out_of(model.label_head.out)
    model.to(device)
    if config.training.activation_checkpointing:
        _recompute(model)
    objective = kind.objective(spec, vocabulary)
    feed = Feed(
        rows=train.rows,
        lengths=train.lengths,
        batches=TokenBatches(train.lengths, budget=config.training.batch_tokens, seed=config.seed, plan=train.plan),
        collate=lambda rows, draws: objective.collate(rows, draws).to(device),
        world=world,
        accumulation=config.training.accumulation,
        release=train.release,
    )
    if choices is None:
        choices = Choices.from_json(world.share(dataclasses.asdict(_measure(config, model, objective, feed, device))))
    choices.apply(model)
    torch.manual_seed(config.seed + 1 + world.rank)  # of dropout, another on each process
    say(ending(config.training))
    return Prepared(config, kind, data, vocabulary, spec, model, objective, choices, feed, train, validation)


def _minus_score(measured: dict[str, float]) -> float:
    """What `training.best_by score` judges a validation by, less is better: of several tasks the mean; or infinity."""
    for name in _SCORES:
        if found := [value for key, value in measured.items() if key == name or key.startswith(f"{name}_")]:
            return -fmean(found)
    return math.inf


def ending(config: TrainingConfig) -> str:
    """What ends the training: a recipe may have set a limit that a person does not think of."""
    given = ((config.max_minutes, "minute"), (config.max_epochs, "epoch"), (config.max_steps, "step"))
    *others, last = [f"{limit:,.10g} {unit}{'s' if limit != 1 else ''}" for limit, unit in given if limit is not None]
    said = f"ends after {', '.join(others)} or {last}, whichever comes first" if others else f"ends after {last}"
    return f"{said}; sooner when {config.patience} validations in a row are no better" if config.patience else said


def trainable(data: Splits) -> Splits:
    """The splits, if there is one to train on and one to validate with.

    Raises:
        DataError: there is not.
    """
    if "train" not in data:
        raise DataError(f"there is no training split, only {', '.join(data)}; name one with --data.train")
    if "validation" not in data:
        raise DataError("there is no validation split; hold out a share with --data.validation 0.05, or name its files")
    return data


def _learn(
    config: RunConfig, kind: Kind, data: Splits, world: World, folder: Path | None, say: Callable[[str], None]
) -> Vocabulary:
    def learn() -> Vocabulary:
        if not world.is_main and folder is not None:
            return kind.open(folder)
        say(f"learning a {config.tokenizer.type} vocabulary from {kind.size(data['train'])} …")
        with Console(stderr=True).status("learning …"):  # the bars of the tokenizers library also write to stdout
            vocabulary = kind.learn(data)
        if folder is not None:
            vocabulary.save(folder)
        return vocabulary

    return world.first(learn)


def _measure(config: RunConfig, model: Any, objective: Learning, feed: Feed, device: torch.device) -> Choices:
    """The choices for a batch of the middle of the first epoch."""
    plan = feed.epoch(0)
    batch = feed.parts(plan[len(plan) // 2])[:1]
    step = Step(model, objective)

    def run(autocast: torch.dtype | None) -> None:
        accumulate(step, batch, world=World(), autocast=autocast)
        model.zero_grad(set_to_none=True)

    model.train()
    return choose(model, run, device=device, dtype=config.training.dtype, threads=config.training.threads)


def _recompute(model: Any) -> None:
    for module in model.modules():
        if isinstance(module, Stack):
            module.activation_checkpointing = True
