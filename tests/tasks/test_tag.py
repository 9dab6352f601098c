"""A label for every word and every character, where they stand in the line as typed."""

import dataclasses
import random
import unicodedata

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from transformers import BertForTokenClassification

from headway.data.tagged import Unit
from headway.errors import ConfigError, DataError
from headway.models.families.bert import Bert
from headway.models.single import SingleStack
from headway.spec import LabelHeadSpec
from headway.tasks.tag import first_pieces, tag, words_of
from tests.tasks.tiny import LENGTH, PIECES, beside, given, tokenizer

LABELS = ("B-PS", "O", "I-PS", "B-LC")
NAMES = {"id2label": dict(enumerate(LABELS)), "label2id": {label: i for i, label in enumerate(LABELS)}}
LINES = [
    "the cat  sat on a mat.",
    "",
    " 서울은 한국의\t수도이다 .",
    unicodedata.normalize("NFD", "한국은 나라다"),
    "cat \u200b bank",
]


def twins() -> tuple[SingleStack, BertForTokenClassification]:
    return beside(BertForTokenClassification, **NAMES)


def always(label: str) -> SingleStack:
    """A model that says the same of every token."""
    model = twins()[0]
    torch.nn.init.zeros_(model.label_head.out.weight)  # type: ignore[union-attr]
    model.label_head.out.bias.data = 9.0 * torch.eye(4)[LABELS.index(label)]  # type: ignore[union-attr]
    return model


def test_the_first_sub_word_speaks_for_a_word() -> None:
    ours, twin = twins()
    found = list(tag(ours, tokenizer(), LINES, batch_tokens=30))
    assert found[1].tokens == []
    for line, tagged in zip(LINES, found, strict=True):
        assert [token.word for token in tagged.tokens] == line.split()
        assert all(line[token.start : token.end] == token.word for token in tagged.tokens)
        if not line:
            continue
        with torch.no_grad():
            scores = twin(**given(unicodedata.normalize("NFC", line))).logits[0].softmax(-1)
        offsets = tokenizer().encode(line).offsets
        for token in tagged.tokens:
            first = [i for i, (start, end) in enumerate(offsets) if start < token.end and token.start < end][:1]
            if not first:
                assert (token.word, token.score) == ("\u200b", 0.0)
                continue
            best = scores[first[0] + 1].max(0)
            assert (token.label, token.score) == (LABELS[best.indices], pytest.approx(float(best.values), abs=2e-5))
    assert len({token.label for tagged in found for token in tagged.tokens}) > 1


def test_characters_of_one_sub_word_begin_a_name_once() -> None:
    line = "the 서울은"
    (named,) = tag(always("B-PS"), tokenizer(), [line], "char")
    assert "".join(token.word for token in named.tokens) == line
    assert [token.label for token in named.tokens] == ["B-PS", "I-PS", "I-PS", "O", "B-PS", "I-PS", "B-PS"]
    (place,) = tag(always("B-LC"), tokenizer(), ["the"], "char")  # there is no I-LC
    assert [token.label for token in place.tokens] == ["B-LC"] * 3
    (inside,) = tag(always("I-PS"), tokenizer(), ["cat on \u200b"], "char")
    assert [token.label for token in inside.tokens] == ["I-PS"] * 6 + ["O", "O"]
    assert [token.score > 0 for token in inside.tokens] == [True] * 3 + [False] + [True] * 2 + [False] * 2


def test_a_line_in_windows_has_for_each_word_the_label_of_the_one_whose_edges_are_farthest() -> None:
    model = twins()[0]
    draw = random.Random(5)
    line = " ".join(draw.choice(["cat", "한국의", "river", "bank", "sat"]) for _ in range(90))
    short = "the cat sat"
    first, found, last = tag(model, tokenizer(), [short, line, short], stride=12, chunk=2, batch_tokens=90)
    assert first == last
    words = words_of(tokenizer(), line, "word", LENGTH - 2, 12)
    assert len(words.windows) > 3
    assert found.cut == 0
    for token, piece in zip(found.tokens, words.pieces, strict=True):
        assert piece is not None
        start, end = max(words.windows, key=lambda window: distance(piece, window, len(words.ids)))
        with torch.no_grad():
            logits = model(torch.tensor([[2, *words.ids[start:end], 3]])).logits[0, 1 + piece - start]
        best = logits.softmax(-1).max(0)
        assert (token.label, token.score) == (LABELS[best.indices], pytest.approx(float(best.values), abs=2e-5))


