"""Every normalised character is traced to what was typed, for the normalizers the package makes."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers

from headway.text.alignment import align
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
    clean, spans = align(text, normalizer)
    if spans is None:
        assert clean == text
        assert unicodedata.is_normalized("NFKC", text) or normalizer.normalize_str(text) == text
        return
    assert clean == normalizer.normalize_str(text)
    assert len(spans) == len(clean)
    assert [spans[0][0], spans[-1][1]] == [0, len(text)]
    for (start, end), (next_start, next_end) in pairwise(spans):
        assert (start, end) == (next_start, next_end) or end == next_start
    for start, end in set(spans):
        assert normalizer.normalize_str(text[start:end]) == "".join(
            character for character, span in zip(clean, spans, strict=True) if span == (start, end)
        )


def test_a_normalizer_that_adds_text_is_left_to_the_library() -> None:
    prefix = normalizers.Sequence([normalizers.NFC(), normalizers.Prepend("▁")])
    assert align("e\u0301", prefix) == ("e\u0301", None)
    assert align("e\u0301", None) == ("e\u0301", None)
