"""BLOOM as data and ALiBi as arithmetic: sizes, slopes, distances, no longest text, no waiting for the device."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import BloomConfig, BloomForCausalLM
from transformers.models.bloom.modeling_bloom import build_alibi_tensor

from headway.errors import CheckpointError
from headway.models import build
from headway.models.families import bloom
from headway.models.families.bloom import SIZES, Bloom
from headway.models.sizes import parameters_by_part
from headway.nn.cache import GrowingCache
from headway.nn.masks import Layout
from headway.nn.positions import Alibi
from tests.parity.harness import TOLERANCE, Row, batch, difference, ours_of, outputs, twin_of
from tests.parity.rows_bloom import CONFIGS, ROWS

PUBLISHED = {
    "560m": 559_214_592,
    "1b1": 1_065_314_304,
    "1b7": 1_722_408_960,
    "3b": 3_002_557_440,
    "7b1": 7_069_016_064,
    "176b": 176_247_271_424,
}


@pytest.mark.parametrize("size", SIZES)
def test_every_size_has_the_parameters_that_were_published(size: str) -> None:
    choices, vocab = SIZES[size], 250880
    d, n = choices.d_model, choices.num_layers
    by_hand = n * (12 * d * d + 13 * d) + (vocab + 4) * d
    assert sum(parameters_by_part(choices.spec(vocab)).values()) == by_hand == PUBLISHED.get(size, by_hand)


@pytest.mark.parametrize("heads", [1, 2, 3, 6, 8, 12, 25, 112])
def test_a_penalty_on_distance_is_what_a_reward_for_later_keys_is(heads: int) -> None:
    """Transformers adds slope · key position: a constant more in every row of scores, which a softmax does not see."""
    mask = (torch.arange(33) >= torch.tensor([[0], [7], [20]])).long()  # padded on the left
    torch.manual_seed(0)
    scores = torch.randn(3, heads, 33, 33, dtype=torch.float64)
    hidden = ~(torch.ones(33, 33, dtype=torch.bool).tril() & mask[:, None, None].bool())
    ours = Alibi(heads).bias(torch.arange(33)[None], torch.arange(33)[None])
    theirs = build_alibi_tensor(mask, heads, torch.float64).view(3, heads, 1, 33)
    rows = mask.bool()[:, None].expand(-1, heads, -1)
    weights = [(scores + bias).masked_fill(hidden, -torch.inf).softmax(-1)[rows] for bias in (ours, theirs)]
    torch.testing.assert_close(*weights, rtol=1e-4, atol=1e-6)  # their slopes are powers in float32
    assert not torch.allclose(weights[0], scores.masked_fill(hidden, -torch.inf).softmax(-1)[rows], atol=1e-3)


@pytest.mark.parametrize("row", [ROWS[0], ROWS[3]], ids=lambda row: row.name)
@torch.no_grad()
def test_padding_on_the_left_is_counted_as_transformers_counts_it(row: Row) -> None:
    left = batch(row, "left")
    assert difference(outputs(row, ours_of(row), left), outputs(row, twin_of(row, row.std), left)) < TOLERANCE


@torch.no_grad()
def test_there_is_no_longest_text() -> None:
    config = BloomConfig(vocab_size=50, hidden_size=24, n_layer=2, n_head=3, seq_length=8)
    row = Row("long", BloomForCausalLM, config, bloom)
    ours, ids = ours_of(row), torch.randint(50, (2, 65), generator=torch.Generator().manual_seed(0))
    assert ours.spec.stack.max_length == 8
    assert not ours.stack.position.is_bounded
    assert difference([ours(ids).logits], [twin_of(row, row.std)(ids).logits]) < TOLERANCE


class Waits(TorchDispatchMode):
    """Counts what a device must be waited for: a tensor asked for a number, a shape that depends on one."""

    number = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.number += func.overloadpacket.__name__ in ("_local_scalar_dense", "nonzero", "masked_select")
        return func(*args, **kwargs or {})


@torch.no_grad()
def test_a_forward_and_a_step_wait_for_nothing() -> None:
    """Not even to look whether there is padding: that is known once the batch is made, and after the prompt is read."""
    model = build(Bloom(num_layers=2, d_model=24, num_heads=3).spec(50)).eval()
    ids, mask = torch.zeros(3, 9, dtype=torch.long), torch.arange(9) >= torch.tensor([[0], [2], [5]])
    layout, cache = Layout.padded(ids, mask), GrowingCache(2)
    with Waits() as waits:
        model.hidden(ids)  # `forward` would look at the ids, on a CPU
        model.hidden(ids, layout)
        assert waits.number == 0
        model.hidden(ids, layout, cache=cache)
        model.hidden(ids[:, :1], cache=cache)
        before = waits.number
        for _ in range(3):
            model.hidden(ids[:, :1], cache=cache)
        assert waits.number == before
        assert bool(mask.any())
        assert waits.number == before + 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"slow_but_exact": True, "pretraining_tp": 4}, "leave out the biases"),
        ({"n_head": 3, "num_attention_heads": None}, "d_model 1024 is not divisible by num_heads 3"),
        ({"num_attention_heads": 0}, "d_model 1024 is not divisible by num_heads 0"),
        ({"n_embed": None}, "no key 'n_embed'"),
        ({"seq_length": 0}, "max_length is 0"),
        ({"is_encoder_decoder": True}, "is_encoder_decoder is True"),
    ],
)
def test_what_would_be_another_model_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        bloom.spec(CONFIGS["bigscience/bloom-560m"] | change)


def test_of_two_names_the_one_that_transformers_follows_counts() -> None:
    both = {"n_embed": 32, "hidden_size": 64, "n_layer": 2, "num_hidden_layers": 3, "n_head": 2}
    both |= {"num_attention_heads": 4}
    theirs, stack = BloomConfig.from_dict(both), bloom.spec(CONFIGS["bigscience/bloom-560m"] | both).stack
    assert (stack.d_model, stack.num_layers) == (theirs.hidden_size, theirs.n_layer)
    assert stack.attention.num_heads == theirs.n_head


def test_one_label_is_a_number() -> None:
    config = CONFIGS["bigscience/bloom-560m"] | {"id2label": {"0": "점수"}}
    head = bloom.spec(config, "BloomForSequenceClassification").label_head
    assert head is not None
    assert (head.labels, head.problem, head.reads, head.bias) == (("점수",), "regression", "last", False)
