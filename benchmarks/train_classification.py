"""Training a classifier of short texts, BERT of 4 layers × 256, on reviews of NSMC or rows of their lengths.

    python -m benchmarks train_classification --rounds 5 --steps 4
    python -m benchmarks train_classification_base --rounds 3 --steps 2

All begin with the same weights. `headway` reads batches of a token budget, about 32 rows of like length, packed.
`transformers` is `BertForSequenceClassification` as its users get it (sdpa, AdamW), on 32 random rows padded to the
longest; `transformers-sorted` reads our batches, padded: its best. Dropout is 0.1 everywhere, attention too, and all
clip at 1.0. Tokens are those that are read, padding never counts. `train_classification_base` is the same with BERT
base. Without `HEADWAY_DATA` the rows are synthetic, and the output says so.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks import steps
from headway.checkpoints import hf
from headway.data.batching import Rows, TokenBatches
from headway.models.build import build
from headway.models.families.bert import Bert
from headway.objectives.classification import Example, LabelledBatch, LabelTexts
from headway.spec import LabelHeadSpec, SpecialTokens
from headway.text.template import Wrapped
from headway.training.feed import Feed

VOCABULARY, ROWS, LONGEST, TEXTS, DROPOUT = 16_000, 32, 128, 20_000, 0.1
SMALL = Bert(
    num_layers=4, d_model=256, num_heads=4, max_length=LONGEST, dropout=DROPOUT, attention_dropout=DROPOUT
)  # fmt: skip
PAD, START, END, ORDINARY = 0, 1, 2, 4
BETA2 = 0.999
LABELS = ("0", "1")


@dataclass(frozen=True)
class Examples:
    """Rows as they were written."""

    ids: NDArray[np.int64]
    ends: NDArray[np.int64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, row: int) -> Example:
        ids = self.ids[self.ends[row - 1] if row else 0 : self.ends[row]].tolist()
        return Example(Wrapped(ids, [0] * len(ids), 1, None), self.labels[row])


class Shuffled(TokenBatches):
    """So many random rows a batch, whatever their lengths."""

    def epoch(self, number: int) -> list[Rows]:
        """The batches of one epoch."""
        rows = np.random.default_rng([self.seed, number]).permutation(len(self.lengths))
        return np.split(rows, range(ROWS, len(rows), ROWS))


def prepare(choices: Bert, _: argparse.Namespace, folder: Path) -> None:
    """Write the weights as transformers reads them, and the rows."""
    torch.manual_seed(steps.SEED)
    head = LabelHeadSpec(of="text", labels=LABELS, dropout=DROPOUT)
    tokens = SpecialTokens(pad_id=PAD, start_id=START, end_id=END)
    hf.save(build(choices.spec(VOCABULARY, tokens, label_head=head)), folder / "bert")
    place = os.environ.get("HEADWAY_DATA")
    texts, labels = _reviews(place) if place else _synthetic()
    print("rows of NSMC" if place else "synthetic rows: Zipf's ids, lengths like those of NSMC", file=sys.stderr)
    np.savez(folder / "rows.npz", ids=np.concatenate(texts), ends=np.cumsum([len(ids) for ids in texts]), labels=labels)


def _reviews(place: str) -> tuple[list[list[int]], list[int]]:
    from headway.data.sources import load
    from headway.text.trainer import train

    rows = load(name="nsmc", folder=place, roles=("text", "label"))["train"][:TEXTS]
    tokenizer = train(rows["text"], type="wordpiece", vocab_size=VOCABULARY)
    return [_around(ids) for ids in tokenizer.encode_batch(rows["text"])], [int(label) for label in rows["label"]]


def _synthetic() -> tuple[list[list[int]], list[int]]:
    random = np.random.default_rng(steps.SEED)
    lengths = np.clip(np.round(15 * np.exp(random.normal(0, 0.75, TEXTS))), 1, LONGEST).astype(int)
    texts = [_around((random.zipf(1.3, n) % (VOCABULARY - ORDINARY) + ORDINARY).tolist()) for n in lengths]
    return texts, [sum(ids) % 2 for ids in texts]


def _around(ids: list[int]) -> list[int]:
    return [START, *ids[: LONGEST - 2], END]


def feed(variant: str, folder: Path) -> Feed:
    """The rows in batches of a variant."""
    with np.load(folder / "rows.npz") as file:
        examples = Examples(file["ids"], file["ends"], file["labels"])
    lengths = np.diff(examples.ends, prepend=0)
    kind = Shuffled if variant == "transformers" else TokenBatches
    batches = kind(lengths, budget=round(ROWS * lengths.mean()), seed=steps.SEED)
    return Feed(examples, lengths, batches, LabelTexts("single").collate)


def make(variant: str, first: LabelledBatch, precision: str, folder: Path) -> steps.Trained:
    """One variant, with its weights."""
    if variant == "headway":
        model = hf.load(folder / "bert").train()
        return steps.Ours(model, LabelTexts("single"), first, precision, beta2=BETA2, weight_decay=0.0)
    from transformers import BertForSequenceClassification
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    peer = BertForSequenceClassification.from_pretrained(folder / "bert")
    optimizer = torch.optim.AdamW(
        peer.parameters(), lr=steps.RATE, betas=(0.9, BETA2), eps=steps.EPSILON, weight_decay=0.0
    )
    return steps.Peer(peer, partial(_loss, peer), optimizer, precision)


def _loss(model: nn.Module, batch: LabelledBatch) -> Tensor:
    """What transformers makes of our batch, padded as its collator does."""
    ids, layout = batch.layout.grid(batch.ids), batch.layout
    mask = torch.ones_like(ids) if layout.keep is None else layout.keep.long()
    loss: Tensor = model(input_ids=ids, attention_mask=mask, labels=batch.labels).loss
    return loss


def program(name: str, choices: Bert, speed: dict[str, float]) -> steps.Program:
    """The benchmark of one size."""
    size = f"{choices.num_layers} x {choices.d_model}"
    return steps.Program(
        name=name,
        about=__doc__ or "",
        what=f"classification, {size}, vocabulary {VOCABULARY:,}, about {ROWS} rows of the lengths of NSMC",
        packages=("transformers",),
        variants=("headway", "transformers-sorted", "transformers"),
        speed=speed,
        memory={},
        prepare=partial(prepare, choices),
        feed=feed,
        make=make,
        apart=frozenset({"transformers"}),
    )


PROGRAM = program("train_classification", SMALL, {"transformers": 3.5, "transformers-sorted": 1.7})

if __name__ == "__main__":
    sys.exit(steps.main(PROGRAM, steps=4))
