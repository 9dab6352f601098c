"""Label-preserving variants of texts: words hidden and refilled by a masked model, or ends written by a causal one.

Wu et al. 2019, "Conditional BERT Contextual Augmentation": words give way to what a masked model draws in their place.
Kumar et al. 2020, "Data Augmentation using Pre-trained Transformer Models": the same, beside a causal model that goes
on from a text's first words; the label may stand before the text, so that what is drawn agrees with it.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from headway.decoding.generate import Decoding
from headway.decoding.sampling import Sampling
from headway.errors import ConfigError
from headway.models.awd_lstm import AwdLstm
from headway.models.build import Model
from headway.models.single import SingleStack
from headway.nn.masks import Layout
from headway.spec import source_reach
from headway.tasks.fill import no_words
from headway.tasks.generate import GREEDY, Generated, generate, greedy
from headway.tasks.rows import CHUNK, TOKENS, Batch, Row, in_order, unfit, visible
from headway.text.tokenizer import Tokenizer, TokenizerPair
from headway.text.words import word_starts

LABEL = "{label}"  # in a prompt
_HIDDEN, _ANEW = 0.15, 0.5  # shares of the words: hidden, as BERT learned it; written anew
_TURNS = 4  # draws for a variant that is none: an equal text, or half a character
_SLACK = 8  # tokens that an end may be longer than the one it stands for
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff"  # each is a word: nothing parts them
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W{_IDEOGRAPHS}]+")
_RUN = re.compile(r"\S+")
Labelled: TypeAlias = str | tuple[str, str]  # a text, or a text and its label
EMPTY, TOO_LONG, ONE_WORD, NO_OTHER = "empty", "longer than the model reads", "no second word", "nothing else drawn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refilling:
    """How much of a text is written anew, and how it is drawn."""

    num: int = 1  # variants of a text, at most
    share: float | None = None  # of the words; None: 0.15 anywhere by a masked model, the last 0.5 by a causal one
    top_k: int = 10  # each piece is one of the k most probable
    temperature: float = 1.0
    prompt: str = ""  # read before each text, and no part of a variant; `{label}` in it is the text's label
    seed: int = 1

    def __post_init__(self) -> None:
        for name, value in (("num", self.num), ("top_k", self.top_k)):
            if value < 1:
                raise ConfigError(f"{name} is {value}; it must be at least 1")
        if self.share is not None and not 0 < self.share < 1:
            raise ConfigError(f"share is {self.share}; it must be above 0 and below 1: never all words are another's")
        Sampling(temperature=self.temperature, seed=self.seed)


@dataclass(frozen=True, slots=True)
class Variants:
    """What became of one text."""

    texts: tuple[str, ...]  # none equal to the original or to another
    note: str = ""  # why there are fewer than were asked for


def augment(
    model: Model,
    tokenizer: Tokenizer,
    texts: Iterable[Labelled],
    options: Refilling = Refilling(),
    *,
    made: Decoding = GREEDY,
    batch_tokens: int = TOKENS,
    chunk: int = CHUNK,
) -> Iterator[Variants]:
    """Variants of each text that keep its label; the same for the same seed.

    A masked model hides whole words, never all of them, and draws others piece by piece, the first of each word being
    another than it was; blanks and marks stay. A causal model keeps the first words and goes on from them to about the
    same length, or to where it ends the text. An empty text, one that is too long and one of a single word have none.

    Args:
        model: one with a language head, of a single stack or an LSTM.
        tokenizer: its own.
        texts: or pairs of a text and its label, which `options.prompt` can name.
        options: how much is written anew.
        made: how a causal model was made to be asked: where its texts end.
        batch_tokens: tokens of a batch, padding and variants counted.
        chunk: texts read ahead.

    Raises:
        ConfigError: the model neither fills masks nor continues texts; the prompt names a label and a text has none.
    """
    writer = _writer(model, tokenizer, options, made)
    notes: dict[int, str] = {}

    def read(part: list[Labelled], number: int) -> list[_Text | None]:
        rows: list[_Text | None] = []
        for i, given in enumerate(part, number):
            row = writer.read(*_prompted(given, options.prompt, i), i)
            if isinstance(row, str):
                notes[i] = row
            rows.append(None if isinstance(row, str) else row)
        return rows

    def compute(batch: Batch[_Text]) -> list[tuple[str, ...]]:
        found: list[dict[str, str]] = [{} for _ in batch.rows]
        for turn in range(_TURNS):
            copies = [i for i, have in enumerate(found) for _ in range(options.num - len(have))]
            if not copies:
                break
            places = [(options.seed, batch.rows[i].number, turn, copies[:at].count(i)) for at, i in enumerate(copies)]
            draws = [np.random.default_rng(place) for place in places]
            for i, text in zip(copies, writer.write(batch, copies, draws), strict=True):
                if _is_other(text, batch.rows[i].text):
                    found[i].setdefault(_same(text), text)
        return [tuple(have.values()) for have in found]

    none: tuple[str, ...] = ()
    budget = max(1, batch_tokens // options.num) if batch_tokens > 0 else batch_tokens
    results = in_order(model, texts, read, compute, none, batch_tokens=budget, chunk=chunk)
    return (
        Variants(found, "" if len(found) == options.num else notes.pop(number, NO_OTHER))
        for number, found in enumerate(results, 1)
    )


def _writer(model: Model, tokenizer: Tokenizer, options: Refilling, made: Decoding) -> _Masked | _Causal:
    if isinstance(model, AwdLstm):
        return _Causal(model, tokenizer, options, made)
    if not isinstance(model, SingleStack) or model.spec.language_head is None:
        raise unfit(model.spec, "write variants of texts")
    return _Causal(model, tokenizer, options, made) if model.spec.stack.causal else _Masked(model, tokenizer, options)


def _prompted(given: Labelled, prompt: str, number: int) -> tuple[str, str]:
    """A text, and what is read before it."""
    text, label = (given, None) if isinstance(given, str) else given
    if LABEL in prompt and label is None:
        raise ConfigError(f"the prompt {prompt!r} names {LABEL}, but text {number} has none; give (text, label)")
    return text, prompt.replace(LABEL, label or "")


def _same(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _is_other(text: str, original: str) -> bool:
    """A text of whole characters that is not the original, however that is typed."""
    return text.count("\ufffd") <= original.count("\ufffd") and _same(text) != _same(original)


@dataclass(frozen=True, slots=True)
class _Word:
    start: int  # characters of what is read
    end: int
    columns: list[int]  # of its pieces


@dataclass(frozen=True, slots=True)
class _Text(Row):
    number: int  # which of the texts it is
    text: str
    before: str  # what is read before it
    words: list[_Word]  # that may be hidden; of a causal model the ends of all
    count: int  # of a masked model the words that are hidden, of a causal one those that are kept
    pieces: int = 0  # tokens after the words that are kept


class _Masked:
    """Hides words and draws others in their place, all first pieces at once, then all second ones, and so on."""

    def __init__(self, model: SingleStack, tokenizer: Tokenizer, options: Refilling) -> None:
        self.model, self.tokenizer, self.options = model, tokenizer, options
        self.mask, self.share = tokenizer.mask_id, options.share or _HIDDEN
        self.most = source_reach(model.spec)
        size, device = model.spec.stack.vocab_size, model.stack.tokens.weight.device
        is_word = ~no_words(tokenizer, size) & _words_only(tokenizer, size)
        self.starts = _of_each(word_starts(tokenizer).tolist(), size).to(device)
        if int(is_word.sum()) < 2:
            raise ConfigError("the tokenizer has no two pieces of letters; there is nothing to draw")
        kinds = [is_word & (self.starts.cpu() == starts) for starts in (False, True)]
        self.kinds = torch.stack([kind if int(kind.sum()) > 1 else is_word for kind in kinds]).to(device)

    def read(self, text: str, before: str, number: int) -> _Text | str:
        """What the model reads, or why it cannot."""
        if not text.strip():
            return EMPTY
        whole = before + text
        encoding = self.tokenizer.encode(whole)
        wrapped = self.tokenizer.wrap(encoding.ids)
        if self.most is not None and len(wrapped.ids) > self.most:
            return TOO_LONG
        spans, words = visible(whole, encoding.offsets), []
        ranges = [found.span() for found in _WORD.finditer(whole, len(before))]
        for start, end in ranges:
            places = [i for i, (first, last) in enumerate(spans) if first < end and last > start]
            if places and start <= spans[places[0]][0] and spans[places[-1]][1] <= end:  # its pieces are its own
                words.append(_Word(start, end, [wrapped.first_start + i for i in places]))
        if not words or len(ranges) < 2:
            return ONE_WORD
        count = min(len(words), max(1, round(self.share * len(ranges))), len(ranges) - 1)
        return _Text(wrapped, 0, number, text, before, words, count)

    def write(self, batch: Batch[_Text], copies: list[int], draws: list[np.random.Generator]) -> list[str]:
        """A text for each of `copies`, which are places of rows."""
        rows = [batch.rows[i] for i in copies]
        ids, types = batch.ids[copies], None if batch.types is None else batch.types[copies]
        lengths = torch.tensor([len(row.read.ids) for row in rows])
        keep = torch.arange(ids.shape[1]) < lengths[:, None]
        layout = Layout.padded(ids, keep.to(ids.device))
        hidden = [_chosen(row, draw) for row, draw in zip(rows, draws, strict=True)]
        originals = ids.clone()
        for i, words in enumerate(hidden):
            ids[i, [column for word in words for column in word.columns]] = self.mask
        for depth in range(max(len(word.columns) for words in hidden for word in words)):
            at = [(i, w.columns[depth]) for i, words in enumerate(hidden) for w in words if depth < len(w.columns)]
            places = [i for i, _ in at], [column for _, column in at]
            logits = self.model.head(self.model.hidden(ids, layout, types=types)[places]).float()
            points = torch.tensor([draws[i].random() for i in places[0]], device=ids.device)
            ids[places] = self._drawn(logits, originals[places], points, is_first=depth == 0)
        return [self._spliced(*parts) for parts in zip(rows, hidden, ids.tolist(), strict=True)]

    def _drawn(self, logits: Tensor, originals: Tensor, points: Tensor, *, is_first: bool) -> Tensor:
        """Of each row of `logits` one of the most probable pieces of the original's kind, at a point of 0..1."""
        logits = logits.masked_fill(~self.kinds[self.starts[originals].long()], -torch.inf)
        if is_first:
            logits.scatter_(1, originals[:, None], -torch.inf)
        best = (logits / self.options.temperature).topk(min(self.options.top_k, logits.shape[1]))
        sums = best.values.softmax(-1).cumsum(-1)  # (places, k)
        chosen = (sums <= points[:, None] * sums[:, -1:]).sum(-1, keepdim=True).clamp(max=sums.shape[1] - 1)
        return best.indices.gather(1, chosen)[:, 0]

    def _spliced(self, row: _Text, words: list[_Word], ids: list[int]) -> str:
        whole, done, text = row.before + row.text, len(row.before), ""
        spoken = self.tokenizer.decode_batch([[ids[column] for column in word.columns] for word in words])
        for word, said in zip(words, spoken, strict=True):
            text, done = text + whole[done : word.start] + said.strip().removeprefix("##"), word.end
        return text + whole[done:]


