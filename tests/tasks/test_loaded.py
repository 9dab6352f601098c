"""`headway.load`: a model ready for use with its tokenizer, and what does not belong together is said at once."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pytest
import torch

import headway
from headway import spec as specs
from headway.checkpoints import native
from headway.decoding.generate import Decoding
from headway.errors import CheckpointError, ConfigError
from headway.models import build
from headway.models.families.gpt2 import Gpt2
from headway.spec import HeadSpec, LabelHeadSpec, SpecialTokens
from headway.tasks.generate import generate, greedy
from headway.text.tokenizer import Tokenizer, TokenizerPair
from headway.text.trainer import train
from tests.parity.harness import TOLERANCE, batch, difference, ours_of, twin_of
from tests.parity.test_families import ROWS


def written(name: str, folder: Path, vocab: int = 12) -> Path:
    """The twin of a parity row as a folder, with a tokenizer."""
    row = next(row for row in ROWS if row.name == name)
    twin_of(row, row.std).save_pretrained(folder)
    train(["a b c d e f g h"] * 3, type="word", vocab_size=vocab).save(folder)
    return folder


def test_a_single_stack_has_one_tokenizer_and_a_translator_two(tmp_path: Path, tiny_run: Path) -> None:
    single, pair = headway.load(written("bert-masked-lm", tmp_path)), headway.load(tiny_run)
    assert isinstance(single.tokenizer, Tokenizer)
    assert isinstance(pair.tokenizer, TokenizerPair)
    assert single.tokenizers == TokenizerPair(single.tokenizer, single.tokenizer)
    assert single.tokenizer.encode("a b").ids
    for loaded in (single, pair):
        assert not loaded.model.training
        assert not any(weight.requires_grad for weight in loaded.model.parameters())
        assert (loaded.fresh, loaded.unread) == ((), ())


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    written("bert-masked-lm", tmp_path)
    highest = 98 + 5  # of the vocabulary of 99
    train([" ".join(f"w{i}" for i in range(200))], type="word", vocab_size=highest + 1).save(tmp_path)
    with pytest.raises(CheckpointError, match=rf"ids up to {highest}, but the model's embedding ends at 98"):
        headway.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"tokenizer.json is damaged"):
        headway.load(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    assert headway.load(tmp_path).tokenizer is None


def test_float16_is_refused_where_activations_are_known_to_overflow(tmp_path: Path) -> None:
    for name in ("t5", "t5-encoder"):
        written(name, tmp_path / name)
        with pytest.raises(ConfigError, match=r"family t5 have activations beyond 65,504.*bfloat16"):
            headway.load(tmp_path / name, dtype="float16")
        model = headway.load(tmp_path / name, dtype="bfloat16").model
        assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("bert-masked-lm", {"input_ids": [[3, 99]]}, "input_ids holds 99; this model has 0 to 98"),
        ("bert-masked-lm", {"input_ids": [[-1, 4]]}, "input_ids holds -1"),
        ("bert-masked-lm", {"input_ids": [[4]], "token_type_ids": [[3]]}, "token_type_ids holds 3"),
        ("gpt2-lm", {"input_ids": [[4]], "position_ids": [[999]]}, "position_ids holds 999"),
        ("t5", {"input_ids": [[4]], "decoder_input_ids": [[999]]}, "decoder_input_ids holds 999"),
        ("gpt2-lm", {"input_ids": [[4] * 99]}, "a text has 99 tokens, but the model was built for at most"),
    ],
)
def test_ids_and_lengths_are_checked_before_anything_is_looked_up(
    tmp_path: Path, name: str, given: dict[str, list[list[int]]], says: str
) -> None:
    model = headway.load(written(name, tmp_path)).model
    with pytest.raises(ConfigError, match=says):
        model(**{key: torch.tensor(ids) for key, ids in given.items()})
    if len(given) == 1:
        with pytest.raises(ConfigError, match=says):
            model(torch.tensor(given["input_ids"]))
    row = next(row for row in ROWS if row.name == name)
    assert difference([model(**batch(row)).logits], [ours_of(row)(**batch(row)).logits]) < TOLERANCE


def test_a_run_folder_of_one_stack(tmp_path: Path) -> None:
    choices = Gpt2(num_layers=1, d_model=16, num_heads=2, max_length=9)
    model = build(choices.spec(30, SpecialTokens(start_id=2, end_id=3), language_head=HeadSpec())).eval()
    native.write_json(tmp_path / "spec.json", specs.to_json(model.spec))
    native.save_weights(model, tmp_path / "model.safetensors")
    train(["a b c d e f g h"] * 3, type="word", vocab_size=12).save(tmp_path)
    loaded, ids = headway.load(tmp_path), torch.tensor([[5, 6, 7]])
    assert torch.equal(loaded.model(ids).logits, model(ids).logits)
    assert isinstance(loaded.tokenizer, Tokenizer)
    head = LabelHeadSpec(of="text", labels=("a", "b", "c"), reads="last")
    with_head = headway.load(tmp_path, head=head)
    assert (with_head.fresh, with_head.unread) == (("label_head.out.weight", "label_head.out.bias"), ())
    assert with_head.spec.label_head == head
    assert torch.equal(with_head.model.stack.tokens.weight, model.stack.tokens.weight)
    spec = specs.to_json(dataclasses.replace(model.spec, pooler=True))
    native.write_json(tmp_path / "spec.json", spec)
    with pytest.raises(CheckpointError, match=r"missing: pooler.bias, pooler.weight"):
        headway.load(tmp_path)
    assert headway.load(tmp_path, allow_missing=True).fresh == ("pooler.weight", "pooler.bias")
    spec["stack"]["num_layers"] = 10**9
    native.write_json(tmp_path / "spec.json", spec)
    with pytest.raises(CheckpointError, match=r"spec.json: num_layers is 1,000,000,000"):
        headway.load(tmp_path)


def test_a_run_that_was_stopped_says_how_it_goes_on(tmp_path: Path, tiny_run: Path) -> None:
    run = shutil.copytree(tiny_run, tmp_path / "run")
    (run / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"did not come to its end, .*; go on with: headway resume .*run$"):
        headway.load(run)


def test_how_a_checkpoint_is_asked_comes_from_its_files(tmp_path: Path) -> None:
    written("gpt2-lm", tmp_path)
    settings = {"do_sample": True, "temperature": 0.7, "top_k": 20, "repetition_penalty": 1.1, "max_new_tokens": 5}
    (tmp_path / "generation_config.json").write_text(json.dumps(settings), encoding="utf-8")
    decoding = headway.load(tmp_path).decoding
    assert decoding.sampling is not None
    assert (decoding.sampling.temperature, decoding.sampling.top_k, decoding.sampling.top_p) == (0.7, 20, 1.0)
    assert (decoding.repetition_penalty, decoding.max_length, decoding.beam) == (1.1, 5, 1)
    loaded = headway.load(tmp_path)
    assert loaded.tokenizer is not None
    one = generate(loaded.model, loaded.tokenizers, ["a b"], decoding)
    assert loaded.generate(["a b"], decoding) == [best[0].text for best in one]
    one = generate(loaded.model, loaded.tokenizers, ["a b"], Decoding(beam=1))
    assert loaded.generate(["a b"]) == [best[0].text for best in one]  # greedy, whatever the folder draws


def test_a_text_ends_where_the_folder_says_and_what_it_asks_for_besides_keeps_nobody_from_loading(
    tmp_path: Path,
) -> None:
    written("gpt2-lm", tmp_path, vocab=12)
    plain = Decoding(beam=1, max_length=6)
    loaded = headway.load(tmp_path)
    ((free,),) = generate(loaded.model, loaded.tokenizers, ["a b"], plain)
    last = next(token for token in free.ids if token != free.ids[0])
    settings = {"eos_token_id": [98, last], "no_repeat_ngram_size": 3, "do_sample": True, "temperature": 0.0}
    (tmp_path / "generation_config.json").write_text(json.dumps(settings), encoding="utf-8")
    loaded = headway.load(tmp_path)
    assert loaded.decoding.ends == (98, last)
    ((ended,),) = generate(loaded.model, loaded.tokenizers, ["a b"], greedy(loaded.decoding))
    assert ended.ids == free.ids[: free.ids.index(last) + 1]
    assert ended.finished == "end"
    assert loaded.generate(["a b"], plain) == loaded.generate(["a b"]) == [ended.text]
    with pytest.raises(ConfigError, match=r"asks to be decoded with no_repeat_ngram_size = 3, temperature = 0.0, "):
        loaded.decoding.check_followed()
    headway.save(loaded, tmp_path / "out")
    back = headway.load(tmp_path / "out").decoding
    assert (back.ends, back.unfollowed) == (loaded.decoding.ends, loaded.decoding.unfollowed)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"dtype": "fp16"}, "dtype is 'fp16'; valid: auto"),
        ({"quantize": "int4"}, "quantize is 'int4'"),
        ({"device": "tpu"}, "device tpu is not available"),
        ({"architecture": "BertForMaskedML"}, "architectures names BertForMaskedML"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, options: dict[str, str], says: str) -> None:
    with pytest.raises((ConfigError, CheckpointError), match=re.escape(says)):
        headway.load(written("bert-masked-lm", tmp_path), **options)
