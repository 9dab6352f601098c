"""How pieces are spelled, named and placed: properties that hold for every text, Hangul, emoji and NFD among them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.explain import pieces

TEXTS = ["나는 뷁을 봤다", unicodedata.normalize("NFD", "각하께서"), "I 😀 서울 👨‍👩‍👧", "", "a"]


def _letters(text: str) -> str:
    """Bytes of a text as GPT-2 writes them."""
    letter_of = {byte: letter for letter, byte in pieces._BYTE_OF.items()}
    return "".join(letter_of[byte] for byte in text.encode())


@given(st.text())
def test_byte_letters_are_the_bytes(text: str) -> None:
    assert pieces.byte_level(_letters(text)) == text.encode()
    assert pieces.spell(_letters(text), of_bytes=True) == (text, "")


def test_the_byte_alphabet_is_the_published_one() -> None:
    transformers = pytest.importorskip("transformers.convert_slow_tokenizer")
    assert {byte: letter for letter, byte in pieces._BYTE_OF.items()} == transformers.bytes_to_unicode()


@given(st.text())
def test_utf16_offsets_are_those_of_a_browser(text: str) -> None:
    offsets = pieces.utf16(text)
    units = text.encode("utf-16-le", "surrogatepass")
    for start in range(len(text)):
        cut = units[2 * offsets[start] : 2 * offsets[start + 1]]
        assert cut.decode("utf-16-le", "surrogatepass") == text[start]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("width", [1, 2, 3, 4, 7])
def test_written_pieces_find_their_characters(text: str, width: int) -> None:
    raw = text.encode()
    parts = [raw[at : at + width] for at in range(0, len(raw), width)]

    def decode(ids: object) -> str:
        return b"".join(parts[i] for i in ids).decode(errors="replace")  # type: ignore[attr-defined]

    spans = pieces.spans_by_decoding(range(len(parts)), decode)
    ends = [0] * (len(raw) + 1)  # for every byte boundary: characters begun before it
    for at in range(1, len(raw) + 1):
        ends[at] = len(raw[:at].decode(errors="ignore")) + (not _is_whole(raw[:at]))
    starts = [len(raw[:at].decode(errors="ignore")) for at in range(0, len(raw), width)]
    wanted = [
        (start, ends[min(len(raw), at + width)]) for start, at in zip(starts, range(0, len(raw), width), strict=True)
    ]
    assert spans == wanted


def _is_whole(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_pieces_of_one_syllable_are_numbered() -> None:
    spans = [(0, 1), (0, 1), (0, 2), (2, 3), (3, 3), (3, 4)]
    assert [(n, of) for n, of, *_ in pieces.shared(spans)] == [(1, 3), (2, 3), (3, 3), (1, 1), (1, 1), (1, 1)]
    assert pieces.shared(spans)[0][2:] == (0, 2)
