"""What holds of every stack, whatever its positions and norms: a text means the same wherever it stands."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from headway.errors import ConfigError
from headway.nn.cache import GrowingCache
from headway.nn.masks import Layout
from headway.nn.stack import Memory
from headway.spec import DropoutSpec
from tests.nn.stacks import KINDS, SCHEMES, VOCAB, gradients, ids_of, pad, stack_of

EXACT = {"rtol": 0.0, "atol": 1e-11}  # float64
LENGTHS = [7, 4, 1, 9]
schemes = pytest.mark.parametrize(("kind", "order"), SCHEMES)


@schemes
@pytest.mark.parametrize("causal", [False, True], ids=["encoder", "decoder"])
def test_a_row_is_the_same_alone_padded_on_either_side_and_packed(kind: str, order: str, causal: bool) -> None:
    stack, rows = stack_of(kind, order, causal=causal), ids_of(LENGTHS)
    with torch.no_grad():
        alone = torch.cat([stack(row[None])[0] for row in rows])
        for side in ("right", "left"):
            ids, mask = pad(rows, side, extra=2)
            assert_close(stack(ids, Layout.padded(ids, mask))[mask.bool()], alone)
        assert_close(stack(torch.cat(rows), Layout.packed(LENGTHS)), alone)


@settings(max_examples=25)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4), side=st.sampled_from(["left", "right"]))
def test_packed_and_padded_have_the_same_gradients(lengths: list[int], side: str) -> None:
    rows, stack = ids_of(lengths), stack_of("relative", "pre", causal=True)
    weight = torch.randn(sum(lengths), 12, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    ids, mask = pad(rows, side)
    (stack(ids, Layout.padded(ids, mask))[mask.bool()] * weight).sum().backward()
    padded = gradients(stack)
    stack.zero_grad()
    (stack(torch.cat(rows), Layout.packed(lengths)) * weight).sum().backward()
    packed = gradients(stack)
    assert packed.keys() == padded.keys()
    for name in packed:
        assert_close(packed[name], padded[name], name)


@schemes
def test_the_future_changes_nothing_at_all(kind: str, order: str) -> None:
    stack = stack_of(kind, order, causal=True)
    before = torch.stack(ids_of([9, 9]))
    after = before.clone()
    after[:, 5:] = (after[:, 5:] + 1) % VOCAB
    with torch.no_grad():
        one, other = stack(before), stack(after)
        assert torch.equal(one[:, :5], other[:, :5])  # not nearly: a leak of 1e-9 is a leak
        assert (one[:, 5:] - other[:, 5:]).abs().amin() > 0
        encoder = stack_of(kind, order)
        assert (encoder(before)[:, 0] - encoder(after)[:, 0]).abs().max() > 1e-6  # and the test can tell


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", ["left", "right"])
@settings(max_examples=10)
@given(cuts=st.lists(st.integers(1, 3), min_size=3, max_size=9))
def test_a_cache_gives_what_the_full_pass_gives(kind: str, side: str, cuts: list[int]) -> None:
    stack = stack_of(kind, causal=True)
    ids, mask = pad(ids_of([8, 5, 3]), side)
    cache, parts, start = GrowingCache(2), [], 0
    with torch.no_grad():
        full = stack(ids, Layout.padded(ids, mask))
        for size in [*cuts, 8]:
            chunk = slice(start, start := min(start + size, 8))
            if ids[:, chunk].numel():
                parts.append(stack(ids[:, chunk], Layout.padded(ids[:, chunk], mask[:, chunk]), cache=cache))
    assert_close(torch.cat(parts, 1)[mask.bool()], full[mask.bool()])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_rows_of_a_cache_take_their_padding_along(kind: str, side: str) -> None:
    stack, rows, texts = stack_of(kind, causal=True), [2, 0, 2], ids_of([6, 4, 2])
    (ids, mask), new = pad(texts, side), torch.stack(ids_of([3, 3, 3], seed=2))
    cache = GrowingCache(2)
    with torch.no_grad():
        stack(ids, Layout.padded(ids, mask), cache=cache)
        cache.reorder(torch.tensor(rows))
        moved = stack(new, cache=cache)
        alone = [stack(torch.cat([texts[row], new[i]])[None])[0, -3:] for i, row in enumerate(rows)]
    assert_close(moved, torch.stack(alone))


@pytest.mark.parametrize("kind", KINDS)
def test_checkpointing_gives_the_same_gradients_to_the_bit_with_dropout_on(kind: str) -> None:
    dropout = DropoutSpec(embedding=0.1, attention=0.2, activation=0.3, residual=0.25, final=0.1)
    stack = stack_of(kind, "pre", dropout=dropout).train()
    ids, mask = pad(ids_of([7, 4]), "right")
    found, runs = [], []
    stack.blocks[0].register_forward_pre_hook(lambda *_: runs.append(stack.activation_checkpointing))
    for stack.activation_checkpointing in (False, True):
        torch.manual_seed(3)
        stack(ids, Layout.padded(ids, mask)).square().sum().backward()
        found.append(gradients(stack))
        stack.zero_grad()
    assert runs == [False, True, True]  # it ran again for the backward pass
    assert found[0].keys() == found[1].keys()
    for name in found[0]:
        assert torch.equal(found[0][name], found[1][name]), name
    torch.manual_seed(4)
    stack(ids, Layout.padded(ids, mask)).square().sum().backward()
    assert not torch.equal(gradients(stack)["tokens.weight"], found[0]["tokens.weight"])


def test_the_first_and_the_last_dropout_come_after_their_norms() -> None:
    stack = stack_of("none", "pre_normed", dropout=DropoutSpec(embedding=0.5, final=0.5)).train()
    seen: list[Tensor] = []
    stack.blocks[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    torch.manual_seed(0)
    seen.append(stack(torch.stack(ids_of([16] * 8))))
    for x in seen:  # a norm after it would leave no zeros
        assert (x == 0).double().mean().item() == pytest.approx(0.5, abs=0.05)


@schemes
def test_every_parameter_is_trained(kind: str, order: str) -> None:
    stack = stack_of(kind, order, causal=True, cross_attention=True, gated=True).train()
    ids, mask = pad(ids_of([7, 4]), "right")
    memory = Memory(torch.randn(2, 5, 12, dtype=torch.float64), Layout(2, 5, torch.device("cpu")))
    weight = torch.randn(2, 7, 12, dtype=torch.float64)
    (stack(ids, Layout.padded(ids, mask), memory=memory) * weight).sum().backward()
    found = gradients(stack)
    assert found.keys() == dict(stack.named_parameters()).keys()
    for name, gradient in found.items():
        if name.endswith("key.bias") and (kind != "rotary" or "cross" in name):
            assert gradient.abs().max() < 1e-9  # it moves all scores of a query alike, which the softmax forgets
        else:
            assert gradient.abs().max() > 1e-6, name


@pytest.mark.parametrize("kind", ["none", "rotary", "alibi", "relative"])
def test_positions_without_a_table_have_no_end(kind: str) -> None:
    assert stack_of(kind, causal=True)(torch.stack(ids_of([17]))).shape == (1, 17, 12)


@pytest.mark.parametrize("kind", ["sinusoidal", "learned"])
def test_a_text_longer_than_the_table_of_positions_is_refused_in_every_form(kind: str) -> None:
    stack = stack_of(kind, causal=True)
    says = pytest.raises(ConfigError, match=r"17 tokens.*at most 16")
    with torch.no_grad():
        ids = torch.stack(ids_of([17]))
        with says:
            stack(ids)
        with says:
            stack(torch.cat(ids_of([3, 17])), Layout.packed([3, 17]))
        cache = GrowingCache(2)
        stack(ids[:, :16], cache=cache)
        with says:
            stack(ids[:, 16:], cache=cache)


def assert_close(one: Tensor, other: Tensor, name: str = "") -> None:
    torch.testing.assert_close(one, other, **EXACT, msg=lambda text: f"{name} {text}")
