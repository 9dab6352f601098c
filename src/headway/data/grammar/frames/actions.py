"""Somebody does something: tenses, negation, topics and subjects, objects in pairs."""

from __future__ import annotations

from headway.data.grammar import times
from headway.data.grammar.choices import actions, balanced, like
from headway.data.grammar.draw import Draw
from headway.data.grammar.english import article, join
from headway.data.grammar.nouns import nouns
from headway.data.grammar.phrases import (
    Chunk,
    Draft,
    Phrase,
    accusative,
    be,
    inflected,
    marked,
    nominative,
    separated,
    topic,
)
from headway.data.grammar.predicates import INTRANSITIVES, VERBS, Verb
from headway.text.korean import Predicate, adnominal, attach, chain, copula

PEOPLE = nouns("person")
_TOOLS = (  # English verb | its objects | what it is done with, in English and Korean
    ("cut", "slice fruit", (("a knife", "칼"),)),
    ("cut", "paper", (("scissors", "가위"),)),
    ("write", "letter poem novel postcard report", (("a pen", "펜"), ("a pencil", "연필"))),
    ("write", "email report", (("a computer", "컴퓨터"),)),
    ("draw", "animal flower tree scenery", (("a pen", "펜"), ("a pencil", "연필"), ("crayons", "크레용"))),
    ("draw", "flower tree scenery", (("a brush", "붓"),)),
    ("eat", "rice soup", (("a spoon", "숟가락"),)),
    ("eat", "rice noodles dumpling", (("chopsticks", "젓가락"),)),
    ("eat", "cake fruit salad", (("a fork", "포크"),)),
    ("wipe", "wipe", (("a towel", "수건"), ("a rag", "걸레"))),
    ("paint", "painted", (("a brush", "붓"),)),
    ("wash", "cup plate spoon", (("soap", "비누"), ("hot water", "뜨거운 물"))),
    ("carry", "heavy", (("a truck", "트럭"), ("a cart", "수레"))),
)  # fmt: skip
_WITH_TOOLS = balanced(
    (verb, (noun, tool))
    for english, query, tools in _TOOLS
    for verb in VERBS
    for noun in nouns(query)
    for tool in tools
    if verb.english == english and noun in verb.objects
)
_ALONE = {"wear", "open", "close", "turn on", "turn off", "throw"}
_TOGETHER = balanced((verb, noun) for verb, noun in actions("v").pairs if verb.english not in _ALONE)
_SLOW = {"learn", "visit", "study", "look after", "write", "translate", "paint", "make", "draw"}
BEING = Predicate("있", part="existential", honorific="계시")


def where(draw: Draw, verb: Verb) -> tuple[str, tuple[Chunk, ...]]:
    """The place where something is done, in half of the sentences that can have one."""
    if not verb.places or draw.pick((False, True)):
        return "", ()
    place = draw.pick(verb.places)
    return place.at, (marked(place.korean, verb.place_particle),)


def in_progress(verb: Verb) -> Predicate:
    """-고 있다."""
    return chain(verb.korean, "고", BEING)


def past(draw: Draw) -> Draft:
    """Mina read a book at the library yesterday."""
    subject, (verb, noun) = draw.subject(), draw.action()
    thing, (place, at) = draw.object(verb, noun), where(draw, verb)
    time = times.past(draw, is_recent=verb.english not in _SLOW)
    english = join(subject.english, verb.past, thing.english, place, time.english)
    return Draft(english, (topic(subject), *time.korean, *at, accusative(thing), draw.verb(verb.korean, "past")))


def past_time_first(draw: Draw) -> Draft:
    """Yesterday, Mina read a book."""
    subject, (verb, noun) = draw.subject(), draw.action()
    thing, time = draw.object(verb, noun), times.past(draw, is_recent=verb.english not in _SLOW)
    english = join(f"{time.english},", subject.english, verb.past, thing.english)
    return Draft(english, (*time.korean, topic(subject), accusative(thing), draw.verb(verb.korean, "past")))


def habit(draw: Draw) -> Draft:
    """Mina drinks coffee every morning."""
    verb, noun = draw.action("h")
    subject = draw.person() if verb.is_ambiguous else draw.subject()
    thing, time, (place, at) = draw.object(verb, noun, is_general=True), times.habit(draw), where(draw, verb)
    english = join(subject.english, inflected(verb, subject, "present"), thing.english, place, time.english)
    return Draft(english, (topic(subject), *time.korean, *at, accusative(thing), draw.verb(verb.korean, "present")))


