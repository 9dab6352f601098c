"""One sentence being drawn: the random choices, the phrases, and what each Korean word shows."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import NamedTuple, TypeVar

from headway.data.grammar import numerals
from headway.data.grammar.english import article, join
from headway.data.grammar.nouns import NAMES, Noun, nouns
from headway.data.grammar.predicates import ADJECTIVES, VERBS, Verb
from headway.text.korean import Predicate, adnominal, attach, finite, honor, negate

Option = TypeVar("Option")


class Chunk(NamedTuple):
    """Korean words and the phenomena that show in them."""

    text: str
    phenomena: tuple[str, ...] = ()


class Phrase(NamedTuple):
    """A noun phrase in both languages; `person` is "first", "second", "third" or "plural" (for the English verb)."""

    english: str
    korean: str
    person: str = "third"


class Draft(NamedTuple):
    """Both sentences without their full stops."""

    english: str
    korean: Sequence[Chunk | str]
    is_question: bool = False
    is_request: bool = False


_NOMINATIVE = {"나": "내가", "저": "제가", "너": "네가", "누구": "누가"}
_PARTICLE_NAMES = {
    "은/는": "topic 은/는", "이/가": "subject 이/가", "을/를": "object 을/를", "와/과": "and 와/과", "으로/로": "means and direction 으로/로",
    "에게": "recipient 에게", "에": "place 에", "에서": "place 에서", "보다": "comparison",
}  # fmt: skip
_FORMS: dict[
    str, tuple[tuple[str, ...], tuple[int, ...]]
] = {  # kind of noun -> (forms of an object that is a certain one, their weights)
    "count": (("the", "a", "this", "that", "adjective", "my"), (5, 4, 2, 2, 5, 4)),
    "mass": (("the", "", "adjective"), (4, 4, 3)),
    "pair": (("the", "", "adjective", "my"), (4, 2, 3, 3)),
    "bare": (("",), (1,)),
    "the": (("the",), (1,)),
    "kin": (("my",), (1,)),
}
_OWNED = frozenset("shop lost machine furniture clothes pet text lend hang writing container".split())
_AGES, _NEVER_BEFORE = (
    (("new", "새"), ("old", "낡은")),
    {"clean", "dirty", "tired", "hungry", "sick", "busy", "happy", "healthy"},
)
_KOREAN_DETERMINERS = {"this": "이 ", "that": "그 "}


@lru_cache(maxsize=1024)
def _cumulative(weights: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(accumulate(weights))


@lru_cache(maxsize=1024)
def _describing(noun: Noun) -> tuple[tuple[str, str], ...]:
    """The adjectives that can stand before the noun, in both languages."""
    fitting = (
        adjective for adjective in ADJECTIVES if noun in adjective.nouns and adjective.english not in _NEVER_BEFORE
    )
    words = tuple((adjective.english, adnominal(adjective.korean, "present")) for adjective in fitting)
    return words + _AGES * bool(noun.groups & {"shop", "furniture", "machine", "clothes", "gate", "vehicle", "drive"})


@lru_cache(maxsize=64)
def _actions(
    uses: str, with_people: bool, with_company: bool
) -> tuple[tuple[tuple[Verb, Noun], ...], tuple[float, ...]]:
    """Every verb with every object it can take, weighted so that rare verbs and rare nouns both come up."""
    pairs = [
        (verb, noun)
        for verb in VERBS
        if set(uses) <= set(verb.uses)
        for noun in verb.objects
        if (with_people or not noun.groups & {"person", "mine"}) and not (with_company and len(like(verb, noun)) == 0)
    ]
    verbs: dict[Verb, int] = {}
    things: dict[Noun, int] = {}
    for verb, noun in pairs:
        verbs[verb] = verbs.get(verb, 0) + 1
        things[noun] = things.get(noun, 0) + 1
    weights = (1 / (len(verbs) * verbs[verb]) + 1 / (len(things) * things[noun]) for verb, noun in pairs)
    return tuple(pairs), tuple(accumulate(weights))


@lru_cache(maxsize=256)
def _numbers(counter: str, least: int, most: int) -> tuple[int, ...]:
    return tuple(number for number in numerals.COUNTERS[counter] if least <= number <= most)


@lru_cache(maxsize=1024)
def like(verb: Verb, noun: Noun) -> tuple[Noun, ...]:
    """The other objects of the verb that take the same articles."""
    return tuple(other for other in verb.objects if other != noun and other.kind == noun.kind)


class Draw:
    """The choices behind one sentence.

    Args:
        random: where the choices come from.

    Attributes:
        is_polite: whether the sentence ends in ", sir" or ", ma'am" (or begins with "Please").
        probability: of exactly these choices, so that the mean of its inverse counts the sentences (Knuth 1975, Estimating the
            efficiency of backtrack programs).
        verb_objects: the combinations of a verb and its object, as dictionary forms.
        numeral_counters: the combinations of a numeral and its counter.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self.probability = 1.0
        self.verb_objects: list[tuple[str, str]] = []
        self.numeral_counters: list[tuple[str, str]] = []
        self.is_polite = self.pick((False, True))

    def pick(self, options: Sequence[Option]) -> Option:
        """One of the options, each as likely as the others."""
        self.probability /= len(options)
        return options[int(self._random.random() * len(options))]

    def weigh(self, options: Sequence[Option], weights: tuple[float, ...]) -> Option:
        """One of the options, as likely as its weight says."""
        return self._from_cumulative(options, _cumulative(weights))

    def _from_cumulative(self, options: Sequence[Option], cumulative: tuple[float, ...]) -> Option:
        index = min(bisect(cumulative, self._random.random() * cumulative[-1]), len(options) - 1)
        self.probability *= (cumulative[index] - (cumulative[index - 1] if index else 0.0)) / cumulative[-1]
        return options[index]

    # Who

    def _mine(self) -> str:
        return "제 " if self.is_polite else "내 "

    def name(self, *, but: str = "") -> Phrase:
        """Somebody by name, someone else than `but`."""
        english, korean = self.pick([name for name in NAMES if name[0] != but] if but else NAMES)
        return Phrase(english, korean)

    def person(self, *, but: str = "") -> Phrase:
        """Somebody certain who is spoken of: a name, the student, my friend."""
        kind = self.weigh(("name", "the", "my"), (6, 2, 1))
        if kind == "name":
            return self.name(but=but)
        options = nouns_of("person" if kind == "the" else "mine")
        noun = self.pick([noun for noun in options if not but.endswith(noun.english)] if but else options)
        return Phrase(f"{kind} {noun.english}", (self._mine() if kind == "my" else "") + noun.korean)

    def subject(self) -> Phrase:
        """Somebody certain who acts: also I and we."""
        kind = self.weigh(("person", "I", "we"), (17, 2, 1))
        if kind == "person":
            return self.person()
        return self.speaker() if kind == "I" else Phrase("we", "우리", "plural")

    def speaker(self) -> Phrase:
        """I."""
        return Phrase("I", "저" if self.is_polite else "나", "first")

    def thing(self, noun: Noun, *, is_general: bool = False, is_mine: bool = False) -> Phrase:
        """A noun phrase: the book, a red bag, where it may be mine my shoes; in general: books, milk."""
        if is_general and noun.kind not in ("the", "kin"):
            return Phrase(f"the {noun.english}" if "person" in noun.groups else noun.many, noun.korean)
        forms, weights = _FORMS[noun.kind]
        if forms[-1] == "my" and len(forms) > 1 and not (is_mine and noun.groups & _OWNED):
            forms, weights = forms[:-1], weights[:-1]
        form = self.weigh(forms, weights)
        if form == "my":
            return Phrase(f"my {noun.english}", self._mine() + noun.korean)
        if form == "adjective":
            return self.described(noun)
        english = article(noun.english) if form == "a" else f"{form} {noun.english}".strip()
        return Phrase(english, _KOREAN_DETERMINERS.get(form, "") + noun.korean)

    def described(self, noun: Noun) -> Phrase:
        """A noun with an adjective before it: a new bag, the red shoes; without one where none describes it."""
        if not _describing(noun):
            return Phrase(f"the {noun.english}", noun.korean)
        words = self.pick(_describing(noun))
        english = f"{words[0]} {noun.english}"
        determiner = self.pick(("the", "a")) if noun.kind == "count" else "the"
        return Phrase(article(english) if determiner == "a" else f"the {english}", f"{words[1]} {noun.korean}")

    # What is done

    def action(self, uses: str = "", *, with_people: bool = True, with_company: bool = False) -> tuple[Verb, Noun]:
        """A verb that has all the uses, with an object that makes sense.

        Args:
            uses: letters of `Verb.uses`.
            with_people: whether the object may be somebody.
            with_company: whether the verb must take another object of the same kind as well.
        """
        return self._from_cumulative(*_actions(uses, with_people, with_company))

    def other_action(self, uses: str, but: tuple[Verb, Noun]) -> tuple[Verb, Noun]:
        """Another verb with another object."""
        while True:
            before = self.probability
            verb, noun = self.action(uses)
            if noun != but[1] and verb.english != but[0].english:
                return verb, noun
            self.probability = before

    def object(self, verb: Verb, noun: Noun, *, is_general: bool = False) -> Phrase:
        """The object as a phrase; remembers the combination."""
        self.combine(verb, noun)
        if is_general and "m" in verb.uses:
            return self.certain(noun)
        return self.thing(noun, is_general=is_general, is_mine="m" in verb.uses)

    def certain(self, noun: Noun) -> Phrase:
        """A phrase for one certain thing: the book, this book, my shoes."""
        if noun.kind in ("bare", "the", "kin"):
            return self.thing(noun)
        options = ("the", "this", "that", "my") if noun.kind == "count" else ("the", "my")
        form = self.pick(options if noun.groups & _OWNED else options[:-1])
        korean = self._mine() if form == "my" else _KOREAN_DETERMINERS.get(form, "")
        return Phrase(f"{form} {noun.english}", korean + noun.korean, "plural" if noun.kind == "pair" else "third")

    def combine(self, verb: Verb, noun: Noun) -> None:
        """Remembers that this verb stands with this object."""
        self.verb_objects.append((verb.korean.stem + "다", noun.korean))

    # Korean

    def number(self, counter: str, *, least: int = 1, most: int = 1_000_000) -> int:
        """One of the numbers that go with a counter."""
        return self.pick(_numbers(counter, least, most))

    def counted(self, number: int, counter: str) -> Chunk:
        """A numeral with its counter, native (세 권) or Sino-Korean (삼 분); remembers the combination."""
        numeral = numerals.korean(number, counter)
        self.numeral_counters.append((numeral, counter))
        kind = "Sino-Korean numeral" if counter in numerals.SINO else "native numeral"
        return Chunk(f"{numeral} {counter}", (kind, "counter"))

    def verb(self, predicate: Predicate, tense: str, *extra: str, is_question: bool = False, is_negative: bool = False,
             is_honored: bool = False) -> Chunk:  # fmt: skip
        """The Korean verb that ends the sentence."""
        if is_honored and self.is_polite:
            predicate, extra = honor(predicate), (*extra, "honorific")
        if is_negative:
            predicate, extra = negate(predicate), (*extra, "negation")
        text = finite(predicate, tense, is_polite=self.is_polite, is_question=is_question)
        return Chunk(
            text, (tense, "polite" if self.is_polite else "plain", *(("question",) if is_question else ()), *extra)
        )


