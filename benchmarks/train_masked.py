"""Training a masked language model, BERT of 4 layers × 256, vocabulary 30,522, batches of 16 × 128.

    python -m benchmarks train_masked --rounds 5 --steps 4

transformers' `BertForMaskedLM` as its users get it (sdpa, AdamW) and we begin with the same weights and read the same
batches with the same words hidden; dropout is 0.1 everywhere, attention too, and both clip at 1.0. No row has padding.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import steps, zipf
from headway.checkpoints import hf
from headway.data.batching import TokenBatches
from headway.data.windows import Windows
from headway.models.build import build
from headway.models.families.bert import MASKED_LM, Bert
from headway.objectives.masked_lm import MaskedBatch, MaskedLM
from headway.spec import SpecialTokens
from headway.training.feed import Feed

VOCABULARY, LAYERS, D_MODEL, HEADS, DROPOUT = 30_522, 4, 256, 4, 0.1
ROWS, LENGTH, BATCHES = 16, 128, 32
PAD, START, END, MASK, ORDINARY = 0, 101, 102, 103, 999  # of the published vocabulary of this size
BETA2 = 0.999


def objective() -> MaskedLM:
    """15 % of the tokens: four fifths masked, a tenth replaced, a tenth left."""
    tokens = SpecialTokens(pad_id=PAD, start_id=START, end_id=END)
    return MaskedLM(tokens, MASK, VOCABULARY, special_ids=range(min(ORDINARY, VOCABULARY // 2)))


def feed() -> Feed:
    """Full rows of a synthetic text, masked anew in each epoch."""
    ordinary = range(min(ORDINARY, VOCABULARY // 2), VOCABULARY)
    windows = Windows(zipf.corpus(BATCHES * ROWS * (LENGTH - 2), ordinary, seed=steps.SEED), LENGTH - 2)
    batches = TokenBatches(windows.lengths, budget=ROWS * LENGTH, seed=steps.SEED)
    return Feed(windows, windows.lengths, batches, objective().collate)


def fresh() -> Any:
    """Our model with the weights that both begin with."""
    torch.manual_seed(steps.SEED)
    choices = Bert(
        num_layers=LAYERS, d_model=D_MODEL, num_heads=HEADS, dropout=DROPOUT, attention_dropout=DROPOUT
    )  # fmt: skip
    return build(choices.spec(VOCABULARY, objective().tokens, language_head=MASKED_LM))


def prepare(_: argparse.Namespace, folder: Path) -> None:
    """Write the weights as transformers reads them."""
    hf.save(fresh(), folder / "bert")


def make(variant: str, first: MaskedBatch, precision: str, folder: Path) -> steps.Trained:
    """One variant, with its weights."""
    if variant == "headway":
        return steps.Ours(fresh(), objective(), first, precision, beta2=BETA2, weight_decay=0.0)
    from transformers import BertForMaskedLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    model = BertForMaskedLM.from_pretrained(folder / "bert")
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=steps.RATE, betas=(0.9, BETA2), eps=steps.EPSILON, weight_decay=0.0
    )
    return steps.Peer(model, partial(_loss, model), optimizer, precision)


def _loss(model: nn.Module, batch: MaskedBatch) -> Tensor:
    """What transformers makes of our batch, laid out as its collator does."""
    labels = torch.full_like(batch.ids, -100).index_copy(0, batch.places, batch.labels)
    ids, labels = batch.ids.view(batch.layout.rows, -1), labels.view(batch.layout.rows, -1)
    loss: Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
    return loss


PROGRAM = steps.Program(
    name="train_masked",
    about=__doc__ or "",
    what=f"masked LM, {LAYERS} x {D_MODEL}, vocabulary {VOCABULARY:,}, {ROWS} x {LENGTH}",
    packages=("transformers",),
    variants=("headway", "transformers"),
    speed={"transformers": 3.5},
    memory={"transformers": 1.0},
    prepare=prepare,
    feed=lambda variant, folder: feed(),
    make=make,
)

if __name__ == "__main__":
    sys.exit(steps.main(PROGRAM, steps=4))
