"""English inflection, as far as the grammar's own words need it."""

from __future__ import annotations

_VOWELS = "aeiou"


def plural(noun: str) -> str:
    """The regular plural: books, boxes, babies.

    >>> plural("box"), plural("puppy"), plural("toy")
    ('boxes', 'puppies', 'toys')
    """
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in _VOWELS:
        return noun[:-1] + "ies"
    return noun + "s"


def third_person(verb: str) -> str:
    """The form after he and she: reads, watches, studies, goes.

    >>> third_person("study"), third_person("watch"), third_person("go")
    ('studies', 'watches', 'goes')
    """
    return "has" if verb == "have" else verb + "es" if verb.endswith("o") else plural(verb)


def past(verb: str) -> str:
    """The regular past: opened, baked, studied, planned.

    >>> past("bake"), past("study"), past("play"), past("plan")
    ('baked', 'studied', 'played', 'planned')
    """
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in _VOWELS:
        return verb[:-1] + "ied"
    return _doubled(verb) + "ed"


def gerund(verb: str) -> str:
    """The form in -ing: reading, baking, cutting.

    >>> gerund("bake"), gerund("cut"), gerund("open"), gerund("tie")
    ('baking', 'cutting', 'opening', 'tying')
    """
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    return (verb[:-1] if verb.endswith("e") and not verb.endswith("ee") else _doubled(verb)) + "ing"


def _doubled(verb: str) -> str:
    """Doubles the last consonant of a one-syllable verb in consonant, vowel, consonant."""
    is_short = sum(letter in _VOWELS for letter in verb) == 1
    closes = len(verb) > 2 and verb[-1] not in _VOWELS + "wxy" and verb[-2] in _VOWELS and verb[-3] not in _VOWELS
    return verb + verb[-1] if is_short and closes else verb


def article(phrase: str) -> str:
    """The phrase with a or an before it.

    >>> article("apple"), article("used umbrella"), article("hour")
    ('an apple', 'a used umbrella', 'an hour')
    """
    silent = phrase.startswith(("hour", "honest"))
    consonantal = phrase.startswith(("used", "uni", "use", "European", "one"))
    return f"an {phrase}" if silent or (phrase[0].lower() in _VOWELS and not consonantal) else f"a {phrase}"


def join(*words: str) -> str:
    """Joins the words that are not empty by single spaces."""
    return " ".join(word for word in words if word)
