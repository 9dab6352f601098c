"""Everything a training needs, from a configuration: the same for a fresh run, a resumed one and an estimate."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.console import Console

from headway.config import RunConfig
from headway.data.batching import TokenBatches
from headway.data.cache import PairStore
from headway.decoding.generate import Decoding
from headway.evaluation.loss import mean_losses
from headway.evaluation.translation import translation_metrics
from headway.models.build import TranslationModel, build
from headway.nn.stack import Stack
from headway.objectives.seq2seq import Seq2Seq
from headway.runs import build as parts
from headway.spec import RecurrentSpec, TranslatorSpec
from headway.tasks.translate import translate_lines
from headway.text.tokenizer import TokenizerPair
from headway.training.checkpoint import Checkpoints
from headway.training.choices import Choices, choose
from headway.training.distributed import World
from headway.training.feed import Feed
from headway.training.log import Log
from headway.training.loop import Limits, Rhythm, Training
from headway.training.optim import MovingAverage, adamw
from headway.training.schedule import Schedule
from headway.training.step import Step, accumulate

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run, built and not yet trained."""

    config: RunConfig
    data: datasets.DatasetDict
    tokenizers: TokenizerPair
    spec: TranslatorSpec
    model: TranslationModel
    objective: Seq2Seq
    choices: Choices
    feed: Feed
    validation: PairStore
    too_long: int  # training pairs that data.too_long was applied to

    def training(self, folder: Path, log: Log | None, resume_command: str) -> Training:
        """The loop over the parts, at its beginning."""
        config = self.config.training
        moving = MovingAverage(self.model, config.ema_decay) if config.ema_decay else None
        return Training(
            step=Step(self.model, self.objective),
            optimizer=adamw(self.model, beta2=config.beta2, weight_decay=config.weight_decay),
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
            validate=lambda: self.validate(moving),
            world=self.feed.world,
            moving=moving,
            autocast=self.choices.autocast,
            clip_norm=config.clip_norm,
            resume_command=resume_command,
        )

    def validate(self, moving: MovingAverage | None = None) -> dict[str, float]:
        """Loss and perplexity of the validation rows, and BLEU and chrF of greedy translations of the first of them."""
        with moving.applied(self.model) if moving else torch.no_grad():
            means = mean_losses(self.model, self.objective, self.validation_batches(), autocast=self.choices.autocast)
            result = {"validation_loss": means["nll"], "validation_perplexity": means["perplexity"]}
            rows = min(self.config.training.validation_rows, len(self.data["validation"]))
            if self.config.training.validation_bleu and rows:
                result |= self._validation_scores(rows)
        return result

    def validation_batches(self) -> list[Any]:
        """The validation rows, packed."""
        device = next(self.model.parameters()).device
        batches = TokenBatches(self.validation.lengths + 1, budget=self.config.training.batch_tokens)
        return [
            self.objective.collate([self.validation[int(row)] for row in rows]).to(device)
            for rows in batches.evaluation()
        ]

    def _validation_scores(self, rows: int) -> dict[str, float]:
        part = self.data["validation"][:rows]
        lines = translate_lines(self.model, self.tokenizers, part["source"], Decoding(beam=1))
        scores = translation_metrics([best[0].text for best in lines], part["target"], resamples=0)
        return {name: scores[name]["score"] for name in ("bleu", "chrf")}


def prepare(
    config: RunConfig,
    *,
    device: torch.device,
    world: World = World(),
    folder: Path | None = None,
    tokenizers: TokenizerPair | None = None,
    choices: Choices | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Prepared:
    """Load, encode, build.

    Args:
        config: the run.
        device: where it runs.
        world: the processes of the run; the first does what is done once, the others wait for it.
        folder: where the first process leaves the tokenizers for the others.
        tokenizers: those of a run that is resumed; None: learn them.
        choices: those of a run that is resumed; None: measure.
        say: shows a person one line.
    """
    if config.training.threads:
        torch.set_num_threads(config.training.threads)
    data = world.first(lambda: parts.load_data(config.data, config.seed))
    if tokenizers is None:
        tokenizers = _learn(config, data, world, folder, say)
    spec = parts.build_spec(config.model, tokenizers)
    train, validation = world.first(
        lambda: (
            parts.encode_split(data, "train", tokenizers, config.data),
            parts.encode_split(data, "validation", tokenizers, config.data),
        )
    )
    torch.manual_seed(config.seed)
    model = build(spec)
    model.to(device)
    if config.training.activation_checkpointing:
        _recompute(model)
    objective = Seq2Seq(spec.tokens, config.training.label_smoothing)
    feed = Feed(
        rows=train,
        lengths=train.lengths + 1,
        batches=TokenBatches(train.lengths + 1, budget=config.training.batch_tokens, seed=config.seed),
        collate=lambda rows: objective.collate(rows).to(device),
        world=world,
        accumulation=config.training.accumulation,
    )
    if choices is None:
        choices = Choices.from_json(world.share(dataclasses.asdict(_measure(config, model, objective, feed, device))))
    choices.apply(model)
    torch.manual_seed(config.seed + 1 + world.rank)  # of dropout, another on each process
    return Prepared(config, data, tokenizers, spec, model, objective, choices, feed, validation, train.too_long)


def d_model(spec: TranslatorSpec) -> int:
    """The width of a model of any kind."""
    return spec.d_model if isinstance(spec, RecurrentSpec) else spec.decoder.d_model


def _learn(
    config: RunConfig, data: datasets.DatasetDict, world: World, folder: Path | None, say: Callable[[str], None]
) -> TokenizerPair:
    def learn() -> TokenizerPair:
        if not world.is_main and folder is not None:
            return TokenizerPair.load(folder)
        say(f"learning a {config.tokenizer.type} vocabulary from {len(data['train']):,} rows …")
        with Console(stderr=True).status("learning …"):  # the bars of the tokenizers library also write to stdout
            pair = parts.build_tokenizers(config.tokenizer, data["train"])
        if folder is not None:
            pair.save(folder)
        return pair

    return world.first(learn)


def _measure(config: RunConfig, model: Any, objective: Seq2Seq, feed: Feed, device: torch.device) -> Choices:
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
