"""A tiny translator and odd-sized data for it, the same in every process that builds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from headway.data.batching import TokenBatches
from headway.evaluation.loss import mean_losses
from headway.models.families.vaswani import Vaswani
from headway.models.transformer import EncoderDecoder
from headway.objectives.seq2seq import Ids, Seq2Seq
from headway.spec import SpecialTokens
from headway.training.checkpoint import Checkpoints
from headway.training.distributed import World, is_sharded, put_together
from headway.training.feed import Feed
from headway.training.log import Log
from headway.training.loop import Limits, Rhythm, Training
from headway.training.optim import MovingAverage, adamw
from headway.training.schedule import Schedule
from headway.training.step import Step

VOCABULARY = 29
TOKENS = SpecialTokens()
LOGS: list[Log] = []  # all that were opened, for the one who closes them


def rows_of(count: int, seed: int = 0) -> list[tuple[Ids, Ids]]:
    """Pairs of 1 to 9 ids; the target says the source backwards, so that there is something to learn."""
    random = np.random.default_rng(seed)
    sources = [random.integers(4, VOCABULARY, random.integers(1, 10)) for _ in range(count)]
    return [(source, source[::-1][: random.integers(1, 10)]) for source in sources]


def lengths_of(rows: list[tuple[Ids, Ids]]) -> NDArray[np.int64]:
    """Tokens of each side, the special one included."""
    return np.array([[len(source) + 1, len(target) + 1] for source, target in rows])


def model_of(dropout: float = 0.0, seed: int = 0, tied: str = "all") -> EncoderDecoder:
    """Two layers of 32 features."""
    torch.manual_seed(seed)
    choices = Vaswani(num_layers=2, d_model=32, d_ff=48, num_heads=2, dropout=dropout, max_length=32, tied=tied)
    return EncoderDecoder(choices.spec(VOCABULARY, VOCABULARY, TOKENS))


def feed_of(
    rows: list[tuple[Ids, Ids]], objective: Seq2Seq, *, budget: int = 150, world: World = World(), accumulation: int = 1
) -> Feed:
    """Batches of `rows`."""
    lengths = lengths_of(rows)
    batches = TokenBatches(lengths, budget=budget, seed=5)
    return Feed(rows, lengths, batches, objective.collate, world, accumulation)


@dataclass(kw_only=True)
class Setting:
    """A whole training, built anew from these few values as often as one likes."""

    folder: Path
    limits: Limits = field(default_factory=lambda: Limits(max_steps=20))
    rhythm: Rhythm = field(default_factory=Rhythm)
    dropout: float = 0.0
    smoothing: float = 0.1
    accumulation: int = 1
    ema: float = 0.0
    clip_norm: float = 1.0
    rate: float = 3e-3
    kind: str = "inverse_sqrt"
    rows: int = 61
    budget: int = 150
    dtype: torch.dtype = torch.float32
    world: World = field(default_factory=World)
    mode: str = "ddp"

    def build(self, seed: int = 0) -> Training:
        """Fresh weights from `seed`, and no progress."""
        model = model_of(self.dropout, seed).to(self.dtype)
        objective = Seq2Seq(TOKENS, self.smoothing)
        step = Step(model, objective)
        if self.mode == "fsdp":
            step = Step(model_of(self.dropout, seed).to(self.dtype), objective)
            self.world.shard(step)
        moving = MovingAverage(step.model, self.ema) if self.ema else None
        held_out = [objective.collate(rows_of(9, seed=1)), objective.collate(rows_of(4, seed=2))]

        def validate() -> dict[str, float]:
            with moving.applied(step.model) if moving else torch.no_grad():
                if is_sharded(step):
                    put_together(step.model, model)
                return {"validation_loss": mean_losses(model, objective, held_out)["nll"]}

        self.folder.mkdir(parents=True, exist_ok=True)
        log = Log(self.folder) if self.world.is_main else None
        LOGS.extend([log] if log else [])
        torch.manual_seed(100 + self.world.rank)
        return Training(
            step=step,
            optimizer=adamw(step.model, weight_decay=0.01),
            feed=feed_of(
                rows_of(self.rows), objective, budget=self.budget, world=self.world, accumulation=self.accumulation
            ),
            schedule=Schedule(self.kind, self.rate, 5),  # type: ignore[arg-type]
            limits=self.limits,
            rhythm=self.rhythm,
            checkpoints=Checkpoints(self.folder / "checkpoints"),
            log=log,
            validate=validate,
            world=self.world,
            moving=moving,
            clip_norm=self.clip_norm,
            resume_command=f"headway resume {self.folder}",
        )

    def resumed(self, seed: int = 99) -> Training:
        """The training rebuilt, as a new process would, from its last checkpoint."""
        training = self.build(seed)
        step = training.checkpoints.steps()[-1]
        model: Any = training.step.model
        training.progress = training.checkpoints.load(
            step, model, training.optimizer, training.moving, rank=self.world.rank
        )
        if training.log:
            training.log.rewind(step)
        return training


def weights(training: Training) -> dict[str, torch.Tensor]:
    """The weights, by name."""
    return {name: p.detach().clone() for name, p in training.step.model.named_parameters()}
