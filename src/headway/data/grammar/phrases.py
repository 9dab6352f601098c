"""Phrases in both languages: Korean words with the phenomena they show, particles, English agreement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from headway.data.grammar.predicates import Verb
from headway.text.korean import attach


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
_SHOWN = {  # particle -> the phenomenon that shows in it
    "은/는": "topic 은/는", "이/가": "subject 이/가", "을/를": "object 을/를", "와/과": "and 와/과",
    "보다": "comparison",
    "으로/로": "means and direction 으로/로", "에게": "recipient 에게", "에": "place 에", "에서": "place 에서",
}  # fmt: skip


@lru_cache(maxsize=1 << 14)
def marked(word: str, particle: str) -> Chunk:
    """A noun phrase with its particle: 책을, 내가."""
    text = _NOMINATIVE.get(word, "") if particle == "이/가" else ""
    return Chunk(text or attach(word, particle), (_SHOWN[particle],))


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
