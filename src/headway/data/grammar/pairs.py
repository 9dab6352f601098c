"""Sentence pairs drawn from the grammar, split so that the combinations in the test were never seen in training."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle
from random import Random

from headway.data.grammar.draw import Draw
from headway.data.grammar.frames import FRAMES
from headway.data.grammar.numerals import COUNTERS, korean
from headway.data.grammar.phrases import Chunk, Draft
from headway.data.grammar.predicates import DATIVES, VERBS
from headway.errors import ConfigError

Combinations = frozenset[tuple[str, str]]
SEEN, UNSEEN_VERB_OBJECT, UNSEEN_NUMERAL_COUNTER = (
    "whole sentence, all seen", "whole sentence, unseen verb × object", "whole sentence, unseen numeral × counter",
)  # fmt: skip
_EVALUATION = 30


@dataclass(frozen=True, slots=True)
class Pair:
    """An English sentence, its one Korean translation, and what can be checked in it.

    Attributes:
        source: the English sentence.
        target: the Korean sentence.
        frame: the name of the frame it was drawn from.
        checks: (phenomenon, the Korean words that must stand in a translation); with . or ?, all of it.
        verb_objects: every verb with its object, as (먹다, 사과).
        numeral_counters: every numeral with its counter, as (세, 권).
    """

    source: str
    target: str
    frame: str
    checks: tuple[tuple[str, str], ...]
    verb_objects: tuple[tuple[str, str], ...]
    numeral_counters: tuple[tuple[str, str], ...]

    @property
    def phenomena(self) -> frozenset[str]:
        """The names of what shows in the pair."""
        return frozenset(name for name, _ in self.checks)

    @property
    def is_unseen(self) -> bool:
        """Whether a combination in it is held out of training."""
        return not held_out()[0].isdisjoint(self.verb_objects) or not held_out()[1].isdisjoint(self.numeral_counters)


@lru_cache(maxsize=1)
def held_out() -> tuple[Combinations, Combinations]:
    """The combinations verb × object and numeral × counter that no training sentence holds, under any seed.

    They are an eighth of the objects of each verb, and of the numerals of each counter, that has eight or more of them
    which other verbs or counters take too. A verb whose Korean depends on the object (wear, play) holds none out.
    """
    stems: dict[str, set[str]] = {}
    objects: dict[str, list[tuple[str, str]]] = {}
    for verb in (*VERBS, *DATIVES):
        stems.setdefault(verb.english, set()).add(verb.korean.stem)
        objects.setdefault(verb.english, []).extend((f"{verb.korean.stem}다", noun.korean) for noun in verb.objects)
    fixed = [list(dict.fromkeys(pairs)) for english, pairs in objects.items() if len(stems[english]) == 1]
    counted = [[(counter, korean(number, counter)) for number in numbers] for counter, numbers in COUNTERS.items()]
    return _eighth(fixed), frozenset((numeral, counter) for counter, numeral in _eighth(counted))


def _eighth(rows: list[list[tuple[str, str]]]) -> Combinations:
    random, chosen = Random(1), set[tuple[str, str]]()
    shared = Counter(value for row in rows for _, value in row)
    for row in rows:
        common = [pair for pair in row if shared[pair[1]] > 1]
        if len(common) >= 8:
            chosen.update(random.sample(common, len(common) // 8))
    return frozenset(chosen)


def draw_pair(random: Random, frame: str) -> tuple[Pair, float]:
    """One pair of a frame, and the probability that the frame gives exactly it by these choices."""
    draw = Draw(random)
    draft = FRAMES[frame](draw)
    chunks = [chunk if isinstance(chunk, Chunk) else Chunk(chunk) for chunk in draft.korean]
    target = " ".join(chunk.text for chunk in chunks) + ("?" if draft.is_question else ".")
    checks = [(name, chunk.text) for chunk in chunks for name in dict.fromkeys(chunk.phenomena)]
    if len(chunks) > 1:
        checks.append(("word order", f"{chunks[-2].text} {chunks[-1].text}"))
    verb_objects, numeral_counters = tuple(draw.verb_objects), tuple(draw.numeral_counters)
    unseen = [
        name
        for name, held, used in zip(
            (UNSEEN_VERB_OBJECT, UNSEEN_NUMERAL_COUNTER), held_out(), (verb_objects, numeral_counters), strict=True
        )
        if not held.isdisjoint(used)
    ]
    checks += [(name, target) for name in unseen or [SEEN]]
    source = _english(draw, draft)
    return Pair(source, target, frame, tuple(checks), verb_objects, numeral_counters), draw.probability


def _english(draw: Draw, draft: Draft) -> str:
    """The English sentence with its capital, its mark of politeness and its full stop."""
    text = draft.english
    if draw.is_polite and draft.is_request:
        text = f"please {text}"
    elif draw.is_polite:
        text += draw.pick((", sir", ", ma'am"))
    return text[0].upper() + text[1:] + ("?" if draft.is_question else ".")


def generate(*, seed: int = 0, rows: int = 30_000) -> dict[str, list[Pair]]:
    """Draws pairs and splits them into train, validation and test.

    Half of validation and of test (a thirtieth of the rows each) holds a combination that no training sentence holds;
    no two rows share an English sentence, and no Korean sentence of validation or test stands in training.

    Args:
        seed: of the draw; the same seed gives the same rows on every machine.
        rows: in all splits together, at least 300.

    Raises:
        ConfigError: fewer than 300 rows or more than 300,000 are asked for.
    """
    if not 300 <= rows <= 300_000:
        raise ConfigError(f"rows={rows}; the grammar gives between 300 and 300,000 rows: choose a number between them")
    random, share = Random(seed), rows // _EVALUATION
    wanted = {"train": rows - 2 * share, "seen": share, "unseen": share}
    bins: dict[str, list[Pair]] = {name: [] for name in wanted}
    sources, targets = set[str](), {"train": set[str](), "evaluation": set[str]()}
    for number, frame in enumerate(cycle(FRAMES)):
        if all(len(bins[name]) == count for name, count in wanted.items()):
            break
        pair, _ = draw_pair(random, frame)
        name = (
            "unseen"
            if pair.is_unseen
            else "seen"
            if number % _EVALUATION < 2 and len(bins["seen"]) < share
            else "train"
        )
        side, other = ("train", "evaluation") if name == "train" else ("evaluation", "train")
        if len(bins[name]) == wanted[name] or pair.source in sources or pair.target in targets[other]:
            continue
        sources.add(pair.source)
        targets[side].add(pair.target)
        bins[name].append(pair)
    held = [pair for both in zip(bins["seen"], bins["unseen"], strict=True) for pair in both]
    random.shuffle(bins["train"])
    random.shuffle(held)
    return {"train": bins["train"], "validation": held[:share], "test": held[share:]}


def count(*, probes: int = 300, seed: int = 0) -> int:
    """Estimates how many sentences the grammar holds: the mean inverse probability of a sentence, over all frames.

    Knuth 1975, Estimating the efficiency of backtrack programs; a frame that draws again (another verb than before)
    is counted a few per cent too high.

    Args:
        probes: sentences drawn from each frame.
        seed: of the draw.
    """
    random = Random(seed)
    return round(sum(1 / draw_pair(random, frame)[1] for frame in FRAMES for _ in range(probes)) / probes)
