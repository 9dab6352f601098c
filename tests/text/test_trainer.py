"""What is learned: the size asked for, the same every time, Hangul whole, and one clear error where that cannot be."""

import random
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from headway.errors import ConfigError
from headway.text.pipeline import JAMO
from headway.text.tokenizer import Tokenizer
from headway.text.trainer import SPECIAL_PIECES, TYPES, train

every_type = pytest.mark.parametrize("type", TYPES)
subwords = pytest.mark.parametrize("type", ["byte-bpe", "bpe", "wordpiece", "unigram"])


def corpus(lines: int, seed: int = 1) -> list[str]:
    """Sentences of made-up words with a vocabulary that falls off as real ones do."""
    draw = random.Random(seed)
    letters = "etaoinshrdlu" + "가나다라마바사아자차카타파하고노도로모보소오조초코토포호"
    words = ["".join(draw.choices(letters, k=draw.randint(1, 6))) for _ in range(400)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    return [" ".join(draw.choices(words, weights, k=draw.randint(3, 9))) + draw.choice(".?!") for _ in range(lines)]


LINES = corpus(300)


@every_type
def test_the_size_is_the_one_asked_for(type: str) -> None:
    size = {"unigram": 170, "word": 250, "char": len({*"".join(LINES)}) + 4}.get(type, 340)
    tokenizer = train(LINES, type=type, vocab_size=size if type != "char" else 8000)
    assert tokenizer.vocab_size == size
    assert [tokenizer.piece_of(index) for index in range(4)] == list(SPECIAL_PIECES)
    assert tokenizer.type == type
    assert max(max(ids) for ids in tokenizer.encode_batch(LINES)) < tokenizer.vocab_size
    assert tokenizer.decode_batch(tokenizer.encode_batch(LINES[:20])) == LINES[:20] or type == "word"


@every_type
def test_the_same_texts_give_the_same_bytes(type: str) -> None:
    noisy = [*LINES, *map(chr, range(0xAC00, 0xAD00))]  # many characters and pieces with equal counts
    size = {"wordpiece": 1000, "unigram": 420, "word": 520}.get(type, 600)
    first = train(noisy, type=type, vocab_size=size)
    assert train(iter(noisy), type=type, vocab_size=size) == first
    assert train(noisy[:-1], type=type, vocab_size=size - 1, exact=False) != first


def complaint(call: Callable[[], Tokenizer]) -> str:
    with pytest.raises(ConfigError) as raised:
        call()
    return str(raised.value)


@pytest.mark.parametrize("type", [kind for kind in TYPES if kind != "char"])
@pytest.mark.parametrize("lines", [3, 300])
def test_more_than_the_data_allows_is_one_sentence_that_helps(type: str, lines: int) -> None:
    message = complaint(lambda: train(LINES[:lines], type=type, vocab_size=1_000_000))
    assert "1,000,000 is more than the data allows" in message
    found = re.search(r"set (\d+) or less", message)
    assert found is not None
    for size in {int(found[1]), int(found[1]) - 1}:
        assert train(LINES[:lines], type=type, vocab_size=size).vocab_size == size
    assert train(LINES[:lines], type=type, vocab_size=1_000_000, exact=False).vocab_size == int(found[1])
    assert "more than the data allows" in complaint(
        lambda: train(LINES[:lines], type=type, vocab_size=int(found[1]) + 1)
    )


@subwords
def test_less_than_the_alphabet_is_one_sentence_that_helps(type: str) -> None:
    for given in (-1, 4, 20):
        message = complaint(lambda size=given: train(LINES, type=type, vocab_size=size))
        assert f"vocab_size {given} is too small" in message
    found = re.search(r"set vocab_size to (\d+) or more", message)
    assert found is not None
    assert train(LINES, type=type, vocab_size=int(found[1])).vocab_size == int(found[1])


def test_unigram_is_cut_to_size_where_the_library_falls_short() -> None:
    """Its last pruning removes a quarter, also where less would do: here for most of the sizes."""
    sizes = range(130, 188, 6)
    assert [train(LINES, type="unigram", vocab_size=size).vocab_size for size in sizes] == list(sizes)


@pytest.mark.parametrize("lines", [[], ["", "  ", "\t"]])
@every_type
def test_an_empty_corpus_is_refused(type: str, lines: list[str]) -> None:
    assert "the corpus is empty" in complaint(lambda: train(lines, type=type, vocab_size=300))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"type": "bytebpe"}, "'bytebpe' is unknown; did you mean byte-bpe?"),
        ({"normalization": "nfd"}, "'nfd' is unknown; did you mean nfc?"),
        ({"character_coverage": 0.0}, "0.9995"),
        ({"special_pieces": ["<pad>"]}, "<pad>"),
        ({"special_pieces": ["mask"]}, "<name>"),
    ],
)
def test_wrong_arguments_are_named(wrong: dict[str, Any], message: str) -> None:
    assert message in complaint(lambda: train(LINES, **wrong))


