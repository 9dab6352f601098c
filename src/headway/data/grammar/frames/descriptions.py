"""What things are like, where they are, who somebody is, what somebody likes and needs."""

from __future__ import annotations

from functools import lru_cache

from headway.data.grammar import times
from headway.data.grammar.choices import LOOSE, balanced
from headway.data.grammar.draw import Draw
from headway.data.grammar.english import article, gerund, join, past, third_person
from headway.data.grammar.frames.actions import BEING
from headway.data.grammar.nouns import Noun, nouns
from headway.data.grammar.phrases import Chunk, Draft, Phrase, accusative, be, inflected, marked, nominative, topic
from headway.data.grammar.predicates import ADJECTIVES, Adjective, Verb
from headway.text.korean import Predicate, conjugate, copula

_OF_PEOPLE = tuple(adjective for adjective in ADJECTIVES if adjective.nouns[0].groups & {"person"})
_OF_THINGS = balanced((word, noun) for word in ADJECTIVES if word not in _OF_PEOPLE for noun in word.nouns)
_COMPARED = balanced((word, noun) for word, noun in _OF_THINGS.pairs if word.comparative and len(word.nouns) > 2)
_JOBS = nouns("job")
SPOTS = (("on", "위"), ("under", "아래"), ("next to", "옆"), ("behind", "뒤"), ("in front of", "앞"))
SMALL = nouns(
    "key wallet ring cup plate book notebook dictionary letter ticket photo pencil eraser umbrella camera ball "
    "doll pet gloves"
)
LARGE = nouns("table desk bed sofa chair")
HOLDERS = nouns("bag box basket drawer")
_LIKED = nouns("fruit drink dish sweets subject sport racket pet flower sound screen")
_PREFERRED = tuple(
    (noun, other)
    for query in ("fruit", "drink", "dish sweets", "subject", "sport racket", "pet", "flower", "screen")
    for noun in nouns(query)
    for other in nouns(query)
    if noun != other
)


def _stative(english: str, korean: str) -> Verb:
    return Verb(english, past(english), third_person(english), gerund(english), Predicate(korean), (), (), "h")


_LIKES = (_stative("like", "좋아하"), _stative("dislike", "싫어하"))
NEED = _stative("need", "필요하")
_NEEDED = nouns("shop clothes gift vegetable")


def of_thing(draw: Draw) -> tuple[Adjective, Phrase]:
    """An adjective and something certain it can describe."""
    adjective, noun = draw.one_of(_OF_THINGS)
    return adjective, draw.certain(noun)


def of_person(draw: Draw) -> tuple[Adjective, Phrase]:
    """An adjective and somebody it can describe, not the speaker."""
    return draw.pick(_OF_PEOPLE), draw.person()


def thing_is(draw: Draw) -> Draft:
    """The bag was heavy."""
    adjective, thing = of_thing(draw)
    tense, is_negative = draw.pick(("past", "present")), draw.weigh((False, True), (3, 1))
    english = join(thing.english, be(thing, tense), "not" if is_negative else "", adjective.english)
    return Draft(english, (topic(thing), draw.verb(adjective.korean, tense, is_negative=is_negative)))


def very(draw: Draw) -> Draft:
    """The soup is very hot."""
    adjective, thing = of_thing(draw)
    word, korean = draw.pick((("very", "아주"), ("really", "정말"), ("quite", "꽤")))
    tense = draw.pick(("past", "present"))
    english = join(thing.english, be(thing, tense), word, adjective.english)
    return Draft(english, (topic(thing), korean, draw.verb(adjective.korean, tense)))


def person_is(draw: Draw) -> Draft:
    """Mina was tired last night."""
    adjective, person = draw.pick(_OF_PEOPLE), draw.subject()
    is_negative, is_past = draw.weigh((False, True), (3, 1)), adjective.english in _PASSING and draw.pick((True, False))
    tense, time = ("past", times.past(draw)) if is_past else ("present", times.Time("", ()))
    english = join(person.english, be(person, tense), "not" if is_negative else "", adjective.english, time.english)
    return Draft(english, (topic(person), *time.korean, draw.verb(adjective.korean, tense, is_negative=is_negative)))


_PASSING = {"busy", "tired", "happy", "hungry", "sick"}


def both(draw: Draw) -> Draft:
    """The student is kind and diligent."""
    person, first, second = draw.person(), draw.pick(_LASTING), draw.pick(_LASTING)
    if first == second:
        second = _LASTING[_LASTING.index(first) - 1]
    tense = draw.pick(("past", "present"))
    english = join(person.english, be(person, tense), first.english, "and", second.english)
    return Draft(english, (topic(person), conjugate(first.korean, "고"), draw.verb(second.korean, tense)))


_LASTING = tuple(
    adjective
    for adjective in _OF_PEOPLE
    if adjective.english in {"kind", "tall", "diligent", "brave", "honest", "healthy"}
)


@lru_cache(maxsize=2048)
def _rivals(adjective: Adjective, noun: Noun) -> tuple[Noun, ...]:
    """What a thing is compared with: another of its own class where there is one."""
    others = tuple(other for other in adjective.nouns if other != noun)
    return tuple(other for other in others if other.groups & noun.groups - LOOSE) or others


def more(draw: Draw) -> Draft:
    """The bag is heavier than the box."""
    adjective, noun = draw.one_of(_COMPARED)
    first, second = draw.certain(noun), draw.certain(draw.pick(_rivals(adjective, noun)))
    english = join(first.english, be(first, "present"), adjective.comparative, "than", second.english)
    last = Chunk(f"더 {draw.verb(adjective.korean, 'present').text}", ("comparison", "present"))
    return Draft(english, (topic(first), marked(second.korean, "보다"), last))