def _chosen(row: _Text, draw: np.random.Generator) -> list[_Word]:
    return [row.words[i] for i in sorted(draw.choice(len(row.words), row.count, replace=False).tolist())]


def _words_only(tokenizer: Tokenizer, size: int) -> Tensor:
    """Which ids are letters or digits, and whole ones: no mark, no blank, no part of a character `(size,)`."""
    spoken = tokenizer.decode_batch([[index] for index in range(tokenizer.vocab_size)])
    return _of_each([bool(re.fullmatch(r"\w+", text.strip().removeprefix("##"))) for text in spoken], size)


def _of_each(found: list[bool], size: int) -> Tensor:
    """What is so of each piece, for the `size` ids that a model has: of those without a piece it is not."""
    return torch.tensor(found[:size] + [False] * (size - len(found)))


class _Causal:
    """Keeps the first words of a text and goes on from them."""

    def __init__(self, model: SingleStack | AwdLstm, tokenizer: Tokenizer, options: Refilling, made: Decoding) -> None:
        self.model, self.tokenizer, self.options, self.made = model, tokenizer, options, greedy(made)
        self.most, self.share = source_reach(model.spec), options.share or _ANEW

    def read(self, text: str, before: str, number: int) -> _Text | str:
        """What the model reads, or why it cannot."""
        words = [_Word(*found.span(), []) for found in _RUN.finditer(text)]
        if not words:
            return EMPTY
        if len(words) < 2:
            return ONE_WORD
        encoding = self.tokenizer.encode(before + text)
        if self.most is not None and len(encoding.ids) + self.tokenizer.wrapping_cost(False) > self.most:
            return TOO_LONG
        kept = min(len(words) - 1, max(1, round((1 - self.share) * len(words))))
        place = len(before) + words[kept - 1].end
        pieces = sum(end > place for _, end in encoding.offsets)
        return _Text(self.tokenizer.wrap(encoding.ids), 0, number, text, before, words, kept, pieces)

    def write(self, batch: Batch[_Text], copies: list[int], draws: list[np.random.Generator]) -> list[str]:
        """A text for each of `copies`; the first draw stands for all."""
        rows = [batch.rows[i] for i in copies]
        sampling = Sampling(
            temperature=self.options.temperature, top_k=self.options.top_k, seed=int(draws[0].integers(2**31))
        )
        asked = dataclasses.replace(self.made, sampling=sampling, max_length=max(row.pieces for row in rows) + _SLACK)
        prompts = [row.before + row.text[: row.words[row.count - 1].end] for row in rows]
        both = TokenizerPair(self.tokenizer, self.tokenizer)
        found = generate(self.model, both, prompts, asked, batch_tokens=batch.ids.numel() * 4)
        return [_continued(row, best) for row, (best, *_) in zip(rows, found, strict=True)]


def _continued(row: _Text, written: Generated) -> str:
    """The kept words and what was written after them: as many words as there were, and whole ones."""
    most, (line, is_over, _) = len(row.words) - row.count, written.text.partition("\n")
    ends = [found.end() for found in _RUN.finditer(line)]
    if written.finished == "limit" and not is_over and len(ends) <= most:
        ends = ends[:-1]  # perhaps half a word
    if not ends:
        return row.text
    end = line[: ends[:most][-1]]
    return row.text[: row.words[row.count - 1].end] + re.sub(r"\s", " ", end)
