"""Questions; "you" is left out of polite Korean, which honours the subject instead."""

from __future__ import annotations

from headway.data.grammar import times
from headway.data.grammar.choices import actions
from headway.data.grammar.draw import Draw
from headway.data.grammar.english import join
from headway.data.grammar.frames.actions import in_progress, where
from headway.data.grammar.frames.descriptions import of_person, of_thing
from headway.data.grammar.frames.motion import COME, GO
from headway.data.grammar.phrases import Chunk, Draft, Phrase, accusative, be, marked, topic
from headway.data.grammar.places import PLACES, places
from headway.data.grammar.predicates import VERBS

_MEETING = tuple(verb for verb in VERBS if verb.english in ("meet", "help", "wait for"))
_ABOUT_NO_THING = {"meet", "help", "look after", "wait for", "wear", "play", "visit", "sing", "turn on", "turn off"}
_DOING = tuple(verb for verb in VERBS if "v" in verb.uses and verb.english not in _ABOUT_NO_THING)
_OUT = places("public city")


def _you(draw: Draw) -> tuple[Chunk, ...]:
    return () if draw.is_polite else (topic(Phrase("you", "너", "second")),)


def _asked(draw: Draw) -> tuple[Phrase, tuple[Chunk, ...], bool]:
    """Somebody a question is about: you, or a third person."""
    if draw.pick((False, True)):
        return Phrase("you", "너", "second"), _you(draw), True
    person = draw.person()
    return person, (topic(person),), False


def did(draw: Draw) -> Draft:
    """Did Mina read the book yesterday?"""
    person, (verb, noun), time = draw.person(), draw.action(), times.past(draw, is_recent=True)
    thing = draw.object(verb, noun)
    english = join("did", person.english, verb.english, thing.english, time.english)
    last = draw.verb(verb.korean, "past", is_question=True)
    return Draft(english, (topic(person), *time.korean, accusative(thing), last), is_question=True)


def did_you(draw: Draw) -> Draft:
    """Did you read the book yesterday? Will you read the book tomorrow?"""
    (verb, noun), tense = draw.action("v"), draw.pick(("past", "future"))
    thing, time = draw.object(verb, noun), times.past(draw) if tense == "past" else times.future(draw)
    english = join("did" if tense == "past" else "will", "you", verb.english, thing.english, time.english)
    last = draw.verb(verb.korean, tense, is_question=True, is_honored=True)
    return Draft(english, (*_you(draw), *time.korean, accusative(thing), last), is_question=True)


def do(draw: Draw) -> Draft:
    """Does Mina often drink coffee? Do you drink coffee every day?"""
    person, start, is_honored = _asked(draw)
    (verb, noun), time = draw.action("h"), times.habit(draw)
    thing = draw.object(verb, noun, is_general=True)
    english = join("do" if is_honored else "does", person.english, verb.english, thing.english, time.english)
    last = draw.verb(verb.korean, "present", is_question=True, is_honored=is_honored)
    return Draft(english, (*start, *time.korean, accusative(thing), last), is_question=True)


def are_you(draw: Draw) -> Draft:
    """Is Mina reading the newspaper? Are you reading the newspaper now?"""
    person, start, is_honored = _asked(draw)
    verb, noun = draw.action("p")
    thing, (place, at), tense = draw.object(verb, noun), where(draw, verb), draw.pick(("past", "present"))
    english = join(be(person, tense), person.english, verb.gerund, thing.english, place)
    last = draw.verb(in_progress(verb), tense, "progressive", is_question=True, is_honored=is_honored)
    return Draft(english, (*start, *at, accusative(thing), last), is_question=True)


def is_it(draw: Draw) -> Draft:
    """Is the bag heavy? Was Mina busy?"""
    adjective, thing = of_thing(draw) if draw.weigh((True, False), (2, 1)) else of_person(draw)
    tense = draw.pick(("past", "present"))
    english = join(be(thing, tense), thing.english, adjective.english)
    return Draft(english, (topic(thing), draw.verb(adjective.korean, tense, is_question=True)), is_question=True)


