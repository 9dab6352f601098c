"""Families as data: every key of a published config has its meaning, names are pinned, sizes are the paper's."""

from __future__ import annotations

import dataclasses
import re

import pytest
import torch
from transformers import MarianConfig

from headway.errors import CheckpointError, ConfigError
from headway.models import make_model
from headway.models.families import marian
from headway.models.families.exchange import NOTES
from headway.models.families.vaswani import SIZES, Vaswani
from headway.models.transformer import EncoderDecoder
from headway.spec import TransformerSpec, from_json, to_json

PUBLISHED = {  # as the translators of Helsinki-NLP are published: Vaswani's base with swish
    "_name_or_path": "/tmp/Helsinki-NLP/opus-mt-en-de",
    "_num_labels": 3,
    "activation_dropout": 0.0,
    "activation_function": "swish",
    "add_bias_logits": False,
    "add_final_layer_norm": False,
    "architectures": ["MarianMTModel"],
    "attention_dropout": 0.0,
    "bad_words_ids": [[58100]],
    "bos_token_id": 0,
    "classif_dropout": 0.0,
    "classifier_dropout": 0.0,
    "d_model": 512,
    "decoder_attention_heads": 8,
    "decoder_ffn_dim": 2048,
    "decoder_layerdrop": 0.0,
    "decoder_layers": 6,
    "decoder_start_token_id": 58100,
    "decoder_vocab_size": 58101,
    "dropout": 0.1,
    "encoder_attention_heads": 8,
    "encoder_ffn_dim": 2048,
    "encoder_layerdrop": 0.0,
    "encoder_layers": 6,
    "eos_token_id": 0,
    "forced_eos_token_id": 0,
    "id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"},
    "init_std": 0.02,
    "is_encoder_decoder": True,
    "label2id": {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2},
    "max_length": 512,
    "max_position_embeddings": 512,
    "model_type": "marian",
    "normalize_before": False,
    "normalize_embedding": False,
    "num_beams": 4,
    "num_hidden_layers": 6,
    "pad_token_id": 58100,
    "scale_embedding": True,
    "share_encoder_decoder_embeddings": True,
    "static_position_embeddings": True,
    "transformers_version": "4.22.0.dev0",
    "use_cache": True,
    "vocab_size": 58101,
}
OTHER = {  # another value for every key that `spec` reads
    "vocab_size": 7,
    "decoder_vocab_size": 7,
    "share_encoder_decoder_embeddings": False,
    "tie_word_embeddings": False,
    "max_position_embeddings": 7,
    "d_model": 16,
    "encoder_layers": 7,
    "encoder_attention_heads": 1,
    "encoder_ffn_dim": 7,
    "decoder_layers": 7,
    "decoder_attention_heads": 1,
    "decoder_ffn_dim": 7,
    "activation_function": "relu",
    "scale_embedding": False,
    "dropout": 0.7,
    "attention_dropout": 0.7,
    "activation_dropout": 0.7,
    "init_std": 0.7,
    "pad_token_id": 7,
    "decoder_start_token_id": 7,
    "eos_token_id": 7,
}


def test_every_key_of_a_marian_config_has_its_meaning() -> None:
    known = marian.READ | marian.FIXED.keys() | marian.UNUSED | NOTES
    assert MarianConfig().to_dict().keys() <= known
    assert PUBLISHED.keys() <= known
    assert not marian.READ & marian.FIXED.keys() | marian.READ & marian.UNUSED | marian.FIXED.keys() & marian.UNUSED
    assert marian.spec(PUBLISHED).encoder.max_length == 512


@pytest.mark.parametrize("key", sorted(marian.READ))
def test_what_is_read_changes_the_spec_or_is_refused(key: str) -> None:
    base = PUBLISHED | {"share_encoder_decoder_embeddings": False}
    if key == "share_encoder_decoder_embeddings":
        base = PUBLISHED
    assert OTHER.keys() == marian.READ
    assert marian.spec(base | {key: OTHER[key]}) != marian.spec(base)


