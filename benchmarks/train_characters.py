"""Training a character model, GPT of 6 layers × 384, 65 characters, batches of 12 × 256.

    git clone https://github.com/karpathy/nanoGPT
    python -m benchmarks train_characters --nanogpt nanoGPT --rounds 5 --steps 3

nanoGPT's model with its own optimizer and we begin with the same weights and read the same blocks of Shakespeare
(`HEADWAY_DATA`); dropout is 0.1, attention too, weight decay 0.1, and both clip at 1.0. Both have biases.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks import nanogpt, steps, zipf
from headway.data.batching import TokenBatches
from headway.data.blocks import Blocks
from headway.models.build import build
from headway.models.families.gpt2 import Gpt2
from headway.objectives.causal_lm import CausalBatch, CausalLM
from headway.spec import SpecialTokens
from headway.training.feed import Feed

LAYERS, D_MODEL, HEADS, DROPOUT = 6, 384, 6, 0.1
ROWS, LENGTH, VOCABULARY = 12, 256, 65


def feed() -> Feed:
    """Blocks of Shakespeare; the line's end, which is id 0, begins and ends the text."""
    text = nanogpt.shakespeare()
    names = {character: index for index, character in enumerate(sorted(set(text)))}
    assert len(names) == VOCABULARY
    corpus = zipf.one_document(np.array([names[character] for character in text], np.uint16))
    blocks = Blocks(corpus, LENGTH, 0, 0, drop_last=True)
    batches = TokenBatches(blocks.lengths, budget=ROWS * LENGTH, seed=steps.SEED)
    return Feed(blocks, blocks.lengths, batches, CausalLM().collate)


def fresh() -> Any:
    """Our model with the weights that both begin with."""
    torch.manual_seed(steps.SEED)
    choices = Gpt2(
        num_layers=LAYERS, d_model=D_MODEL, num_heads=HEADS, max_length=LENGTH, dropout=DROPOUT,
        attention_dropout=DROPOUT, activation="gelu",
    )  # fmt: skip
    return build(choices.spec(VOCABULARY, SpecialTokens(start_id=0, end_id=0)))


def make(variant: str, first: CausalBatch, precision: str, folder: Path) -> steps.Trained:
    """One variant, with its weights."""
    ours = fresh()
    if variant == "headway":
        settings = {"beta2": nanogpt.BETA2, "weight_decay": nanogpt.WEIGHT_DECAY}
        return steps.Ours(ours, CausalLM(), first, precision, **settings)
    model = nanogpt.model(
        folder, block_size=LENGTH, vocab_size=VOCABULARY, n_layer=LAYERS, n_head=HEADS, n_embd=D_MODEL, dropout=DROPOUT
    )
    missing, unexpected = model.load_state_dict(nanogpt.weights(ours), strict=False)
    assert (missing, unexpected) == (["lm_head.weight"], []), "the head is the table"

    def loss_of(batch: CausalBatch) -> Tensor:
        loss: Tensor = model(batch.inputs.view(ROWS, LENGTH), batch.labels.view(ROWS, LENGTH))[1]
        return loss

    return steps.Peer(model, loss_of, nanogpt.optimizer(model, steps.RATE), precision)


PROGRAM = steps.Program(
    name="train_characters",
    about=__doc__ or "",
    what=f"character GPT, {LAYERS} x {D_MODEL}, vocabulary {VOCABULARY}, {ROWS} x {LENGTH}",
    packages=(),
    variants=("headway", "nanogpt"),
    speed={"nanogpt": 1.4},
    memory={"nanogpt": 1.0},
    prepare=nanogpt.prepare,
    feed=lambda variant, folder: feed(),
    make=make,
    flags=nanogpt.flags,
)

if __name__ == "__main__":
    sys.exit(steps.main(PROGRAM, steps=3))