def who(draw: Draw) -> Draft:
    """Who broke the cup?"""
    verb, noun = draw.action()
    tense = draw.weigh(("past", "future"), (2, 1)) if "v" in verb.uses else "past"
    thing, (place, at) = draw.object(verb, noun), where(draw, verb)
    english = join("who", verb.past if tense == "past" else f"will {verb.english}", thing.english, place)
    last = draw.verb(verb.korean, tense, is_question=True)
    return Draft(
        english, (Chunk("누가", ("subject 이/가", "question word")), *at, accusative(thing), last), is_question=True
    )


def what(draw: Draw) -> Draft:
    """What did Mina buy at the market yesterday?"""
    person, start, is_honored = _asked(draw)
    verb, tense = (
        draw.pick(_DOING),
        draw.pick(("past", "future")),
    )
    (place, at), time = where(draw, verb), times.past(draw) if tense == "past" else times.future(draw)
    auxiliary = "did" if tense == "past" else "will"
    base, _, particle = verb.english.partition(" ")
    english = join("what", auxiliary, person.english, base, particle, place, time.english)
    what = Chunk("무엇을", ("object 을/를", "question word"))
    last = draw.verb(verb.korean, tense, is_question=True, is_honored=is_honored)
    return Draft(english, (*start, *time.korean, *at, what, last), is_question=True)


def whom(draw: Draw) -> Draft:
    """Who did you meet at the station?"""
    person, start, is_honored = _asked(draw)
    verb, tense = (
        draw.pick(_MEETING),
        draw.pick(("past", "future")),
    )
    place, time = draw.pick(PLACES), times.past(draw) if tense == "past" else times.future(draw)
    english = join("who", "did" if tense == "past" else "will", person.english, verb.english, place.at, time.english)
    last = draw.verb(verb.korean, tense, is_question=True, is_honored=is_honored)
    korean = (
        *start,
        *time.korean,
        marked(place.korean, "에서"),
        Chunk("누구를", ("object 을/를", "question word")),
        last,
    )
    return Draft(english, korean, is_question=True)


def where_did(draw: Draw) -> Draft:
    """Where did Mina buy the bag?"""
    person, start, is_honored = _asked(draw)
    verb, noun = draw.one_of(actions(with_places=True))
    thing, tense = draw.object(verb, noun), draw.pick(("past", "future")) if "v" in verb.uses else "past"
    english = join("where", "did" if tense == "past" else "will", person.english, verb.english, thing.english)
    last = draw.verb(verb.korean, tense, is_question=True, is_honored=is_honored)
    return Draft(
        english,
        (
            *start,
            Chunk(f"어디{verb.place_particle}", (f"place {verb.place_particle}", "question word")),
            accusative(thing),
            last,
        ),
        is_question=True,
    )


def going(draw: Draw) -> Draft:
    """When did Mina go to Busan? What time will you come to the office?"""
    person, start, is_honored = _asked(draw)
    verb, place, tense = draw.pick((GO, COME)), draw.pick(_OUT), draw.pick(("past", "future"))
    question, korean = draw.pick((("when", "언제"), ("what time", "몇 시에"), ("why", "왜"), ("how", "어떻게")))
    english = join(question, "did" if tense == "past" else "will", person.english, verb.english, "to", place.english)
    last = draw.verb(verb.korean, tense, is_question=True, is_honored=is_honored)
    return Draft(
        english, (*start, Chunk(korean, ("question word",)), marked(place.korean, "에"), last), is_question=True
    )


def how_many(draw: Draw) -> Draft:
    """How many books did you buy?"""
    person, start, is_honored = _asked(draw)
    verb, noun = draw.action("c")
    tense = draw.pick(("past", "future")) if "v" in verb.uses else "past"
    (place, at) = where(draw, verb)
    draw.combine(verb, noun)
    measured = f"{noun.measure}s of {noun.many}" if noun.measure else noun.plural
    english = join("how many", measured, "did" if tense == "past" else "will", person.english, verb.english, place)
    last = draw.verb(verb.korean, tense, is_question=True, is_honored=is_honored)
    korean = (
        *start,
        *at,
        marked(noun.korean, "을/를"),
        Chunk(f"몇 {noun.counter}", ("counter", "question word")),
        last,
    )
    return Draft(english, korean, is_question=True)


FRAMES = (did, did_you, do, are_you, is_it, who, what, whom, where_did, going, how_many)
