"""Sources or prompts in, hypotheses out: what sorts, batches, decodes and restores the order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from headway.decoding.beam import beam_search
from headway.decoding.hypotheses import Hypothesis
from headway.decoding.options import DEFAULT, Decoding
from headway.decoding.rollout import Rollout, finish, rollout
from headway.decoding.sampling import Draw, most_probable
from headway.decoding.stopping import Ending
from headway.errors import ConfigError, DataError
from headway.models.protocols import Decoder, DecoderState, LanguageModel, Translator
from headway.nn.masks import Layout
from headway.spec import ModelSpec, TranslatorSpec, source_reach, vocabularies

__all__ = ["DEFAULT", "Decoding", "complete", "decode", "write"]

BATCH_TOKENS = 4000


class Start(NamedTuple):
    """A batch before its first token; see `rollout`."""

    state: DecoderState
    first: Tensor
    limits: Tensor
    layout: Layout | None


def decode(
    model: Translator,
    sources: Sequence[Sequence[int]],
    options: Decoding = DEFAULT,
    *,
    until: Ending | None = None,
    batch_tokens: int = BATCH_TOKENS,
) -> list[list[Hypothesis]]:
    """The `n_best` hypotheses of each of `sources`, in their order; a source ends with the end token.

    Sources are decoded longest first, in batches of at most `batch_tokens` padded source tokens, counted once a beam.

    Raises:
        DataError: a source is empty, or has an id that the model does not know.
        ConfigError: a source is longer than the model has positions for.
    """
    check_ids(sources, model.spec, "source")
    begin = partial(_read_sources, model, options)
    return _search(model, begin, sources, [len(source) for source in sources], options, until, batch_tokens)


def complete(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    options: Decoding = DEFAULT,
    *,
    until: Ending | None = None,
    batch_tokens: int = BATCH_TOKENS,
) -> list[list[Hypothesis]]:
    """The `n_best` continuations of each of `prompts`, in their order; what is returned does not repeat the prompt.

    Batches are of at most `batch_tokens` tokens of prompt and continuation, counted once a beam.

    Raises:
        DataError: a prompt is empty, longer than the model has positions for, or has an id that it does not know.
    """
    check_ids(prompts, model.spec, "prompt", most=source_reach(model.spec))
    begin = partial(_read_prompts, model, options)
    costs = [len(prompt) + options.limit(len(prompt), model.spec) for prompt in prompts]
    return _search(model, begin, prompts, costs, options, until, batch_tokens)


def write(
    model: LanguageModel | Translator, text: Sequence[int], options: Decoding, *, until: Ending | None = None
) -> Rollout:
    """Yields the tokens of one output as they are chosen; `text` is the prompt, or the source.

    Raises:
        ConfigError: a beam search or several outputs are asked for, whose tokens are only known in the end.
        DataError: as `decode` and `complete`.
    """
    if options.rows > 1:
        raise ConfigError("only one output at a time can be streamed; ask for a beam of 1 and one output")
    device, is_prompt = _device(model), not isinstance(model.spec, TranslatorSpec)
    check_ids([text], model.spec, "prompt" if is_prompt else "source", most=source_reach(model.spec))
    with torch.inference_mode():
        if is_prompt:
            start = _read_prompts(cast(LanguageModel, model), options, [text], device)
        else:
            start = _read_sources(cast(Translator, model), options, [text], device)
    return _rollout(model, options, until, device)(*start)


def check_ids(
    texts: Sequence[Sequence[int]], spec: ModelSpec, name: str, first: int = 0, *, most: int | None = None
) -> None:
    """Raises DataError unless each text has 1 to `most` ids that the model knows; `first` is the first one's number."""
    vocabulary, _ = vocabularies(spec)
    for i, text in enumerate(texts, first):
        if not text:
            raise DataError(f"{name} {i} has no token; give at least one, such as the start or end token")
        if most is not None and len(text) > most:
            raise DataError(f"{name} {i} has {len(text):,} tokens, but the model reads at most {most:,}; shorten it")
        if not 0 <= min(text) <= max(text) < vocabulary:
            wrong = next(token for token in text if not 0 <= token < vocabulary)
            raise DataError(
                f"{name} {i} has the id {wrong}, but the model knows 0 to {vocabulary - 1}; "
                "use the tokenizer it was trained with"
            )


