"""`train_classification` with BERT base, 12 layers × 768; see there."""

from __future__ import annotations

import sys

from benchmarks import steps
from benchmarks.train_classification import DROPOUT, LONGEST, program
from headway.models.families.bert import Bert

BASE = Bert(max_length=LONGEST, dropout=DROPOUT, attention_dropout=DROPOUT)
PROGRAM = program("train_classification_base", BASE, {"transformers": 4.3})

if __name__ == "__main__":
    sys.exit(steps.main(PROGRAM, steps=2))
