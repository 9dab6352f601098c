"""A label for every word and every character, where they stand in the line as typed."""

import unicodedata

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from transformers import BertForTokenClassification

from headway.errors import ConfigError
from headway.models.single import SingleStack
from headway.tasks.tag import first_pieces, tag
from tests.tasks.tiny import LENGTH, beside, given, tokenizer

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


def test_words_beyond_the_models_end_have_a_label_too() -> None:
    (tagged,) = tag(always("B-LC"), tokenizer(), ["cat " * 50])
    labels = [token.label for token in tagged.tokens]
    assert (labels, tagged.cut) == (["B-LC"] * (LENGTH - 2) + ["O"] * 12, 12)
    assert [token.score for token in tagged.tokens[-12:]] == [0.0] * 12


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
