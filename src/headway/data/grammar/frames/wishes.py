"""What somebody wants, can and must do, and what somebody is asked to do."""

from __future__ import annotations

from headway.data.grammar import times
from headway.data.grammar.choices import actions, balanced
from headway.data.grammar.draw import Draw
from headway.data.grammar.english import join
from headway.data.grammar.frames.actions import where
from headway.data.grammar.phrases import Chunk, Draft, accusative, topic
from headway.data.grammar.predicates import Verb
from headway.text.korean import Predicate, chain, conjugate, finite, honor

_WISH, _WISH_OF_OTHERS = Predicate("싶", part="adjective"), Predicate("싶어 하")
_CAN, _CANNOT = Predicate("수 있", part="existential"), Predicate("수 없", part="existential")
_REQUESTED = balanced((verb, noun) for verb, noun in actions("v").pairs if verb.english != "sell")
_FORBIDDEN = balanced((verb, noun) for verb, noun in actions("v").pairs if verb.english not in ("sell", "find"))
_MUST = Predicate("하")


def ability(verb: Verb, *, is_negative: bool = False) -> Predicate:
    """-(으)ㄹ 수 있다, -(으)ㄹ 수 없다."""
    return chain(verb.korean, "으ㄹ", _CANNOT if is_negative else _CAN)


def want(draw: Draw) -> Draft:
    """I want to read the novel; Mina wanted to read the novel."""
    subject, (verb, noun) = draw.subject() if draw.pick((False, True)) else draw.speaker(), draw.action("v")
    thing, (place, at) = draw.object(verb, noun), where(draw, verb)
    tense, is_negative = draw.pick(("past", "present")), draw.weigh((False, True), (4, 1))
    is_third = subject.person == "third"
    if is_negative:
        wants = f"{'did' if tense == 'past' else 'does' if is_third else 'do'} not want"
    else:
        wants = "wanted" if tense == "past" else "wants" if is_third else "want"
    wish = chain(verb.korean, "고", _WISH_OF_OTHERS if is_third else _WISH)
    english = join(subject.english, wants, "to", verb.english, thing.english, place)
    return Draft(
        english, (topic(subject), *at, accusative(thing), draw.verb(wish, tense, "wish", is_negative=is_negative))
    )


def can(draw: Draw) -> Draft:
    """Mina can play the piano; I could not open the door."""
    subject, (verb, noun) = draw.subject(), draw.action("v")
    thing, (place, at) = draw.object(verb, noun), where(draw, verb)
    english_modal, tense = draw.pick((("can", "present"), ("cannot", "present"), ("could not", "past")))
    is_negative = "not" in english_modal
    last = draw.verb(ability(verb, is_negative=is_negative), tense, "ability", *(("negation",) if is_negative else ()))
    return Draft(
        join(subject.english, english_modal, verb.english, thing.english, place),
        (topic(subject), *at, accusative(thing), last),
    )


def must(draw: Draw) -> Draft:
    """Mina must clean the kitchen; Mina had to clean the kitchen."""
    subject, (verb, noun), tense = draw.subject(), draw.action("v"), draw.pick(("past", "present"))
    thing, time = draw.object(verb, noun), times.past(draw) if tense == "past" else times.future(draw)
    english = join(
        subject.english, "must" if tense == "present" else "had to", verb.english, thing.english, time.english
    )
    last = draw.verb(chain(verb.korean, "아야", _MUST), tense, "obligation")
    return Draft(english, (topic(subject), *time.korean, accusative(thing), last))


def request(draw: Draw) -> Draft:
    """Open the window. Please open the window."""
    verb, noun = draw.one_of(_REQUESTED)
    thing, (place, at) = draw.object(verb, noun), where(draw, verb)
    text = finite(honor(verb.korean), "present", is_polite=True) if draw.is_polite else conjugate(verb.korean, "아라")
    last = Chunk(text, ("request", *(("polite", "honorific") if draw.is_polite else ("plain",))))
    return Draft(join(verb.english, thing.english, place), (*at, accusative(thing), last), is_request=True)


def prohibition(draw: Draw) -> Draft:
    """Do not open the window. Please do not open the window."""
    verb, noun = draw.one_of(_FORBIDDEN)
    thing, (place, at) = draw.object(verb, noun), where(draw, verb)
    text = conjugate(verb.korean, "지 마세요" if draw.is_polite else "지 마라")
    last = Chunk(text, ("request", "negation", draw.level))
    return Draft(join("do not", verb.english, thing.english, place), (*at, accusative(thing), last), is_request=True)


def shall_we(draw: Draw) -> Draft:
    """Shall we watch a movie tomorrow?"""
    verb, noun = draw.action("v")
    thing, (place, at), time = draw.object(verb, noun), where(draw, verb), times.future(draw)
    last = Chunk(
        conjugate(verb.korean, "으ㄹ까요" if draw.is_polite else "으ㄹ까"),
        ("question", draw.level),
    )
    english = join("shall we", verb.english, thing.english, place, time.english)
    return Draft(english, (*time.korean, *at, accusative(thing), last), is_question=True)


FRAMES = (want, can, must, request, prohibition, shall_we)
