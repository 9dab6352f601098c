"""Numbers: counters, ages, prices, floors, clock times, dates, durations."""

from __future__ import annotations

from headway.data.grammar import numerals, times
from headway.data.grammar.choices import actions, balanced
from headway.data.grammar.draw import Draw
from headway.data.grammar.english import gerund, join, past, third_person
from headway.data.grammar.frames.actions import BEING, PEOPLE, in_progress
from headway.data.grammar.frames.descriptions import LARGE, NEED, SPOTS
from headway.data.grammar.nouns import NOUNS, Noun, nouns
from headway.data.grammar.numerals import COUNTERS
from headway.data.grammar.phrases import Chunk, Draft, Phrase, accusative, be, inflected, marked, topic
from headway.data.grammar.places import places
from headway.data.grammar.predicates import INTRANSITIVES, Verb
from headway.text.korean import Predicate, conjugate, copula, finite, honor

_SEEN = tuple(
    noun
    for noun in nouns("shop animal flower tree container stationery coin key")
    if noun.counter and noun not in (*LARGE, *nouns("car"))
)
_LASTING = balanced((verb, noun) for verb, noun in actions("d").pairs if "pet" not in noun.groups)
_ACTIVE = tuple(verb for verb in INTRANSITIVES if "h" in verb.uses and verb.english != "sleep")
_EVENTS = nouns("event movie musical")
_DATED = nouns("exam meeting party festival concert")
_SHOPS = places("shop books bakery serve mail bank museum library")
_UPSTAIRS = places("serve books bakery mail bank office classroom library")
_PRICES = (
    (nouns("fruit vegetable cookie coffee tea milk juice postcard eraser pencil pen"), numerals.SMALL_WON),
    (nouns("dish cake magazine wine notebook"), numerals.MIDDLE_WON),
    (nouns("clothes book novel dictionary umbrella doll ticket"), numerals.LARGE_WON),
    (nouns("computer camera printer television bicycle radio guitar ring sofa bed desk"), numerals.HUGE_WON),
)
_START, _END = (
    Verb("start", "started", "starts", "starting", Predicate("시작하"), (), (), ""),
    Verb("end", "ended", "ends", "ending", Predicate("끝나"), (), (), ""),
)
_HOURS = (
    (Verb("open", "opened", "opens", "opening", Predicate("문을 열"), (), (), ""), "morning"),
    (Verb("close", "closed", "closes", "closing", Predicate("문을 닫"), (), (), ""), "evening"),
)


def _amount(draw: Draw, noun: Noun, *, least: int = 1, most: int = 30) -> tuple[int, str, Chunk]:
    number = draw.number(noun.counter, least=least, most=most)
    return number, noun.counted(number, numerals.english(number)), draw.counted(number, noun.counter)


def counted_object(draw: Draw) -> Draft:
    """Mina bought three books yesterday."""
    subject, (verb, noun), tense = draw.subject(), draw.action("c"), draw.weigh(("past", "future"), (2, 1))
    if "v" not in verb.uses:
        tense = "past"
    _, counted, amount = _amount(draw, noun, most=5 if verb.english in ("eat", "drink", "break") else 30)
    time = times.past(draw) if tense == "past" else times.future(draw)
    draw.combine(verb, noun)
    english = join(subject.english, inflected(verb, subject, tense), counted, time.english)
    return Draft(
        english, (topic(subject), *time.korean, marked(noun.korean, "을/를"), amount, draw.verb(verb.korean, tense))
    )


def give_me(draw: Draw) -> Draft:
    """Give me two cups of coffee. Please give me two cups of coffee."""
    noun = draw.pick(_BY_COUNTER[draw.pick(tuple(_BY_COUNTER))])
    _, counted, amount = _amount(draw, noun, most=12)
    text = finite(honor(_GIVE), "present", is_polite=True) if draw.is_polite else conjugate(_GIVE, "아라")
    last = Chunk(text, ("request", draw.level))
    korean = (marked(noun.korean, "을/를"), amount, last)
    return Draft(f"give me {counted}", korean, is_request=True)


def need_some(draw: Draw) -> Draft:
    """Mina needs three bottles of milk."""
    subject, noun = draw.subject(), draw.pick(_BY_COUNTER[draw.pick(tuple(_BY_COUNTER))])
    _, counted, amount = _amount(draw, noun)
    tense = draw.pick(("past", "present"))
    last = draw.verb(Predicate("필요하", part="adjective"), tense)
    english = join(subject.english, inflected(NEED, subject, tense), counted)
    return Draft(english, (topic(subject), marked(noun.korean, "이/가"), amount, last))


