"""Lines in one language in, their translations out: in order, chunk by chunk, in constant memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from headway.decoding.generate import BATCH_TOKENS, DEFAULT, Decoding, decode
from headway.errors import DataError
from headway.models.protocols import Translator
from headway.spec import source_positions
from headway.tasks.rows import CHUNK, TooLong
from headway.text.tokenizer import TokenizerPair


@dataclass(frozen=True, slots=True)
class Translation:
    """One translation of a line."""

    text: str
    score: float  # by which the translations of a line are ranked
    log_probability: float  # nats, of all tokens
    tokens: int  # of the output, its end included; 0 for an empty line
    hit_limit: bool  # as long as the length limit lets it be, so probably cut off
    source_cut: bool  # the line was longer than the model can read, and its end was left out


def translate_lines(
    model: Translator,
    tokenizers: TokenizerPair,
    lines: Iterable[str],
    options: Decoding = DEFAULT,
    *,
    batch_tokens: int = BATCH_TOKENS,
    chunk: int = CHUNK,
    too_long: TooLong = "cut",
) -> Iterator[list[Translation]]:
    """The `n_best` translations of each line, best first; of an empty line one that is empty.

    Those of a beam search are different texts: of one that was found cut into pieces in several ways the best stays,
    and where the beam holds fewer texts there are fewer. Draws may repeat each other. `chunk` lines are read ahead, so
    that lines of like length share a batch.

    Raises:
        ConfigError: the model's folder asks for a search that is not known here.
        DataError: with `too_long="refuse"`, a line has more tokens than the model can read.
    """
    options.check_followed()
    is_search = options.sampling is None and options.n_best > 1
    asked = dataclasses.replace(options, n_best=options.beam) if is_search else options
    source, first = iter(lines), 1
    while part := list(islice(source, chunk)):
        rows = _encode(model, tokenizers, part, first, too_long)
        places = [place for place, (ids, _) in enumerate(rows) if ids]
        found = decode(model, [rows[place][0] for place in places], asked, batch_tokens=batch_tokens)
        texts = iter(tokenizers.target.decode_batch([h.ids for hypotheses in found for h in hypotheses]))
        results = [[Translation("", 0.0, 0.0, 0, hit_limit=False, source_cut=False)] for _ in rows]
        for place, hypotheses in zip(places, found, strict=True):
            cut = rows[place][1]
            translations = [
                Translation(next(texts), h.score, h.log_probability, len(h.ids), h.hit_limit, cut) for h in hypotheses
            ]
            results[place] = _different(translations)[: options.n_best] if is_search else translations
        yield from results
        first += len(part)


def _different(translations: list[Translation]) -> list[Translation]:
    """The first of each text."""
    best: dict[str, Translation] = {}
    for translation in translations:
        best.setdefault(translation.text, translation)
    return list(best.values())


def _encode(
    model: Translator, tokenizers: TokenizerPair, lines: list[str], first: int, too_long: TooLong
) -> list[tuple[list[int], bool]]:
    """What the encoder reads of each line, end token included (nothing of an empty line), and whether it was cut."""
    most, end = source_positions(model.spec) - 1, [model.spec.tokens.end_id]
    rows = []
    for number, ids in enumerate(tokenizers.source.encode_batch([line.strip() for line in lines]), first):
        if too_long == "refuse" and len(ids) > most:
            raise DataError(
                f"line {number} has {len(ids)} tokens, but the model reads at most {most}; "
                "split it into sentences, or let it be cut with --too-long cut"
            )
        rows.append((ids[:most] + end if ids else [], len(ids) > most))
    return rows
