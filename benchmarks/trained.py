"""The models that `train_translation` trains: ours by the path of `headway train`, the peers as their users do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

VOCABULARY, D_MODEL, D_FF, HEADS, LAYERS, LONGEST = 8000, 256, 512, 4, 3, 512
DROPOUT, SMOOTHING, CLIP_NORM, RATE, BETA2, BUDGET, PAIRS, SEED = 0.1, 0.1, 1.0, 5e-4, 0.98, 5000, 128, 1
Parts = tuple[Any, Callable[..., Any]]  # a model, and its logits of source, mask and inputs


def spec() -> Any:
    """The model: post-norm, sines, one table for everything; Marian can express it."""
    from headway.models.families.vaswani import Vaswani

    return Vaswani(
        num_layers=LAYERS, d_model=D_MODEL, d_ff=D_FF, num_heads=HEADS, dropout=DROPOUT, attention_dropout=DROPOUT,
        activation_dropout=DROPOUT, max_length=LONGEST,
    ).spec(VOCABULARY, VOCABULARY)  # fmt: skip


def fresh() -> Any:
    """Our model with the weights everybody begins with who can."""
    import torch

    from headway.models.build import build

    torch.manual_seed(SEED)
    return build(spec())


class Ours:
    """The path of `headway train`: measured choices, packed batches, the fused optimizer."""

    def __init__(self, pairs: Any, precision: str) -> None:
        import torch

        from headway.data.batching import TokenBatches
        from headway.objectives.seq2seq import Seq2Seq
        from headway.training.choices import choose
        from headway.training.distributed import World
        from headway.training.feed import Feed
        from headway.training.optim import adamw
        from headway.training.step import Step, accumulate

        self.model, self.world = fresh(), World()
        objective, lengths = Seq2Seq(self.model.spec.tokens, SMOOTHING), pairs.lengths + 1
        self.step = Step(self.model, objective)
        self.feed = Feed(pairs, lengths, TokenBatches(lengths, budget=BUDGET), objective.collate)
        self.plan, self.optimizer = self.feed.epoch(0), adamw(self.model, beta2=BETA2)
        first = self.feed.parts(self.plan[0])
        device = torch.device("cpu")
        self.choices = choose(
            self.model,
            lambda autocast: accumulate(self.step, first, world=self.world, autocast=autocast),
            device=device, dtype=precision, threads=torch.get_num_threads(),
        )  # fmt: skip

    def loss(self, rows: Any) -> float:
        """Of one batch, per target token, its gradient left behind."""
        from headway.training.step import accumulate, means

        parts = self.feed.parts(rows)
        return means(accumulate(self.step, parts, world=self.world, autocast=self.choices.autocast))["loss"]

    def move(self) -> None:
        """Along the gradient."""
        from headway.training.step import update

        update(self.step, self.optimizer, rate=RATE, clip_norm=CLIP_NORM)


class Peer:
    """A padded model, trained as its users train it; `equal` gives it our smoothing, clipping and optimizer."""

    def __init__(self, parts: Parts, pairs: Any, row: str, precision: str, *, fused: bool) -> None:
        import torch

        from headway.data.batching import TokenBatches

        (self.model, self.logits), self.pairs, self.equal = parts, pairs, row == "equal"
        self.tokens, self.autocast = spec().tokens, precision == "bfloat16"
        alike: dict[str, Any] = (
            {"betas": (0.9, BETA2), "eps": 1e-9, "weight_decay": 0.0, "fused": fused or None} if self.equal else {}
        )
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=RATE, **alike)
        order = np.random.default_rng(SEED).permutation(len(pairs))
        shuffled = [order[start : start + PAIRS] for start in range(0, len(order), PAIRS)]
        self.plan = TokenBatches(pairs.lengths + 1, budget=BUDGET).epoch(0) if self.equal else shuffled

    def loss(self, rows: Any) -> float:
        """Of one batch, per target token, its gradient left behind."""
        import torch
        import torch.nn.functional as F

        pad, start, end = self.tokens.pad_id, self.tokens.start_id, self.tokens.end_id
        pairs = [self.pairs[int(row)] for row in rows]
        source = _padded([[*ids.tolist(), end] for ids, _ in pairs], pad)
        inputs = _padded([[start, *ids.tolist()] for _, ids in pairs], pad)
        labels = _padded([[*ids.tolist(), end] for _, ids in pairs], -100)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
            logits = self.logits(source, source != pad, inputs)
            loss = F.cross_entropy(
                logits.flatten(0, 1), labels.flatten(), label_smoothing=SMOOTHING if self.equal else 0.0
            )
        loss.backward()
        return float(loss)

    def move(self) -> None:
        """Along the gradient."""
        import torch

        if self.equal:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad()


def _padded(rows: list[list[int]], value: int) -> Any:
    import torch

    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=value)


def marian(folder: Path) -> Parts:
    """The model of transformers, with our weights."""
    from transformers import MarianMTModel
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    model = MarianMTModel.from_pretrained(folder / "marian")
    return (
        model,
        lambda source, mask, inputs: (
            model(input_ids=source, attention_mask=mask.long(), decoder_input_ids=inputs).logits
        ),
    )


def torch_transformer() -> Parts:
    """`torch.nn.Transformer` between a tied embedding, scaled, with sines, and its transpose."""
    import torch
    from torch import nn

    from headway.nn.positions import Sinusoidal

    torch.manual_seed(SEED)
    tokens, body = nn.Embedding(VOCABULARY, D_MODEL), nn.Transformer(
        D_MODEL, HEADS, LAYERS, LAYERS, D_FF, DROPOUT, batch_first=True
    )  # fmt: skip
    nn.init.normal_(tokens.weight, std=D_MODEL**-0.5)
    table, dropout = Sinusoidal(LONGEST, D_MODEL).table, nn.Dropout(DROPOUT)
    model = nn.ModuleDict({"tokens": tokens, "body": body, "dropout": dropout})

    def embed(ids: Any) -> Any:
        return dropout(tokens(ids) * D_MODEL**0.5 + table[: ids.shape[1]])

    def logits(source: Any, mask: Any, inputs: Any) -> Any:
        causal = torch.ones(inputs.shape[1], inputs.shape[1], dtype=torch.bool).triu(1)
        states = body(
            embed(source), embed(inputs), tgt_mask=causal, src_key_padding_mask=~mask, memory_key_padding_mask=~mask,
            tgt_is_causal=True,
        )  # fmt: skip
        return states @ tokens.weight.t()

    return model, logits
