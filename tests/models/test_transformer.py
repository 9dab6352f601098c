"""The encoder-decoder: packed equals padded, steps equal the whole, hypotheses move, sentences leave."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from headway.models.families.vaswani import Vaswani
from headway.models.transformer import EncoderDecoder
from headway.nn.masks import Layout
from headway.nn.stack import Memory
from tests.nn.stacks import KINDS, gradients, ids_of, pad

kinds = pytest.mark.parametrize("kind", KINDS)


def model_of(kind: str = "sinusoidal", tied: str = "all") -> EncoderDecoder:
    choices = Vaswani(
        num_layers=2, d_model=12, d_ff=20, num_heads=3, position=kind, norm_order="pre", max_length=16, tied=tied
    )
    torch.manual_seed(0)
    model = EncoderDecoder(choices.spec(23, 23)).double().eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.normal_(mean=1.0 if "norm.weight" in name else 0.0, std=0.4)
    return model


def close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@kinds
def test_packed_equals_padded_in_outputs_and_gradients(kind: str) -> None:
    model, sources, targets = model_of(kind), ids_of([7, 3, 5]), ids_of([2, 6, 4], seed=2)
    (source, source_mask), (target, target_mask) = pad(sources, "left"), pad(targets, "right")
    padded = model(source, source_mask, target, target_mask).logits[target_mask.bool()]
    weight = torch.randn(padded.shape, dtype=torch.float64)
    (padded * weight).sum().backward()
    expected = gradients(model)
    model.zero_grad()
    memory = model.encode(torch.cat(sources), Layout.packed([7, 3, 5]))
    packed = model.head(model.decode(torch.cat(targets), Layout.packed([2, 6, 4]), memory))
    (packed * weight).sum().backward()
    close(packed, padded)
    found = gradients(model)
    assert found.keys() == expected.keys() == dict(model.named_parameters()).keys()
    for name in found:
        close(found[name], expected[name])


@kinds
def test_hypotheses_that_share_a_source_move_and_leave_as_if_each_had_been_alone(kind: str) -> None:
    """Two beams of three sentences: grow, cross over, drop a sentence, grow, each compared with the full pass."""
    model, sources = model_of(kind), ids_of([7, 3, 5])
    source, mask = pad(sources, "left")
    words = torch.stack(ids_of([6] * 6, seed=3))  # (hypotheses, length)
    sentence = torch.tensor([0, 0, 1, 1, 2, 2])

    def expected(hypotheses: Tensor, of: Tensor) -> Tensor:
        pairs = zip(hypotheses, of.tolist(), strict=True)
        return torch.stack([model(sources[i][None], None, ids[None]).logits[0, -1] for ids, i in pairs])

    with torch.no_grad():
        state = model.start(model.encode(source, Layout.padded(source, mask)))
        for i in range(3):
            close(model.step(words[:, i : i + 1], state), expected(words[:, : i + 1], sentence))
        rows = torch.tensor([1, 0, 3, 3, 4, 5])  # beams of one sentence change places, one is doubled
        state.reorder(rows)
        words = torch.cat([words[rows, :3], words[:, 3:]], 1)
        close(model.step(words[:, 3:4], state), expected(words[:, :4], sentence))
        state.reorder(torch.tensor([0, 1, 2, 3, 5, 4]))
        state.reorder(torch.tensor([0, 1, 4, 5]), torch.tensor([0, 2]))  # sentence 1 is done
        rows = torch.tensor([0, 1, 5, 4])
        words, sentence = torch.cat([words[rows, :4], words[:4, 4:]], 1), sentence[rows]
        close(model.step(words[:, 4:], state), expected(words, sentence))


def test_the_memory_is_projected_once() -> None:
    model, (source,) = model_of(), ids_of([5])
    with torch.no_grad():
        state = model.start(model.encode(source[None]))
        first = model.step(torch.tensor([[2]]), state)
        state.memory = Memory(torch.zeros_like(state.memory.states), state.memory.layout)
        again = model.start(model.encode(source[None]))
        model.step(torch.tensor([[2]]), again)
        close(model.step(torch.tensor([[4]]), state), model.step(torch.tensor([[4]]), again))
    assert first.shape == (1, 23)


def test_without_a_target_the_decoder_reads_the_start_token() -> None:
    model, (source,) = model_of(), ids_of([5])
    spec = dataclasses.replace(model.spec.tokens, start_id=9)
    model.spec = dataclasses.replace(model.spec, tokens=spec)
    close(model(source[None]).logits, model(source[None], None, torch.tensor([[9]])).logits)


@pytest.mark.parametrize(("tied", "tables"), [("all", 1), ("decoder", 2), ("none", 3)])
def test_ties_are_one_parameter_that_both_uses_train(tied: str, tables: int) -> None:
    model = model_of(tied=tied)
    uses = [model.encoder.tokens.weight, model.decoder.tokens.weight, model.head.weight]
    assert len({id(weight) for weight in uses}) == tables
    source, target = torch.tensor([[5, 6]]), torch.tensor([[7, 8]])
    model(source, None, target).logits[..., 4].sum().backward()
    touched = {  # rows of a table that get a gradient: what was read, and all that was scored against
        "encoder": {5, 6},
        "decoder": {7, 8},
        "head": {4},
    }
    if tied == "all":
        touched = {use: {4, 5, 6, 7, 8} for use in touched}
    elif tied == "decoder":
        touched |= {"decoder": {4, 7, 8}, "head": {4, 7, 8}}
    for weight, rows in zip(uses, touched.values(), strict=True):
        assert set(weight.grad.abs().sum(1).nonzero().flatten().tolist()) == rows
