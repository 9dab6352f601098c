"""The texts of a trace, cut into pieces: one that is read, one that is written, or given and read on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal, NamedTuple

from headway.decoding.generate import complete, decode
from headway.errors import ConfigError, DataError
from headway.explain.pieces import spans_by_decoding
from headway.explain.trace import Token
from headway.models.single import SingleStack
from headway.spec import source_positions, source_reach, target_positions
from headway.tasks.fill import MARK
from headway.tasks.generate import greedy
from headway.tasks.loaded import Loaded
from headway.tasks.rows import fit
from headway.text.tokenizer import Encoding, Tokenizer

LONGEST = 512  # tokens that are looked at: every head has their square
NEW_TOKENS = 40  # that a decoder writes to be looked at
_GAP = " "  # between the two texts of a pair, which are shown as one


class Side(NamedTuple):
    """A text and the tokens that a model reads of it, special ones included."""

    text: str = ""
    tokens: Sequence[Token] = ()
    types: Sequence[int] = ()  # the segment of each token, where there are two
    truncated: tuple[int, int] | None = None  # tokens of the whole text, and tokens kept

    @property
    def ids(self) -> list[int]:
        """What the model is given."""
        return [token.id for token in self.tokens]


def of_encoder(loaded: Loaded, model: SingleStack, text: str, second: str | None) -> Side:
    """A text, or a pair of texts shown as one, as a model that only reads is given it.

    Raises:
        DataError: there is nothing to read.
    """
    tokenizer, mask = loaded.tokenizers.source, None
    if "mask" in tokenizer.has_roles:
        mask = tokenizer.piece_of(tokenizer.mask_id)
    texts = [text if mask is None else text.replace(MARK, mask) for text in (text, second) if text is not None]
    encodings = [tokenizer.encode(text, special=mask is not None and mask in text) for text in texts]
    return _wrapped(tokenizer, texts, encodings, _most(source_reach(model.spec)))


def of_source(loaded: Loaded, text: str) -> Side:
    """A text as an encoder-decoder is given it to translate: what its tokenizer puts around it, and an end.

    Raises:
        DataError: there is nothing to read.
    """
    tokenizer, end_id = loaded.tokenizers.source, loaded.spec.tokens.end_id
    most = _most(source_positions(loaded.translator.spec))
    wraps = tokenizer.wrapping_cost(pair=False) > 0
    side = _wrapped(tokenizer, [text], [tokenizer.encode(text)], most if wraps else most - 1)
    if side.tokens[-1].id == end_id:
        return side
    return side._replace(tokens=[*side.tokens, special_token(end_id, tokenizer, side.tokens[-1].end)])


def of_target(loaded: Loaded, source: Side, given: str | None) -> Side:
    """The translation that is given, or the best that the model writes, behind the start token.

    Raises:
        ConfigError: what is given is longer than the model can read.
    """
    model, tokenizer, special = loaded.translator, loaded.tokenizers.target, loaded.spec.tokens
    if given is None:
        ids = decode(model, [source.ids], dataclasses.replace(loaded.decoding, n_best=1, sampling=None))[0][0].ids
        text, tokens = _written("", [], ids, tokenizer)
    else:
        text, tokens = given, tokens_of(tokenizer.encode(given), tokenizer)
        if len(tokens) >= (most := _most(target_positions(model.spec))):
            raise ConfigError(f"the target has {len(tokens)} tokens; the model reads at most {most - 1}")
        tokens.append(special_token(special.end_id, tokenizer, len(text)))
    return Side(text, [special_token(special.start_id, tokenizer, 0), *tokens])


def of_decoder(loaded: Loaded, model: SingleStack, prompt: str, continuation: str | None) -> tuple[Side, int]:
    """A prompt and what follows it, given or written, and how many of the tokens were given.

    Raises:
        DataError: there is nothing to read, or one token without another.
    """
    tokenizer, text = loaded.tokenizers.source, prompt + (continuation or "")
    most = _most(source_reach(model.spec))
    read = _wrapped(tokenizer, [text], [tokenizer.encode(text)], most, goes_on=True)
    tokens = list(read.tokens)
    if continuation is None:
        text = text if read.truncated is None else text[: tokens[-1].end]
        new = complete(model, [read.ids], dataclasses.replace(greedy(loaded.decoding), max_length=NEW_TOKENS))[0][0].ids
        text, after = _written(text, read.ids, new, tokenizer)
        tokens += after
    if len(tokens) < 2:
        raise DataError("one token alone looks only at itself; give a longer text")
    return Side(text, tokens, truncated=read.truncated), len(read.tokens)


def tokens_of(encoding: Encoding, tokenizer: Tokenizer, *, shift: int = 0) -> list[Token]:
    """The pieces of a text that begins `shift` characters into the one that is shown."""
    return [
        Token(index, piece, start + shift, end + shift, _kind(index, start < end, tokenizer))
        for index, piece, (start, end) in zip(*encoding, strict=True)
    ]


def _kind(index: int, covers: bool, tokenizer: Tokenizer) -> Literal["", "special", "unknown"]:
    """GPT-2's unknown piece is its end too, and then covers no text."""
    if covers and "unk" in tokenizer.has_roles and index == tokenizer.unk_id:
        return "unknown"
    return "special" if index in tokenizer.special_ids else ""


