"""How outputs are searched for, and how long what a model reads and writes may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from headway.decoding.beam import Stop
from headway.decoding.hypotheses import AVERAGE, LengthNorm
from headway.decoding.processors import ForceEnd, MinLength, Processor, RepetitionPenalty, Suppress
from headway.decoding.sampling import Sampling
from headway.errors import ConfigError
from headway.spec import ModelSpec, RecurrentSpec, TranslatorSpec, source_reach

NEW_TOKENS = 128  # of a continuation, where nothing else is said


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoding:
    """How outputs are searched for."""

    beam: int = 5  # hypotheses kept a sentence; 1: greedy
    length_norm: LengthNorm = AVERAGE
    stop: Stop = "bound"
    n_best: int = 1  # hypotheses returned a sentence
    sampling: Sampling | None = None  # draw `n_best` outputs instead of searching; `beam` has no part in it
    max_length: int | None = None  # tokens of an output, its end included; None: ratio · source + extra, or NEW_TOKENS
    ratio: float = 2.0
    extra: int = 20
    min_length: int = 0  # tokens of an output, its end included
    repetition_penalty: float = 1.0  # above 1: tokens that were there before score less
    force_end: bool = False  # at the length limit the end token is certain, as with forced_eos_token_id
    suppress: tuple[int, ...] = ()  # ids that are never an output
    ends: tuple[int, ...] = ()  # ids that end an output; (): the end token of the model alone
    unfollowed: tuple[str, ...] = ()  # what the folder of a model asks for besides, and nothing here can do
    cache: Literal["slots", "growing"] | None = None  # None: slots, but growing for a beam, whose rows move every step

    def __post_init__(self) -> None:
        for name, value in (("beam", self.beam), ("n_best", self.n_best), ("max_length", self.max_length)):
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}; it must be at least 1")
        if self.sampling is None and self.n_best > self.beam:
            raise ConfigError(f"n_best is {self.n_best}, but a beam of {self.beam} finds no more than {self.beam}")
        RepetitionPenalty(self.repetition_penalty)

    def limit(self, length: int, spec: ModelSpec) -> int:
        """The most tokens of an output for a source or prompt of `length`, and never more than there are positions."""
        if not isinstance(spec, TranslatorSpec):
            wanted, most = self.max_length or NEW_TOKENS, source_reach(spec)
            return wanted if most is None else min(wanted, most - length + 1)  # the last token is never read
        wanted = self.max_length or int(self.ratio * length) + self.extra
        most = spec.max_length if isinstance(spec, RecurrentSpec) else spec.decoder.reach
        return wanted if most is None else min(wanted, most)

    def end_ids(self, spec: ModelSpec) -> tuple[int, ...]:
        """The ids that end an output; none where the model has no end token."""
        return self.ends or ((spec.tokens.end_id,) if spec.tokens.end_id >= 0 else ())

    def processors(self, spec: ModelSpec) -> list[Processor]:
        """What these options forbid, force and discourage."""
        ends = self.end_ids(spec)
        wanted: list[tuple[bool, Processor]] = [
            (self.repetition_penalty != 1, RepetitionPenalty(self.repetition_penalty)),
            (bool(self.suppress), Suppress(self.suppress)),
            (self.min_length > 1, MinLength(self.min_length, ends)),
            *((self.force_end, ForceEnd(end_id)) for end_id in ends[:1]),
        ]
        return [processor for is_wanted, processor in wanted if is_wanted]

    def check_followed(self) -> None:
        """Raises ConfigError where a model's folder asks for what nothing here can do: outputs would be others."""
        if self.unfollowed:
            wanted = ", ".join(f"{text:.60}" for text in self.unfollowed)
            raise ConfigError(
                f"the model's folder asks to be decoded with {wanted}, which is not known here; without it other texts "
                "would come out: if you want those, remove it from generation_config.json or config.json"
            )

    @property
    def rows(self) -> int:
        """How many hypotheses of a sentence are computed at a time."""
        return self.beam if self.sampling is None else self.n_best

    def capacity(self, read: int, limits: Sequence[int]) -> int | None:
        """Slots for `read` tokens and the outputs that follow; None: a cache that grows."""
        is_search = self.sampling is None and self.beam > 1
        kind = self.cache or ("growing" if is_search else "slots")
        return read + max(limits) - 1 if kind == "slots" else None


DEFAULT = Decoding()
