"""Pieces of text as ids come: joined they are the text, none is taken back, no character comes in halves."""

from __future__ import annotations

import functools
import unicodedata

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import decoders, models

from headway.decoding.hypotheses import NO_TOKEN
from headway.decoding.stopping import StopStrings
from headway.decoding.streaming import TextStream, continuations
from headway.errors import ConfigError
from headway.text.tokenizer import Tokenizer
from headway.text.trainer import train

LINES = [
    "한국어 문장을 조금씩 씁니다. 안녕하세요!",
    "Don't say (well-known) things like 3.5 or l'eau; a T-shirt, an « o » and 1,000.",
    "emoji 😀 🤦🏽‍♂️ and ㅋㅋㅋ, naïve café",
    "한글",
]
TYPES = ["byte-bpe", "bpe", "unigram", "wordpiece", "word", "char", "byte-fallback"]


@functools.cache
def tokenizer_of(type: str) -> Tokenizer:
    if type != "byte-fallback":
        return train(LINES * 3, type=type, vocab_size=380, exact=False)
    pieces = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "a", "한", "▁한", "국", "t", "'"]
    rust = RustTokenizer(models.BPE({p: i for i, p in enumerate(pieces)}, [], unk_token="<unk>", byte_fallback=True))
    rust.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return Tokenizer(rust.to_str().encode(), {"unk_token": "<unk>"})


@st.composite
def outputs(draw: st.DrawFn, type: str) -> tuple[list[int], list[int]]:
    """A prompt, and ids that are mostly those of real text."""
    tokenizer = tokenizer_of(type)
    anything = st.lists(st.integers(0, tokenizer.vocab_size - 1), max_size=6)
    real = st.sampled_from(LINES).map(lambda line: tokenizer.encode(line).ids)
    parts = draw(st.lists(st.one_of(anything, real), min_size=1, max_size=5))
    return draw(real), [index for part in parts for index in part]


@pytest.mark.parametrize("type", TYPES)
@settings(max_examples=40)
@given(data=st.data())
def test_pieces_are_the_text_in_order(type: str, data: st.DataObject) -> None:
    tokenizer = tokenizer_of(type)
    prompt, ids = data.draw(outputs(type))
    (whole,) = continuations(tokenizer, [prompt], [ids])
    stream, text = TextStream(tokenizer, None, prompt), ""
    for index in ids:
        piece = stream.push(index)
        assert not unicodedata.name(piece[-1:] or "x", "").startswith(("HANGUL CHOSEONG", "HANGUL JUNGSEONG"))
        assert not piece.endswith("\ufffd")
        text += piece
        assert whole.startswith(text)
    assert text + stream.finish() == whole


@pytest.mark.parametrize("type", TYPES[:-1])  # a run of single bytes is sure when it is over
def test_text_comes_early(type: str) -> None:
    """It is never more than a word late, or one character in bytes."""
    tokenizer = tokenizer_of(type)
    for line in LINES:
        ids = tokenizer.encode(line).ids
        stream, text = TextStream(tokenizer), ""
        for count, index in enumerate(ids, 1):
            text += stream.push(index)
            so_far = tokenizer.decode(ids[:count]).rstrip("\ufffd")
            assert len(so_far) - len(text) <= 4


@pytest.mark.parametrize("type", TYPES)
@settings(max_examples=25)
@given(data=st.data())
def test_nothing_of_a_stop_string_is_shown(type: str, data: st.DataObject) -> None:
    tokenizer = tokenizer_of(type)
    prompt, ids = data.draw(outputs(type))
    strings = data.draw(
        st.lists(st.sampled_from(["well", "한글", "3.5", ", a", "😀", "🤦🏽", "ㅋㅋㅋ,", "n"]), min_size=1)
    )
    stops = StopStrings(tokenizer, strings)
    (whole,) = continuations(tokenizer, [prompt], [ids])
    cut = whole[: stops.find(whole)]
    stream, text = TextStream(tokenizer, stops, prompt), ""
    for index in ids:
        text += stream.push(index)
        assert cut.startswith(text)
    assert text + stream.finish() == cut
    assert stream.is_stopped == (stops.find(whole) is not None)


@pytest.mark.parametrize("type", TYPES)
def test_a_stop_string_is_seen_with_its_last_piece(type: str) -> None:
    tokenizer = tokenizer_of(type)
    for line, string in zip(LINES, ["조금씩 ", "like", "😀", "한글"], strict=True):
        stops, ids = StopStrings(tokenizer, [string, "never"]), tokenizer.encode(line).ids * 2
        hits = []
        for count in range(1, len(ids) + 1):
            rows = torch.tensor([[*ids[:count], NO_TOKEN], [*ids[:1], *[NO_TOKEN] * count]])
            hits.append([string in tokenizer.decode(row) for row in (ids[:count], ids[:1])])
            assert stops(rows).tolist() == hits[-1]
            if any(hits[-1]):
                break
        assert any(hits[-1]) == (string in tokenizer.decode(ids))


@pytest.mark.parametrize("wrong", [[], ["a", ""]])
def test_a_stop_string_that_is_none_is_refused(wrong: list[str]) -> None:
    with pytest.raises(ConfigError, match="none of them empty"):
        StopStrings(tokenizer_of("char"), wrong)
