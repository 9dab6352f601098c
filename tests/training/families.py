"""A tiny model of each kind with its objective and 13 rows of odd sizes, the same in every process that builds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from headway.data.batching import TokenBatches
from headway.data.blocks import Documents
from headway.data.segments import SentencePairs
from headway.models import build
from headway.models.families.awd_lstm import AwdLstm
from headway.models.families.bert import MASKED_LM, NEXT_SENTENCE, Bert
from headway.models.families.bloom import Bloom
from headway.models.families.elmo import Elmo
from headway.models.families.gpt2 import Gpt2
from headway.models.families.recurrent import Recurrent
from headway.models.families.t5 import T5
from headway.models.families.vaswani import Vaswani
from headway.objectives.bidirectional_lm import BidirectionalLM
from headway.objectives.causal_lm import CausalLM
from headway.objectives.masked_lm import MaskedLM
from headway.objectives.seq2seq import Seq2Seq
from headway.objectives.span_corruption import SpanCorruption
from headway.spec import ModelSpec, SpecialTokens
from headway.text.characters import spell
from headway.training.distributed import World
from headway.training.feed import Feed
from tests.data.corpora import corpus_of
from tests.training.translator import lengths_of, rows_of

VOCABULARY, MASK, ROWS = 37, 4, 13
TOKENS = SpecialTokens(pad_id=0, start_id=2, end_id=3)
SIZES: dict[str, Any] = {"num_layers": 2, "d_model": 24, "num_heads": 2, "dropout": 0.0}
WIDE: dict[str, Any] = {**SIZES, "d_ff": 40}
DRAWN = np.random.default_rng(3)
TEXTS = [DRAWN.integers(5, VOCABULARY, DRAWN.integers(1, 15)) for _ in range(ROWS)]
STORIES = [DRAWN.integers(5, VOCABULARY, 3 * DRAWN.integers(2, 6)).tolist() for _ in range(ROWS)]


@dataclass(frozen=True)
class Family:
    """What is trained, on what."""

    spec: ModelSpec
    objective: Any
    rows: Any
    lengths: NDArray[np.int64]

    def model(self, seed: int = 0) -> Any:
        """A fresh one."""
        torch.manual_seed(seed)
        return build(self.spec)

    def feed(self, world: World, accumulation: int = 1) -> Feed:
        """The rows as batches."""
        batches = TokenBatches(self.lengths, budget=150, seed=5)
        return Feed(self.rows, self.lengths, batches, self.objective.collate, world, accumulation)


def _pairs(spec: ModelSpec) -> Family:
    rows = rows_of(ROWS)
    return Family(spec, Seq2Seq(TOKENS, 0.1), rows, lengths_of(rows))


def _documents(spec: ModelSpec, objective: Any) -> Family:
    rows = Documents(corpus_of([text.tolist() for text in TEXTS]), 40, TOKENS.start_id, TOKENS.end_id)
    return Family(spec, objective, rows, rows.lengths)


def _spans(spec: ModelSpec) -> Family:
    objective = SpanCorruption(TOKENS, range(VOCABULARY - 1, VOCABULARY - 9, -1))
    return Family(spec, objective, TEXTS, objective.lengths([len(text) for text in TEXTS]))


def _sentences(spec: ModelSpec) -> Family:
    rows = SentencePairs(corpus_of(STORIES), 20)
    objective = MaskedLM(TOKENS, mask_id=MASK, vocab_size=VOCABULARY, special_ids={0, 1, 2, 3, MASK}, sentences="next")
    return Family(spec, objective, rows, rows.lengths)


def _bert() -> ModelSpec:
    heads = {"language_head": MASKED_LM, "label_head": NEXT_SENTENCE}
    return Bert(**WIDE, attention_dropout=0.0, max_length=32).spec(VOCABULARY, TOKENS, **heads)


def _awd_lstm() -> ModelSpec:
    none = dict.fromkeys(("word_dropout", "input_dropout", "layer_dropout", "dropout", "weight_dropout"), 0.0)
    return AwdLstm(num_layers=2, d_model=12, d_cell=18, **none).spec(VOCABULARY, TOKENS)


def _elmo() -> ModelSpec:
    return Elmo(num_layers=2, d_model=6, d_cell=10, filters=((1, 4), (2, 5)), dropout=0.0).spec(VOCABULARY)


WORDS = [f"w{number}" for number in range(VOCABULARY)]
FAMILIES: dict[str, Callable[[], Family]] = {
    "vaswani": lambda: _pairs(Vaswani(**WIDE, max_length=32).spec(VOCABULARY, VOCABULARY, TOKENS)),
    "gru": lambda: _pairs(
        Recurrent(cell="gru", num_layers=2, d_model=24, dropout=0.0, attention="additive").spec(
            VOCABULARY, VOCABULARY, TOKENS
        )
    ),
    "t5": lambda: _spans(T5(**WIDE, head_dim=12).spec(VOCABULARY, VOCABULARY, TOKENS)),
    "bert": lambda: _sentences(_bert()),
    "gpt2": lambda: _documents(
        Gpt2(**SIZES, attention_dropout=0.0, max_length=32).spec(VOCABULARY, TOKENS), CausalLM(0.1)
    ),
    "bloom": lambda: _documents(Bloom(**SIZES, attention_dropout=0.0).spec(VOCABULARY, TOKENS), CausalLM()),
    "awd_lstm": lambda: _documents(_awd_lstm(), CausalLM()),
    "elmo": lambda: _documents(_elmo(), BidirectionalLM(spell(WORDS))),
}