@lru_cache(maxsize=256)
def nouns_of(query: str) -> tuple[Noun, ...]:
    """The nouns a query names, remembered."""
    return nouns(query)


@lru_cache(maxsize=1 << 14)
def marked(word: str, particle: str) -> Chunk:
    """A noun phrase with its particle: 책을, 내가."""
    name = _PARTICLE_NAMES.get(particle)
    if particle == "이/가" and word in _NOMINATIVE:
        return Chunk(_NOMINATIVE[word], ("subject 이/가",))
    text = attach(word, particle)
    return Chunk(text, (name,) if name else ())


def topic(phrase: Phrase) -> Chunk:
    """The phrase as the topic, 은/는."""
    return marked(phrase.korean, "은/는")


def nominative(phrase: Phrase) -> Chunk:
    """The phrase as the subject, 이/가."""
    return marked(phrase.korean, "이/가")


def accusative(phrase: Phrase) -> Chunk:
    """The phrase as the object, 을/를."""
    return marked(phrase.korean, "을/를")


def separated(verb: str, pronoun: str) -> str:
    """A verb with a pronoun for an object: "ate it", "turned it on"."""
    base, _, particle = verb.partition(" ")
    return f"{base} {pronoun} {particle}" if particle in ("on", "off") else f"{verb} {pronoun}"


def be(phrase: Phrase, tense: str) -> str:
    """The form of "be" that goes with the subject."""
    if tense == "past":
        return "were" if phrase.person in ("plural", "second") else "was"
    return {"first": "am", "third": "is"}.get(phrase.person, "are") if tense == "present" else "will be"


def inflected(verb: Verb, phrase: Phrase, tense: str, *, is_negative: bool = False) -> str:
    """The English verb after its subject: read, reads, will read, did not read."""
    is_third = phrase.person == "third"
    if is_negative:
        return f"{ {'past': 'did', 'future': 'will'}.get(tense, 'does' if is_third else 'do') } not {verb.english}"
    if tense == "past":
        return verb.past
    return f"will {verb.english}" if tense == "future" else verb.third if is_third else verb.english


Frame = Callable[[Draw], Draft]
__all__ = [
    "Chunk",
    "Draft",
    "Draw",
    "Frame",
    "Phrase",
    "accusative",
    "be",
    "inflected",
    "join",
    "marked",
    "nominative",
    "separated",
    "topic",
]
