"""T5: sizes as published, one dress of the head a version, distances in a cache, and what float16 does to it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import T5ForConditionalGeneration, T5Model

from headway.checkpoints import hf
from headway.checkpoints.native import write_json
from headway.checkpoints.rename import to_theirs
from headway.errors import CheckpointError, ConfigError
from headway.models import build
from headway.models.families import t5
from headway.models.sizes import parameters_by_part
from headway.models.transformer import EncoderDecoder
from headway.nn.masks import Layout
from headway.spec import HeadSpec, PositionSpec, SpecialTokens, TransformerSpec
from headway.tasks.info import describe
from tests.parity.harness import Row, batch, difference, ours_of, outputs, spec_of_config, twin_of
from tests.parity.rows_t5 import CONFIGS, FIRST, LATER, ROWS

TOKENS = SpecialTokens(pad_id=0, start_id=0, end_id=1)
PARAMETERS = {  # with the published vocabulary
    "tiny": 15_570_688,
    "small": 60_506_624,
    "base": 222_903_552,
    "large": 737_668_096,
    "3b": 2_851_598_336,
    "11b": 11_307_321_344,
    "v1.1-small": 76_961_152,
    "v1.1-base": 247_577_856,
    "v1.1-large": 783_150_080,
    "v1.1-xl": 2_849_757_184,
    "v1.1-xxl": 11_135_332_352,
}


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def test_sizes_are_those_of_the_published_models() -> None:
    specs = {size: choices.spec(32128, 32128, TOKENS) for size, choices in t5.SIZES.items()}
    assert {size: sum(parameters_by_part(spec).values()) for size, spec in specs.items()} == PARAMETERS
    assert specs["small"] == t5.spec(CONFIGS["google-t5/t5-small"])
    assert specs["v1.1-base"] == t5.spec(CONFIGS["google/t5-v1_1-base"])
    assert t5.SIZES["v1.1-base"].spec(64128, 64128, TOKENS) == t5.spec(CONFIGS["KETI-AIR/ke-t5-base"])
    for spec in (*specs.values(), t5.T5().encoder(99, TOKENS)):
        assert t5.spec(t5.config(spec)) == spec


def test_the_model_without_a_head_is_one_whose_head_nobody_reads() -> None:
    for config in (FIRST, LATER):
        row = Row("t5-model", T5Model, config, t5, 0.1, "seq2seq", False, ("last_hidden_state",))
        given = batch(row)
        assert difference(outputs(row, ours_of(row), given), outputs(row, twin_of(row, 0.1), given)) < 2e-6


def test_a_token_at_a_time_gives_the_logits_of_all_at_once() -> None:
    """The twin's, from the first token to the last; the distances of a step are those of its column."""
    row = ROWS[0]
    given, ours = batch(row), ours_of(row)
    ids = given["decoder_input_ids"]
    theirs = twin_of(row, row.std)(given["input_ids"], given["attention_mask"], ids).logits
    state = ours.start(ours.encode(given["input_ids"], Layout.padded(given["input_ids"], given["attention_mask"])))
    steps = [ours.step(ids[:, i : i + 1], state) for i in range(ids.shape[1])]
    assert difference([torch.stack(steps, 1)], [theirs]) < 2e-6


def test_transformers_opens_a_head_of_its_own(tmp_path: Path) -> None:
    """Its version 5 ties every T5, except where the file holds two tables that differ."""
    row = ROWS[1]
    given, ours = batch(row), ours_of(row)
    tensors = to_theirs({name: weight.data for name, weight in ours.named_parameters()}, t5.keys(ours.spec))
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()},
        tmp_path / "model.safetensors",
        {"format": "pt"},
    )
    write_json(tmp_path / "config.json", t5.config(ours.spec))
    twin = T5ForConditionalGeneration.from_pretrained(tmp_path).eval()
    assert difference(outputs(row, twin, given), outputs(row, ours, given)) < 2e-6
    assert spec_of_config(row, twin.config) == ours.spec


