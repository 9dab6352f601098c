"""GPT-2 as data: its sizes, fresh weights, what is refused, what is no weight."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch
from transformers import GPT2Config

from headway.errors import CheckpointError, ConfigError
from headway.models import build
from headway.models.families import gpt2
from headway.models.families.gpt2 import SIZES, Gpt2
from headway.models.sizes import parameters_by_part
from headway.nn.cache import GrowingCache
from tests.parity.rows_gpt2 import CONFIGS

PUBLISHED = {"small": 124_439_808, "medium": 354_823_168, "large": 774_030_080, "xl": 1_557_611_200}


@pytest.mark.parametrize("size", SIZES)
def test_every_size_has_the_parameters_that_were_published(size: str) -> None:
    choices, vocab = SIZES[size], 50257
    d, n = choices.d_model, choices.num_layers
    by_hand = n * (12 * d * d + 13 * d) + (vocab + choices.max_length + 2) * d
    parts = parameters_by_part(choices.spec(vocab))
    assert sum(parts.values()) == by_hand == PUBLISHED.get(size, by_hand)
    assert parts == {"embeddings": vocab * d, "stack": by_hand - vocab * d}  # the head is the embedding


def test_kogpt2_is_a_gpt2_with_tokens_of_its_own() -> None:
    spec = gpt2.spec(CONFIGS["skt/kogpt2-base-v2"])
    assert sum(parameters_by_part(spec).values()) == 125_164_032
    assert (spec.tokens.pad_id, spec.tokens.start_id, spec.tokens.end_id) == (3, 0, 1)
    assert gpt2.spec(CONFIGS["gpt2"]).tokens.pad_id == -1


def test_projections_into_the_residual_are_drawn_smaller() -> None:
    torch.manual_seed(0)
    model = build(replace(SIZES["tiny"], num_layers=8).spec(300))
    for name, weight in model.named_parameters():
        if weight.ndim == 2:
            into_residual = name.endswith(("attention.out.weight", "feed_forward.down.weight"))
            assert weight.std().item() == pytest.approx(0.02 / 4 if into_residual else 0.02, rel=0.02), name


def test_a_table_of_causality_is_known_and_a_bias_is_not_taken_for_it() -> None:
    (pattern,) = gpt2.BUFFERS
    for name in ("h.0.attn.bias", "transformer.h.11.attn.bias", "h.3.attn.masked_bias"):
        assert re.fullmatch(pattern, name)
    assert not any(re.fullmatch(pattern, row.theirs) for row in gpt2.keys(gpt2.spec(CONFIGS["gpt2"])))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx is True; only False"),
        ({"add_cross_attention": True}, "add_cross_attention is True; only False"),
        ({"n_head": 5}, "d_model 768 is not divisible by num_heads 5"),
        ({"n_head": 0}, "d_model 768 is not divisible by num_heads 0"),
        ({"n_layer": "12"}, "n_layer is '12'; expected a whole number"),
        ({"activation_function": "mish"}, "'mish'; known: relu"),
        ({"activation_function": ["relu"]}, r"\['relu'\]; known: relu"),
        ({"resid_pdrop": 1.5}, "residual dropout is 1.5; it is a share"),
        ({"embd_pdrop": float("nan")}, "embedding dropout is nan"),
        ({"architectures": 3}, "architectures names 3"),
        ({"architectures": ["GPT2DoubleHeadsModel"]}, "architectures names GPT2DoubleHeadsModel"),
    ],
)
def test_what_would_be_another_model_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        gpt2.spec(CONFIGS["gpt2"] | change)


def test_of_two_names_the_one_that_transformers_follows_counts() -> None:
    both = {"n_embd": 32, "hidden_size": 64, "n_layer": 2, "num_hidden_layers": 3, "n_head": 2}
    both |= {"num_attention_heads": 4, "n_positions": 10, "max_position_embeddings": 20}
    theirs, stack = GPT2Config.from_dict(both), gpt2.spec(CONFIGS["gpt2"] | both).stack
    assert (stack.d_model, stack.num_layers) == (theirs.n_embd, theirs.n_layer)
    assert (stack.attention.num_heads, stack.max_length) == (theirs.n_head, theirs.n_positions)


def test_a_head_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(CheckpointError, match="a head's dropout is -1"):
        gpt2.spec(CONFIGS["gpt2"] | {"classifier_dropout": -1}, "GPT2ForTokenClassification")
    with pytest.raises(CheckpointError, match=r"problem_type is \['regression'\]; known"):
        gpt2.spec(CONFIGS["gpt2"] | {"problem_type": ["regression"]}, "GPT2ForSequenceClassification")


@pytest.mark.parametrize("norm_order", ["pre", "post", "pre_normed"])
@pytest.mark.parametrize("position", ["none", "sinusoidal", "learned", "rotary", "alibi", "relative"])
@torch.no_grad()
def test_any_positions_and_norms_can_be_tried_and_see_no_future(position: str, norm_order: str) -> None:
    torch.manual_seed(0)
    choices = Gpt2(num_layers=2, d_model=24, num_heads=3, max_length=16, position=position, norm_order=norm_order)
    model = build(choices.spec(50)).eval()
    ids = torch.randint(50, (2, 11))
    changed = ids.clone()
    changed[:, 7:] = (ids[:, 7:] + 1) % 50
    states, other = model.hidden(ids), model.hidden(changed)
    assert torch.equal(states[:, :7], other[:, :7])
    assert not torch.isclose(states[:, 7:], other[:, 7:]).all(-1).any()
    cache = GrowingCache(2)
    steps = torch.cat([model.hidden(ids[:, i : i + 1], cache=cache) for i in range(11)], 1)
    torch.testing.assert_close(steps, states)
    if (position, norm_order) != ("learned", "pre"):
        with pytest.raises(ConfigError, match=r"which has no .*(kind|norm_order|final_norm)"):
            gpt2.config(model.spec)


def test_without_bias_only_norms_have_one() -> None:
    with torch.device("meta"):
        model = build(Gpt2(num_layers=2, d_model=8, num_heads=2, bias=False).spec(11))
    named = [name for name, _ in model.named_parameters() if name.endswith("bias")]
    assert named
    assert all("norm" in name for name in named)