@pytest.mark.parametrize("key", sorted(marian.FIXED))
def test_what_is_fixed_cannot_have_another_value(key: str) -> None:
    value = marian.FIXED[key]
    with pytest.raises(CheckpointError, match=f"{key} is"):
        marian.spec(PUBLISHED | {key: "bart" if isinstance(value, str) else 0.5 if value == 0.0 else not value})


def test_what_is_unused_changes_nothing_and_what_is_unknown_is_refused() -> None:
    assert marian.spec(PUBLISHED | dict.fromkeys(marian.UNUSED, "x")) == marian.spec(PUBLISHED)
    assert marian.spec(PUBLISHED | {"pruned_heads": {}, "prefix": None}) == marian.spec(PUBLISHED)
    with pytest.raises(CheckpointError, match="rope_theta = 5"):
        marian.spec(PUBLISHED | {"rope_theta": 5})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"activation_function": "mish"}, "'mish'; known: relu"),
        ({"tie_word_embeddings": False}, "set both or neither"),
        ({"eos_token_id": [0, 1]}, r"eos_token_id is \[0, 1\]"),
        ({"decoder_vocab_size": 5}, "config.json: one embedding for both sides"),
        ({"encoder_layers": 0}, "config.json: num_layers is 0"),
        ({"decoder_attention_heads": 0}, "d_model 512 is not divisible by num_heads 0"),
        ({"d_model": "512"}, "d_model is '512'; expected a whole number"),
        ({"vocab_size": None}, "config.json has no key 'vocab_size'"),
    ],
)
def test_an_option_that_cannot_be_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        marian.spec(PUBLISHED | change)


@pytest.mark.parametrize("variant", [{}, {"share_encoder_decoder_embeddings": False}, {"activation_function": "gelu"}])
def test_a_config_comes_back_from_its_spec(variant: dict[str, object]) -> None:
    spec = marian.spec(PUBLISHED | variant)
    assert marian.spec(marian.config(spec)) == spec


LAYER = """
attention.query attention.key attention.value attention.out attention_norm
feed_forward.up feed_forward.down feed_forward_norm
"""
CROSS = """
cross_attention.query cross_attention.key cross_attention.value cross_attention.out cross_attention_norm
"""


def test_the_names_of_the_parameters_are_pinned() -> None:
    """They are in every run folder: a rename here is a break for everybody."""
    modules = [f"encoder.blocks.0.{name}" for name in LAYER.split()]
    modules += [f"decoder.blocks.0.{name}" for name in (LAYER + CROSS).split()]
    pinned = {f"{module}.{part}" for module in modules for part in ("weight", "bias")}
    sizes = {"num_layers": 1, "d_model": 8, "d_ff": 12, "num_heads": 2}
    tied = EncoderDecoder(Vaswani(**sizes).spec(5, 5))
    assert {name for name, _ in tied.named_parameters()} == pinned | {"encoder.tokens.weight"}
    untied = EncoderDecoder(Vaswani(tied="none", norm_order="pre", **sizes).spec(5, 6))
    tables = {"encoder.tokens.weight", "decoder.tokens.weight", "head.weight"}
    final = {f"{side}.final_norm.{part}" for side in ("encoder", "decoder") for part in ("weight", "bias")}
    assert {name for name, _ in untied.named_parameters()} == pinned | tables | final
    ties = {"decoder.tokens.weight", "head.weight"}
    assert tied.state_dict().keys() == dict(tied.named_parameters()).keys() | ties  # no mask or table among the weights


THEIRS = {
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.out": "self_attn.out_proj",
    "attention_norm": "self_attn_layer_norm",
    "cross_attention.query": "encoder_attn.q_proj",
    "cross_attention.key": "encoder_attn.k_proj",
    "cross_attention.value": "encoder_attn.v_proj",
    "cross_attention.out": "encoder_attn.out_proj",
    "cross_attention_norm": "encoder_attn_layer_norm",
    "feed_forward.up": "fc1",
    "feed_forward.down": "fc2",
    "feed_forward_norm": "final_layer_norm",
}


