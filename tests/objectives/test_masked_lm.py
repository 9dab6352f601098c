"""Masked language modelling: how much is hidden and how, whatever the batch; the loss is that of transformers."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from headway.data.segments import Passage, SentencePairs
from headway.data.windows import Windows
from headway.errors import ConfigError
from headway.objectives import masked_lm
from headway.objectives.masked_lm import MaskedBatch, MaskedLM
from headway.spec import SpecialTokens
from headway.text.trainer import train
from headway.text.words import word_starts
from tests.data.places import corpus_of
from tests.parity.harness import ours_of, twin_of
from tests.parity.rows_bert import ROWS

TOKENS = SpecialTokens(pad_id=0, start_id=2, end_id=3)
SPECIAL = frozenset({0, 1, 2, 3, 4})
OBJECTIVE = MaskedLM(TOKENS, mask_id=4, vocab_size=99, special_ids=SPECIAL)
DOCUMENTS = [[3, 5, 2, 6], [4, 4, 3], [7, 5, 2, 2, 1]]
ROW = next(row for row in ROWS if row.name == "bert-pre-training")
Kind = Literal["next", "order"] | None
IDS = st.lists(st.lists(st.integers(0, 98), max_size=30), min_size=1, max_size=4)


def draws_of(rows: int, *, epoch: int = 0, first: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([7, epoch, first + row]) for row in range(rows)]


def rows_of(kind: Kind) -> list[Any]:
    """Texts of ordinary ids only."""
    corpus = corpus_of(DOCUMENTS)
    corpus = replace(corpus, ids=(corpus.ids * 37 % 94 + 5).astype(np.uint16))
    made = Windows(corpus, 12) if kind is None else SentencePairs(corpus, 12)
    return [made[row] for row in range(len(made))]


def texts_of(batch: MaskedBatch) -> tuple[list[list[int]], list[list[int]]]:
    """What is read and what stood there, row by row."""
    stood = batch.ids.scatter(0, batch.places, batch.labels)
    sizes = np.bincount((batch.layout.positions == 0).cumsum(0) - 1).tolist()
    return [part.tolist() for part in batch.ids.split(sizes)], [part.tolist() for part in stood.split(sizes)]


# --- what is hidden ---


LENGTH, ROWS_OF_IT = 2000, 340


def fates(objective: MaskedLM) -> tuple[dict[str, float], MaskedBatch]:
    """Shares of what became of the chosen, over 100,000 of them."""
    ids = np.random.default_rng(0).integers(5, 99, LENGTH).astype(np.uint16)
    batch = objective.collate([ids] * ROWS_OF_IT, draws_of(ROWS_OF_IT))
    read = batch.ids[batch.places]
    masked, kept = read == 4, read == batch.labels
    return {"masked": masked.float().mean().item(), "kept": kept.float().mean().item()}, batch


def is_right(shares: dict[str, float], count: int) -> bool:
    """Within four standard errors; a random piece is the same one now and then."""
    wanted = {"masked": 0.8, "kept": 0.1 + 0.1 / 94}
    return all(abs(shares[name] - p) < 4 * (p * (1 - p) / count) ** 0.5 for name, p in wanted.items())


def test_15_percent_are_chosen_of_them_80_masked_10_replaced_10_left(monkeypatch: pytest.MonkeyPatch) -> None:
    shares, batch = fates(OBJECTIVE)
    assert len(batch.labels) == ROWS_OF_IT * 300, "15 % of every row"
    assert is_right(shares, len(batch.labels))
    untouched = torch.ones(len(batch.ids), dtype=torch.bool).scatter(0, batch.places, False)
    ids = np.random.default_rng(0).integers(5, 99, LENGTH)
    assert torch.equal(batch.ids[untouched], torch.tensor([2, *ids, 3] * ROWS_OF_IT)[untouched])
    columns = torch.bincount(batch.places % (LENGTH + 2), minlength=LENGTH + 2)
    assert columns[0] == columns[-1] == 0
    error = (ROWS_OF_IT * 0.15 * 0.85) ** 0.5
    assert (columns[1:-1] - ROWS_OF_IT * 0.15).abs().max() < 5 * error, "every token is as likely as any other"
    read = batch.ids[batch.places]
    replaced = torch.bincount(read[(read != 4) & (read != batch.labels)], minlength=99)
    assert replaced[:5].sum() == 0
    mean = replaced[5:].double().mean()
    assert (replaced[5:] - mean).abs().max() < 5 * mean.sqrt(), "every ordinary piece is as likely as any other"
    for name, other in (("MASKED", 0.79), ("MASKED", 0.81), ("KEPT", 0.09), ("KEPT", 0.11)):
        with monkeypatch.context() as patch:
            patch.setattr(masked_lm, name, other)
            assert not is_right(fates(OBJECTIVE)[0], len(batch.labels)), (name, other)


@settings(max_examples=50)
@given(IDS, st.floats(0.01, 1.0), st.booleans(), st.integers(0, 99))
def test_special_pieces_are_neither_chosen_nor_put_in(
    rows: list[list[int]], share: float, whole_words: bool, epoch: int
) -> None:
    begins = np.arange(99) % 3 == 0
    objective = replace(OBJECTIVE, share=share, whole_words=whole_words, starts_word=begins)
    batch = objective.collate([np.array(row, np.uint16) for row in rows], draws_of(len(rows), epoch=epoch))
    read, stood = texts_of(batch)
    assert stood == [[2, *row, 3] for row in rows]
    assert not SPECIAL & set(batch.labels.tolist())
    chosen = torch.zeros(len(batch.ids), dtype=torch.bool).scatter(0, batch.places, True).tolist()
    for ids, texts in zip(read, stood, strict=True):
        mine, chosen = chosen[: len(ids)], chosen[len(ids) :]
        assert all(
            new in (4, old) or (is_chosen and new not in SPECIAL)
            for new, old, is_chosen in zip(ids, texts, mine, strict=True)
        )
        free = sum(index not in SPECIAL for index in texts)
        if not whole_words:
            assert sum(mine) == (max(1, round(share * free)) if free else 0)
        elif free:
            assert any(mine)


def test_words_are_chosen_whole_and_about_as_much() -> None:
    begins = np.arange(99) < 40
    random = np.random.default_rng(0)
    rows = [random.integers(5, 99, 100).astype(np.uint16) for _ in range(300)]
    objective = replace(OBJECTIVE, whole_words=True, starts_word=begins)
    batch = objective.collate(rows, draws_of(300))
    chosen = torch.zeros(len(batch.ids), dtype=torch.bool).scatter(0, batch.places, True).tolist()
    _, stood = texts_of(batch)
    flat = [index for row in stood for index in row]
    pairs = list(zip(flat, flat[1:], chosen, chosen[1:], strict=False))
    inside = [was == is_ for one, other, was, is_ in pairs if not SPECIAL & {one, other} and not begins[other]]
    assert len(inside) > 10_000
    assert all(inside)
    assert len(set(batch.labels[batch.labels < 40].tolist())) == 35, "words that are a single piece too"
    assert abs(len(batch.labels) / (300 * 100) - 0.15) < 0.01
    assert abs(batch.layout.positions[batch.places].double().mean() - 50.5) < 3, "anywhere in the row"
    plain = OBJECTIVE.collate(rows, draws_of(300))
    assert not torch.equal(plain.places, batch.places)


def test_a_word_does_not_reach_into_the_second_text() -> None:
    pairs = SentencePairs(corpus_of([[5], [2, 2], [2, 2]]), 4)
    begins = np.arange(99) == 98  # neither of the two that are there
    objective = replace(OBJECTIVE, special_ids=(), sentences="order", whole_words=True, starts_word=begins)
    batch = objective.collate([pairs[0]] * 20, draws_of(20))
    assert len(batch.labels) == 20 * 2, "no piece begins a word, so each text is one"


# --- rows and batches ---


@pytest.mark.parametrize("kind", [None, "next", "order"])
def test_what_is_drawn_is_the_rows_own_and_another_each_epoch(kind: Kind) -> None:
    objective, rows = replace(OBJECTIVE, sentences=kind, share=0.3), rows_of(kind)

    def single(row: int, epoch: int) -> tuple[list[list[int]], list[list[int]]]:
        return texts_of(objective.collate([rows[row]], draws_of(1, epoch=epoch, first=row)))

    together = texts_of(objective.collate(rows, draws_of(len(rows))))
    alone = [single(row, 0) for row in range(len(rows))]
    assert together == ([ids for (ids,), _ in alone], [stood for _, (stood,) in alone])
    later = [single(row, 1) for row in range(len(rows))]
    assert sum(one != other for one, other in zip(alone, later, strict=True)) >= len(rows) - 1


@pytest.mark.parametrize("kind", ["next", "order"])
def test_a_pair_is_read_as_bert_reads_it(kind: Literal["next", "order"]) -> None:
    rows = rows_of(kind)
    batch = replace(OBJECTIVE, sentences=kind).collate(rows, draws_of(len(rows)))
    assert batch.types is not None
    assert batch.sentences is not None
    _, stood = texts_of(batch)
    types = batch.types.tolist()
    for ids, row, draw, label in zip(stood, rows, draws_of(len(rows)), batch.sentences.tolist(), strict=True):
        assert isinstance(row, Passage)
        first, second, said = row.next_sentence(draw) if kind == "next" else row.sentence_order(draw)
        assert (ids, label) == ([2, *first.tolist(), 3, *second.tolist(), 3], said)
        mine, types = types[: len(ids)], types[len(ids) :]
        assert mine == [0] * (len(first) + 2) + [1] * (len(second) + 1)
        assert len(ids) <= row.pairs.lengths[row.row]
    assert batch.counts == {
        "loss": len(batch.places),
        "nll": len(batch.places),
        "sentence": len(rows),
        "sentence_right": len(rows),
    }
    assert batch.tokens == len(batch.ids) == sum(map(len, stood))


def test_a_batch_moves_to_a_device_whole() -> None:
    moved = replace(OBJECTIVE, sentences="next").collate(rows_of("next"), draws_of(len(rows_of("next"))))
    moved = moved.to(torch.device("meta"))
    tensors = [moved.ids, moved.types, moved.places, moved.labels, moved.sentences, moved.layout.index]
    assert {tensor.device.type for tensor in tensors if tensor is not None} == {"meta"}
    single = OBJECTIVE.collate(rows_of(None), draws_of(len(rows_of(None)))).to(torch.device("meta"))
    assert single.types is single.sentences is None
    assert single.counts == {"loss": len(single.labels), "nll": len(single.labels)}


# --- the loss ---


def padded(batch: MaskedBatch, x: Tensor, empty: int) -> Tensor:
    keep = batch.layout.grid(torch.ones_like(x)).bool()
    return batch.layout.grid(x).where(keep, empty)


def plain_losses(model: nn.Module, batch: MaskedBatch) -> dict[str, Tensor]:
    """By logits everywhere, of a padded batch."""
    labels = torch.full_like(batch.ids, -100).scatter(0, batch.places, batch.labels)
    ids, labels, mask = (
        padded(batch, x, empty) for x, empty in ((batch.ids, 0), (labels, -100), (torch.ones_like(labels), 0))
    )
    assert batch.types is not None
    output = model(ids, attention_mask=mask, token_type_ids=padded(batch, batch.types, 0))
    return {
        "labels": labels,
        "loss": F.cross_entropy(output.prediction_logits.flatten(0, 1), labels.flatten(), reduction="sum"),
        "sentence": F.cross_entropy(output.seq_relationship_logits, batch.sentences, reduction="sum"),
        "sentence_right": (output.seq_relationship_logits.argmax(1) == batch.sentences).sum(),
    }


def pre_training_batch() -> tuple[MaskedLM, MaskedBatch]:
    objective, rows = replace(OBJECTIVE, sentences="next"), rows_of("next") * 2
    batch = objective.collate(rows, draws_of(len(rows)))
    assert set(batch.sentences.tolist()) == {0, 1}  # type: ignore[union-attr]
    return objective, batch


@torch.no_grad()
def test_the_losses_are_those_of_transformers() -> None:
    twin, ours = copy.deepcopy(twin_of(ROW, ROW.std)).double(), ours_of(ROW).double()
    objective, batch = pre_training_batch()
    theirs, losses = plain_losses(twin, batch), objective.loss(ours, batch)
    assert {name: (count, weight) for name, (_, count, weight) in losses.items()} == {
        "loss": (len(batch.labels), 1.0),
        "nll": (len(batch.labels), 0.0),
        "sentence": (batch.layout.rows, 1.0),
        "sentence_right": (batch.layout.rows, 0.0),
    }
    assert {name: count for name, (_, count, _) in losses.items()} == batch.counts
    for name in ("loss", "sentence"):
        torch.testing.assert_close(losses[name][0], theirs[name], rtol=1e-9, atol=0)
    assert losses["nll"][0] == losses["loss"][0]
    assert losses["sentence_right"][0] == theirs["sentence_right"]
    whole = twin(
        padded(batch, batch.ids, 0),
        attention_mask=padded(batch, torch.ones_like(batch.ids), 0),
        token_type_ids=padded(batch, batch.types, 0),  # type: ignore[arg-type]
        labels=theirs["labels"],
        next_sentence_label=batch.sentences,
    ).loss
    means = sum(weight * total / count for total, count, weight in losses.values())
    torch.testing.assert_close(means, whole, rtol=1e-9, atol=0)


def test_the_gradient_is_that_of_logits_everywhere() -> None:
    model = ours_of(ROW).double()
    objective, batch = pre_training_batch()
    plain = plain_losses(model, batch)
    weights = dict(model.named_parameters())
    expected = torch.autograd.grad(plain["loss"] / 5 + plain["sentence"], list(weights.values()))
    losses = objective.loss(model, batch)
    found = torch.autograd.grad(losses["loss"][0] / 5 + losses["sentence"][0], list(weights.values()))
    for name, one, other in zip(weights, found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10, msg=name)
        assert one.abs().max() > 1e-6 or name.endswith("key.bias"), f"{name} learns nothing"


def test_rows_of_one_text_have_the_loss_of_their_words_alone() -> None:
    model, rows = ours_of(ROW).double(), rows_of(None)
    batch = OBJECTIVE.collate(rows, draws_of(len(rows)))
    losses = OBJECTIVE.loss(model, batch)
    states = model.hidden(batch.ids, batch.layout)
    expected = F.cross_entropy(model.head(states)[batch.places], batch.labels, reduction="sum")
    assert losses.keys() == batch.counts.keys() == {"loss", "nll"}
    torch.testing.assert_close(losses["loss"][0], expected, rtol=1e-12, atol=0)


# --- words, and what is refused ---

TEXTS = ["하늘이 파랗다 하늘은 높다", "a cat sat on the mat", "the cats sat", "바다가 파랗다"] * 5


@pytest.mark.parametrize("type", ["wordpiece", "word", "unigram", "bpe", "byte-bpe", "char"])
def test_tokenizers_tell_where_words_begin(type: str) -> None:
    tokenizer = train(TEXTS, type=type, vocab_size=300, exact=False)
    starts = word_starts(tokenizer)
    text = "the cats 하늘이"
    ids = tokenizer.encode(text).ids
    words = np.split(ids, np.flatnonzero(starts[ids])[0 if not starts[ids[0]] else 1 :])
    spoken = [tokenizer.decode(word.tolist()).strip() for word in words]
    assert [word.removeprefix("##") for word in spoken] == text.split()


def test_what_cannot_be_hidden_is_refused() -> None:
    for share in (0.0, -0.1, 1.1):
        with pytest.raises(ConfigError, match="above 0 and at most 1"):
            replace(OBJECTIVE, share=share)
    for begins in (None, np.ones(98, bool)):
        with pytest.raises(ConfigError, match="say of all 99 ids which begin a word"):
            replace(OBJECTIVE, whole_words=True, starts_word=begins)
    starts = word_starts(train(["가나다", "나다가"], type="char"))
    with pytest.raises(ConfigError, match="nothing tells where words begin"):
        replace(OBJECTIVE, whole_words=True, starts_word=starts, vocab_size=len(starts))
