"""Marian beside its twin: the same logits, in evaluation and, with one dropout pattern on both sides, in training."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import headway.nn.cores
import headway.nn.dropout
from headway.models.transformer import EncoderDecoder
from headway.nn.block import RESIDUALS
from headway.nn.feed_forward import ACTIVATIONS
from headway.nn.masks import Layout
from tests.parity.harness import pattern, scale_off, train
from tests.parity.twins import TOLERANCE, VARIANTS, batch, difference, marian_twin, ours_of, to_left


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def logits_of(twin: nn.Module) -> Tensor:
    source, source_mask, target, target_mask = batch()
    return twin(source, source_mask, target, target_mask, use_cache=False).logits


@pytest.mark.parametrize("std", [0.3, 0.02])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_logits_are_those_of_transformers(std: float, variant: str) -> None:
    source, source_mask, target, target_mask = batch()
    twin = marian_twin(std, variant)
    ours = ours_of(twin)
    assert difference(ours(source, source_mask, target, target_mask).logits, logits_of(twin), target_mask) < TOLERANCE
    assert {m.eps for m in ours.modules() if isinstance(m, nn.LayerNorm)} == {1e-5}
    assert {m.eps for m in twin.modules() if isinstance(m, nn.LayerNorm)} == {1e-5}
    whole = twin(source, decoder_input_ids=target, use_cache=False)
    output = ours(source, None, target)
    assert difference(output.logits, whole.logits) < TOLERANCE
    assert difference(output.encoder_last_hidden_state, whole.encoder_last_hidden_state) < TOLERANCE


def test_left_padding_gives_what_right_padding_gives() -> None:
    source, source_mask, target, target_mask = batch()
    ours = ours_of(marian_twin())
    right = ours(source, source_mask, target, target_mask).logits
    (left_source, left_mask), (left_target, left_keep) = to_left(source, source_mask), to_left(target, target_mask)
    left = ours(left_source, left_mask, left_target, left_keep).logits
    assert not left_mask[1, 0]
    assert difference(left[left_keep.bool()], right[target_mask.bool()]) < TOLERANCE


def test_one_token_at_a_time_gives_what_transformers_gives_at_once() -> None:
    source, source_mask, target, _ = batch()  # forced random tokens: greedy ones repeat themselves
    twin = marian_twin()
    ours, theirs = ours_of(twin), twin(source, source_mask, target, use_cache=False).logits
    state = ours.start(ours.encode(source, Layout.padded(source, source_mask)))
    steps = [ours.step(target[:, i : i + 1], state) for i in range(target.shape[1])]
    assert difference(torch.stack(steps, 1), theirs) < TOLERANCE


# --- the numbers above can fail ---


def positions_later(model: EncoderDecoder) -> None:
    for stack in (model.encoder, model.decoder):
        stack.position.table = stack.position.table.roll(-1, 0)


def sines_and_cosines_swapped(model: EncoderDecoder) -> None:
    model.encoder.position.table = model.encoder.position.table.roll(16, 1)


def query_and_key_swapped(model: EncoderDecoder) -> None:
    attention = model.decoder.blocks[0].attention
    attention.query, attention.key = attention.key, attention.query


def cross_and_self_attention_swapped(model: EncoderDecoder) -> None:
    block = model.decoder.blocks[1]
    block.attention, block.cross_attention = block.cross_attention, block.attention


def wrong_activation(model: EncoderDecoder) -> None:
    model.encoder.blocks[0].feed_forward.activation = F.gelu


def tanh_for_erf(model: EncoderDecoder) -> None:
    model.encoder.blocks[0].feed_forward.activation = ACTIVATIONS["gelu_tanh"]


def norm_before(model: EncoderDecoder) -> None:
    model.decoder.blocks[2].residual = RESIDUALS["pre"]


def embedding_unscaled(model: EncoderDecoder) -> None:
    object.__setattr__(model.decoder.spec, "embedding_scale", 1.0)


def no_head_bias(model: EncoderDecoder) -> None:
    model.head.bias.zero_()


def blocks_swapped(model: EncoderDecoder) -> None:
    model.encoder.blocks = nn.ModuleList(reversed(model.encoder.blocks))


def source_padding_seen(model: EncoderDecoder) -> None:
    forward = model.forward
    model.forward = lambda ids, mask, *rest: forward(ids, None, *rest)


def future_seen(model: EncoderDecoder) -> None:
    object.__setattr__(model.decoder.spec, "causal", False)


MUTANTS = [
    scale_off,
    positions_later,
    sines_and_cosines_swapped,
    query_and_key_swapped,
    cross_and_self_attention_swapped,
    wrong_activation,
    tanh_for_erf,
    norm_before,
    embedding_unscaled,
    no_head_bias,
    blocks_swapped,
    source_padding_seen,
    future_seen,
]


@pytest.mark.parametrize("mutate", MUTANTS, ids=lambda mutate: mutate.__name__)
def test_a_wrong_model_does_not_pass(mutate: Callable[[EncoderDecoder], None]) -> None:
    source, source_mask, target, target_mask = batch()
    twin = marian_twin(variant="two-vocabularies" if mutate is tanh_for_erf else "shared")
    ours = ours_of(twin)
    mutate(ours)
    wrong = ours(source, source_mask, target, target_mask).logits
    assert difference(wrong, logits_of(twin), target_mask) > 50 * TOLERANCE


# --- dropout ---

RATES = {"dropout": 0.2, "attention_dropout": 0.3, "activation_dropout": 0.4}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> tuple[EncoderDecoder, Tensor]:
    monkeypatch.setattr(F, "dropout", pattern)
    monkeypatch.setattr(headway.nn.dropout, "drop", pattern)
    monkeypatch.setattr(headway.nn.cores, "drop", pattern)
    twin = marian_twin(**RATES, attn_implementation="eager")
    return train(ours_of(twin)), logits_of(twin.train())


def test_every_dropout_stands_in_its_place(trained: tuple[EncoderDecoder, Tensor]) -> None:
    ours, theirs = trained
    source, source_mask, target, target_mask = batch()
    assert difference(ours(source, source_mask, target, target_mask).logits, theirs, target_mask) < TOLERANCE
    ours.eval()
    assert difference(ours(source, source_mask, target, target_mask).logits, theirs, target_mask) > 0.01


def embedding_kept(model: EncoderDecoder) -> None:
    model.decoder.embedding_dropout.p = 0.0


def attention_kept(model: EncoderDecoder) -> None:
    model.encoder.blocks[1].attention.dropout = 0.0


def cross_attention_kept(model: EncoderDecoder) -> None:
    model.decoder.blocks[1].cross_attention.dropout = 0.0


def activation_kept(model: EncoderDecoder) -> None:
    model.decoder.blocks[0].feed_forward.dropout.p = 0.0


def residual_kept(model: EncoderDecoder) -> None:
    model.encoder.blocks[0].dropout.p = 0.0


def final_dropped(model: EncoderDecoder) -> None:
    model.encoder.final_dropout.p = 0.2


PLACES = [embedding_kept, attention_kept, cross_attention_kept, activation_kept, residual_kept, final_dropped]


@pytest.mark.parametrize("mutate", PLACES, ids=lambda mutate: mutate.__name__)
def test_a_dropout_in_the_wrong_place_does_not_pass(
    trained: tuple[EncoderDecoder, Tensor], mutate: Callable[[EncoderDecoder], None]
) -> None:
    ours, theirs = trained
    mutate(ours)
    source, source_mask, target, target_mask = batch()
    assert difference(ours(source, source_mask, target, target_mask).logits, theirs, target_mask) > 50 * TOLERANCE
