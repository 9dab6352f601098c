"""Sentences of two clauses: relative clauses, and what happens because, when, before, after, if and but."""

from __future__ import annotations

from functools import lru_cache

from headway.data.grammar import times
from headway.data.grammar.choices import actions, adjectives_of, balanced, like
from headway.data.grammar.draw import Draw
from headway.data.grammar.english import join
from headway.data.grammar.frames.actions import PEOPLE, in_progress
from headway.data.grammar.frames.motion import COME, GO
from headway.data.grammar.frames.wishes import ability
from headway.data.grammar.nouns import Noun
from headway.data.grammar.phrases import Chunk, Draft, Phrase, accusative, be, marked, nominative, topic
from headway.data.grammar.places import places
from headway.data.grammar.predicates import ADJECTIVES, VERBS, Verb
from headway.text.korean import adnominal, conjugate, copula

_MEETING = tuple(verb for verb in VERBS if verb.english in ("meet", "help", "wait for", "visit"))[:3]
_OF_PEOPLE = tuple(adjective for adjective in ADJECTIVES if adjective.nouns[0] in PEOPLE)
_CAUSES = (  # English, Korean, whether people go out
    ("it rained", "비가 와서", False), ("it snowed", "눈이 와서", False), ("the weather was cold",
    "날씨가 추워서", False),
    ("the weather was hot", "날씨가 더워서", False), ("the wind was strong", "바람이 강해서", False),
    ("the weather was good", "날씨가 좋아서", True), ("the weather was warm", "날씨가 따뜻해서", True),
    ("it was a holiday", "휴일이어서", True), ("it was Sunday", "일요일이어서", True),
)  # fmt: skip
_CONDITIONS = (
    ("if it rains", "비가", "오면"), ("if it snows", "눈이", "오면"), ("if the weather is cold", "날씨가", "추우면"),
    ("if the weather is hot", "날씨가", "더우면"), ("if the weather is good", "날씨가", "좋으면"),
)  # fmt: skip


_COOKED, _BEFORE_COOKING = {"bake", "make", "order"}, {"wash", "boil"}


@lru_cache(maxsize=1)
def _chains() -> tuple[tuple[Noun, tuple[tuple[Verb, Verb], ...]], ...]:
    """Things, each with the verbs that bring it about (the clause) and that use it afterwards (the sentence)."""
    chains: dict[Noun, list[tuple[Verb, Verb]]] = {}
    for first, noun in actions("o").pairs:
        for second, used in actions("e").pairs:
            is_raw = second.english in _BEFORE_COOKING and first.english in _COOKED
            if used == noun and first.english != second.english and not is_raw:
                chains.setdefault(noun, []).append((first, second))
    return tuple((noun, tuple(verbs)) for noun, verbs in chains.items())


def _before(verb: Verb, tense: str) -> Chunk:
    """The verb of a relative clause; the present is in progress."""
    predicate = in_progress(verb) if tense == "present" else verb.korean
    return Chunk(adnominal(predicate, tense), ("relative clause",))


def the_one_that(draw: Draw) -> Draft:
    """Junho read the book that Mina bought yesterday."""
    noun, verbs = draw.pick(_chains())
    first, second = draw.pick(verbs)
    doer = draw.subject()
    subject = draw.person(but=doer.english)
    time = times.past(draw) if draw.pick((False, True)) else times.Time("", ())
    draw.combine(first, noun)
    draw.combine(second, noun)
    english = join(subject.english, second.past, f"the {noun.english} that", doer.english, first.past, time.english)
    return Draft(english, (
        topic(subject), nominative(doer), *time.korean, _before(first, "past"), marked(noun.korean, "을/를"),
        draw.verb(second.korean, "past"),
    ))  # fmt: skip


_JUDGED = balanced((verb, noun) for verb, noun in actions("o").pairs if len(adjectives_of(noun)) > 1)


