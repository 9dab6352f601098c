"""Training a small model with a large vocabulary: GPT-2 of 4 layers × 256, vocabulary 50,257, batches of 8 × 256.

    python -m benchmarks train_vocabulary --rounds 5 --steps 3

The logits are by far the largest tensor, so memory is what this is about: the peak of the very processes that give the
speed. `transformers` is its `GPT2LMHeadModel` with AdamW; `headway-whole` is our own step with all logits at once, to
show what their pieces cost. All begin with the same weights and read the same batches; dropout is 0.1, attention too.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks import steps, zipf
from headway.checkpoints import hf
from headway.data.batching import TokenBatches
from headway.data.blocks import Blocks
from headway.models.build import build
from headway.models.families.gpt2 import Gpt2
from headway.objectives.causal_lm import CausalBatch, CausalLM, Reader
from headway.objectives.losses import Losses
from headway.spec import SpecialTokens
from headway.training.feed import Feed

VOCABULARY, LAYERS, D_MODEL, HEADS, DROPOUT = 50_257, 4, 256, 4, 0.1
ROWS, LENGTH, BATCHES = 8, 256, 32
BETA2 = 0.999


class Whole(CausalLM):
    """The same objective with all logits at once."""

    def loss(self, model: Reader, batch: CausalBatch) -> Losses:
        """Summed, in nats."""
        loss = F.cross_entropy(model.head(model.hidden(batch.inputs, batch.layout)), batch.labels, reduction="sum")
        count = len(batch.labels)
        return {"loss": (loss, count, 1.0), "nll": (loss, count, 0.0)}


def feed() -> Feed:
    """Full blocks of a synthetic text; the last id begins and ends it."""
    end = VOCABULARY - 1
    blocks = Blocks(zipf.corpus(BATCHES * ROWS * LENGTH, range(end), seed=steps.SEED), LENGTH, end, end, drop_last=True)
    batches = TokenBatches(blocks.lengths, budget=ROWS * LENGTH, seed=steps.SEED)
    return Feed(blocks, blocks.lengths, batches, CausalLM().collate)


def fresh() -> Any:
    """Our model with the weights that all begin with."""
    torch.manual_seed(steps.SEED)
    choices = Gpt2(
        num_layers=LAYERS, d_model=D_MODEL, num_heads=HEADS, max_length=LENGTH, dropout=DROPOUT,
        attention_dropout=DROPOUT,
    )  # fmt: skip
    return build(choices.spec(VOCABULARY, SpecialTokens(start_id=VOCABULARY - 1, end_id=VOCABULARY - 1)))


def prepare(_: argparse.Namespace, folder: Path) -> None:
    """Write the weights as transformers reads them."""
    hf.save(fresh(), folder / "gpt2")


def make(variant: str, first: CausalBatch, precision: str, folder: Path) -> steps.Trained:
    """One variant, with its weights."""
    if variant != "transformers":
        objective = Whole() if variant == "headway-whole" else CausalLM()
        return steps.Ours(fresh(), objective, first, precision, beta2=BETA2, weight_decay=0.0)
    from transformers import GPT2LMHeadModel
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    model = GPT2LMHeadModel.from_pretrained(folder / "gpt2")
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=steps.RATE, betas=(0.9, BETA2), eps=steps.EPSILON, weight_decay=0.0
    )
    return steps.Peer(model, partial(_loss, model), optimizer, precision)


def _loss(model: nn.Module, batch: CausalBatch) -> Tensor:
    """What transformers makes of our batch, whose labels are shifted already."""
    ids, labels = (x.view(batch.layout.rows, -1) for x in (batch.inputs, batch.labels))
    loss: Tensor = model(input_ids=ids, labels=labels, shift_labels=labels).loss
    return loss


PROGRAM = steps.Program(
    name="train_vocabulary",
    about=__doc__ or "",
    what=f"GPT-2, {LAYERS} x {D_MODEL}, vocabulary {VOCABULARY:,}, {ROWS} x {LENGTH}",
    packages=("transformers",),
    variants=("headway", "headway-whole", "transformers"),
    speed={"headway-whole": 0.9, "transformers": 1.0},
    memory={"transformers": 0.5},
    prepare=prepare,
    feed=lambda variant, folder: feed(),
    make=make,
)

if __name__ == "__main__":
    sys.exit(steps.main(PROGRAM, steps=3))