def test_the_key_table_is_pinned_and_names_every_parameter_once() -> None:
    spec = marian.spec(PUBLISHED | {"d_model": 8, "encoder_layers": 2, "decoder_layers": 3, "vocab_size": 9} | SMALL)
    rows = marian.keys(spec)
    ours = [row.ours for row in rows]
    assert len(set(ours)) == len(ours)
    assert set(ours) == {name for name, _ in EncoderDecoder(spec).named_parameters()}
    for row in rows:
        if match := re.fullmatch(r"(\w+)\.blocks\.(\d)\.(.+)\.(\w+)", row.ours):
            side, i, module, part = match.groups()
            assert row.theirs == f"model.{side}.layers.{i}.{THEIRS[module]}.{part}"
    rest = {row.ours: row.theirs for row in rows if "blocks" not in row.ours}
    assert rest == {"encoder.tokens.weight": "model.shared.weight", "head.bias": "final_logits_bias"}


SMALL = {"decoder_vocab_size": 9, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8}


def test_the_base_model_has_the_size_that_the_paper_gives() -> None:
    d, f, vocab = 512, 2048, 37000
    attention, feed_forward, norm = 4 * (d * d + d), d * f + f + f * d + d, 2 * d
    encoder, decoder = attention + feed_forward + 2 * norm, 2 * attention + feed_forward + 3 * norm
    with torch.device("meta"):
        model = EncoderDecoder(SIZES["base"].spec(vocab, vocab))
    count = sum(weight.numel() for weight in model.parameters())
    assert count == 6 * (encoder + decoder) + vocab * d
    assert round(count / 1e6) == 63  # table 3 says 65: its vocabulary is not published to the piece


def test_make_model_takes_the_letters_of_the_paper() -> None:
    torch.manual_seed(0)
    model = make_model(11, 13, N=2, d_model=16, d_ff=24, h=4, dropout=0.3)
    encoder, decoder = model.spec.encoder, model.spec.decoder
    assert (encoder.vocab_size, decoder.vocab_size, encoder.num_layers, decoder.num_layers) == (11, 13, 2, 2)
    assert (encoder.d_model, encoder.d_ff, encoder.attention.num_heads, encoder.dropout.residual) == (16, 24, 4, 0.3)
    assert encoder.embedding_scale == decoder.embedding_scale == 4  # section 3.4: times the square root of d_model
    assert (encoder.norm_order, encoder.position.kind, encoder.activation) == ("post", "sinusoidal", "relu")
    source, target = torch.zeros(2, 5, dtype=torch.long), torch.zeros(2, 3, dtype=torch.long)
    assert model(source, None, target).logits.shape == (2, 3, 13)
    assert model(source).logits.shape == (2, 1, 13)
    assert model.head.weight is not model.decoder.tokens.weight is not model.encoder.tokens.weight


def test_fresh_weights_keep_scores_and_logits_of_the_order_of_one() -> None:
    torch.manual_seed(0)
    model = EncoderDecoder(dataclasses.replace(SIZES["tiny"], max_length=40).spec(500, 500)).eval()
    ids = torch.randint(500, (8, 30))
    with torch.no_grad():
        output = model(ids, None, ids)
    assert 0.5 < output.last_hidden_state.std() < 2
    assert 0.5 < output.logits.std() < 2
    assert model.encoder.tokens.weight.std().item() == pytest.approx(256**-0.5, rel=0.02)
    xavier = (6 / (256 + 512)) ** 0.5
    up = model.encoder.blocks[0].feed_forward.up
    assert up.weight.abs().max().item() == pytest.approx(xavier, rel=0.01)
    assert not up.bias.any()


def test_sizes_that_do_not_fit_are_refused_with_what_would() -> None:
    with pytest.raises(ConfigError, match=r"d_model 100 is not divisible by num_heads 8; .* try 10 heads"):
        Vaswani(d_model=100, num_heads=8).spec(9, 9)
    with pytest.raises(ConfigError, match=r"one vocabulary.*untie"):
        Vaswani().spec(9, 8)


def test_a_spec_comes_back_from_json() -> None:
    for spec in (SIZES["big"].spec(9, 9), Vaswani(tied="none", position="rotary").spec(9, 8), marian.spec(PUBLISHED)):
        assert isinstance(spec, TransformerSpec)
        assert from_json(to_json(spec)) == spec