def test_a_model_without_a_last_position_reads_windows_of_the_length_it_was_made_for() -> None:
    torch.manual_seed(2)
    choices = Bert(num_layers=1, d_model=32, num_heads=4, max_length=16, position="rotary")
    spec = dataclasses.replace(
        choices.spec(len(PIECES)), pooler=False, label_head=LabelHeadSpec(of="tokens", labels=LABELS)
    )
    model, read, line = SingleStack(spec).eval(), [], "cat sat on the mat " * 8
    logits = model.label_logits
    model.label_logits = lambda ids, *rest: (read.append(ids.shape[1]), logits(ids, *rest))[1]  # type: ignore[method-assign]
    (whole,) = tag(model, tokenizer(), [line], too_long="cut")
    (found,) = tag(model, tokenizer(), [line], stride=4)
    assert read == [42, 16]
    assert [token.word for token in found.tokens] == [token.word for token in whole.tokens] == line.split()
    assert all(token.score > 0 for token in found.tokens)


def distance(piece: int, window: tuple[int, int], total: int) -> float:
    """How far a piece stands from the edges of a window, below 0 outside it; the ends of the text are no edges."""
    start, end = window
    if not start <= piece < end:
        return -1
    return min(piece - start if start else total, end - 1 - piece if end < total else total)


@settings(max_examples=60)
@drawn(
    st.text("cat 서울은\t\u200b.", max_size=40), st.sampled_from(["word", "char"]), st.integers(1, 9), st.integers(0, 9)
)
def test_every_word_has_one_label_over_all_windows(text: str, unit: Unit, room: int, stride: int) -> None:
    words = words_of(tokenizer(), text, unit, room, stride)
    assert [i for i, ids in enumerate(words.ids)] == sorted({i for window in words.windows for i in range(*window)})
    assert all(end - start <= room for start, end in words.windows)
    for piece, window in zip(words.pieces, words.window_of, strict=True):
        if piece is not None:
            best = max(distance(piece, one, len(words.ids)) for one in words.windows)
            assert distance(piece, words.windows[window], len(words.ids)) == best >= 0
    (found,) = tag(always("I-PS"), tokenizer(), [text], unit)
    assert [(token.start, token.end) for token in found.tokens] == words.units
    assert {token.label for token in found.tokens} <= {"I-PS", "O"}


def test_words_beyond_the_models_end_have_a_label_too() -> None:
    (tagged,) = tag(always("B-LC"), tokenizer(), ["cat " * 50], too_long="cut")
    labels = [token.label for token in tagged.tokens]
    assert (labels, tagged.cut) == (["B-LC"] * (LENGTH - 2) + ["O"] * 12, 12)
    assert [token.score for token in tagged.tokens[-12:]] == [0.0] * 12
    with pytest.raises(DataError, match="line 2 has 50 tokens, but the model reads at most 38"):
        list(tag(always("B-LC"), tokenizer(), ["a", "cat " * 50], too_long="refuse"))


def test_a_wrong_unit() -> None:
    with pytest.raises(ConfigError, match="unit is 'words'; did you mean word"):
        tag(twins()[0], tokenizer(), ["a"], "words")  # type: ignore[arg-type]


SPANS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=8).map(
    lambda steps: [
        (sum(a + b for a, b in steps[:i]) + gap, sum(a + b for a, b in steps[:i]) + gap + size)
        for i, (gap, size) in enumerate(steps)
    ]
)


@settings(max_examples=60)
@drawn(SPANS.map(lambda spans: [span for span in spans if span[0] < span[1]]), SPANS)
def test_first_pieces_are_those_of_a_search_through_all(
    units: list[tuple[int, int]], pieces: list[tuple[int, int]]
) -> None:
    for (start, end), found in zip(units, first_pieces(units, pieces), strict=True):
        sharing = [i for i, (a, b) in enumerate(pieces) if a < end and start < b and a < b]
        assert found == (sharing[0] if sharing else None)
