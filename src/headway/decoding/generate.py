"""Sources in, hypotheses out: what sorts, batches, decodes and restores the order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from headway.decoding.beam import Stop, beam_search
from headway.decoding.hypotheses import AVERAGE, Hypothesis, LengthNorm
from headway.decoding.processors import ForceEnd, MinLength, Processor, Suppress
from headway.decoding.rollout import rollout
from headway.decoding.sampling import Draw, Sampling, most_probable
from headway.errors import ConfigError, DataError
from headway.models.protocols import Translator
from headway.nn.masks import Layout
from headway.nn.stack import Memory
from headway.spec import RecurrentSpec, TranslatorSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoding:
    """How outputs are searched for."""

    beam: int = 5  # hypotheses kept a sentence; 1: greedy
    length_norm: LengthNorm = AVERAGE
    stop: Stop = "bound"
    n_best: int = 1  # hypotheses returned a sentence
    sampling: Sampling | None = None  # draw `n_best` outputs instead of searching; `beam` has no part in it
    max_length: int | None = None  # tokens of an output, its end included; None: ratio · source + extra
    ratio: float = 2.0
    extra: int = 20
    min_length: int = 0
    force_end: bool = False  # at the length limit the end token is certain, as with forced_eos_token_id
    suppress: tuple[int, ...] = ()  # ids that are never an output

    def __post_init__(self) -> None:
        for name, value in (("beam", self.beam), ("n_best", self.n_best), ("max_length", self.max_length)):
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}; it must be at least 1")
        if self.sampling is None and self.n_best > self.beam:
            raise ConfigError(f"n_best is {self.n_best}, but a beam of {self.beam} finds no more than {self.beam}")

    def limit(self, source_length: int, spec: TranslatorSpec) -> int:
        """The most tokens of an output for a source of so many; never more than the model has positions for."""
        wanted = int(self.ratio * source_length) + self.extra if self.max_length is None else self.max_length
        return min(wanted, target_positions(spec))

    def processors(self, spec: TranslatorSpec) -> list[Processor]:
        """What these options forbid and force."""
        end_id = spec.tokens.end_id
        wanted: list[tuple[bool, Processor]] = [
            (bool(self.suppress), Suppress(self.suppress)),
            (self.min_length > 1, MinLength(self.min_length, end_id)),
            (self.force_end, ForceEnd(end_id)),
        ]
        return [processor for is_wanted, processor in wanted if is_wanted]

    @property
    def rows(self) -> int:
        """How many hypotheses of a sentence are computed at a time."""
        return self.beam if self.sampling is None else self.n_best


DEFAULT = Decoding()


def source_positions(spec: TranslatorSpec) -> int:
    """The most tokens a source may have, its end token included."""
    return spec.max_length if isinstance(spec, RecurrentSpec) else spec.encoder.max_length


def target_positions(spec: TranslatorSpec) -> int:
    """The most tokens an output may have, its end token included."""
    return spec.max_length if isinstance(spec, RecurrentSpec) else spec.decoder.max_length


def decode(
    model: Translator, sources: Sequence[Sequence[int]], options: Decoding = DEFAULT, *, batch_tokens: int = 4000
) -> list[list[Hypothesis]]:
    """The `n_best` hypotheses of each of `sources`, in their order; a source ends with the end token.

    Sources are decoded longest first, in batches of at most `batch_tokens` padded source tokens, counted once a beam.

    Raises:
        DataError: a source is empty.
        ConfigError: a source is longer than the model has positions for.
    """
    for i, source in enumerate(sources):
        if not source:
            raise DataError(f"source {i} has no token; give at least the end token")
    special, device = model.spec.tokens, next(model.head.parameters()).device
    found: list[list[Hypothesis]] = [[] for _ in sources]
    run = _runner(model, options, device)
    for places in _batches([len(source) for source in sources], batch_tokens // options.rows):
        rows = [torch.tensor(sources[place], device=device) for place in places]
        ids = pad_sequence(rows, batch_first=True, padding_value=special.pad_id)
        lengths = torch.tensor([len(row) for row in rows], device=device)
        layout = Layout.padded(ids, torch.arange(ids.shape[1], device=device) < lengths[:, None])
        limits = torch.tensor([options.limit(len(row), model.spec) for row in rows], device=device)
        with torch.inference_mode():
            hypotheses = run(model.encode(ids, layout), limits)
        for place, best in zip(places, hypotheses, strict=True):
            found[place] = best[: options.n_best]
    return found


def _runner(
    model: Translator, options: Decoding, device: torch.device
) -> Callable[[Memory, Tensor], list[list[Hypothesis]]]:
    norm, processors = options.length_norm, options.processors(model.spec)
    if options.sampling is None and options.beam > 1:
        return partial(beam_search, model, beam=options.beam, norm=norm, stop=options.stop, processors=processors)
    choose = Draw(options.sampling, device) if options.sampling else most_probable
    return partial(rollout, model, choose=choose, copies=options.rows, norm=norm, processors=processors)


def _batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Places of sources in batches of like length, longest first; each at most `tokens` when padded, or one source."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