def often(draw: Draw) -> Draft:
    """Mina often reads novels."""
    verb, noun = draw.action("h")
    subject, often = draw.person() if verb.is_ambiguous else draw.subject(), draw.pick(times.FREQUENCIES)
    thing, (place, at) = draw.object(verb, noun, is_general=True), where(draw, verb)
    english = join(subject.english, often[0], inflected(verb, subject, "present"), thing.english, place)
    verb_chunk = draw.verb(verb.korean, "present")
    return Draft(english, (topic(subject), Chunk(often[1], ("time",)), *at, accusative(thing), verb_chunk))


def future(draw: Draw) -> Draft:
    """Mina will buy a bag tomorrow."""
    subject, (verb, noun) = draw.subject(), draw.action("v")
    thing, (place, at), time = draw.object(verb, noun), where(draw, verb), times.future(draw)
    english = join(subject.english, "will", verb.english, thing.english, place, time.english)
    return Draft(english, (topic(subject), *time.korean, *at, accusative(thing), draw.verb(verb.korean, "future")))


def progressive(draw: Draw) -> Draft:
    """Mina is cutting the bread now."""
    subject, (verb, noun) = draw.subject(), draw.action("p")
    thing, (place, at) = draw.object(verb, noun), where(draw, verb)
    now = draw.pick((("now", (Chunk("지금", ("time",)),)), ("", ())))
    english = join(subject.english, be(subject, "present"), verb.gerund, thing.english, place, now[0])
    last = draw.verb(in_progress(verb), "present", "progressive")
    return Draft(english, (topic(subject), *now[1], *at, accusative(thing), last))


def progressive_at(draw: Draw) -> Draft:
    """At three thirty, Mina was reading a book."""
    subject, (verb, noun) = draw.subject(), draw.action("p")
    thing, time = draw.object(verb, noun), times.clock(draw)
    english = join(f"{time.english},", subject.english, be(subject, "past"), verb.gerund, thing.english)
    last = draw.verb(in_progress(verb), "past", "progressive")
    return Draft(english, (*time.korean, topic(subject), accusative(thing), last))


def past_not(draw: Draw) -> Draft:
    """Mina did not open the window yesterday."""
    subject, (verb, noun), time = draw.subject(), draw.action(), times.past(draw)
    thing = draw.object(verb, noun)
    english = join(subject.english, "did not", verb.english, thing.english, time.english)
    last = draw.verb(verb.korean, "past", is_negative=True)
    return Draft(english, (topic(subject), *time.korean, accusative(thing), last))


def habit_not(draw: Draw) -> Draft:
    """Mina does not drink beer."""
    subject, (verb, noun) = draw.subject(), draw.action("h")
    thing, (place, at) = draw.object(verb, noun, is_general=True), where(draw, verb)
    english = join(subject.english, inflected(verb, subject, "present", is_negative=True), thing.english, place)
    last = draw.verb(verb.korean, "present", is_negative=True)
    return Draft(english, (topic(subject), *at, accusative(thing), last))


def not_yet(draw: Draw) -> Draft:
    """Mina did not read the book yet."""
    subject, (verb, noun) = draw.subject(), draw.action("v")
    thing, last = draw.certain(noun), draw.verb(verb.korean, "past", is_negative=True)
    draw.combine(verb, noun)
    english = join(subject.english, "did not", verb.english, thing.english, "yet")
    return Draft(english, (topic(subject), Chunk("아직", ("time",)), accusative(thing), last))


def future_not(draw: Draw) -> Draft:
    """Mina will not sell the car tomorrow."""
    subject, (verb, noun), time = draw.subject(), draw.action("v"), times.future(draw)
    thing = draw.object(verb, noun)
    english = join(subject.english, "will not", verb.english, thing.english, time.english)
    last = draw.verb(verb.korean, "future", is_negative=True)
    return Draft(english, (topic(subject), *time.korean, accusative(thing), last))


def somebody(draw: Draw) -> Draft:
    """A student is reading a newspaper at the station."""
    noun, (verb, object_noun) = draw.pick(PEOPLE), draw.action("p")
    thing, (place, at) = draw.object(verb, object_noun), where(draw, verb)
    subject = Phrase(article(noun.english), f"한 {noun.korean}")
    tense = draw.pick(("past", "present"))
    english = join(subject.english, be(subject, tense), verb.gerund, thing.english, place)
    return Draft(
        english, (nominative(subject), *at, accusative(thing), draw.verb(in_progress(verb), tense, "progressive"))
    )


