"""Prompts in, what a model writes after them out: continued by a decoder, answered by an encoder-decoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeAlias

from headway.decoding.generate import BATCH_TOKENS, Decoding, check_ids, complete, decode, write
from headway.decoding.hypotheses import Hypothesis
from headway.decoding.stopping import StopStrings
from headway.decoding.streaming import TextStream, continuations
from headway.errors import ConfigError
from headway.models.awd_lstm import AwdLstm
from headway.models.build import Model, TranslationModel
from headway.models.elmo import Elmo
from headway.models.recurrent_classifier import RecurrentClassifier
from headway.models.single import SingleStack
from headway.models.text_cnn import TextCnn
from headway.spec import source_reach
from headway.tasks.rows import CHUNK
from headway.text.tokenizer import TokenizerPair

GREEDY = Decoding(beam=1)
Writer: TypeAlias = "SingleStack | AwdLstm | TranslationModel"


def greedy(made: Decoding) -> Decoding:
    """Greedy for a model that was made to be asked as `made`: of that only where outputs end and what none may hold.

    How a folder would search or draw (`temperature`, `num_beams`, …) is left out: who says nothing gets the most
    probable tokens.
    """
    return dataclasses.replace(GREEDY, ends=made.ends, suppress=made.suppress)


@dataclass(frozen=True, slots=True)
class Generated:
    """One output for a prompt; an encoder-decoder reads the prompt as its source."""

    text: str  # what follows the prompt, up to a stop string
    ids: list[int]  # all that were chosen, an end token and a stop string included
    log_probability: float  # nats, of all ids
    score: float  # by which the outputs of a prompt are ranked
    finished: Literal["end", "stop", "limit"]  # by the end token, a stop string, or the limit of tokens


def generate(
    model: Model,
    tokenizers: TokenizerPair,
    prompts: Iterable[str],
    options: Decoding = GREEDY,
    *,
    stop_strings: Sequence[str] = (),
    special: bool = False,
    batch_tokens: int = BATCH_TOKENS,
    chunk: int = CHUNK,
) -> Iterator[list[Generated]]:
    """The `n_best` outputs for each prompt, best first, or as they were drawn.

    `chunk` prompts are read ahead, so that prompts of like length share a batch. An empty prompt stands for the start
    of a text. A special piece in a prompt (`<extra_id_0>`) is read as such with `special`, and else as characters.

    Raises:
        ConfigError: the model does not write, or a prompt is empty and the model has no start token.
        DataError: a prompt is longer than the model can read; the tokenizer is that of another model.
    """
    model = _writer(model)
    stops = StopStrings(tokenizers.target, stop_strings) if stop_strings else None
    source, first = iter(prompts), 1
    while part := list(islice(source, chunk)):
        rows = _encode(model, tokenizers, part, first, special)
        if isinstance(model, SingleStack | AwdLstm):
            found = complete(model, rows, options, until=stops, batch_tokens=batch_tokens)
        else:
            found = decode(model, rows, options, until=stops, batch_tokens=batch_tokens)
        befores = [before for before, best in zip(_before(model, rows), found, strict=True) for _ in best]
        texts = iter(continuations(tokenizers.target, befores, [h.ids for best in found for h in best]))
        for best in found:
            yield [_cut(hypothesis, next(texts), stops, options.end_ids(model.spec)) for hypothesis in best]
        first += len(part)


class Stream:
    """Pieces of one output's text, each as soon as it is sure; `result` is the whole, once they have all come."""

    def __init__(
        self,
        model: Model,
        tokenizers: TokenizerPair,
        prompt: str,
        options: Decoding = GREEDY,
        *,
        stop_strings: Sequence[str] = (),
        special: bool = False,
    ) -> None:
        """As `generate`, for one prompt and one output.

        Raises:
            ConfigError: as `generate`; also for a beam search or several outputs, whose text is only known in the end.
            DataError: as `generate`.
        """
        model = _writer(model)
        stops = StopStrings(tokenizers.target, stop_strings) if stop_strings else None
        (ids,) = _encode(model, tokenizers, [prompt], 1, special)
        self.result: Generated | None = None
        self._steps = write(model, ids, options, until=stops)
        self._text = TextStream(tokenizers.target, stops, _before(model, [ids])[0])
        self._ends = options.end_ids(model.spec)

    def __iter__(self) -> Iterator[str]:
        """The pieces; none is empty, and joined they are the text of the result."""
        pieces: list[str] = []
        while self.result is None:
            try:
                piece = self._text.push(int(next(self._steps)))
            except StopIteration as end:
                ((hypothesis,),) = end.value
                piece = self._text.finish()
                self.result = _generated(hypothesis, "".join([*pieces, piece]), self._text.is_stopped, self._ends)
            if piece:
                pieces.append(piece)
                yield piece


def _writer(model: Model) -> Writer:
    """The model as one that writes."""
    is_read = isinstance(model, SingleStack) and (model.spec.language_head is None or not model.spec.stack.causal)
    is_read |= isinstance(model, AwdLstm) and model.spec.head is None
    if is_read or isinstance(model, Elmo | TextCnn | RecurrentClassifier):
        raise ConfigError(
            f"this {model.spec.family} model does not write text: it reads in both directions or has no language head; "
            "name a decoder such as GPT-2, or an encoder-decoder such as T5"
        )
    return model


def _encode(
    model: Writer, tokenizers: TokenizerPair, prompts: Sequence[str], first: int, special: bool
) -> list[list[int]]:
    """What the model reads of each prompt; the first of them is called prompt `first` in errors."""
    tokens, rows = model.spec.tokens, []
    if special:
        read = [tokenizers.source.encode(prompt, special=True).ids for prompt in prompts]
    else:
        read = tokenizers.source.encode_batch(prompts)
    for number, ids in enumerate(read, first):
        if isinstance(model, SingleStack | AwdLstm):
            wrapped = tokenizers.source.wrap(ids)
            row = wrapped.ids[: wrapped.first_start + len(ids)]  # what ends a text comes later
            if not row and tokens.start_id < 0:
                raise ConfigError(
                    f"prompt {number} is empty, and the model has no start token; give it a word to go on"
                )
            rows.append(row or [tokens.start_id])
        else:
            rows.append([*ids, tokens.end_id])
    check_ids(rows, model.spec, "prompt", first, most=source_reach(model.spec))
    return rows


def _before(model: Writer, rows: list[list[int]]) -> list[list[int]]:
    """What the output continues: the prompt itself, or nothing where it was a source."""
    return rows if isinstance(model, SingleStack | AwdLstm) else [[] for _ in rows]


def _cut(hypothesis: Hypothesis, text: str, stops: StopStrings | None, ends: Sequence[int]) -> Generated:
    place = None if stops is None else stops.find(text)
    return _generated(hypothesis, text[:place], place is not None, ends)


def _generated(hypothesis: Hypothesis, text: str, is_stopped: bool, ends: Sequence[int]) -> Generated:
    finished: Literal["end", "stop", "limit"] = "stop" if is_stopped else "limit"
    if not is_stopped and hypothesis.ids[-1] in ends:
        finished = "end"
    return Generated(text, hypothesis.ids, hypothesis.log_probability, hypothesis.score, finished)