def test_a_t5_that_transformers_5_made_untied_is_tied_and_not_scaled(tmp_path: Path) -> None:
    """Whatever its configuration says of a tie: the file decides, here and there."""
    row, own = next(row for row in ROWS if row.name == "t5-v1.1-tied"), torch.randn(99, 32)
    given, twin = batch(row), T5ForConditionalGeneration(LATER).eval()
    twin.save_pretrained(tmp_path)
    ours = hf.load(tmp_path)
    assert ours.head.weight is ours.decoder.tokens.weight
    assert ours.spec.head.scale == 1.0
    assert difference(outputs(row, ours, given), outputs(row, twin, given)) < 2e-6
    assert describe(tmp_path)["parameters"] == sum(weight.numel() for weight in twin.parameters())
    twin.lm_head.weight = torch.nn.Parameter(own)
    twin.save_pretrained(tmp_path)
    twin = T5ForConditionalGeneration.from_pretrained(tmp_path).eval()
    ours = hf.load(tmp_path)
    assert torch.equal(ours.head.weight, own)
    assert difference(outputs(row, ours, given), outputs(row, twin, given)) < 2e-6
    assert describe(tmp_path)["parts"]["head"] == own.numel()
    assert hf.read(tmp_path, architecture="T5EncoderModel").unread[-1] == "lm_head.weight"


def test_a_configuration_that_contradicts_itself_is_refused() -> None:
    config = CONFIGS["google-t5/t5-small"]
    assert t5.spec(config | {"scale_decoder_outputs": False}).head == HeadSpec()
    with pytest.raises(CheckpointError, match="scale_decoder_outputs"):
        t5.spec(config | {"tie_word_embeddings": False, "scale_decoder_outputs": True})
    with pytest.raises(CheckpointError, match="gated_gelu"):
        t5.spec(config | {"feed_forward_proj": "gated_gelu"})
    with pytest.raises(CheckpointError, match="num_heads is 0"):
        t5.spec(config | {"num_heads": 0})
    with pytest.raises(CheckpointError, match="T5ForSequenceClassification"):
        t5.spec(config, "T5ForSequenceClassification")


def test_what_a_t5_has_not_is_named() -> None:
    small = t5.T5().spec(99, 99, TOKENS)
    decoder = dataclasses.replace(small.decoder, position=PositionSpec(kind="rotary"))
    with pytest.raises(ConfigError, match=r"t5, which has no decoder.position.kind 'rotary'; keep"):
        t5.config(dataclasses.replace(small, decoder=decoder))
    with pytest.raises(ConfigError, match="one vocabulary"):
        t5.T5().spec(99, 98)


def test_the_table_that_nobody_reads_is_known_by_name() -> None:
    name = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    known = {row.theirs for row in t5.keys(t5.T5().spec(99, 99))}
    assert [re.fullmatch(pattern, name) is not None for pattern in t5.BUFFERS] == [True]
    assert name not in known
    assert not any(re.fullmatch(pattern, row) for pattern in t5.BUFFERS for row in known)


def test_fresh_scores_have_the_size_that_a_scale_would_give_them() -> None:
    torch.manual_seed(0)
    encoder = build(t5.T5(num_layers=1, d_model=256).spec(99, 99)).encoder
    states = torch.randn(50, 256)
    query, key = (
        encoder.blocks[0].attention._heads(layer(states)).transpose(0, 1)
        for layer in (encoder.blocks[0].attention.query, encoder.blocks[0].attention.key)
    )
    assert (query @ key.mT).std().item() == pytest.approx(1.0, rel=0.1)
    assert encoder.tokens.weight.std().item() == pytest.approx(1.0, rel=0.05)


def test_activations_of_trained_weights_overflow_float16_and_nothing_else() -> None:
    """As of a trained T5: the feed-forward of one layer writes beyond 65,504, which the residual then carries."""
    ids, seen = torch.randint(2, 99, (2, 9), generator=torch.Generator().manual_seed(0)), []

    def model() -> EncoderDecoder:
        torch.manual_seed(0)
        fresh = build(t5.T5(num_layers=2, d_model=32, d_ff=48, num_heads=4, head_dim=6).spec(99, 99)).eval()
        fresh.encoder.blocks[0].feed_forward.down.weight *= 1e5
        fresh.encoder.blocks[0].feed_forward.down.register_forward_hook(lambda *call: seen.append(call[-1].abs().max()))
        return fresh

    def logits(fresh: EncoderDecoder) -> Tensor:
        return fresh(ids, None, ids).logits.float()

    exact = logits(model())
    assert 65_504 < seen[0] < 1e6
    assert not logits(model().half()).isfinite().all()
    assert (logits(model().bfloat16()) - exact).abs().max() < 0.05 * exact.abs().max()
    for spec in (t5.T5().spec(99, 99), t5.spec(CONFIGS["google/t5-v1_1-base"])):
        assert isinstance(spec, TransformerSpec)
        assert not spec.encoder.fits_float16
        assert not spec.decoder.fits_float16
    assert not t5.T5().encoder(99).stack.fits_float16
