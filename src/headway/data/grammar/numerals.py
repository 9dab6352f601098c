"""Numerals: English words, native Korean and Sino-Korean.

>>> english(35), native(3), native(20), sino(35), sino(15_000), ordinal(3)
('thirty-five', '세', '스무', '삼십오', '만 오천', 'third')
"""

from __future__ import annotations

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
_NATIVE_UNITS = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_NATIVE_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_SINO_UNITS = ("", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구")
_ORDINALS = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth"}


def english(number: int) -> str:
    """A number from 1 to 99,999 in words."""
    if number < 20:
        return _UNITS[number]
    if number < 100:
        return _TENS[number // 10] + (f"-{_UNITS[number % 10]}" if number % 10 else "")
    size, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    rest = f" {english(number % size)}" if number % size else ""
    return f"{english(number // size)} {name}{rest}"


def ordinal(number: int) -> str:
    """An English ordinal from 1 to 19: third, tenth."""
    return _ORDINALS.get(number, _UNITS[number] + "th")


def native(number: int) -> str:
    """A native numeral from 1 to 99 as it stands before a counter: 세, 열두, 스무, 스물한."""
    return "스무" if number == 20 else _NATIVE_TENS[number // 10] + _NATIVE_UNITS[number % 10]


def sino(number: int) -> str:
    """A Sino-Korean numeral from 1 to 99,999,999, spaced at ten thousand: 삼십, 만 오천."""
    high, low = divmod(number, 10_000)
    text = f"{'' if high == 1 else sino(high)}만" if high else ""
    below = ""
    for size, name in ((1000, "천"), (100, "백"), (10, "십"), (1, "")):
        digit = low // size % 10
        if digit:
            below += (_SINO_UNITS[digit] if digit > 1 or size == 1 else "") + name
    return f"{text} {below}".strip()


_MANY = (*range(1, 13), 15, 20, 30)
SMALL_WON = (500, *range(1_000, 5_001, 500))
MIDDLE_WON = (*range(6_000, 20_001, 1_000), 7_500, 8_500)
LARGE_WON = (*range(10_000, 50_001, 5_000), 12_000, 18_000, 24_000)
HUGE_WON = tuple(range(100_000, 900_001, 100_000))
COUNTERS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("권", "개", "장", "자루", "송이", "명", "마리", "통", "그루"), _MANY),
    **dict.fromkeys(("대", "벌", "켤레", "잔", "병", "그릇", "조각", "부", "편"), tuple(range(1, 9))),
    "시": tuple(range(1, 13)), "시간": tuple(range(1, 10)), "번": tuple(range(2, 10)), "살": tuple(range(5, 50)),
    "분": tuple(range(5, 56, 5)), "일": (*range(3, 11), 15, 20), "주": tuple(range(2, 11)), "개월": tuple(range(2, 12)),
    "년": tuple(range(2, 16)), "층": tuple(range(1, 13)),
    "원": tuple(dict.fromkeys((*SMALL_WON, *MIDDLE_WON, *LARGE_WON, *HUGE_WON))),
}  # fmt: skip
"""Every counter with the numbers it is drawn with."""
SINO = frozenset(("분", "일", "주", "개월", "년", "층", "원"))
"""The counters that take Sino-Korean numerals: time but for hours, floors, money. All others take native ones."""


def korean(number: int, counter: str) -> str:
    """The Korean numeral before a counter.

    >>> korean(3, "권"), korean(3, "분")
    ('세', '삼')
    """
    return sino(number) if counter in SINO else native(number)