def the_one_that_is(draw: Draw) -> Draft:
    """The cake that Mina baked was delicious."""
    (verb, noun), doer, tense = draw.one_of(_JUDGED), draw.subject(), draw.pick(("past", "present"))
    adjective = draw.pick([word for word in adjectives_of(noun) if word.english != "fresh"])
    draw.combine(verb, noun)
    thing = Phrase("", "", "plural" if noun.kind == "pair" else "third")
    english = join(f"the {noun.english} that", doer.english, verb.past, be(thing, tense), adjective.english)
    return Draft(
        english,
        (nominative(doer), _before(verb, "past"), marked(noun.korean, "은/는"), draw.verb(adjective.korean, tense)),
    )


_SHOWN = balanced(
    (verb, noun)
    for verb, noun in actions("v", with_people=False).pairs
    if noun.kind == "count" and "turn" not in verb.english
)


def this_is(draw: Draw) -> Draft:
    """This is the book that Mina will read tomorrow."""
    (verb, noun), doer, tense = draw.one_of(_SHOWN), draw.subject(), draw.pick(("past", "future"))
    time = times.past(draw) if tense == "past" else times.future(draw)
    draw.combine(verb, noun)
    base, _, particle = (verb.past if tense == "past" else f"will {verb.english}").partition(" ")
    english = join(f"this is the {noun.english} that", doer.english, base, particle, time.english)
    return Draft(english, (
        Chunk("이것은", ("topic 은/는",)), nominative(doer), *time.korean, _before(verb, tense),
        draw.verb(copula(noun.korean), "present"),
    ))  # fmt: skip


def the_one_who_is(draw: Draw) -> Draft:
    """The student who is reading a book is kind."""
    noun, tense = draw.pick(PEOPLE), draw.pick(("past", "present"))
    verb, object_noun = draw.action("p" if tense == "present" else "")
    thing, adjective = draw.object(verb, object_noun), draw.pick(_OF_PEOPLE)
    doing = verb.past if tense == "past" else f"is {verb.gerund}"
    english = join(f"the {noun.english} who {doing} {thing.english} is", adjective.english)
    return Draft(
        english,
        (accusative(thing), _before(verb, tense), marked(noun.korean, "은/는"), draw.verb(adjective.korean, "present")),
    )


def met_the_one_who(draw: Draw) -> Draft:
    """Mina met the farmer who sold the apples."""
    subject, meeting, noun = draw.name(), draw.pick(_MEETING), draw.pick(PEOPLE)
    verb, object_noun = draw.one_of(actions(with_people=False))
    thing = draw.object(verb, object_noun)
    english = join(subject.english, meeting.past, f"the {noun.english} who {verb.past} {thing.english}")
    korean = (
        topic(subject),
        accusative(thing),
        _before(verb, "past"),
        marked(noun.korean, "을/를"),
        draw.verb(meeting.korean, "past"),
    )
    return Draft(english, korean)


def the_place_where(draw: Draw) -> Draft:
    """This is the library where Mina studied history."""
    (verb, noun), doer = draw.one_of(actions(with_places=True)), draw.subject()
    place, thing, time = draw.pick(verb.places), draw.object(verb, noun), times.past(draw)
    english = join("this is", place.english, "where", doer.english, verb.past, thing.english, time.english)
    return Draft(english, (
        Chunk("여기는", ("topic 은/는",)), nominative(doer), *time.korean, accusative(thing), _before(verb, "past"),
        draw.verb(copula(place.korean), "present"),
    ))  # fmt: skip


def because(draw: Draw) -> Draft:
    """Because it rained, Mina could not go to the park."""
    subject, place, verb = draw.subject(), draw.pick(places("public city")), draw.pick((GO, COME))
    english_cause, cause, is_good = draw.pick(_CAUSES)
    if is_good:
        english_verb, last = verb.past, draw.verb(verb.korean, "past")
    elif draw.pick((False, True)):
        english_verb, last = f"did not {verb.english}", draw.verb(verb.korean, "past", is_negative=True)
    else:
        english_verb = f"could not {verb.english}"
        last = draw.verb(ability(verb, is_negative=True), "past", "ability", "negation")
    english = join(f"because {english_cause},", subject.english, english_verb, "to", place.english)
    return Draft(english, (Chunk(cause, ("because",)), topic(subject), marked(place.korean, "에"), last))