def counted_subject(draw: Draw) -> Draft:
    """Three students are dancing in the park."""
    noun, verb = draw.pick(PEOPLE), draw.pick(INTRANSITIVES)
    place, tense = draw.pick(verb.places), draw.pick(("past", "present"))
    _, counted, amount = _amount(draw, noun, least=2, most=5 if "inside" in place.groups else 30)
    english = join(counted, be(Phrase("", "", "plural"), tense), verb.gerund, place.at)
    subject = Chunk(f"{noun.korean} {amount.text}이", (*amount.phenomena, "subject 이/가"))
    return Draft(english, (subject, marked(place.korean, "에서"), draw.verb(in_progress(verb), tense, "progressive")))


_GIVE = Predicate("주")
_BY_COUNTER = {
    counter: tuple(noun for noun in NOUNS if noun.counter == counter and not noun.groups & {"screen", "wild"})
    for counter in COUNTERS
    if counter != "명" and any(noun.counter == counter for noun in NOUNS)
}
_SURROUNDINGS = (
    ("wild", "zoo"), ("barn", "farm"), ("animal", "garden park"), ("flower", "garden park"), ("tree",
    "garden park school"),
    ("electric", "office living_room classroom"), ("vehicle", "school park"), ("instrument", "school theater"),
)  # fmt: skip


def there_are(draw: Draw) -> Draft:
    """There are three cats under the table; there are five trees in the garden."""
    noun = draw.pick(_SEEN)
    number, counted, amount = _amount(draw, noun)
    person = "third" if number == 1 else "plural"
    tense = draw.pick(("past", "present"))
    where = next((query for group, query in _SURROUNDINGS if group in noun.groups), "")
    if where:
        place = draw.pick(places(where))
        english_spot, spot = place.at, place.korean
    else:
        (english_side, side), base = draw.pick(SPOTS), draw.certain(draw.pick(LARGE))
        english_spot, spot = f"{english_side} {base.english}", f"{base.korean} {side}"
    english = join("there", be(Phrase("", "", person), tense), counted, english_spot)
    return Draft(english, (marked(spot, "에"), marked(noun.korean, "이/가"), amount, draw.verb(BEING, tense)))


def at_clock(draw: Draw) -> Draft:
    """The concert starts at three thirty in the afternoon."""
    noun, verb, time = draw.pick(_EVENTS), draw.pick((_START, _END)), times.clock(draw)
    thing = Phrase(f"the {noun.english}", noun.korean)
    tense = draw.pick(("past", "present", "future"))
    english = join(thing.english, inflected(verb, thing, tense), time.english)
    return Draft(english, (topic(thing), *time.korean, draw.verb(verb.korean, tense)))


def opening_hours(draw: Draw) -> Draft:
    """The bank opens at nine o'clock."""
    place, (verb, half) = draw.pick(_SHOPS), draw.pick(_HOURS)
    time = times.clock(draw, half)
    thing = Phrase(place.english, place.korean)
    tense = draw.pick(("past", "present"))
    english = join(thing.english, inflected(verb, thing, tense), time.english)
    return Draft(english, (topic(thing), *time.korean, draw.verb(verb.korean, tense)))


def clock_action(draw: Draw) -> Draft:
    """Mina came home / met Junho / went to the station at three thirty."""
    subject, time, tense = draw.subject(), times.clock(draw), draw.pick(("past", "future"))
    verb, particle = draw.pick(_COMING)
    place = draw.pick(places("public"))
    english = join(subject.english, inflected(verb, subject, tense), place.english, time.english)
    return Draft(english, (topic(subject), *time.korean, marked(place.korean, particle), draw.verb(verb.korean, tense)))


_COMING = (
    (Verb("arrive at", "arrived at", "arrives at", "", Predicate("도착하"), (), (), ""), "에"),
    (Verb("leave", "left", "leaves", "", Predicate("떠나"), (), (), ""), "을/를"),
)


def born(draw: Draw) -> Draft:
    """Mina was born on March 5, 2001."""
    person, date = draw.person(), times.date(draw, has_year=True)
    last = draw.verb(Predicate("태어나"), "past")
    return Draft(join(person.english, "was born", date.english), (topic(person), *date.korean, last))


def dated_event(draw: Draw) -> Draft:
    """The exam is on March 5."""
    noun, (english_date, date) = draw.pick(_DATED), times.calendar(draw)
    tense = draw.pick(("past", "present"))
    thing = Phrase(f"the {noun.english}", noun.korean)
    last = draw.verb(copula(date), tense, "date")
    return Draft(join(thing.english, be(thing, tense), "on", english_date), (topic(thing), last))


def duration(draw: Draw) -> Draft:
    """Mina played the piano for two hours; Mina walked in the park for thirty minutes."""
    subject, time = draw.subject(), times.past(draw) if draw.pick((False, True)) else times.Time("", ())
    unit = draw.pick(("minute", "hour"))
    counter = times.UNITS[unit]
    number = draw.number(counter)
    period = draw.counted(number, counter)
    spent = Chunk(f"{period.text} 동안", period.phenomena)
    english_period = f"for {numerals.english(number)} {unit}{'s' * (number > 1)}"
    if draw.pick((False, True)):
        verb = draw.pick(_ACTIVE)
        place = draw.pick(verb.places)
        english = join(subject.english, verb.past, place.at, english_period, time.english)
        last = (marked(place.korean, "에서"), spent, draw.verb(verb.korean, "past"))
        return Draft(english, (topic(subject), *time.korean, *last))
    verb, noun = draw.one_of(_LASTING)
    thing = draw.object(verb, noun)
    english = join(subject.english, verb.past, thing.english, english_period, time.english)
    return Draft(english, (topic(subject), *time.korean, spent, accusative(thing), draw.verb(verb.korean, "past")))


