"""A text through one stack: an encoder reads it whole, a decoder reads it and writes on."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import torch

from headway.decoding.generate import complete
from headway.decoding.options import source_reach
from headway.errors import ConfigError, DataError
from headway.explain.pieces import spans_by_decoding
from headway.explain.reading import blocks_of, special_token, steps_of, tokens_of
from headway.explain.record import recording
from headway.explain.trace import Model, Token, Trace
from headway.models.single import SingleStack
from headway.tasks.loaded import Loaded
from headway.text.tokenizer import Encoding, Tokenizer

NEW_TOKENS = 40  # that a decoder writes to be looked at
_GAP = " "  # between the two texts of a pair, where they are shown as one


def read_text(loaded: Loaded, model: SingleStack, text: str, second: str | None) -> Trace:
    """An encoder's attention within a text, or a pair of texts.

    Raises:
        DataError: the text is empty.
        ConfigError: a pair is longer than the model can read.
    """
    tokenizer = loaded.tokenizers.source
    one = tokenizer.encode(text, special=True)
    two = None if second is None else tokenizer.encode(second, special=True)
    if not one.ids:
        raise DataError("the text is empty; give at least one word to look at")
    one, whole = _fitting(one, two, tokenizer, source_reach(model.spec))
    wrapped = tokenizer.wrap(one.ids, None if two is None else two.ids)
    shown = text if second is None else text + _GAP + second
    parts = [(wrapped.first_start, one, 0)]
    if two is not None and wrapped.second_start is not None:
        parts.append((wrapped.second_start, two, len(text + _GAP)))
    tokens: list[Token] = []
    for start, encoding, shift in parts:
        place = tokens[-1].end if tokens else 0
        tokens += [special_token(i, tokenizer, place) for i in wrapped.ids[len(tokens) : start]]
        tokens += tokens_of(encoding, tokenizer, shift=shift)
    tokens += [special_token(i, tokenizer, len(shown)) for i in wrapped.ids[len(tokens) :]]
    types = torch.tensor([wrapped.token_types]) if model.spec.stack.token_types > 1 else None
    with torch.inference_mode(), recording(model) as record:
        model.hidden(torch.tensor([wrapped.ids]), types=types)
    return Trace(
        model=_facts(loaded.folder, model),
        attention=blocks_of(record, {"stack.blocks.*.attention": "encoder"}),
        source=shown,
        source_tokens=tokens,
        truncated=None if whole == len(one.ids) else (whole, len(one.ids)),
        recorded=time.strftime("%Y-%m-%d"),
    )


def write_on(loaded: Loaded, model: SingleStack, prompt: str, continuation: str | None) -> Trace:
    """A decoder's attention within a prompt and what follows it: written by the model, or given.

    Raises:
        DataError: the prompt is empty.
        ConfigError: both together are longer than the model can read.
    """
    tokenizer, most = loaded.tokenizers.source, source_reach(model.spec)
    read = tokenizer.encode(prompt)
    wrapped = tokenizer.wrap(read.ids)
    if not read.ids:
        raise DataError("the prompt is empty; give at least one word to look at")
    if continuation is None:
        options = dataclasses.replace(loaded.decoding, n_best=1, max_length=NEW_TOKENS)
        ids = complete(model, [wrapped.ids], options)[0][0].ids
        text = tokenizer.decode([*read.ids, *ids])
        spans = spans_by_decoding([*read.ids, *ids], tokenizer.decode)[len(read.ids) :]
        after = tokens_of(Encoding(ids, [tokenizer.piece_of(i) for i in ids], spans), tokenizer)
        if not text.startswith(prompt):  # the way back to text does not know every blank of the way in
            text, after = _beside(prompt, ids, tokenizer)
    else:
        text = prompt + continuation
        after = tokens_of(tokenizer.encode(continuation), tokenizer, shift=len(prompt))
    tokens = [special_token(i, tokenizer, 0) for i in wrapped.ids[: wrapped.first_start]]
    tokens += [*tokens_of(read, tokenizer), *after]
    ids = [token.id for token in tokens]
    if most is not None and len(ids) - 1 > most:
        raise ConfigError(f"prompt and continuation have {len(ids)} tokens, but the model reads at most {most}")
    if len(ids) < 2:
        raise DataError("one token alone looks only at itself; give a longer text")
    with torch.inference_mode(), recording(model) as record:
        probabilities = model.head(model.hidden(torch.tensor([ids[:-1]])))[0].float().softmax(-1)
    return Trace(
        model=_facts(loaded.folder, model),
        attention=blocks_of(record, {"stack.blocks.*.attention": "decoder"}),
        target=text,
        target_tokens=tokens,
        steps=steps_of(probabilities, ids[1:], tokenizer),
        target_given=continuation is not None,
        recorded=time.strftime("%Y-%m-%d"),
    )


def _facts(folder: Path, model: SingleStack) -> Model:
    """What is said about the model above the page."""
    stack = model.spec.stack
    name = folder.resolve().name
    return Model(name=name, family=model.spec.family, d_model=stack.d_model, vocab_size=stack.vocab_size)


def _fitting(one: Encoding, two: Encoding | None, tokenizer: Tokenizer, most: int | None) -> tuple[Encoding, int]:
    """The first text as far as the model can read it beside the second, and how long it was."""
    whole = len(one.ids)
    room = whole if most is None else most - tokenizer.wrapping_cost(two is not None) - len(two.ids if two else [])
    if room < 1:
        raise ConfigError(f"the second text has {len(two.ids) if two else 0} tokens; the model reads at most {most}")
    return Encoding(one.ids[:room], one.pieces[:room], one.offsets[:room]), whole


def _beside(prompt: str, ids: list[int], tokenizer: Tokenizer) -> tuple[str, list[Token]]:
    """A continuation decoded by itself, behind the prompt as it was typed."""
    spans = spans_by_decoding(ids, tokenizer.decode)
    pieces = [tokenizer.piece_of(i) for i in ids]
    return prompt + tokenizer.decode(ids), tokens_of(Encoding(ids, pieces, spans), tokenizer, shift=len(prompt))
