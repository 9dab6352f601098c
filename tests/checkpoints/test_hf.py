"""Folders of transformers: in to the bit, out so that transformers loads them, and every damage named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    GenerationConfig,
    MarianMTModel,
    PreTrainedModel,
    RobertaConfig,
    RobertaForMaskedLM,
)

from headway.checkpoints import hf
from headway.checkpoints.generation import GenerationDefaults
from headway.errors import CheckpointError, ConfigError
from headway.models.families.vaswani import Vaswani
from headway.models.transformer import EncoderDecoder
from tests.parity.twins import TOLERANCE, VARIANTS, batch, difference, marian_twin


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    marian_twin().save_pretrained(tmp_path)
    return tmp_path


def edit(path: Path, **changes: object) -> None:
    data = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in data.items() if value != "removed"}))


@pytest.mark.parametrize("variant", VARIANTS)
def test_in_and_out_again_is_the_same_to_the_bit(tmp_path: Path, variant: str) -> None:
    twin = marian_twin(variant=variant)
    twin.save_pretrained(tmp_path / "theirs")
    ours = hf.load(tmp_path / "theirs")
    hf.save(ours, tmp_path / "ours")
    before, after = (load_file(tmp_path / side / "model.safetensors") for side in ("theirs", "ours"))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    back, report = MarianMTModel.from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not any(report.values())
    state = twin.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in back.state_dict().items())
    assert hf.load(tmp_path / "ours").spec == ours.spec


@pytest.mark.parametrize("tied", ["all", "decoder", "none"])
def test_a_model_trained_here_gives_the_same_logits_in_transformers(tmp_path: Path, tied: str) -> None:
    torch.manual_seed(0)
    choices = Vaswani(num_layers=2, decoder_layers=1, d_model=32, d_ff=48, num_heads=4, max_length=40, tied=tied)
    ours = EncoderDecoder(choices.spec(99, 99 if tied == "all" else 71)).eval()
    hf.save(ours, tmp_path, GenerationDefaults(beam=4, forbidden=(0,), max_length=30))
    twin, report = MarianMTModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values())
    source, source_mask, target, _ = batch()
    with torch.no_grad():
        theirs = twin.eval()(source, source_mask, target).logits
        assert difference(ours(source, source_mask, target).logits, theirs) < TOLERANCE
        assert difference(hf.load(tmp_path)(source, source_mask, target).logits, theirs) < TOLERANCE
    generation = GenerationConfig.from_pretrained(tmp_path)
    assert (generation.num_beams, generation.bad_words_ids, generation.max_length) == (4, [[0]], 30)


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"norm_order": "pre"}, "norm_order 'pre'"),
        ({"position": "rotary"}, "encoder.position"),
    ],
)
def test_what_marian_has_not_is_named(tmp_path: Path, choices: dict[str, str], says: str) -> None:
    model = EncoderDecoder(Vaswani(num_layers=1, d_model=8, d_ff=8, num_heads=2, **choices).spec(9, 9))
    with pytest.raises(ConfigError, match=says):
        hf.save(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_half_precision_and_repeated_ties_load(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = {name: tensor.half() for name, tensor in load_file(path).items()}
    shared = tensors.pop("model.shared.weight")
    ties = ["lm_head.weight", "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"]
    tables = marian_twin().half().state_dict()
    for name in ("model.encoder.embed_positions.weight", "model.decoder.embed_positions.weight"):
        tensors[name] = tables[name]
    save_file(tensors | {name: shared.clone() for name in ties}, path)
    model = hf.load(folder)
    assert model.encoder.tokens.weight is model.head.weight
    assert torch.equal(model.head.weight, shared.float())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lm_head.weight", "lm_head.weight and model.shared.weight are one parameter"),
        ("model.decoder.embed_positions.weight", "does not hold what this family computes"),
        ("model.decoder.layers.3.fc1.weight", "left over: model.decoder.layers.3.fc1.weight"),
    ],
)
def test_a_tensor_that_is_not_what_it_should_be_is_named(folder: Path, name: str, says: str) -> None:
    path = folder / "model.safetensors"
    save_file(load_file(path) | {name: torch.ones(99, 32)}, path)
    with pytest.raises(CheckpointError, match=says):
        hf.load(folder)


ENCODER = {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4} | {
    "intermediate_size": 48, "max_position_embeddings": 40, "tie_word_embeddings": False,
}  # fmt: skip
UNTIED = {
    "cls.predictions": lambda: BertForMaskedLM(BertConfig(**ENCODER)),
    "lm_head": lambda: RobertaForMaskedLM(RobertaConfig(**ENCODER)),
}


@pytest.mark.parametrize("common", ["missing", "equal", "zeros", "alone", "different"])
@pytest.mark.parametrize("head", UNTIED)
def test_an_untied_head_has_one_bias_under_either_name(tmp_path: Path, head: str, common: str) -> None:
    """`common` is the one beside the decoder's: transformers 4 wrote it or both, transformers 5 leaves zeros."""
    torch.manual_seed(0)
    twin: PreTrainedModel = UNTIED[head]().eval()
    bias, path = twin.get_parameter(f"{head}.decoder.bias"), tmp_path / "model.safetensors"
    torch.nn.init.normal_(bias)
    twin.save_pretrained(tmp_path)
    tensors = load_file(path)
    if common == "alone":
        del tensors[f"{head}.decoder.bias"]
    tensors[f"{head}.bias"] = {"zeros": torch.zeros(99), "different": bias + 1}.get(common, bias).detach().clone()
    if common == "missing":
        del tensors[f"{head}.bias"]
    save_file(tensors, path)
    if common == "different":
        with pytest.raises(CheckpointError, match=f"{head}.decoder.bias and {head}.bias are one parameter"):
            hf.load(tmp_path)
        return
    ids, ours = torch.randint(3, 99, (2, 7)), hf.load(tmp_path)
    hf.save(ours, tmp_path / "back")
    back, report = type(twin).from_pretrained(tmp_path / "back", output_loading_info=True)
    assert not any(report.values())
    assert torch.equal(back.get_parameter(f"{head}.bias"), bias), "so that any version reads the same"
    with torch.no_grad():
        theirs = twin(ids).logits
        assert difference(ours(ids).logits, theirs) < TOLERANCE
        assert difference(back.eval()(ids).logits, theirs) < TOLERANCE


def test_a_missing_tensor_is_named(folder: Path) -> None:
    path = folder / "model.safetensors"
    save_file({name: tensor for name, tensor in load_file(path).items() if "1.self_attn.k" not in name}, path)
    with pytest.raises(CheckpointError, match=r"missing: model.decoder.layers.1.self_attn.k_proj.bias, .*weight"):
        hf.load(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model_type": "mbart"}, r"config.json: model_type is 'mbart'; known: .*marian"),
        ({"d_model": "removed"}, "no key 'd_model'"),
        ({"d_model": 30}, "d_model 30 is not divisible by num_heads 4"),
        ({"vocab_size": 98, "decoder_vocab_size": 98}, r"shared.weight is \[99, 32\], expected \[98, 32\]"),
    ],
)
def test_a_config_that_is_not_of_these_weights_is_refused(folder: Path, change: dict[str, object], says: str) -> None:
    edit(folder / "config.json", **change)
    with pytest.raises(CheckpointError, match=says):
        hf.load(folder)


def test_a_folder_without_weights_says_what_it_has(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "tf_model.h5")
    with pytest.raises(CheckpointError, match=r"no weights: neither model.safetensors nor.*tf_model.h5 cannot be read"):
        hf.load(folder)
