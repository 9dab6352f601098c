"""Llama and Qwen2: sizes as published, what is refused, and rotations that stay exact in bfloat16."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from headway.errors import CheckpointError, ConfigError
from headway.models import build
from headway.models.families import llama, qwen2
from headway.models.sizes import parameters_by_part
from headway.nn.positions import Alibi, Rotary, Sinusoidal
from headway.spec import LabelHeadSpec, RotaryScaling, SpecialTokens
from tests.parity import rows_llama, rows_qwen2

NONE = SpecialTokens(pad_id=-1, start_id=-1, end_id=-1)


@pytest.mark.parametrize(
    ("family", "size", "vocab_size", "parameters"),
    [
        (llama, "tiny", 32000, 15_191_712),
        (llama, "2-7b", 32000, 6_738_415_616),
        (llama, "3.2-1b", 128256, 1_235_814_400),
        (llama, "3.2-3b", 128256, 3_212_749_824),
        (qwen2, "0.5b", 151936, 494_032_768),
        (qwen2, "1.5b", 151936, 1_543_714_304),
        (qwen2, "7b", 152064, 7_615_616_512),
    ],
)
def test_sizes_are_those_of_the_published_models(family: Any, size: str, vocab_size: int, parameters: int) -> None:
    spec = family.SIZES[size].spec(vocab_size, NONE)
    assert sum(parameters_by_part(spec).values()) == parameters
    assert family.spec(family.config(spec)) == spec


def test_sizes_say_what_the_published_configurations_say() -> None:
    one, half = rows_llama.CONFIGS["meta-llama/Llama-3.2-1B"], rows_qwen2.CONFIGS["Qwen/Qwen2-0.5B"]
    ends = SpecialTokens(pad_id=-1, start_id=128000, end_id=128001)
    assert llama.SIZES["3.2-1b"].spec(128256, ends) == llama.spec(one)
    assert llama.SIZES["2-7b"].spec(32000, SpecialTokens(pad_id=-1, start_id=1, end_id=2)) == llama.spec(
        rows_llama.CONFIGS["meta-llama/Llama-2-7b-hf"]
    )
    assert qwen2.SIZES["0.5b"].spec(151936, SpecialTokens(pad_id=-1, start_id=151643, end_id=151643)) == qwen2.spec(
        half
    )


@pytest.mark.parametrize(
    ("family", "change", "message"),
    [
        (llama, {"rope_scaling": {"type": "linear", "factor": 2.0}}, "type linear"),
        (llama, {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "type yarn"),
        (llama, {"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}}, "partial_rotary_factor = 0.5"),
        (llama, {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "0 < low < high"),
        (llama, {"rope_scaling": "linear"}, "expected an object"),
        (llama, {"rope_theta": 1e4, "rope_parameters": {"rope_theta": 1e5}}, "remove one"),
        (llama, {"num_key_value_heads": 3}, "num_kv_heads 3"),
        (llama, {"num_attention_heads": 5, "head_dim": None}, "num_heads 5"),
        (llama, {"architectures": ["LlamaForMultipleChoice"]}, "LlamaForMultipleChoice"),
        (qwen2, {"use_sliding_window": True}, "use_sliding_window is True"),
        (qwen2, {"layer_types": ["full_attention", "sliding_attention"]}, "sliding_attention"),
    ],
)
def test_what_would_be_another_model_is_refused(family: Any, change: dict[str, Any], message: str) -> None:
    rows = {llama: rows_llama, qwen2: rows_qwen2}[family]
    config = dict(next(iter(rows.CONFIGS.values())))
    with pytest.raises(CheckpointError, match=re.escape(message)):
        family.spec(config | change)


def test_what_a_relative_has_not_is_named() -> None:
    biased = llama.Llama(query_bias=True, num_layers=2).spec(99)
    with pytest.raises(ConfigError, match=r"llama, which has no stack.attention.out_bias False"):
        llama.config(biased)
    with pytest.raises(ConfigError, match=r"qwen2, which has no family 'llama'"):
        qwen2.config(biased)
    words_and_labels = dataclasses.replace(
        qwen2.Qwen2(num_layers=2).spec(99), label_head=LabelHeadSpec(of="text", labels=("a", "b"), reads="last")
    )
    with pytest.raises(ConfigError, match="label_head"):
        qwen2.config(words_and_labels)


def test_the_frequencies_that_old_checkpoints_keep_are_known_by_name() -> None:
    (pattern,) = llama.BUFFERS
    for name in ("model.layers.31.self_attn.rotary_emb.inv_freq", "layers.0.self_attn.rotary_emb.inv_freq"):
        assert re.fullmatch(pattern, name)


def test_slowed_frequencies_are_those_of_the_published_code() -> None:
    scaling = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 32.0, "low_freq_factor": 1.0}
    scaling |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
    config = LlamaConfig(hidden_size=2048, num_attention_heads=32, rope_parameters=scaling)
    theirs, _ = ROPE_INIT_FUNCTIONS["llama3"](config)
    ours = Rotary(64, 500000.0, RotaryScaling(factor=32.0, low=1.0, high=4.0, length=8192)).frequency
    torch.testing.assert_close(ours, theirs, rtol=2e-6, atol=0)
    plain = Rotary(64, 500000.0).frequency
    assert (ours < 0.99 * plain).any()
    assert (ours == plain).any()


def test_formulas_stay_exact_in_half_precision() -> None:
    """A frequency in bfloat16 is 0.4 % off: four turns after a thousand."""
    for dtype in (torch.bfloat16, torch.float16):
        for make in (lambda: Rotary(8), lambda: Alibi(6), lambda: Sinusoidal(50, 8)):
            for name, buffer in make().to(dtype).named_buffers():
                assert torch.equal(buffer, dict(make().named_buffers())[name])
    model = build(llama.Llama(num_layers=1, d_model=32, d_ff=48, num_heads=4, num_kv_heads=2).spec(99)).eval()
    ids = torch.arange(90)[None]
    with torch.no_grad():
        exact, rounded = model(ids).logits, model.bfloat16()(ids).logits
    assert rounded.dtype == torch.bfloat16
    assert (rounded - exact).abs().max() < 0.05 * exact.abs().max()