def without_object(draw: Draw) -> Draft:
    """Mina rested in the garden last weekend."""
    subject, verb, kind = draw.subject(), draw.pick(INTRANSITIVES), draw.pick(("past", "progressive", "not"))
    place = draw.pick(verb.places)
    if kind == "progressive":
        english = join(subject.english, be(subject, "present"), verb.gerund, place.at)
        last = draw.verb(in_progress(verb), "present", "progressive")
        return Draft(english, (topic(subject), marked(place.korean, "에서"), last))
    time = times.past(draw, is_recent=kind == "past")
    english = join(subject.english, inflected(verb, subject, "past", is_negative=kind == "not"), place.at, time.english)
    last = draw.verb(verb.korean, "past", is_negative=kind == "not")
    return Draft(english, (topic(subject), *time.korean, marked(place.korean, "에서"), last))


def topic_object(draw: Draw) -> Draft:
    """As for the cake, Mina ate it."""
    (verb, noun), subject = draw.one_of(actions(with_people=False)), draw.subject()
    thing = draw.certain(noun)
    draw.combine(verb, noun)
    pronoun = "them" if noun.kind == "pair" else "it"
    english = join(f"as for {thing.english},", subject.english, separated(verb.past, pronoun))
    return Draft(english, (topic(thing), nominative(subject), draw.verb(verb.korean, "past")))


def it_was(draw: Draw) -> Draft:
    """It was Mina who broke the cup."""
    (verb, noun), person = draw.action(), draw.person()
    thing = draw.object(verb, noun)
    english = join("it was", person.english, "who", verb.past, thing.english)
    doer = Chunk(f"{adnominal(verb.korean, 'past')} 사람은", ("relative clause", "topic 은/는"))
    return Draft(english, (accusative(thing), doer, draw.verb(copula(person.korean), "past")))


def two_objects(draw: Draw) -> Draft:
    """Mina bought bread and milk."""
    (verb, noun), subject, time = draw.one_of(actions(with_company=True)), draw.subject(), times.past(draw)
    other = draw.pick(like(verb, noun))
    first, second = draw.object(verb, noun, is_general=True), draw.object(verb, other, is_general=True)
    english = join(subject.english, verb.past, first.english, "and", second.english, time.english)
    last = draw.verb(verb.korean, "past")
    return Draft(english, (topic(subject), *time.korean, marked(first.korean, "와/과"), accusative(second), last))


def two_subjects(draw: Draw) -> Draft:
    """Mina and Junho cleaned the kitchen together."""
    first = draw.name()
    second, (verb, noun) = draw.name(but=first.english), draw.one_of(_TOGETHER)
    thing, (place, at) = draw.object(verb, noun), where(draw, verb)
    english = join(first.english, "and", second.english, verb.past, thing.english, "together", place)
    last = draw.verb(verb.korean, "past")
    return Draft(english, (marked(first.korean, "와/과"), topic(second), *at, "함께", accusative(thing), last))


def instrument(draw: Draw) -> Draft:
    """Mina cut the paper with scissors."""
    verb, (noun, (english_tool, tool)) = draw.one_of(_WITH_TOOLS)
    subject, tense = draw.subject(), draw.weigh(("past", "future"), (2, 1))
    thing = draw.object(verb, noun)
    english = join(subject.english, inflected(verb, subject, tense), thing.english, "with", english_tool)
    return Draft(english, (topic(subject), marked(tool, "으로/로"), accusative(thing), draw.verb(verb.korean, tense)))


def companion(draw: Draw) -> Draft:
    """Mina watched a movie with my cousin."""
    subject, (verb, noun), time = draw.name(), draw.one_of(_TOGETHER), times.past(draw)
    other, thing = draw.person(but=subject.english), draw.object(verb, noun)
    english = join(subject.english, verb.past, thing.english, "with", other.english, time.english)
    together = Chunk(f"{attach(other.korean, '와/과')} 함께", ("and 와/과",))
    return Draft(english, (topic(subject), *time.korean, together, accusative(thing), draw.verb(verb.korean, "past")))


FRAMES = (
    past, past_time_first, habit, often, future, progressive, progressive_at, past_not, habit_not, not_yet, future_not,
    somebody,
    without_object, topic_object, it_was, two_objects, two_subjects, instrument, companion,
)  # fmt: skip