def when(draw: Draw) -> Draft:
    """When Mina came to the office, Junho was writing a report."""
    first, (verb, noun), coming, place = (
        draw.person(),
        draw.action("p"),
        draw.pick((GO, COME)),
        draw.pick(places("public inside")),
    )
    second, thing = draw.person(but=first.english), draw.object(verb, noun)
    english = join(
        "when", first.english, coming.past, "to", f"{place.english},", second.english, "was", verb.gerund, thing.english
    )
    arriving = Chunk(conjugate(coming.korean, "았을 때"), ("when",))
    last = draw.verb(in_progress(verb), "past", "progressive")
    return Draft(
        english, (nominative(first), marked(place.korean, "에"), arriving, topic(second), accusative(thing), last)
    )


def after(draw: Draw) -> Draft:
    """After reading the book, Mina turned off the lamp; before going out ..."""
    subject, (one, two) = draw.subject(), draw.two_actions()
    word, particle = draw.pick((("after", "으ㄴ 후에"), ("before", "기 전에")))
    first, second = draw.object(*one), draw.object(*two)
    english = join(word, one[0].gerund, f"{first.english},", subject.english, two[0].past, second.english)
    clause = Chunk(conjugate(one[0].korean, particle), (word,))
    return Draft(
        english, (accusative(first), clause, topic(subject), accusative(second), draw.verb(two[0].korean, "past"))
    )


_PLANS = "read,watch,listen to,study,play,clean,meet,visit,wear,bake,make,ride,drive"


def condition(draw: Draw) -> Draft:
    """If it rains tomorrow, Mina will read a book."""
    subject, (verb, noun), time = draw.subject(), draw.action(verbs=_PLANS), times.future(draw)
    english_if, nature, korean_if = draw.pick(_CONDITIONS)
    thing, is_negative = draw.object(verb, noun), draw.weigh((False, True), (3, 1))
    will = "will not" if is_negative else "will"
    english = join(english_if, f"{time.english},", subject.english, will, verb.english, thing.english)
    last = draw.verb(verb.korean, "future", is_negative=is_negative)
    return Draft(
        english, (*time.korean, Chunk(f"{nature} {korean_if}", ("if",)), topic(subject), accusative(thing), last)
    )


def but(draw: Draw) -> Draft:
    """Mina bought a bag, but Junho bought a hat; Mina opened the box, but Junho did not open it."""
    one, first = draw.one_of(actions("v", with_company=True)), draw.name()
    second, other = draw.name(but=first.english), draw.pick(like(*one))
    things = draw.object(*one), draw.object(one[0], other)
    english = join(
        first.english, one[0].past, f"{things[0].english}, but", second.english, one[0].past, things[1].english
    )
    contrast = Chunk(conjugate(one[0].korean, "았지만"), ("but",))
    last = draw.verb(one[0].korean, "past")
    return Draft(english, (topic(first), accusative(things[0]), contrast, topic(second), accusative(things[1]), last))


def and_then(draw: Draw) -> Draft:
    """Mina washed the cups and wiped the table."""
    subject, time, (one, two) = draw.subject(), times.past(draw), draw.two_actions()
    first, second = draw.object(*one), draw.object(*two)
    english = join(f"{time.english},", subject.english, one[0].past, first.english, "and", two[0].past, second.english)
    clause = Chunk(conjugate(one[0].korean, "고"), ("and -고",))
    return Draft(
        english,
        (*time.korean, topic(subject), accusative(first), clause, accusative(second), draw.verb(two[0].korean, "past")),
    )


FRAMES = (
    the_one_that, the_one_that_is, this_is, the_one_who_is, met_the_one_who, the_place_where, because, when, after,
    condition, but,
    and_then,
)  # fmt: skip