def long_duration(draw: Draw) -> Draft:
    """Mina lived in Seoul for three years; Mina learned Chinese for six months."""
    subject = draw.subject()
    unit = draw.pick(("day", "week", "month", "year"))
    counter = times.UNITS[unit]
    number = draw.number(counter)
    period = draw.counted(number, counter)
    spent, english_period = Chunk(f"{period.text} 동안", period.phenomena), f"for {numerals.english(number)} {unit}s"
    if draw.pick((False, True)):
        city, verb = draw.pick(places("city")), draw.pick(_STAYING if unit in ("month", "year") else _STAYING[1:])
        english = join(subject.english, inflected(verb, subject, "past"), city.at, english_period)
        return Draft(english, (topic(subject), marked(city.korean, "에서"), spent, draw.verb(verb.korean, "past")))
    verb, noun = draw.action(verbs="learn,study")
    thing = draw.object(verb, noun)
    english = join(subject.english, verb.past, thing.english, english_period)
    return Draft(english, (topic(subject), spent, accusative(thing), draw.verb(verb.korean, "past")))


_STAYING = tuple(
    Verb(english, past(english), third_person(english), gerund(english), Predicate(korean, irregular), (), (), "")
    for english, korean, irregular in (("live", "살", ""), ("stay", "지내", ""), ("work", "일하", ""))
)


def age(draw: Draw) -> Draft:
    """Mina is twenty-three years old."""
    person, tense = draw.name(), draw.weigh(("past", "present"), (1, 3))
    number = draw.number("살")
    numeral = draw.counted(number, "살")
    year = " last year" if tense == "past" else ""
    last = draw.verb(copula(numeral.text), tense, *numeral.phenomena)
    english = f"{person.english} {be(person, tense)} {numerals.english(number)} years old{year}"
    return Draft(english, (topic(person), *((Chunk("작년에", ("time",)),) if year else ()), last))


def price(draw: Draw) -> Draft:
    """This bag costs fifteen thousand won."""
    things, amounts = draw.pick(_PRICES)
    thing, amount = draw.certain(draw.pick([thing for thing in things if thing.kind != "pair"])), draw.pick(amounts)
    numeral = draw.counted(amount, "원")
    tense = draw.weigh(("past", "present"), (1, 3))
    verb = Verb("cost", "cost", "costs", "", Predicate(""), (), (), "")
    english = join(thing.english, inflected(verb, thing, tense), numerals.english(amount), "won")
    return Draft(english, (topic(thing), draw.verb(copula(numeral.text), tense, *numeral.phenomena)))


def floor(draw: Draw) -> Draft:
    """The bakery is on the third floor."""
    place, tense, number = draw.pick(_UPSTAIRS), draw.weigh(("past", "present"), (1, 3)), draw.number("층")
    numeral = draw.counted(number, "층")
    thing = Phrase(place.english, place.korean)
    english = f"{place.english} {be(thing, tense)} on the {numerals.ordinal(number)} floor"
    return Draft(english, (topic(thing), Chunk(f"{numeral.text}에", numeral.phenomena), draw.verb(BEING, tense)))


def times_a_week(draw: Draw) -> Draft:
    """Mina drinks milk two times a day."""
    subject, (unit, every) = (
        draw.person(),
        draw.pick((("day", "하루에"), ("week", "일주일에"), ("month", "한 달에"), ("year", "일 년에"))),
    )
    number = draw.number("번")
    count = draw.counted(number, "번")
    end = f"{numerals.english(number)} times a {unit}"
    if draw.pick((False, True)):
        verb = draw.pick(_ACTIVE)
        place = draw.pick(verb.places)
        english = join(subject.english, verb.third, place.at, end)
        korean: tuple[Chunk, ...] = (topic(subject), Chunk(every, ("time",)), count, marked(place.korean, "에서"))
        return Draft(english, (*korean, draw.verb(verb.korean, "present")))
    verb, noun = draw.one_of(_LASTING)
    thing = draw.object(verb, noun, is_general=True)
    english = join(subject.english, verb.third, thing.english, end)
    last = draw.verb(verb.korean, "present")
    return Draft(english, (topic(subject), Chunk(every, ("time",)), count, accusative(thing), last))


FRAMES = (
    counted_object, give_me, need_some, counted_subject, there_are, at_clock, opening_hours, clock_action, born,
    dated_event, duration, long_duration, age, price, floor, times_a_week,
)  # fmt: skip
