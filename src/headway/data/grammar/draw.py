"""One sentence being drawn: the random choices, the phrases, and what each Korean word shows."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import TypeVar

from headway.data.grammar import numerals
from headway.data.grammar.choices import First, Second, Table, actions, describing
from headway.data.grammar.english import article
from headway.data.grammar.nouns import Noun, nouns
from headway.data.grammar.phrases import Chunk, Draft, Phrase
from headway.data.grammar.places import NAMES
from headway.data.grammar.predicates import Verb
from headway.text.korean import Predicate, finite, honor, negate

Option = TypeVar("Option")
Forms = tuple[tuple[str, ...], tuple[int, ...]]
_FORMS: dict[str, Forms] = {  # kind of noun -> (the forms of a phrase, their weights)
    "count": (("the", "a", "this", "that", "adjective", "my"), (5, 4, 2, 2, 5, 4)),
    "mass": (("the", "", "adjective"), (4, 4, 3)),
    "pair": (("the", "", "adjective", "my"), (4, 2, 3, 3)),
    "bare": (("",), (1,)),
    "the": (("the", "adjective"), (3, 1)),
    "kin": (("my",), (1,)),
}
_OWNED = frozenset("shop lost machine furniture clothes pet text lend hang writing container".split())
_KOREAN_DETERMINERS = {"this": "이 ", "that": "그 "}


@lru_cache(maxsize=1024)
def _cumulative(weights: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(accumulate(weights))


@lru_cache(maxsize=256)
def _numbers(counter: str, least: int, most: int) -> tuple[int, ...]:
    return tuple(number for number in numerals.COUNTERS[counter] if least <= number <= most)


@lru_cache(maxsize=256)
def _nouns_of(query: str) -> tuple[Noun, ...]:
    """The nouns a query names, remembered."""
    return nouns(query)


class Draw:
    """The choices behind one sentence.

    Args:
        random: where the choices come from.

    Attributes:
        is_polite: whether the sentence ends in ", sir" or ", ma'am" (or begins with "Please").
        probability: of exactly these choices, so that the mean of its inverse counts the sentences (Knuth 1975).
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

    @property
    def level(self) -> str:
        """The name of the politeness level."""
        return "polite" if self.is_polite else "plain"

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
        options = _nouns_of("person" if kind == "the" else "mine")
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
        if not describing(noun):
            return Phrase(f"the {noun.english}", noun.korean)
        words = self.pick(describing(noun))
        english = f"{words[0]} {noun.english}"
        determiner = self.pick(("the", "a")) if noun.kind == "count" else "the"
        return Phrase(article(english) if determiner == "a" else f"the {english}", f"{words[1]} {noun.korean}")

    def one_of(self, table: Table[First, Second]) -> tuple[First, Second]:
        """A pair of a table, as likely as its weight says."""
        return self._from_cumulative(*table)

    def action(self, uses: str = "", *, verbs: str = "") -> tuple[Verb, Noun]:
        """A verb that has all the uses, with an object that makes sense."""
        return self.one_of(actions(uses, verbs=verbs))

    def two_actions(self) -> tuple[tuple[Verb, Noun], tuple[Verb, Noun]]:
        """Two verbs that can be planned, each with an object of its own."""
        first = self.action("v")
        while True:
            before, second = self.probability, self.action("v")
            if second[1] != first[1] and second[0].english != first[0].english:
                return first, second
            self.probability = before

    def object(self, verb: Verb, noun: Noun, *, is_general: bool = False) -> Phrase:
        """The object as a phrase; remembers the combination."""
        self.combine(verb, noun)
        if is_general and "m" in verb.uses:
            return self.certain(noun)
        if is_general and noun.kind == "count" and verb.english == "play":
            return Phrase(f"the {noun.english}", noun.korean)
        return self.thing(noun, is_general=is_general, is_mine="m" in verb.uses)

    def certain(self, noun: Noun) -> Phrase:
        """A phrase for one certain thing: the book, this book, my shoes."""
        if noun.kind in ("bare", "kin"):
            return self.thing(noun)
        if noun.kind == "the":
            return Phrase(f"the {noun.english}", noun.korean)
        options = ("the", "this", "that", "my") if noun.kind == "count" else ("the", "my")
        form = self.pick(options if noun.groups & _OWNED else options[:-1])
        korean = self._mine() if form == "my" else _KOREAN_DETERMINERS.get(form, "")
        return Phrase(f"{form} {noun.english}", korean + noun.korean, "plural" if noun.kind == "pair" else "third")

    def combine(self, verb: Verb, noun: Noun) -> None:
        """Remembers that this verb stands with this object."""
        self.verb_objects.append((verb.korean.stem + "다", noun.korean))

    def number(self, counter: str, *, least: int = 1, most: int = 1_000_000) -> int:
        """One of the numbers that go with a counter."""
        return self.pick(_numbers(counter, least, most))

    def counted(self, number: int, counter: str) -> Chunk:
        """A numeral with its counter, native (세 권) or Sino-Korean (삼 분); remembers the combination."""
        numeral = numerals.korean(number, counter)
        self.numeral_counters.append((numeral, counter))
        kind = "Sino-Korean numeral" if counter in numerals.SINO else "native numeral"
        return Chunk(f"{numeral} {counter}", (kind, "counter"))

    def verb(
        self, predicate: Predicate, tense: str, *extra: str, is_question: bool = False, is_negative: bool = False,
        is_honored: bool = False,
    ) -> Chunk:  # fmt: skip
        """The Korean verb that ends the sentence."""
        if is_honored and self.is_polite:
            predicate, extra = honor(predicate), (*extra, "honorific")
        if is_negative:
            predicate, extra = negate(predicate), (*extra, "negation")
        text = finite(predicate, tense, is_polite=self.is_polite, is_question=is_question)
        return Chunk(text, (tense, self.level, *(("question",) if is_question else ()), *extra))


Frame = Callable[[Draw], Draft]
"""A kind of sentence: random choices in, both languages out."""
