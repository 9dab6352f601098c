"""Traces made by rule, for the tests: real texts and offsets, weights drawn from a seed; they tell of no model."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from headway.explain.trace import Model, Offer, Step, Token, Trace

KOREAN = "나는 어제 은행에서 오랜 친구를 우연히 만났다."
ENGLISH = "I ran into an old friend at the bank yesterday."
_STORY = (
    "The river had two banks, and the old ferryman knew them both by heart. On the north bank stood the mill; on the "
    "south bank stood the bank itself, the only stone house in the town, where farmers kept their savings. "
)


def words(text: str, *, start: bool = False) -> list[Token]:
    """Tokens of a text: words cut after four letters, marks alone, with `</s>` after and `<s>` before where asked."""
    found = [
        Token(sum(map(ord, m[0])) * 7 % 31_000 + 4, m[0], *m.span()) for m in re.finditer(r"\w{1,4}|[^\w\s]", text)
    ]
    return [Token(2, "<s>", 0, 0, "special")] * start + found + [Token(3, "</s>", len(text), len(text), "special")]


def syllable_bytes(text: str) -> list[Token]:
    """Every byte of the text as a piece of its own, the way SentencePiece falls back, with the character's offsets."""
    return [
        Token(byte + 4, f"<0x{byte:02X}>", at, at + 1) for at, letter in enumerate(text) for byte in letter.encode()
    ]


def weights(rng: np.random.Generator, heads: int, rows: int, keys: int, *, causal: bool = False) -> NDArray[np.float32]:
    """Softmax of noise with a peak that every head puts elsewhere: `(heads, rows, keys)`, float32, rows add up to 1."""
    row, key = np.arange(rows)[:, None], np.arange(keys)[None, :]
    scores = rng.normal(size=(heads, rows, keys)) * 1.2
    for head in range(heads):
        target = [row * keys / rows, row - 1, row * 0, row + 1, (rows - row) * keys / rows, row][head % 6]
        scores[head] += (head % 5 + 1) * 1.6 * np.exp(-((key - np.floor(target)) ** 2) / (0.4 + head % 3))
    if causal:
        scores[:, key > row] = -np.inf
    exponents = np.exp(scores - scores.max(-1, keepdims=True))
    return (exponents / exponents.sum(-1, keepdims=True)).astype(np.float32)


def steps(rng: np.random.Generator, target: list[Token]) -> list[Step]:
    """One step a written token: eight pieces of the same text, the written one among the first two, or not listed."""
    made = []
    for row, token in enumerate(target[1:]):
        others = {each.id: each.piece for each in target if each.id != token.id}
        share = np.sort(rng.dirichlet(np.full(8, 0.4)))[::-1] * 0.97
        listed, place = row % 5 != 4, row % 2
        ids, pieces = list(others)[:8], list(others.values())[:8]
        if listed:
            ids, pieces = [*ids[:place], token.id, *ids[place:7]], [*pieces[:place], token.piece, *pieces[place:7]]
        chosen = float(share[place]) if listed else 0.004
        made.append(
            Step(
                row,
                tuple(ids),
                tuple(pieces),
                tuple(map(float, share[: len(ids)])),
                chosen,
                place + 1 if listed else 14,
                float(-(share * np.log(share + 1e-12)).sum()),
            )
        )
    return made


def translation(
    source: str = KOREAN,
    target: str = ENGLISH,
    *,
    layers: int = 6,
    heads: int = 8,
    source_tokens: list[Token] | None = None,
) -> Trace:
    """A trace of an encoder-decoder."""
    rng = np.random.default_rng(7)
    read, written = source_tokens or words(source), words(target, start=True)
    rows = len(written) - 1
    attention = {
        "encoder": [weights(rng, heads, len(read), len(read)) for _ in range(layers)],
        "decoder": [weights(rng, heads, rows, rows, causal=True) for _ in range(layers)],
        "cross": [weights(rng, heads, rows, len(read)) for _ in range(layers)],
    }
    model = Model("sample", "vaswani", 512, 8000)
    return Trace(model, attention, source, read, target, written, steps(rng, written), recorded="2026-11-21")


def long_text(tokens: int = 200, *, layers: int = 12, heads: int = 12) -> Trace:
    """A trace of a decoder alone over exactly `tokens` tokens."""
    rng = np.random.default_rng(11)
    text = _STORY * (tokens // 40 + 1)
    made = [Token(2, "<s>", 0, 0, "special"), *words(text)[: tokens - 1]]
    attention = {"decoder": [weights(rng, heads, tokens - 1, tokens - 1, causal=True) for _ in range(layers)]}
    return Trace(
        Model("sample"), attention, target=text[: made[-1].end], target_tokens=made, steps=steps(rng, made)[-20:]
    )


def read(text: str, kept: int, *, layers: int = 2, heads: int = 2) -> Trace:
    """A trace of an encoder alone, which read the first `kept` pieces of `[MASK]`, words and marks."""
    rng = np.random.default_rng(13)
    cut = [
        Token(9, m[0], *m.span(), "special" if m[0] == "[MASK]" else "") for m in re.finditer(r"\[MASK\]|\w+|\.", text)
    ]
    attention = {"encoder": [weights(rng, heads, kept, kept) for _ in range(layers)]}
    masks = [
        Offer(place, (place, 3), (f"word{place}", "가"), (0.5, 0.25))
        for place, token in enumerate(cut[:kept]) if token.kind
    ]  # fmt: skip
    return Trace(Model("sample"), attention, text, cut[:kept], masks=masks, truncated=(len(cut), kept))