def _search(
    model: Decoder,
    begin: Callable[[Sequence[Sequence[int]], torch.device], Start],
    texts: Sequence[Sequence[int]],
    costs: Sequence[int],
    options: Decoding,
    until: Ending | None,
    batch_tokens: int,
) -> list[list[Hypothesis]]:
    device = _device(model)
    found: list[list[Hypothesis]] = [[] for _ in texts]
    run = _runner(model, options, until, device)
    for places in _batches(costs, batch_tokens // options.rows):
        with torch.inference_mode():
            start = begin([texts[place] for place in places], device)
        for place, best in zip(places, run(*start), strict=True):
            found[place] = best[: options.n_best]
    return found


def _read_sources(
    model: Translator, options: Decoding, sources: Sequence[Sequence[int]], device: torch.device
) -> Start:
    special = model.spec.tokens
    rows = [torch.tensor(source, device=device) for source in sources]
    ids = pad_sequence(rows, batch_first=True, padding_value=max(special.pad_id, 0))
    lengths = torch.tensor([len(row) for row in rows], device=device)
    memory = model.encode(ids, Layout.padded(ids, torch.arange(ids.shape[1], device=device) < lengths[:, None]))
    limits = [options.limit(len(source), model.spec) for source in sources]
    state = model.start(memory, options.capacity(1, limits))
    return Start(state, ids.new_full((len(ids), 1), special.start_id), torch.tensor(limits, device=device), None)


def _read_prompts(
    model: LanguageModel, options: Decoding, prompts: Sequence[Sequence[int]], device: torch.device
) -> Start:
    rows = [torch.tensor(prompt, device=device) for prompt in prompts]
    padding = max(model.spec.tokens.pad_id, 0)
    ids = pad_sequence(rows, batch_first=True, padding_value=padding, padding_side="left")
    lengths = torch.tensor([len(row) for row in rows], device=device)
    layout = Layout.padded(ids, torch.arange(ids.shape[1], 0, -1, device=device) <= lengths[:, None])
    limits = [options.limit(len(prompt), model.spec) for prompt in prompts]
    state = model.start(options.capacity(ids.shape[1], limits))
    return Start(state, ids, torch.tensor(limits, device=device), layout)


def _runner(
    model: Decoder, options: Decoding, until: Ending | None, device: torch.device
) -> Callable[[DecoderState, Tensor, Tensor, Layout | None], list[list[Hypothesis]]]:
    if options.sampling is not None or options.beam == 1:
        steps = _rollout(model, options, until, device)
        return lambda *start: finish(steps(*start))
    processors, ends = options.processors(model.spec), options.end_ids(model.spec)
    return lambda state, first, limits, layout: beam_search(
        model, state, first, limits, layout=layout, beam=options.beam, ends=ends, norm=options.length_norm,
        stop=options.stop, processors=processors, until=until,
    )  # fmt: skip


def _rollout(
    model: Decoder, options: Decoding, until: Ending | None, device: torch.device
) -> Callable[[DecoderState, Tensor, Tensor, Layout | None], Rollout]:
    choose = Draw(options.sampling, device) if options.sampling else most_probable
    processors, ends = options.processors(model.spec), options.end_ids(model.spec)
    return lambda state, first, limits, layout: rollout(
        model, state, first, limits, layout=layout, choose=choose, copies=options.rows, ends=ends,
        norm=options.length_norm, processors=processors, until=until,
    )  # fmt: skip


def _device(model: Decoder) -> torch.device:
    return next(model.head.parameters()).device


def _batches(costs: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Places of texts in batches of like cost, dearest first; each at most `tokens` when padded, or one text."""
    batch: list[int] = []
    for place in sorted(range(len(costs)), key=lambda place: -costs[place]):
        if batch and costs[batch[0]] * (len(batch) + 1) > tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
