"""Hangul arithmetic, particles and conjugation."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.errors import DataError
from headway.text.korean import (
    FINALS,
    LEADS,
    VOWELS,
    Predicate,
    adnominal,
    attach,
    chain,
    compose,
    conjugate,
    copula,
    decompose,
    final_consonant,
    finite,
    honor,
    is_hangul,
    negate,
)

SYLLABLES = st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)
WORDS = st.text(SYLLABLES, min_size=1, max_size=6)


def test_every_syllable_is_composed_of_its_parts() -> None:
    """All 11,172 syllables come back, and agree with Unicode on whether they end in a consonant."""
    syllables = [chr(code) for code in range(0xAC00, 0xD7A4)]
    assert [compose(*decompose(syllable)) for syllable in syllables] == syllables
    for syllable in syllables:
        assert (len(unicodedata.normalize("NFD", syllable)) == 3) == (final_consonant(syllable) != "")


@given(st.sampled_from(LEADS), st.sampled_from(VOWELS), st.sampled_from(FINALS))
def test_decompose_inverts_compose(lead: str, vowel: str, final: str) -> None:
    syllable = compose(lead, vowel, final)
    assert is_hangul(syllable)
    assert unicodedata.is_normalized("NFC", syllable)
    assert decompose(syllable) == (lead, vowel, final)


@pytest.mark.parametrize("wrong", ["", "a", "ㄱ", "가나", "\u1100\u1161", "漢"])
def test_what_is_no_syllable_is_refused(wrong: str) -> None:
    assert not is_hangul(wrong)
    with pytest.raises(DataError, match="one Hangul syllable"):
        decompose(wrong)


@pytest.mark.parametrize("parts", [("", "ㅏ"), ("ㄳ", "ㅏ"), ("ㄱ", "ㄴ"), ("ㄱ", "ㅏ", "ㄸ"), ("ㄱㄱ", "ㅏ")])
def test_what_composes_no_syllable_is_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="no Hangul syllable"):
        compose(*parts)


@given(WORDS)
def test_particles_follow_the_final_consonant(word: str) -> None:
    """Every pair of forms, against what Unicode says about the last syllable."""
    jamo = unicodedata.normalize("NFD", word[-1])
    is_closed, ends_in_l = len(jamo) == 3, jamo[-1] == "\u11af"
    for particle in ("은/는", "이/가", "을/를", "이에요/예요"):
        assert attach(word, particle) == word + particle.split("/")[not is_closed]
    assert attach(word, "와/과") == word + ("과" if is_closed else "와")
    assert attach(word, "으로/로") == word + ("으로" if is_closed and not ends_in_l else "로")
    assert attach(word, "에서") == word + "에서"


@pytest.mark.parametrize(
    ("word", "particle", "marked"),
    [("서울", "으로/로", "서울로"), ("집", "으로/로", "집으로"), ("버스", "으로/로", "버스로"),
     ("2019", "은/는", "2019는"),
     ("3", "이/가", "3이"), ("10", "을/를", "10을"), ("1", "으로/로", "1로")],
)  # fmt: skip
def test_particles_after_l_and_digits(word: str, particle: str, marked: str) -> None:
    assert attach(word, particle) == marked


def test_unknown_ends_and_particles_are_refused() -> None:
    with pytest.raises(DataError, match="final consonant"):
        attach("book", "을/를")
    with pytest.raises(DataError, match="은/는"):
        attach("책", "는/은")


@pytest.mark.parametrize(
    ("predicate", "forms"),
    [  # 한다, 해요, 했다, 할 것이다, 하는, 한, 하세요
        (Predicate("먹", honorific="드시"), "먹는다 먹어요 먹었다 먹을_것이다 먹는 먹은 드세요"),
        (Predicate("마시", honorific="드시"), "마신다 마셔요 마셨다 마실_것이다 마시는 마신 드세요"),
        (Predicate("가"), "간다 가요 갔다 갈_것이다 가는 간 가세요"),
        (Predicate("오"), "온다 와요 왔다 올_것이다 오는 온 오세요"),
        (Predicate("하"), "한다 해요 했다 할_것이다 하는 한 하세요"),
        (Predicate("만들"), "만든다 만들어요 만들었다 만들_것이다 만드는 만든 만드세요"),
        (Predicate("듣", "ㄷ"), "듣는다 들어요 들었다 들을_것이다 듣는 들은 들으세요"),
        (Predicate("돕", "ㅂ"), "돕는다 도와요 도왔다 도울_것이다 돕는 도운 도우세요"),
        (Predicate("굽", "ㅂ"), "굽는다 구워요 구웠다 구울_것이다 굽는 구운 구우세요"),
        (Predicate("짓", "ㅅ"), "짓는다 지어요 지었다 지을_것이다 짓는 지은 지으세요"),
        (Predicate("부르", "르"), "부른다 불러요 불렀다 부를_것이다 부르는 부른 부르세요"),
        (Predicate("고르", "르"), "고른다 골라요 골랐다 고를_것이다 고르는 고른 고르세요"),
        (Predicate("쓰"), "쓴다 써요 썼다 쓸_것이다 쓰는 쓴 쓰세요"),
        (Predicate("모으"), "모은다 모아요 모았다 모을_것이다 모으는 모은 모으세요"),
        (Predicate("보여 주"), "보여_준다 보여_줘요 보여_줬다 보여_줄_것이다 보여_주는 보여_준 보여_주세요"),
        (Predicate("쉬"), "쉰다 쉬어요 쉬었다 쉴_것이다 쉬는 쉰 쉬세요"),
        (Predicate("켜"), "켠다 켜요 켰다 켤_것이다 켜는 켠 켜세요"),
        (Predicate("보내"), "보낸다 보내요 보냈다 보낼_것이다 보내는 보낸 보내세요"),
    ],
)  # fmt: skip
def test_verbs(predicate: Predicate, forms: str) -> None:
    """Regular and irregular verbs as the standard dictionary (표준국어대사전) conjugates them."""
    ours = [
        finite(predicate, "present", is_polite=False), finite(predicate, "present", is_polite=True),
        finite(predicate, "past", is_polite=False), finite(predicate, "future", is_polite=False),
        adnominal(predicate, "present"), adnominal(predicate, "past"),
        finite(honor(predicate), "present", is_polite=True),
    ]  # fmt: skip
    assert [form.replace(" ", "_") for form in ours] == forms.split()


@pytest.mark.parametrize(
    ("stem", "irregular", "part", "forms"),
    [  # 해요, 했다, -니, -ㄴ
        ("무겁", "ㅂ", "adjective", "무거워요 무거웠다 무겁니 무거운"),
        ("빨갛", "ㅎ", "adjective", "빨개요 빨갰다 빨갛니 빨간"),
        ("하얗", "ㅎ", "adjective", "하얘요 하얬다 하얗니 하얀"),
        ("길", "", "adjective", "길어요 길었다 기니 긴"),
        ("빠르", "르", "adjective", "빨라요 빨랐다 빠르니 빠른"),
        ("예쁘", "", "adjective", "예뻐요 예뻤다 예쁘니 예쁜"),
        ("바쁘", "", "adjective", "바빠요 바빴다 바쁘니 바쁜"),
        ("맛있", "", "existential", "맛있어요 맛있었다 맛있니 맛있는"),
        ("키가 크", "", "adjective", "키가_커요 키가_컸다 키가_크니 키가_큰"),
        ("아니", "", "adjective", "아니에요 아니었다 아니니 아닌"),
    ],
)  # fmt: skip
def test_adjectives(stem: str, irregular: str, part: str, forms: str) -> None:
    word = Predicate(stem, irregular, part)
    ours = [
        finite(word, "present", is_polite=True), finite(word, "past", is_polite=False),
        finite(word, "present", is_polite=False, is_question=True), adnominal(word, "present"),
    ]  # fmt: skip
    assert [form.replace(" ", "_") for form in ours] == forms.split()
    assert finite(word, "present", is_polite=False) == stem + "다"


@pytest.mark.parametrize(
    ("noun", "forms"),
    [
        ("의사", "의사다 의사예요 의사였다 의사였어요 의사니"),
        ("학생", "학생이다 학생이에요 학생이었다 학생이었어요 학생이니"),
    ],
)
def test_copula(noun: str, forms: str) -> None:
    word = copula(noun)
    ours = [finite(word, tense, is_polite=is_polite) for tense in ("present", "past") for is_polite in (False, True)]
    assert [*ours, finite(word, "present", is_polite=False, is_question=True)] == forms.split()


def test_auxiliaries_chain() -> None:
    """Progress, wish, negation and honour on top of one another."""
    being = Predicate("있", part="existential", honorific="계시")
    reading = chain(Predicate("읽"), "고", being)
    assert finite(reading, "past", is_polite=False) == "읽고 있었다"
    assert finite(honor(reading), "present", is_polite=True, is_question=True) == "읽고 계세요"
    assert adnominal(reading, "present") == "읽고 있는"
    assert finite(negate(Predicate("읽")), "present", is_polite=False) == "읽지 않는다"
    assert finite(negate(Predicate("좋", part="adjective")), "present", is_polite=False) == "좋지 않다"
    assert finite(negate(Predicate("찾", negation="못하")), "past", is_polite=True) == "찾지 못했어요"
    assert finite(negate(Predicate("맛있", part="existential")), "present", is_polite=False) == "맛있지 않다"
    wish = chain(Predicate("만들"), "고", Predicate("싶", part="adjective"))
    assert finite(wish, "present", is_polite=True) == "만들고 싶어요"
    assert conjugate(Predicate("걷", "ㄷ"), "으면") == "걸으면"
    assert conjugate(Predicate("살"), "으면") == "살면"
    assert conjugate(Predicate("팔"), "으러") == "팔러"


@given(WORDS)
def test_honorific_and_negative_forms_are_nfc_and_end_as_they_must(stem: str) -> None:
    """Whatever the stem, the polite form ends in 요, and no bare jamo is left."""
    for predicate in (Predicate(stem), negate(Predicate(stem)), honor(Predicate(stem))):
        for tense in ("past", "present", "future"):
            form = finite(predicate, tense, is_polite=True)
            assert form.endswith("요")
            assert all(is_hangul(character) or character == " " for character in form)
