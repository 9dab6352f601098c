"""What one text did inside a model, as plain arrays and strings: the data contract of the attention page.

A trace knows no model and no tensor: whoever ran the model hands over tokens with their character offsets, one array
`(heads, queries, keys)` a layer for every attention block, and what the model offered at each writing step.

    encoder   source × source                         every source token looks at every source token
    decoder   target read × target read, causal       row i: the token read at i looks at tokens 0..i
    cross     target read × source                    row i: while the token i + 1 is written, into the source

Offsets are characters (code points) here and UTF-16 units in the JSON, which is what a browser counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from headway.errors import CheckpointError, ConfigError, nearest
from headway.explain import pieces
from headway.explain.blobs import Weights, pack, thumbnails, u8s

AXES = {"encoder": ("source", "source"), "decoder": ("target", "target"), "cross": ("target", "source")}
"""Block → the text of its rows (queries) and of its columns (keys)."""


@dataclass(frozen=True)
class Token:
    """One piece of a text: `text[start:end]`, in characters; start equals end where it covers none."""

    id: int
    piece: str
    start: int
    end: int
    kind: Literal["", "special", "unknown"] = ""


@dataclass(frozen=True)
class Step:
    """What the model offered for one written token.

    Attributes:
        row: the decoder row that wrote it, from 0; the token written is `target_tokens[row + 1]`.
        ids: the likeliest ids, best first.
        pieces: the same ids as the vocabulary spells them.
        probabilities: theirs, of the softmax over the whole vocabulary, as the model gave it.
        chosen_probability: of the token written.
        rank: of the token written, from 1.
        entropy: of the whole distribution, nats.
    """

    row: int
    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    probabilities: tuple[float, ...]
    chosen_probability: float
    rank: int
    entropy: float


@dataclass(frozen=True)
class Offer:
    """What the model would put in the place of a mask.

    Attributes:
        token: the mask, of `source_tokens`, from 0.
        ids: the likeliest words, best first; no special pieces.
        pieces: the same ids as the vocabulary spells them.
        probabilities: theirs, of the softmax over the whole vocabulary.
    """

    token: int
    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Model:
    """What is said about the model above the page; zero and empty are left out."""

    name: str
    family: str = ""
    d_model: int = 0
    vocab_size: int = 0


@dataclass(frozen=True)
class Trace:
    """One recorded run; see the module docstring for the blocks.

    Attributes:
        attention: block → one float32 array `(heads, queries, keys)` a layer; a model's own blocks only.
        source, target: the texts as they were typed or written.
        target_tokens: with steps, the last is only written, so they are one more than the rows of decoder and cross.
        masks: what the model offers for each mask of the source.
        target_given: the target was given and the model only read it (teacher forcing).
        prompt: how many target tokens were there before the model wrote on.
        spells_bytes: pieces spell bytes and not letters (`pieces.py`).
        truncated: (tokens of the whole text, tokens kept) where it was too long.
        recorded: the day, in words of the caller's choice.

    Raises:
        ConfigError: a block, shape or offset does not fit the tokens.
        CheckpointError: weights are not finite, or a row is not a distribution.
    """

    model: Model
    attention: Mapping[str, Sequence[Weights]]
    source: str = ""
    source_tokens: Sequence[Token] = ()
    target: str = ""
    target_tokens: Sequence[Token] = ()
    steps: Sequence[Step] = ()
    masks: Sequence[Offer] = ()
    target_given: bool = False
    prompt: int = 0
    spells_bytes: bool = False
    truncated: tuple[int, int] | None = None
    recorded: str = ""

    def __post_init__(self) -> None:
        if not any(self.attention.values()):
            raise ConfigError("a trace without attention was given, expected at least one block with one layer")
        for block, layers in self.attention.items():
            if block not in AXES:
                raise ConfigError(f"attention block {block!r} was given: {nearest(block, AXES)}")
            for number, weights in enumerate(layers, start=1):
                _check(weights, (len(layers[0]), *self.shape(block)), block, number)
        for side in ("source", "target"):
            text, tokens = self.side(side)
            for token in tokens:
                if not 0 <= token.start <= token.end <= len(text):
                    raise ConfigError(
                        f"{side} token {token.piece!r} has the offsets {token.start}..{token.end}, expected characters "
                        f"of a text of {len(text)}: give offsets into the text as it was typed"
                    )
        for step in self.steps:
            if not 0 <= step.row < len(self.target_tokens) - 1:
                raise ConfigError(f"a step of row {step.row} was given, expected 0 to {len(self.target_tokens) - 2}")
            if not all(map(math.isfinite, (*step.probabilities, step.chosen_probability, step.entropy))):
                raise CheckpointError(f"probabilities of row {step.row} are not finite: take an earlier checkpoint")
        for mask in self.masks:
            if not 0 <= mask.token < len(self.source_tokens) or not all(map(math.isfinite, mask.probabilities)):
                raise ConfigError(f"an offer for token {mask.token} was given, expected numbers for one of the source")

    def side(self, name: str) -> tuple[str, Sequence[Token]]:
        """The text and the tokens of one side, `source` or `target`."""
        return (self.source, self.source_tokens) if name == "source" else (self.target, self.target_tokens)

    def shape(self, block: str) -> tuple[int, int]:
        """How many rows (queries) and columns (keys) the matrices of `block` have."""
        read = len(self.target_tokens) - bool(self.steps)  # what is written last is never read
        rows, keys = (read if side == "target" else len(self.source_tokens) for side in AXES[block])
        return rows, keys

    def names(self, side: str) -> list[str]:
        """A short name for every token of a side; pieces that share a character are numbered: `은 1/3`."""
        text, tokens = self.side(side)
        found = []
        groups = pieces.shared([(token.start, token.end) for token in tokens])
        for token, (number, count, start, end) in zip(tokens, groups, strict=True):
            if token.kind == "special" or start == end:
                found.append(pieces.name(pieces.spell(token.piece, of_bytes=self.spells_bytes)[0]))
            else:
                found.append(pieces.name(text[start:end]) + (f" {number}/{count}" if count > 1 else ""))
        return found

    def rows(self, block: str) -> list[str]:
        """Names of the rows: the token that looks, or for cross-attention the token being written."""
        first = 1 if block == "cross" else 0
        return self.names(AXES[block][0])[first : first + self.shape(block)[0]]

    def keys(self, block: str) -> list[str]:
        """Names of the columns: the tokens looked at."""
        return self.names(AXES[block][1])[: self.shape(block)[1]]

    def to_json(self) -> dict[str, Any]:
        """The trace as the page reads it: plain numbers, strings and packed bytes, every layer."""
        codes = {
            block: np.stack([u8s(layer) for layer in layers]) for block, layers in self.attention.items() if layers
        }
        return {
            "v": 1,
            "model": {key: value for key, value in vars(self.model).items() if value},
            "recorded": self.recorded,
            "given": self.target_given,
            "prompt": self.prompt,
            "truncated": self.truncated,
            "texts": {"source": self.source, "target": self.target},
            "tokens": {side: self._tokens(side) for side in ("source", "target")},
            "blocks": {block: self._axes(block) for block in codes},
            "thumbs": {block: pack(thumbnails(stack)) for block, stack in codes.items()},
            "attn": {
                block: [pack(layer, causal=block == "decoder") for layer in stack] for block, stack in codes.items()
            },
            "out": [self._step(step) for step in self.steps],
            "masks": [{"at": mask.token, **self._offered(mask)} for mask in self.masks],
        }

    def _axes(self, block: str) -> dict[str, Any]:
        rows, keys = AXES[block]
        return {"q": rows, "k": keys, "causal": block == "decoder", "writes": int(block == "cross")}

    def _tokens(self, side: str) -> list[dict[str, Any]]:
        text, tokens = self.side(side)
        offsets = pieces.utf16(text)
        rows = []
        for token, name in zip(tokens, self.names(side), strict=True):
            spelled, hexadecimal = pieces.spell(token.piece, of_bytes=self.spells_bytes)
            row: dict[str, Any] = {"id": token.id, "t": spelled, "n": name}
            row |= {"s": offsets[token.start], "e": offsets[token.end]}
            row |= {token.kind: True} if token.kind else {}
            rows.append(row | ({"byte": hexadecimal} if hexadecimal else {}))
        return rows

    def _step(self, step: Step) -> dict[str, Any]:
        return {
            "at": step.row,
            **self._offered(step),
            "chosen": self.target_tokens[step.row + 1].id,
            "rank": step.rank,
            "loss": round(-math.log(max(step.chosen_probability, 1e-45)), 4),
            "entropy": round(step.entropy, 4),
        }

    def _offered(self, offer: Step | Offer) -> dict[str, Any]:
        return {
            "ids": list(offer.ids),
            "t": [pieces.name(pieces.spell(piece, of_bytes=self.spells_bytes)[0]) for piece in offer.pieces],
            "p": [float(f"{p:.4g}") for p in offer.probabilities],
            "rest": float(f"{max(0.0, 1.0 - sum(offer.probabilities)):.4g}"),
        }


def _check(weights: Weights, shape: tuple[int, int, int], block: str, layer: int) -> None:
    where = f"{block} attention, layer {layer}"
    if weights.shape != shape or min(shape) < 1:
        raise ConfigError(
            f"{where} has the shape {weights.shape}, expected (heads, rows, keys) = {shape} for its tokens"
        )
    if not np.isfinite(weights).all():
        raise CheckpointError(f"{where} holds NaN or infinity: the model has diverged; take an earlier checkpoint")
    if weights.min() < 0 or not np.allclose(weights.sum(-1), 1.0, atol=0.02):
        raise CheckpointError(f"{where} has a row that is no distribution: give the weights after the softmax")
    if block == "decoder" and np.triu(weights, 1).any():
        raise CheckpointError(f"{where} looks ahead, expected zero above the diagonal: give the masked weights")
