"""When: adverbials of the past, the present and the future, clock times and dates, in both languages."""

from __future__ import annotations

from typing import NamedTuple

from headway.data.grammar import numerals
from headway.data.grammar.draw import Draw
from headway.data.grammar.phrases import Chunk


class Time(NamedTuple):
    """A time adverbial."""

    english: str
    korean: tuple[Chunk, ...]


DAYS = (
    ("Monday", "월요일"), ("Tuesday", "화요일"), ("Wednesday", "수요일"), ("Thursday", "목요일"), ("Friday", "금요일"),
    ("Saturday", "토요일"), ("Sunday", "일요일"),
)  # fmt: skip
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PAST = (
    ("yesterday", "어제"), ("this morning", "오늘 아침에"), ("last night", "어젯밤에"), ("last week", "지난주에"),
    ("last weekend", "지난 주말에"), ("the day before yesterday", "그저께"),
)  # fmt: skip
_FUTURE = (
    ("tomorrow", "내일"), ("tonight", "오늘 밤에"), ("next week", "다음 주에"), ("this weekend", "이번 주말에"),
    ("the day after tomorrow", "모레"), ("this afternoon", "오늘 오후에"),
)  # fmt: skip
_HABIT = (
    ("every day", "매일"), ("every morning", "매일 아침"), ("every evening", "매일 저녁"), ("every weekend",
    "주말마다"),
    *((f"every {english}", f"{korean}마다") for english, korean in DAYS),
)  # fmt: skip
UNITS = {"minute": "분", "hour": "시간", "day": "일", "week": "주", "month": "개월", "year": "년"}
_O_CLOCK = "o'clock"
_HALVES = {"morning": ("오전", range(6, 12)), "afternoon": ("오후", range(1, 6)), "evening": ("저녁", range(6, 11))}
FREQUENCIES = (("often", "자주"), ("always", "항상"), ("usually", "보통"), ("sometimes", "가끔"))


def _fixed(words: tuple[str, str]) -> Time:
    return Time(words[0], (Chunk(words[1], ("time",)),))


def past(draw: Draw, *, is_recent: bool = False) -> Time:
    """A time that is over: yesterday, three days ago, on March 5; where it may be recent, minutes or hours ago."""
    kind = draw.weigh(("fixed", "day", "ago", "date"), (8, 2, 3, 2))
    if kind == "fixed":
        return _fixed(draw.pick(_PAST))
    if kind == "day":
        return weekday(draw)
    return date(draw) if kind == "date" else ago(draw, ("minute", "hour", "day") if is_recent else ("day",))


def long_past(draw: Draw) -> Time:
    """Last month, last year, three years ago."""
    if draw.pick((False, True)):
        return ago(draw, ("week", "month", "year"))
    return _fixed(draw.pick((("last month", "지난달에"), ("last year", "작년에"), ("last week", "지난주에"))))


def weekday(draw: Draw) -> Time:
    """On a day of the week."""
    english, korean = draw.pick(DAYS)
    return _fixed((f"on {english}", f"{korean}에"))


def ago(draw: Draw, units: tuple[str, ...]) -> Time:
    """Some minutes, hours, days, months or years ago; hours are counted in native Korean."""
    unit = draw.pick(units)
    counter = UNITS[unit]
    number = draw.number(counter)
    counted = draw.counted(number, counter)
    return Time(f"{numerals.english(number)} {unit}{'s' * (number > 1)} ago", (counted, Chunk("전에", ("time",))))


def future(draw: Draw) -> Time:
    """A time to come: tomorrow, next week, on Friday."""
    return weekday(draw) if draw.weigh((False, True), (4, 1)) else _fixed(draw.pick(_FUTURE))


def habit(draw: Draw) -> Time:
    """Every day, every Monday."""
    return _fixed(draw.pick(_HABIT))


def clock(draw: Draw, half: str = "") -> Time:
    """At three thirty, at nine o'clock in the morning: native hours, Sino-Korean minutes."""
    half = half or draw.weigh(("", *_HALVES), (3, 1, 1, 1))
    korean, hours = _HALVES.get(half, ("", range(1, 13)))
    hour = draw.pick(hours)
    minute = draw.weigh((0, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55), (8, 1, 1, 1, 1, 4, 1, 1, 1, 1, 1))
    english = f"at {numerals.english(hour)} {numerals.english(minute) if minute else _O_CLOCK}"
    chunks = [draw.counted(hour, "시")]
    if minute:
        chunks.append(draw.counted(minute, "분"))
    last = chunks.pop()
    chunks.append(Chunk(last.text + "에", (*last.phenomena, "clock time")))
    if half:
        chunks.insert(0, Chunk(korean, ("clock time",)))
    return Time(f"{english} in the {half}" if half else english, tuple(chunks))


def calendar(draw: Draw, *, has_year: bool = False) -> tuple[str, str]:
    """A date without preposition and particle: March 5 / 3월 5일."""
    month = draw.pick(range(12))
    day = draw.pick(range(1, _LENGTHS[month] + 1))
    year = draw.pick(range(2000, 2025)) if has_year else 0
    english = f"{MONTHS[month]} {day}" + (f", {year}" if year else "")
    return english, (f"{year}년 " if year else "") + f"{month + 1}월 {day}일"


def date(draw: Draw, *, has_year: bool = False) -> Time:
    """On March 5; the Korean runs from the large to the small."""
    english, korean = calendar(draw, has_year=has_year)
    return Time(f"on {english}", (Chunk(f"{korean}에", ("date",)),))