def taller(draw: Draw) -> Draft:
    """Mina is busier than my cousin."""
    adjective = draw.pick([adjective for adjective in _OF_PEOPLE if adjective.comparative])
    first = draw.name()
    second = draw.person(but=first.english)
    english = join(first.english, be(first, "present"), adjective.comparative, "than", second.english)
    stem = adjective.korean.stem
    before, word = ("키가 더", Predicate("크", "", "adjective")) if stem == "키가 크" else ("더", adjective.korean)
    return Draft(english, (topic(first), marked(second.korean, "보다"), before, draw.verb(word, "present")))


def job(draw: Draw) -> Draft:
    """Mina is not a doctor."""
    person, noun = draw.name(), draw.pick(_JOBS)
    tense, is_negative = draw.pick(("past", "present")), draw.pick((False, True))
    english = join(person.english, be(person, tense), "not" if is_negative else "", article(noun.english))
    if is_negative:
        complement = marked(noun.korean, "이/가")
        last = draw.verb(Predicate("아니", part="adjective"), tense, "negation")
        return Draft(english, (topic(person), complement, last))
    return Draft(english, (topic(person), draw.verb(copula(noun.korean), tense)))


def is_at(draw: Draw) -> Draft:
    """The key is in the drawer."""
    noun = draw.pick(SMALL)
    thing, (english_spot, spot) = draw.certain(noun), _spot(draw, noun)
    tense = draw.pick(("past", "present"))
    english = join(thing.english, be(thing, tense), english_spot)
    return Draft(english, (topic(thing), marked(spot, "에"), draw.verb(BEING, tense)))


def there_is(draw: Draw) -> Draft:
    """There is a cat under the table."""
    noun = draw.pick([noun for noun in SMALL if noun.kind == "count"])
    (english_spot, spot), tense = _spot(draw, noun), draw.pick(("past", "present"))
    thing = Phrase(article(noun.english), noun.korean)
    if draw.pick((False, True)):
        before = (
            draw.pick((("new", "새"), ("old", "낡은"), ("small", "작은")))
            if "pet" not in noun.groups
            else ("small", "작은")
        )
        thing = Phrase(article(f"{before[0]} {noun.english}"), f"{before[1]} {noun.korean}")
    english = join("there", be(thing, tense), thing.english, english_spot)
    return Draft(english, (marked(spot, "에"), nominative(thing), draw.verb(BEING, tense)))


def _spot(draw: Draw, noun: Noun) -> tuple[str, str]:
    if "pet" not in noun.groups and draw.weigh((True, False), (2, 3)):
        holder = draw.certain(draw.pick(HOLDERS))
        return f"in {holder.english}", f"{holder.korean} 안"
    (english, korean), base = draw.pick(SPOTS), draw.certain(draw.pick(LARGE))
    return f"{english} {base.english}", f"{base.korean} {korean}"


def like(draw: Draw) -> Draft:
    """Mina likes apples."""
    subject, verb, noun = draw.subject(), draw.pick(_LIKES), draw.pick(_LIKED)
    thing, tense = draw.object(verb, noun, is_general=True), draw.pick(("past", "present"))
    is_negative = draw.weigh((False, True), (3, 1))
    english = join(subject.english, inflected(verb, subject, tense, is_negative=is_negative), thing.english)
    return Draft(english, (topic(subject), accusative(thing), draw.verb(verb.korean, tense, is_negative=is_negative)))


def prefer(draw: Draw) -> Draft:
    """Mina likes tea more than coffee."""
    subject, (noun, other), verb = draw.subject(), draw.pick(_PREFERRED), _LIKES[0]
    thing, second = draw.object(verb, noun, is_general=True), draw.thing(other, is_general=True)
    english = join(subject.english, inflected(verb, subject, "present"), thing.english, "more than", second.english)
    last = draw.verb(verb.korean, "present")
    return Draft(
        english, (topic(subject), marked(second.korean, "보다"), accusative(thing), Chunk("더", ("comparison",)), last)
    )


def like_doing(draw: Draw) -> Draft:
    """Mina likes reading novels."""
    subject, liking, (verb, noun) = draw.subject(), draw.pick(_LIKES), draw.action("hp")
    thing, is_negative = draw.object(verb, noun, is_general=True), draw.weigh((False, True), (3, 1))
    english = join(
        subject.english, inflected(liking, subject, "present", is_negative=is_negative), verb.gerund, thing.english
    )
    doing = Chunk(conjugate(verb.korean, "는 것을"), ("verb as noun",))
    last = draw.verb(liking.korean, "present", is_negative=is_negative)
    return Draft(english, (topic(subject), accusative(thing), doing, last))


def need(draw: Draw) -> Draft:
    """Mina needs a new bag."""
    subject, noun = draw.subject(), draw.pick(_NEEDED)
    thing, tense = (
        (draw.described(noun) if draw.pick((False, True)) else draw.thing(noun)),
        draw.pick(("past", "present")),
    )
    is_negative = draw.weigh((False, True), (3, 1))
    english = join(subject.english, inflected(NEED, subject, tense, is_negative=is_negative), thing.english)
    last = draw.verb(Predicate("필요하", part="adjective"), tense, is_negative=is_negative)
    return Draft(english, (topic(subject), nominative(thing), last))


FRAMES = (thing_is, very, person_is, both, more, taller, job, is_at, there_is, like, prefer, like_doing, need)