def special_token(index: int, tokenizer: Tokenizer, place: int) -> Token:
    """A piece that covers no character, at a place of the text."""
    return Token(index, piece_of(index, tokenizer), place, place, "special")


def piece_of(index: int, tokenizer: Tokenizer) -> str:
    """The piece of an id; embeddings often have some rows more than the tokenizer has pieces."""
    try:
        return tokenizer.piece_of(index)
    except ConfigError:
        return f"<{index}>"


def _wrapped(
    tokenizer: Tokenizer, texts: Sequence[str], encodings: Sequence[Encoding], most: int, *, goes_on: bool = False
) -> Side:
    """One text or two with what the model wants around them, their ends cut where they are more than `most` tokens.

    Where a text `goes_on`, what would end it is left out.
    """
    tokens: list[Token] = []
    places: list[list[int]] = []  # of each text's tokens, below zero: what is not is special
    for number, encoding in enumerate(encodings):
        places.append([~(len(tokens) + n) for n in range(len(encoding.ids))])
        tokens += tokens_of(encoding, tokenizer, shift=sum(len(text + _GAP) for text in texts[:number]))
    if not tokens:
        raise DataError("the text is empty; give at least one word to look at")
    row = fit(tokenizer, most, *places, name="the text")
    last = max(place for place, index in enumerate(row.read.ids) if index < 0)
    found: list[Token] = []
    for index in row.read.ids[: last + 1] if goes_on else row.read.ids:
        end = found[-1].end if found else 0
        found.append(tokens[~index] if index < 0 else special_token(index, tokenizer, end))
    truncated = (len(tokens), len(tokens) - row.cut) if row.cut else None
    return Side(_GAP.join(texts), found, row.read.token_types, truncated)


def _written(before: str, read: list[int], ids: list[int], tokenizer: Tokenizer) -> tuple[str, list[Token]]:
    """The whole text and the new tokens, where a model read the ids of `before` and wrote `ids`."""
    known, whole = tokenizer.decode(read), tokenizer.decode([*read, *ids])
    text, shift = before + whole[len(known) :], len(before) - len(known)  # not every blank finds its way back
    spans = spans_by_decoding([*read, *ids], tokenizer.decode)[len(read) :]
    offsets = [(_within(start + shift, before, text), _within(end + shift, before, text)) for start, end in spans]
    return text, tokens_of(Encoding(ids, [piece_of(i, tokenizer) for i in ids], offsets), tokenizer)


def _within(place: int, before: str, text: str) -> int:
    return min(max(place, len(before)), len(text))


def _most(reach: int | None) -> int:
    return LONGEST if reach is None else min(reach, LONGEST)
