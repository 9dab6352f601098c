"""Prompts in, text out: from a decoder and from an encoder-decoder, whole and as it is written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from headway.decoding.generate import Decoding, complete, decode
from headway.decoding.sampling import Sampling
from headway.errors import ConfigError, DataError
from headway.models.build import Model, build
from headway.models.families.gpt2 import Gpt2
from headway.models.families.t5 import T5
from headway.models.single import SingleStack
from headway.spec import SpecialTokens
from headway.tasks.generate import Stream, generate
from headway.tasks.translate import translate_lines
from headway.text.tokenizer import Tokenizer, TokenizerPair
from headway.text.trainer import train

LINES = ["one two three 하나 둘 셋 😀", "넷 다섯 four five six.", "seven ten."]
PROMPTS = ["one two", "하나 둘 셋", "", "ten. one two three four five", "넷"]


@pytest.fixture(scope="module")
def tokenizers() -> TokenizerPair:
    tokenizer = train(LINES * 3, type="bpe", vocab_size=90, exact=False)
    return TokenizerPair(tokenizer, tokenizer)


def model_of(kind: str, tokenizers: TokenizerPair, *, start: bool = True, max_length: int = 40) -> Model:
    tokenizer = tokenizers.source
    special = SpecialTokens(
        pad_id=tokenizer.pad_id, start_id=tokenizer.start_id if start else -1, end_id=tokenizer.end_id
    )
    torch.manual_seed(3)
    if kind == "t5":
        spec = T5(num_layers=2, d_model=16, d_ff=16, num_heads=2).spec(
            tokenizer.vocab_size, tokenizer.vocab_size, special
        )
    else:
        choices = Gpt2(num_layers=2, d_model=16, num_heads=2, max_length=max_length)
        spec = choices.spec(tokenizer.vocab_size, special)
    model = build(spec).eval()
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.4)
    return model


@pytest.fixture(scope="module", params=["gpt2", "t5"])
def model(request: pytest.FixtureRequest, tokenizers: TokenizerPair) -> Model:
    return model_of(request.param, tokenizers)


@pytest.mark.parametrize("chunk", [1, 2, 1000])
def test_each_prompt_has_its_text_in_its_place(model: Model, tokenizers: TokenizerPair, chunk: int) -> None:
    options, tokenizer = Decoding(beam=2, n_best=2, max_length=12, repetition_penalty=1.5), tokenizers.source
    found = list(generate(model, tokenizers, PROMPTS, options, chunk=chunk))
    for prompt, outputs in zip(PROMPTS, found, strict=True):
        ids = tokenizer.encode(prompt).ids
        if isinstance(model, SingleStack):
            (wanted,) = complete(model, [ids or [tokenizer.start_id]], options)
        else:
            (wanted,) = decode(model, [[*ids, tokenizer.end_id]], options)
            prompt, ids = "", []
        for output, hypothesis in zip(outputs, wanted, strict=True):
            assert output.ids == hypothesis.ids
            assert prompt + output.text == tokenizer.decode(ids + hypothesis.ids)  # no blank between the two is lost
            assert output.score == pytest.approx(hypothesis.score, abs=1e-5)
            assert output.log_probability == pytest.approx(hypothesis.log_probability, abs=1e-4)
            assert output.finished == ("end" if hypothesis.ids[-1] == tokenizer.end_id else "limit")
    assert len({outputs[0].text for outputs in found}) > 2


@pytest.mark.parametrize("options", [Decoding(beam=1, repetition_penalty=2.0), Decoding(sampling=Sampling(seed=4))])
def test_a_stream_is_the_text_in_pieces(model: Model, tokenizers: TokenizerPair, options: Decoding) -> None:
    several = 0
    for prompt in PROMPTS:
        ((wanted,),) = generate(model, tokenizers, [prompt], options)
        for stops in ([], [wanted.text[4:6] or "x"]):
            ((wanted,),) = generate(model, tokenizers, [prompt], options, stop_strings=stops)
            stream = Stream(model, tokenizers, prompt, options, stop_strings=stops)
            assert stream.result is None
            pieces = list(stream)
            assert "".join(pieces) == wanted.text
            assert stream.result == wanted
            assert all(pieces)
            several += len(pieces) > 1
    assert several > 2


def test_the_text_ends_before_a_stop_string(model: Model, tokenizers: TokenizerPair) -> None:
    options = Decoding(beam=1, max_length=20, repetition_penalty=2.0, suppress=(tokenizers.source.end_id,))
    for prompt in PROMPTS:
        ((whole,),) = generate(model, tokenizers, [prompt], options)
        stop = whole.text[7:9]
        for beam in (1, 3):
            searched = dataclasses.replace(options, beam=beam, n_best=beam)
            for output in next(generate(model, tokenizers, [prompt], searched, stop_strings=[stop, "never"])):
                assert stop not in output.text
                assert (output.finished == "stop") == (stop in tokenizers.source.decode(output.ids))
                assert stop not in tokenizers.source.decode(output.ids[:-1])  # it stopped at once
        ((cut,),) = generate(model, tokenizers, [prompt], options, stop_strings=[stop])
        assert cut.text == whole.text[: whole.text.find(stop)]
        assert cut.ids == whole.ids[: len(cut.ids)]
        assert len(cut.ids) < len(whole.ids)


def test_only_a_chunk_is_read_ahead(model: Model, tokenizers: TokenizerPair) -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "one"

    results = generate(model, tokenizers, endless(), Decoding(beam=1, max_length=2), chunk=3)
    for number in range(1, 8):
        assert next(results)
        assert read == -(-number // 3) * 3


def test_a_prompt_that_cannot_be_read_is_refused(tokenizers: TokenizerPair, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of("gpt2", tokenizers, start=False, max_length=6)
    monkeypatch.setattr(SingleStack, "step", lambda *_: pytest.fail("read"))
    with pytest.raises(DataError, match=r"prompt 3 has \d+ tokens, but the model reads at most 6; shorten it"):
        list(generate(model, tokenizers, ["one", "two", "넷 다섯 여섯 일곱"], chunk=3))
    with pytest.raises(ConfigError, match="prompt 2 is empty, and the model has no start token"):
        list(generate(model, tokenizers, ["one", ""], chunk=1000))
    other = train(
        ["a b c"] * 3, type="byte-bpe", vocab_size=400, exact=False, special_pieces=[f"<{i}>" for i in range(90)]
    )
    with pytest.raises(DataError, match="use the tokenizer it was trained with"):
        list(generate(model, TokenizerPair(other, other), ["a b c"]))
    with pytest.raises(ConfigError, match="only one output at a time"):
        Stream(model, tokenizers, "one", Decoding(beam=2))


def test_special_pieces_in_a_prompt_are_characters_unless_asked_for(
    model: Model, tokenizers: TokenizerPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer, read = tokenizers.source, list[list[int]]()
    monkeypatch.setattr("headway.tasks.generate.check_ids", lambda rows, *_, **__: read.extend(rows))
    prompt = "one <s> two"
    options = Decoding(beam=1, max_length=2)
    for special in (False, True):
        read.clear()
        list(generate(model, tokenizers, [prompt], options, special=special))
        Stream(model, tokenizers, prompt, options, special=special)
        assert read[0] == read[1]
        assert (tokenizer.start_id in read[0]) == special
        assert read[0][: len(tokenizer.encode("one").ids)] == tokenizer.encode("one").ids


def test_an_end_that_the_template_also_puts_is_read_once(tokenizers: TokenizerPair) -> None:
    """T5's tokenizers have a template `$A </s>`, those that are trained here have none."""
    plain, model = tokenizers.source, model_of("t5", tokenizers)
    assert not isinstance(model, SingleStack)
    definition = plain.definition | {
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"</s>": {"id": "</s>", "ids": [plain.end_id], "tokens": ["</s>"]}},
        }
    }
    around = Tokenizer(json.dumps(definition).encode(), {"eos_token": "</s>"})
    assert around.wrap([7]).ids == [7, plain.end_id]
    read: list[list[int]] = []
    model.encoder.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0][0].tolist()))
    prompt, options = "one two 하나", Decoding(beam=1, max_length=3)
    for tokenizer in (plain, around):
        pair = TokenizerPair(tokenizer, tokenizer)
        list(generate(model, pair, [prompt], options))
        list(Stream(model, pair, prompt, options))
        list(translate_lines(model, pair, [prompt], options))
    assert read == [[*plain.encode(prompt).ids, plain.end_id]] * 6


def test_an_encoder_does_not_write(tokenizers: TokenizerPair) -> None:
    spec = model_of("gpt2", tokenizers).spec
    silent = build(dataclasses.replace(spec, stack=dataclasses.replace(spec.stack, causal=False)))
    with pytest.raises(ConfigError, match="does not write text"):
        next(generate(silent, tokenizers, ["one"]))
    with pytest.raises(ConfigError, match="does not write text"):
        Stream(silent, tokenizers, "one")
