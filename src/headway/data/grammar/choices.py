"""The tables a draw chooses from: what goes with what, weighted so that rare words come up too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from functools import lru_cache
from itertools import accumulate
from typing import Generic, NamedTuple, TypeVar

from headway.data.grammar.nouns import Noun
from headway.data.grammar.predicates import ADJECTIVES, VERBS, Adjective, Verb
from headway.text.korean import adnominal

First = TypeVar("First", bound=Hashable)
Second = TypeVar("Second", bound=Hashable)
_AGES = (("new", "새"), ("old", "낡은"))
_AGED = {"shop", "furniture", "machine", "clothes", "gate", "vehicle", "drive"}
LOOSE = {"shop", "lend", "lost", "hang", "show", "gift", "mail", "await"}
_NEVER_BEFORE = {"clean", "dirty", "tired", "hungry", "sick", "busy", "happy", "healthy"}


class Table(NamedTuple, Generic[First, Second]):
    """Pairs that make sense, and the running sums of their weights."""

    pairs: tuple[tuple[First, Second], ...]
    cumulative: tuple[float, ...]


def balanced(pairs: Iterable[tuple[First, Second]]) -> Table[First, Second]:
    """A table that draws every first and every second word about equally often, however many pairs it stands in.

    >>> balanced([("eat", "bread"), ("buy", "bread"), ("buy", "milk")]).cumulative
    (0.75, 1.25, 2.0)
    """
    pairs = tuple(dict.fromkeys(pairs))
    firsts, seconds = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    weights = (1 / (len(firsts) * firsts[first]) + 1 / (len(seconds) * seconds[second]) for first, second in pairs)
    return Table(pairs, tuple(accumulate(weights)))


@lru_cache(maxsize=64)
def actions(
    uses: str = "", *, verbs: str = "", with_people: bool = True, with_company: bool = False, with_places: bool = False
) -> Table[Verb, Noun]:
    """Every verb with every object it can take.

    Args:
        uses: letters of `Verb.uses` that the verb must have; with "c", the object has a counter.
        verbs: the only verbs wanted, separated by commas; all of them where empty.
        with_people: whether the object may be somebody.
        with_company: whether the verb must take another object of the same kind as well.
        with_places: whether the verb must say where it is done.
    """
    wanted = {verb.strip() for verb in verbs.split(",")} if verbs else {verb.english for verb in VERBS}
    return balanced(
        (verb, noun)
        for verb in VERBS
        if set(uses) <= set(verb.uses) and verb.english in wanted and (verb.places or not with_places)
        for noun in verb.objects
        if (with_people or not noun.groups & {"person", "mine"})
        and not (with_company and not like(verb, noun))
        and not ("c" in uses and not noun.counter)
    )


@lru_cache(maxsize=1024)
def like(verb: Verb, noun: Noun) -> tuple[Noun, ...]:
    """The other objects of the verb that are of the same class and take the same articles."""
    groups = noun.groups - LOOSE
    return tuple(other for other in verb.objects if other != noun and other.kind == noun.kind and other.groups & groups)


@lru_cache(maxsize=1024)
def adjectives_of(noun: Noun) -> tuple[Adjective, ...]:
    """The adjectives that can be said of the noun."""
    return tuple(word for word in ADJECTIVES if noun in word.nouns)


@lru_cache(maxsize=1024)
def describing(noun: Noun) -> tuple[tuple[str, str], ...]:
    """The adjectives that can stand before the noun, in both languages."""
    fitting = (word for word in adjectives_of(noun) if word.english not in _NEVER_BEFORE)
    words = tuple((word.english, adnominal(word.korean, "present")) for word in fitting)
    return words + _AGES * bool(noun.groups & _AGED)
