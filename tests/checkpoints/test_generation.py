"""Settings of decoding: read from either file, written back, and never a reason not to load a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import GenerationConfig

from headway.checkpoints.generation import NEUTRAL, NEUTRAL_DRAWS, READ, GenerationDefaults, read_generation
from headway.errors import CheckpointError
from headway.models.families.gpt2 import Gpt2
from headway.models.families.t5 import T5
from headway.spec import SpecialTokens

TOKENS = SpecialTokens(pad_id=9, start_id=1, end_id=0)
DECODER = Gpt2(num_layers=1, d_model=8, num_heads=2, max_length=9).spec(11, TOKENS)
SEQ2SEQ = T5(num_layers=1, d_model=8, d_ff=8, num_heads=2).spec(11, 11, TOKENS)


def write(path: Path, **settings: object) -> None:
    path.write_text(json.dumps(settings), encoding="utf-8")


def test_settings_of_a_search_are_read_from_either_file_and_come_back(tmp_path: Path) -> None:
    assert read_generation(tmp_path, SEQ2SEQ) == GenerationDefaults()
    write(tmp_path / "config.json", num_beams=6, bad_words_ids=[[9]], max_length=512)  # as before transformers 4.26
    search = {"num_beams": 4, "early_stopping": True, "length_penalty": 0.5, "do_sample": False, "min_length": 7}
    write(tmp_path / "generation_config.json", **search, forced_eos_token_id=0, eos_token_id=0, temperature=0.0)
    wanted = GenerationDefaults(
        beam=4, length_alpha=0.5, stop="first", max_length=512, min_length=7, forces_end=True, forbidden=(9,)
    )
    assert read_generation(tmp_path, SEQ2SEQ) == wanted
    write(tmp_path / "generation_config.json", **wanted.to_json(SEQ2SEQ))
    assert read_generation(tmp_path, SEQ2SEQ) == wanted
    theirs = GenerationConfig.from_pretrained(tmp_path)
    assert (theirs.min_length, theirs.forced_eos_token_id, theirs.decoder_start_token_id) == (7, 0, 1)
    write(tmp_path / "generation_config.json", max_new_tokens=20, min_new_tokens=3)  # without the start token
    found = read_generation(tmp_path, SEQ2SEQ)
    assert (found.max_length, found.min_length) == (21, 4)


def test_settings_of_a_draw_and_several_ends_are_read_and_come_back(tmp_path: Path) -> None:
    """As Llama's and Qwen's instructed models have them."""
    write(tmp_path / "config.json", eos_token_id=[0, 5, 7], max_length=20)
    assert read_generation(tmp_path, DECODER) == GenerationDefaults(ends=(0, 5, 7))
    draw = {"do_sample": True, "temperature": 0.6, "top_p": 0.9, "repetition_penalty": 1.05, "max_length": 20}
    write(tmp_path / "generation_config.json", **draw, eos_token_id=[5, 0], min_new_tokens=2)
    drawn = GenerationDefaults(
        samples=True, temperature=0.6, top_p=0.9, repetition_penalty=1.05, ends=(5, 0), min_length=3
    )
    assert read_generation(tmp_path, DECODER) == drawn  # max_length counts the prompt: not the length of an output
    write(tmp_path / "generation_config.json", **drawn.to_json(DECODER))
    assert read_generation(tmp_path, DECODER) == drawn
    theirs = GenerationConfig.from_pretrained(tmp_path)
    assert (theirs.bos_token_id, theirs.eos_token_id, theirs.min_new_tokens) == (1, [5, 0], 2)


@pytest.mark.parametrize(
    "setting",
    [
        {"no_repeat_ngram_size": 3}, {"bad_words_ids": [[3, 4]]}, {"bad_words_ids": [[11]]}, {"min_length": 9},
        {"forced_eos_token_id": 9}, {"eos_token_id": [0, 99]}, {"eos_token_id": "</s>"},
        {"num_beams": 0}, {"num_beams": "four"}, {"early_stopping": "soon"}, {"early_stopping": [1]},
        {"length_penalty": float("nan")}, {"repetition_penalty": 0}, {"max_new_tokens": 10**40},
        {"do_sample": True, "typical_p": 0.5}, {"do_sample": True, "temperature": 0.0},
        {"do_sample": True, "top_p": [1]}, {"do_sample": 1},
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_noted_and_written_back(tmp_path: Path, setting: dict[str, object]) -> None:
    write(tmp_path / "generation_config.json", **setting)
    found = read_generation(tmp_path, DECODER)
    name = list(setting)[-1]
    assert found.unfollowed == (f"{name} = {json.dumps(setting[name])}",)
    assert repr(found.to_json(DECODER)[name]) == repr(setting[name])


def test_a_draw_says_nothing_where_nothing_is_drawn(tmp_path: Path) -> None:
    write(tmp_path / "generation_config.json", do_sample=False, temperature=0.0, top_p=7, typical_p=0.2, min_length=0)
    assert read_generation(tmp_path, DECODER) == GenerationDefaults()
    (tmp_path / "generation_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"generation_config.json"):
        read_generation(tmp_path, DECODER)


def test_every_setting_of_transformers_is_read_or_neutral_or_about_other_things() -> None:
    sampling = "num_return_sequences"
    speed = "cache_implementation cache_config max_cache_len max_time low_memory prefill_chunk_size compile_config"
    drafts = "use_mtp is_assistant speculation_type prompt_lookup_num_tokens max_matching_ngram_size target_lookbehind"
    tokens = "pad_token_id bos_token_id eos_token_id decoder_start_token_id"
    notes = "use_cache return_dict_in_generate dola_layers _from_model_config transformers_version disable_compile"
    others = f"{sampling} {speed} {drafts} {tokens} {notes} continuous_batching_config".split()
    left = GenerationConfig().to_dict().keys() - {*READ, *NEUTRAL, *NEUTRAL_DRAWS, *others}
    assert all("assistant_" in name or name.startswith("output_") for name in left), left
