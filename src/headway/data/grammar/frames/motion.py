"""Going and giving: places gone to, directions 으로/로, vehicles, recipients 에게."""

from __future__ import annotations

from headway.data.grammar import times
from headway.data.grammar.choices import actions, balanced
from headway.data.grammar.draw import Draw
from headway.data.grammar.english import join, past, third_person
from headway.data.grammar.phrases import Chunk, Draft, accusative, inflected, marked, topic
from headway.data.grammar.places import Place, places
from headway.data.grammar.predicates import DATIVES, Verb
from headway.text.korean import Predicate, attach, conjugate


def _movement(english: str, past_tense: str, korean: str, irregular: str = "") -> Verb:
    gerund = f"{english}ing"
    return Verb(
        english, past_tense or past(english), third_person(english), gerund, Predicate(korean, irregular), (), (), "hpv"
    )


GO = _movement("go", "went", "가")
COME = _movement("come", "came", "오")
_OUT = places("public city")
_HEADINGS = (
    (_movement("leave for", "left for", "떠나"), places("city airport beach farm")),
    (_movement("move to", "moved to", "이사하"), places("city")),
    (_movement("head for", "headed for", "향하"), _OUT),
    (_movement("run toward", "ran toward", "뛰어가"), places("public")),
    (_movement("walk toward", "walked toward", "걸어가"), places("public")),
)  # fmt: skip
_VEHICLES = {  # kind of place -> how to get there
    "abroad": (("by plane", "비행기"),),
    "island": (("by plane", "비행기"), ("by ship", "배")),
    "city": (("by train", "기차"), ("by bus", "버스"), ("by car", "자동차")),
    "public": (("by bus", "버스"), ("by taxi", "택시"), ("by subway", "지하철"), ("by bicycle", "자전거"), ("by car",
    "자동차")),
}  # fmt: skip


def go(draw: Draw) -> Draft:
    """Mina went to the library yesterday."""
    subject, verb, place = draw.subject(), draw.pick((GO, COME)), draw.pick(_OUT)
    tense = draw.pick(("past", "future", "not"))
    time = times.future(draw) if tense == "future" else times.past(draw)
    english_verb = inflected(verb, subject, tense.replace("not", "past"), is_negative=tense == "not")
    last = draw.verb(verb.korean, tense.replace("not", "past"), is_negative=tense == "not")
    english = join(subject.english, english_verb, "to", place.english, time.english)
    return Draft(english, (topic(subject), *time.korean, marked(place.korean, "에"), last))


def habit_of_going(draw: Draw) -> Draft:
    """Mina goes to the park every Sunday."""
    subject, verb, place, time = draw.subject(), draw.pick((GO, COME)), draw.pick(places("public")), times.habit(draw)
    english = join(subject.english, inflected(verb, subject, "present"), "to", place.english, time.english)
    return Draft(english, (topic(subject), *time.korean, marked(place.korean, "에"), draw.verb(verb.korean, "present")))


def toward(draw: Draw) -> Draft:
    """Mina left for Seoul this morning."""
    subject, (verb, where) = draw.subject(), draw.pick(_HEADINGS)
    place, time = draw.pick(where), times.long_past(draw) if verb.english == "move to" else times.past(draw)
    english = join(subject.english, verb.past, place.english, time.english)
    return Draft(
        english, (topic(subject), *time.korean, marked(place.korean, "으로/로"), draw.verb(verb.korean, "past"))
    )


def by_vehicle(draw: Draw) -> Draft:
    """Mina went to the station by taxi."""
    subject, verb, place = draw.subject(), draw.pick((GO, COME)), draw.pick(_OUT)
    vehicle = draw.pick(next(ways for kind, ways in _VEHICLES.items() if kind in place.groups))
    tense = draw.pick(("past", "future"))
    time = times.future(draw) if tense == "future" else times.past(draw)
    english = join(subject.english, inflected(verb, subject, tense), "to", place.english, vehicle[0], time.english)
    means = marked(vehicle[1], "으로/로")
    return Draft(
        english, (topic(subject), *time.korean, means, marked(place.korean, "에"), draw.verb(verb.korean, tense))
    )


def with_somebody(draw: Draw) -> Draft:
    """Mina went to the beach with my cousin."""
    subject, place, time = draw.name(), draw.pick(_OUT), times.past(draw)
    other = draw.person(but=subject.english)
    english = join(subject.english, GO.past, "to", place.english, "with", other.english, time.english)
    together = Chunk(f"{attach(other.korean, '와/과')} 함께", ("and 와/과",))
    return Draft(
        english, (topic(subject), *time.korean, together, marked(place.korean, "에"), draw.verb(GO.korean, "past"))
    )


def give(draw: Draw) -> Draft:
    """Mina gave Junho a book yesterday."""
    subject, verb = draw.person(), draw.pick(DATIVES)
    receiver = draw.person(but=subject.english) if draw.weigh((True, False), (4, 1)) else draw.speaker()
    thing, time = draw.object(verb, draw.pick(verb.objects)), times.past(draw)
    receiver_english = "me" if receiver.person == "first" else receiver.english
    english = join(subject.english, verb.past, receiver_english, thing.english, time.english)
    recipient, last = marked(receiver.korean, "에게"), draw.verb(verb.korean, "past")
    return Draft(english, (topic(subject), *time.korean, recipient, accusative(thing), last))


def will_give(draw: Draw) -> Draft:
    """I will show Mina the photo tomorrow."""
    subject, verb, receiver = draw.speaker(), draw.pick(DATIVES), draw.person()
    thing, time, is_negative = (
        draw.object(verb, draw.pick(verb.objects)),
        times.future(draw),
        draw.weigh((False, True), (3, 1)),
    )
    will = "will not" if is_negative else "will"
    english = join(subject.english, will, verb.english, receiver.english, thing.english, time.english)
    recipient, last = marked(receiver.korean, "에게"), draw.verb(verb.korean, "future", is_negative=is_negative)
    return Draft(english, (topic(subject), *time.korean, recipient, accusative(thing), last))


def to_buy(draw: Draw) -> Draft:
    """Mina went to the market to buy apples."""
    subject, time, (verb, noun) = draw.subject(), times.past(draw), draw.one_of(_PURPOSES)
    place: Place = draw.pick(verb.places)
    thing = draw.object(verb, noun, is_general=True)
    english = join(subject.english, "went to", place.english, "to", verb.english, thing.english, time.english)
    purpose = Chunk(conjugate(verb.korean, "으러"), ("purpose",))
    return Draft(english, (
        topic(subject), *time.korean, accusative(thing), purpose, marked(place.korean, "에"),
        draw.verb(GO.korean, "past"),
    ))  # fmt: skip


_PURPOSES = balanced((verb, noun) for verb, noun in actions("v", with_places=True).pairs if "i" not in verb.uses)
FRAMES = (go, habit_of_going, toward, by_vehicle, with_somebody, give, will_give, to_buy)
