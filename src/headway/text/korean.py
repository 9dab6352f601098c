"""Hangul arithmetic, particles that follow the final consonant, and Korean conjugation.

The syllable block is the arithmetic of The Unicode Standard, section 3.12 (Conjoining Jamo Behavior); the spelling of
particles and endings follows the Korean orthography 한글 맞춤법 (chapter 4, sections 1 and 2). All text is NFC.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from headway.errors import DataError

LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_FIRST, _LAST = 0xAC00, 0xD7A3
_DIGIT_READINGS = dict(zip("0123456789", "영일이삼사오육칠팔구", strict=True))
_PARTICLES = {"은/는", "이/가", "을/를", "와/과", "으로/로", "아/야", "이에요/예요", "이었/였"}
_VOWEL_FIRST = {"와/과"}
_CONTRACTIONS = {  # (vowel of the stem, vowel of the ending) -> one vowel
    ("ㅏ", "ㅏ"): "ㅏ", ("ㅗ", "ㅏ"): "ㅘ", ("ㅓ", "ㅓ"): "ㅓ", ("ㅕ", "ㅓ"): "ㅕ", ("ㅐ", "ㅓ"): "ㅐ",
    ("ㅔ", "ㅓ"): "ㅔ", ("ㅜ", "ㅓ"): "ㅝ", ("ㅣ", "ㅓ"): "ㅕ", ("ㅚ", "ㅓ"): "ㅙ",
}  # fmt: skip


def is_hangul(character: str) -> bool:
    """Whether one character is a precomposed Hangul syllable (U+AC00 to U+D7A3).

    >>> is_hangul("한"), is_hangul("ㅎ"), is_hangul("h")
    (True, False, False)
    """
    return len(character) == 1 and _FIRST <= ord(character) <= _LAST


def decompose(syllable: str) -> tuple[str, str, str]:
    """Splits a syllable into lead, vowel and final consonant ("" where there is none).

    Raises:
        DataError: `syllable` is not one precomposed Hangul syllable.

    >>> decompose("값")
    ('ㄱ', 'ㅏ', 'ㅄ')
    """
    if not is_hangul(syllable):
        raise DataError(
            f"{syllable!r} is not one Hangul syllable; normalise the text to NFC and pass a single syllable"
        )
    lead, rest = divmod(ord(syllable) - _FIRST, len(VOWELS) * len(FINALS))
    vowel, final = divmod(rest, len(FINALS))
    return LEADS[lead], VOWELS[vowel], FINALS[final]


def compose(lead: str, vowel: str, final: str = "") -> str:
    """Joins a lead, a vowel and a final consonant into one syllable; the inverse of `decompose`.

    Raises:
        DataError: one of the parts cannot stand in its place.

    >>> compose("ㅎ", "ㅏ", "ㄴ")
    '한'
    """
    if len(lead) != 1 or len(vowel) != 1 or lead not in LEADS or vowel not in VOWELS or final not in FINALS:
        raise DataError(
            f"({lead!r}, {vowel!r}, {final!r}) is no Hangul syllable; expected a lead, a vowel and a final jamo"
        )
    index = (LEADS.index(lead) * len(VOWELS) + VOWELS.index(vowel)) * len(FINALS) + FINALS.index(final)
    return chr(_FIRST + index)


def final_consonant(word: str) -> str:
    """The consonant a word ends in as it is read aloud, "" after a vowel; digits are read as Sino-Korean numerals.

    Raises:
        DataError: the word ends neither in a Hangul syllable nor in a digit.

    >>> final_consonant("책"), final_consonant("사과"), final_consonant("3")
    ('ㄱ', '', 'ㅁ')
    """
    last = _DIGIT_READINGS.get(word[-1:], word[-1:])
    if not is_hangul(last):
        raise DataError(f"the final consonant of {word!r} is unknown; expected a word that ends in Hangul or a digit")
    return decompose(last)[2]


def attach(word: str, particle: str) -> str:
    """Adds the form of a particle that the final consonant of the word calls for; 으로/로 takes 로 after ㄹ as well.

    Args:
        word: any word that ends in Hangul or a digit.
        particle: both forms, as dictionaries write them (`"은/는"`), or one form that never changes (`"에서"`).

    Raises:
        DataError: the particle is not one of the known pairs, or the end of the word cannot be read.

    >>> attach("책", "을/를"), attach("사과", "을/를"), attach("서울", "으로/로"), attach("책", "와/과")
    ('책을', '사과를', '서울로', '책과')
    """
    if "/" not in particle:
        return word + particle
    if particle not in _PARTICLES:
        raise DataError(f"the particle {particle!r} is unknown; expected one of {', '.join(sorted(_PARTICLES))}")
    closed, opened = reversed(particle.split("/")) if particle in _VOWEL_FIRST else particle.split("/")
    final = final_consonant(word)
    is_closed = final not in ("", "ㄹ") if particle == "으로/로" else final != ""
    return word + (closed if is_closed else opened)


@dataclass(frozen=True, slots=True)
class Predicate:
    """A verb or adjective before any ending.

    Args:
        stem: the dictionary form without 다; only its last two syllables change, so it may hold spaces (`"보여 주"`).
        irregular: the irregular class: ㅂ, ㄷ, ㅅ, ㅎ or 르, 시 for a stem that honours; "" where the spelling rules
            alone decide (ㄹ, 으 and 하 included).
        part: "verb", "adjective", "existential" (있다, 없다 and what ends in them) or "copula" (이다, 아니다).
        honorific: the stem that honours the subject where a word of its own replaces -(으)시-, as 드시 does for 먹.
        negation: what follows -지: 않, or 못하 for what nobody chooses, as in 찾지 못하다.
    """

    stem: str
    irregular: str = ""
    part: str = "verb"
    honorific: str = ""
    negation: str = "않"


def _with_final(text: str, final: str) -> str:
    lead, vowel, _ = decompose(text[-1])
    return text[:-1] + compose(lead, vowel, final)


def _join(stem: str, ending: str) -> str:
    """Appends an ending; a first letter that is a bare consonant becomes the final of the last syllable."""
    if ending[:1] in FINALS[1:]:
        return _with_final(stem, ending[0]) + ending[1:]
    return stem + ending


def _infinitive(predicate: Predicate) -> str:
    """The stem with -아/어, contracted as the spelling demands: 가, 와, 먹어, 해, 도와, 불러, 들어."""
    stem, irregular = predicate.stem, predicate.irregular
    lead, vowel, final = decompose(stem[-1])
    before = decompose(stem[-2])[1] if len(stem) > 1 and is_hangul(stem[-2]) else ""
    if stem == "아니":
        return "아니어"
    if stem[-1] == "하":
        return stem[:-1] + "해"
    if irregular == "르":
        return _with_final(stem[:-1], "ㄹ") + ("라" if before in ("ㅏ", "ㅗ") else "러")
    if irregular == "ㅎ":
        return stem[:-1] + compose(lead, "ㅒ" if vowel == "ㅑ" else "ㅐ")
    if irregular == "ㅂ":
        return _with_final(stem, "") + ("와" if stem[-1] in "돕곱" else "워")
    if irregular in ("ㄷ", "ㅅ"):
        return _with_final(stem, "ㄹ" if irregular == "ㄷ" else "") + ("아" if vowel in ("ㅏ", "ㅗ") else "어")
    if vowel == "ㅡ" and not final:
        return stem[:-1] + compose(lead, "ㅏ" if before in ("ㅏ", "ㅗ") else "ㅓ")
    ending = "ㅏ" if vowel in ("ㅏ", "ㅗ") else "ㅓ"
    if not final and (vowel, ending) in _CONTRACTIONS:
        return stem[:-1] + compose(lead, _CONTRACTIONS[vowel, ending])
    return stem + compose("ㅇ", ending)


def _open_stem(predicate: Predicate) -> str:
    """The stem before an ending with 으, with that 으 where it is kept: 읽으, 가, 도우, 들으, 지으, 만들."""
    stem = predicate.stem
    final = final_consonant(stem)
    if predicate.irregular == "ㅂ":
        return _with_final(stem, "") + "우"
    if predicate.irregular in ("ㄷ", "ㅅ"):
        return _with_final(stem, "ㄹ" if predicate.irregular == "ㄷ" else "") + "으"
    if predicate.irregular == "ㅎ":
        return _with_final(stem, "")
    return stem if final in ("", "ㄹ") else stem + "으"


@lru_cache(maxsize=1 << 14)
def conjugate(predicate: Predicate, ending: str) -> str:
    """Adds an ending to a stem.

    Args:
        predicate: the word.
        ending: as grammars write it: one that opens with 아 or 았 harmonises with the stem (`"아요"`, `"았다"`),
            one that opens with 으 keeps it only after a consonant (`"으ㄴ"`), `"는다"` is ㄴ다 after a vowel; any other
            is appended.

    >>> conjugate(Predicate("돕", "ㅂ"), "아요"), conjugate(Predicate("만들"), "으ㄴ")
    ('도와요', '만든')
    """
    stem, first = predicate.stem, ending[0]
    if first == "아":
        if predicate.irregular == "시" and ending == "아요":
            return stem[:-1] + "세요"
        return _infinitive(predicate) + ending[1:]
    if first == "았":
        return _join(_infinitive(predicate), "ㅆ") + ending[1:]
    drops_l = final_consonant(stem) == "ㄹ"
    if first == "으":
        rest = ending[1:]
        opened = _open_stem(predicate)
        return _join(_with_final(opened, "") if drops_l and rest[0] in "ㄴㄹㅂ시" else opened, rest)
    if drops_l and first in "는니":
        stem = _with_final(stem, "")
    if ending == "는다" and not final_consonant(stem):
        return _join(stem, "ㄴ다")
    return stem + ending


def honor(predicate: Predicate) -> Predicate:
    """The predicate that honours its subject: 읽다 to 읽으시다, 먹다 to 드시다."""
    part = "verb" if predicate.part == "verb" else "adjective"
    return Predicate(predicate.honorific or conjugate(predicate, "으시"), "시", part, negation=predicate.negation)


def negate(predicate: Predicate) -> Predicate:
    """The long negation, -지 않다 or -지 못하다; an adjective stays one, so 맛있지 않다 and not 맛있지 않는다."""
    part = "verb" if predicate.part == "verb" else "adjective"
    return Predicate(conjugate(predicate, f"지 {predicate.negation}"), part=part)


def chain(predicate: Predicate, ending: str, auxiliary: Predicate) -> Predicate:
    """Joins an auxiliary to a predicate: -고 있다, -고 싶다, -(으)ㄹ 수 있다, -아/어야 하다.

    >>> conjugate(chain(Predicate("읽"), "고", Predicate("있", part="existential")), "았다")
    '읽고 있었다'
    """
    start = conjugate(predicate, ending)
    honorific = f"{start} {auxiliary.honorific}" if auxiliary.honorific else ""
    return replace(auxiliary, stem=f"{start} {auxiliary.stem}", honorific=honorific)


def copula(noun: str) -> Predicate:
    """이다 behind a noun."""
    return Predicate(noun, part="copula")


_ENDINGS = {  # (polite, question, tense) -> ending
    (False, False, "past"): "았다", (False, False, "present"): "다", (False, False, "future"): "으ㄹ 것이다",
    (False, True, "past"): "았니", (False, True, "present"): "니", (False, True, "future"): "으ㄹ 거니",
    (True, False, "past"): "았어요", (True, False, "present"): "아요", (True, False, "future"): "으ㄹ 거예요",
    (True, True, "past"): "았어요", (True, True, "present"): "아요", (True, True, "future"): "으ㄹ 거예요",
}  # fmt: skip


@lru_cache(maxsize=1 << 15)
def finite(predicate: Predicate, tense: str, *, is_polite: bool, is_question: bool = False) -> str:
    """The form that ends a sentence, plain (한다체, questions in -니) or polite (해요체), without the full stop.

    Args:
        predicate: the word.
        tense: "past", "present" or "future".
        is_polite: 해요체 where true.
        is_question: the ending of a question where true.

    >>> finite(Predicate("듣", "ㄷ"), "past", is_polite=True), finite(copula("의사"), "present", is_polite=False)
    ('들었어요', '의사다')
    """
    ending = _ENDINGS[is_polite, is_question, tense]
    if predicate.part == "copula":
        if tense == "past":
            return attach(predicate.stem, "이었/였") + ending[1:]
        if tense == "present" and is_polite:
            return attach(predicate.stem, "이에요/예요")
        if tense == "present":
            return predicate.stem + ("이" if final_consonant(predicate.stem) else "") + ending
        return conjugate(Predicate(predicate.stem + "이"), ending)
    if predicate.stem == "아니" and tense == "present" and is_polite:
        return predicate.stem + "에요"
    if ending == "다" and predicate.part == "verb":
        ending = "는다"
    return conjugate(predicate, ending)


@lru_cache(maxsize=1 << 14)
def adnominal(predicate: Predicate, tense: str) -> str:
    """The form before a noun: 읽는, 읽은, 읽을 for verbs; 큰 for adjectives; 있는 for 있다 in the present.

    >>> adnominal(Predicate("팔"), "present"), adnominal(Predicate("팔"), "past")
    ('파는', '판')
    """
    if tense == "future":
        return conjugate(predicate, "으ㄹ")
    if tense == "present" and predicate.part in ("verb", "existential"):
        return conjugate(predicate, "는")
    if tense == "past" and predicate.part in ("adjective", "existential"):
        return conjugate(predicate, "았던")
    return conjugate(predicate, "으ㄴ")
