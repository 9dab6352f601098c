"""Every position scheme with every norm order and activation: what holds for one model holds for all."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from headway.models.single import SingleStack
from headway.nn.cache import GrowingCache
from headway.nn.masks import Layout
from headway.spec import AttentionSpec, HeadSpec, LabelHeadSpec, PositionSpec, SingleStackSpec, StackSpec

POSITIONS = ("none", "sinusoidal", "learned", "rotary", "alibi", "relative")
ORDERS = ("pre", "post", "pre_normed")
ACTIVATIONS = ("relu", "gelu", "gelu_tanh", "silu")
GRID = [
    StackSpec(
        vocab_size=23,
        max_length=12,
        num_layers=2,
        d_model=12,
        d_ff=20,
        attention=AttentionSpec(num_heads=3, head_dim=6, num_kv_heads=(3, 1, None)[i % 3], query_bias=i % 5 != 0),
        causal=causal,
        position=PositionSpec(kind=position, offset=i % 2, buckets=8, max_distance=9),
        embedding_norm=i % 2 == 0,
        token_types=0 if i % 3 else 2,
        norm=("layer", "rms")[i % 4 == 0],
        norm_order=order,
        final_norm=i % 5 < 3,
        activation=activation,
        gated=i % 7 < 3,
    )
    for i, (causal, position, order, activation) in enumerate(
        itertools.product((False, True), POSITIONS, ORDERS, ACTIVATIONS)
    )
    if (i // 4 + i) % 2 == 0  # every pair of choices, not all of all
]
LENGTHS = [7, 3, 5]


def name(stack: StackSpec) -> str:
    side = "decoder" if stack.causal else "encoder"
    return f"{side}-{stack.position.kind}-{stack.norm_order}-{stack.activation}"


@pytest.mark.parametrize("stack", GRID, ids=name)
def test_any_variation_is_a_whole_model(stack: StackSpec) -> None:
    torch.manual_seed(0)
    spec = SingleStackSpec(
        family="any",
        stack=stack,
        language_head=HeadSpec(),
        label_head=LabelHeadSpec(of="tokens", labels=("yes", "no")),
    )
    model = SingleStack(spec).double().eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.5)  # no gain of one and no bias of zero hides anything
    texts = [torch.randint(stack.vocab_size, (length,)) for length in LENGTHS]
    alone = torch.cat([model.hidden(text[None])[0] for text in texts])  # (tokens, d_model)
    for side in ("right", "left"):
        ids, mask = padded(texts, side)
        close(model.hidden(ids, Layout.padded(ids, mask))[mask], alone)
    close(model.hidden(torch.cat(texts), Layout.packed(LENGTHS)), alone)
    if stack.causal:
        close(token_by_token(model, *padded(texts, "left")), alone)
    output = model(*padded(texts, "left"))
    for logits in (output.prediction_logits, output.seq_relationship_logits):
        (logits * torch.randn_like(logits)).sum().backward(retain_graph=True)
    for parameter, weight in model.named_parameters():
        assert weight.grad is not None, parameter
        assert parameter.endswith("key.bias") or weight.grad.any(), parameter


def padded(texts: list[Tensor], side: str) -> tuple[Tensor, Tensor]:
    """Ids `(rows, longest)` and the mask of the real ones."""
    ids = torch.zeros(len(texts), max(LENGTHS), dtype=torch.long)
    mask = torch.zeros_like(ids, dtype=torch.bool)
    for row, text in enumerate(texts):
        place = slice(len(text)) if side == "right" else slice(-len(text), None)
        ids[row, place], mask[row, place] = text, True
    return ids, mask


def token_by_token(model: SingleStack, ids: Tensor, mask: Tensor) -> Tensor:
    """Hidden states of the real tokens: a prompt of five columns, then one by one."""
    cache = GrowingCache(model.spec.stack.num_layers)
    states = [model.hidden(ids[:, :5], Layout.padded(ids[:, :5], mask[:, :5]), cache=cache)]
    states += [model.hidden(ids[:, i : i + 1], cache=cache) for i in range(5, ids.shape[1])]
    return torch.cat(states, 1)[mask]


def close(ours: Tensor, wanted: Tensor) -> None:
    assert (ours - wanted).abs().max() <= 1e-9 * wanted.abs().max()


def test_the_grid_holds_every_pair_of_choices() -> None:
    choices = [(stack.position.kind, stack.norm_order, stack.activation, stack.causal) for stack in GRID]
    for first, second in itertools.combinations(range(4), 2):
        every = {(a[first], b[second]) for a in choices for b in choices}
        assert {(choice[first], choice[second]) for choice in choices} == every
