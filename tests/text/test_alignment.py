"""Every normalised character is traced to what was typed, for the normalizers the package makes."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers

from headway.text.alignment import readings
from headway.text.pipeline import unicode_form

FORMS = [("nfc", False), ("nfc", True), ("nfkc", False), ("nfkc", True)]
MARKS = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)).startswith("M")]
CHANGING = [chr(code) for code in range(0x110000) if not unicodedata.is_normalized("NFKD", chr(code))]
HANGUL = [chr(code) for code in (*range(0x1100, 0x1200), *range(0x3131, 0x318F), *range(0xAC00, 0xAC40))]
texts = st.lists(
    st.sampled_from(MARKS) | st.sampled_from(CHANGING) | st.sampled_from(HANGUL) | st.characters(codec="utf-8")
)


@pytest.mark.parametrize(("form", "lowercase"), FORMS)
@given(text=texts.map("".join))
def test_every_character_has_its_range(form: str, lowercase: bool, text: str) -> None:
    normalizer = unicode_form(form, lowercase)
    assert normalizer is not None
    clean = normalizer.normalize_str(text)
    found = list(readings(text, normalizer))
    assert found or unicodedata.is_normalized("NFKC", text) or clean == text
    for reading, spans in found:
        assert normalizer.normalize_str(reading) == clean
        assert reading in (clean, unicodedata.normalize("NFC", text))
        check(text, reading, spans, normalizer if reading == clean else normalizers.NFC())


def check(text: str, reading: str, spans: list[tuple[int, int]], normalizer: normalizers.Normalizer) -> None:
    assert len(spans) == len(reading)
    assert [spans[0][0], spans[-1][1]] == [0, len(text)]
    for (start, end), (next_start, next_end) in pairwise(spans):
        assert (start, end) == (next_start, next_end) or end == next_start
    for start, end in set(spans):
        assert normalizer.normalize_str(text[start:end]) == "".join(
            character for character, span in zip(reading, spans, strict=True) if span == (start, end)
        )


def test_a_normalizer_that_adds_text_is_given_text_that_is_joined() -> None:
    prefix = normalizers.Sequence([normalizers.NFC(), normalizers.Prepend("▁")])
    assert list(readings("e\u0301x", prefix)) == [("éx", [(0, 2), (2, 3)])]
    assert list(readings("é", prefix)) == list(readings("e\u0301", None)) == []
    assert list(readings("e\u0301", normalizers.Prepend("▁"))) == []