@every_type
@pytest.mark.parametrize("normalization", ["nfc", "nfkc"])
def test_hangul_stays_whole(type: str, normalization: str) -> None:
    """Lower-casing takes no syllable apart, and NFKC leaves ㅋㅋ alone (on its own it makes U+110F of it)."""
    text = "".join(JAMO) + " ㅎㅏ Ａ 한글 CAFÉ ㅋㅋㅋ ㅠㅠ"
    sample = [text] * 2
    size = {"byte-bpe": 300, "word": 11, "char": 500}.get(type, 250)
    tokenizer = train(sample, type=type, vocab_size=size, exact=False, normalization=normalization, lowercase=True)
    plain = text.lower().replace("ａ", "a") if normalization == "nfkc" else text.lower()
    assert tokenizer.decode(tokenizer.encode(text).ids) == plain
    assert tokenizer.encode(unicodedata.normalize("NFD", text)).ids == tokenizer.encode(text).ids
    assert tokenizer.unk_id not in tokenizer.encode(text).ids


def test_no_form_at_all() -> None:
    apart = unicodedata.normalize("NFD", "한글 café")
    tokenizer = train([apart], vocab_size=260, normalization="none")
    assert tokenizer.decode(tokenizer.encode(apart).ids) == apart


def test_rare_characters_can_be_left_out() -> None:
    noisy = [*LINES, "漢字"]
    whole, covered = (train(noisy, type="bpe", vocab_size=200, character_coverage=share) for share in (1.0, 0.9995))
    assert "漢" in whole
    assert "漢" not in covered
    assert covered.unk_id in covered.encode("漢").ids
    assert covered.unk_id not in covered.encode(LINES[0]).ids


def test_characters_beyond_the_size_are_the_rarest() -> None:
    tokenizer = train(["aaa bbb c"], type="char", vocab_size=7)
    assert [tokenizer.piece_of(index) for index in range(4, 7)] == ["a", "b", " "]


def test_memory_is_bounded_by_an_even_sample() -> None:
    """1,000 lines of 10 characters, of which 2,500 characters may be kept: every fourth line, from all parts."""
    read: list[int] = []

    def numbers() -> Any:
        for number in range(1000):
            read.append(number)
            yield f"word{number:06}"

    tokenizer = train(numbers(), type="word", vocab_size=254, max_characters=2500)
    assert len(read) == 1000
    assert [f"word{number:06}" in tokenizer for number in range(1000)] == [True, False, False, False] * 250
    assert train(["ab " * 1000], type="word", vocab_size=5, max_characters=5).vocab_size == 5


@subwords
def test_special_pieces_follow_and_are_never_learned(type: str) -> None:
    """`<x>` in the text stays characters: no merge may produce a special piece."""
    texts = ["<x> </s> ab"] * 50 + ["b a"]
    tokenizer = train(texts, type=type, vocab_size=300, exact=False, special_pieces=["<x>", "<mask>"])
    assert [tokenizer.id_of("<x>"), tokenizer.id_of("<mask>")] == [4, 5]
    assert not tokenizer.special_ids & {*tokenizer.encode("<x> </s> ab").ids}
