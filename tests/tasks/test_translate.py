"""Lines in, translations out: order, empty and overlong lines, and no more in memory than a chunk."""

import dataclasses
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from headway.decoding.generate import Decoding, decode
from headway.decoding.sampling import Sampling
from headway.errors import ConfigError, DataError
from headway.models.families.vaswani import Vaswani
from headway.models.transformer import EncoderDecoder
from headway.spec import SpecialTokens
from headway.tasks.translate import Translation, translate_lines
from headway.text.tokenizer import Tokenizer, TokenizerPair
from headway.text.trainer import train

LINES = ["a b c", "", "c", "b b b b b a", "   ", "a", "c b a b", "a b c"]


@pytest.fixture(scope="module")
def tokenizers() -> TokenizerPair:
    tokenizer = train(["a b c d e f g h"] * 3, type="word", vocab_size=12)
    return TokenizerPair(tokenizer, tokenizer)


@pytest.fixture(scope="module")
def model(tokenizers: TokenizerPair) -> EncoderDecoder:
    return wide(tokenizers.source, seed=3)


def wide(tokenizer: Tokenizer, seed: int) -> EncoderDecoder:
    """A model whose outputs differ from line to line."""
    torch.manual_seed(seed)
    special = SpecialTokens(pad_id=tokenizer.pad_id, start_id=tokenizer.start_id, end_id=tokenizer.end_id)
    choices = Vaswani(num_layers=2, d_model=16, d_ff=16, num_heads=2, max_length=12, tied="none", norm_order="pre")
    model = EncoderDecoder(choices.spec(tokenizer.vocab_size, tokenizer.vocab_size, special)).eval()
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.4)
    return model


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_each_line_has_its_translation_in_its_place(
    model: EncoderDecoder, tokenizers: TokenizerPair, chunk: int
) -> None:
    options = Decoding(beam=3, n_best=2)
    found = list(translate_lines(model, tokenizers, LINES, options, chunk=chunk))
    for line, translations in zip(LINES, found, strict=True):
        if not line.strip():
            assert [translation.text for translation in translations] == [""]
            continue
        ids = [*tokenizers.source.encode(line).ids, tokenizers.source.end_id]
        for translation, hypothesis in zip(translations, decode(model, [ids], options)[0], strict=True):
            assert translation.text == tokenizers.target.decode(hypothesis.ids)
            assert translation.score == pytest.approx(hypothesis.score, abs=1e-5)
            assert (translation.tokens, translation.hit_limit) == (len(hypothesis.ids), hypothesis.hit_limit)
    assert len({translations[0].text for translations in found}) > 3
    assert [t.text for t in found[0]] == [t.text for t in found[-1]]


def test_the_best_of_a_search_are_different_texts() -> None:
    """A text that the beam holds in several cuts is given once, with the score of its best; draws are left alone."""
    tokenizer = train(["aa aaa aaaa"] * 9, type="bpe", vocab_size=8)
    options, pair = Decoding(beam=8, n_best=8, max_length=5), TokenizerPair(tokenizer, tokenizer)
    model = wide(tokenizer, seed=4)
    hypotheses = decode(model, [[*tokenizer.encode("aaa").ids, tokenizer.end_id]], options)[0]
    texts = [tokenizer.decode(hypothesis.ids) for hypothesis in hypotheses]
    assert 2 < len(set(texts)) < len(texts), "nothing is tried here"
    assert texts[3] == texts[4]
    (found,) = translate_lines(model, pair, ["aaa"], options)
    assert [translation.text for translation in found] == list(dict.fromkeys(texts))
    for translation in found:
        best = hypotheses[texts.index(translation.text)]
        assert (translation.score, translation.tokens) == (best.score, len(best.ids))
        assert translation.score == pytest.approx(translation.log_probability / options.length_norm(translation.tokens))
    assert next(translate_lines(model, pair, ["aaa"], dataclasses.replace(options, n_best=5))) == found[:5]
    drawn = dataclasses.replace(options, sampling=Sampling(temperature=0.1))
    assert len(next(translate_lines(model, pair, ["aaa"], drawn))) == 8


def test_a_search_that_is_not_known_is_refused(model: EncoderDecoder, tokenizers: TokenizerPair) -> None:
    options = Decoding(unfollowed=("no_repeat_ngram_size = 3",))
    with pytest.raises(ConfigError, match=r"asks to be decoded with no_repeat_ngram_size = 3, which is not known"):
        next(translate_lines(model, tokenizers, LINES, options))


def test_a_line_that_is_too_long_is_cut_and_marked_or_refused(model: EncoderDecoder, tokenizers: TokenizerPair) -> None:
    long, most = " ".join("abc" * 5), " ".join("abcabcabcab")  # 15 words; 11 and the end token are all it reads
    cut, whole = (best[0] for best in translate_lines(model, tokenizers, [long, most]))
    assert (cut.source_cut, whole.source_cut) == (True, False)
    assert dataclasses.replace(cut, source_cut=False) == whole
    with pytest.raises(DataError, match=r"line 3 has 15 tokens, but the model reads at most 11"):
        list(translate_lines(model, tokenizers, ["a", "", long], too_long="refuse", chunk=2))


def test_only_a_chunk_is_read_ahead(model: EncoderDecoder, tokenizers: TokenizerPair) -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "a b"

    results = translate_lines(model, tokenizers, endless(), Decoding(beam=2, max_length=3), chunk=4)
    for number in range(1, 10):
        assert next(results)
        assert read == -(-number // 4) * 4


def test_no_lines_no_translations(model: EncoderDecoder, tokenizers: TokenizerPair) -> None:
    assert list(translate_lines(model, tokenizers, [])) == []
    assert list(translate_lines(model, tokenizers, ["", " "])) == [[Translation("", 0.0, 0.0, 0, False, False)]] * 2
