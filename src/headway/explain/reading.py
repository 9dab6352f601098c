"""From what a model gave to the parts of a trace: tokens, blocks of attention, what was offered at each step."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from headway.explain.blobs import Weights
from headway.explain.trace import Step, Token
from headway.text.tokenizer import Encoding, Tokenizer

_OFFERED = 8  # likeliest next tokens that are kept a step


def blocks_of(record: dict[str, list[Tensor]], block_of: dict[str, str]) -> dict[str, list[Weights]]:
    """Block → one array `(heads, queries, keys)` a layer, in the order of the layers.

    Args:
        record: module name → what it recorded, of one row.
        block_of: the beginning and end of a module name, parted by `*` → its block; the first that fits counts.
    """
    blocks: dict[str, list[Weights]] = {}
    for name, calls in record.items():
        block = next(
            block
            for pattern, block in block_of.items()
            if name.startswith(pattern.split("*")[0]) and name.endswith(pattern.split("*")[1])
        )
        blocks.setdefault(block, []).extend(weights[0].float().numpy() for weights in calls)
    return {block: layers for block, layers in blocks.items() if layers}


def tokens_of(encoding: Encoding, tokenizer: Tokenizer, *, shift: int = 0) -> list[Token]:
    """The pieces of a text that begins `shift` characters into the one that is shown."""
    special, unknown = tokenizer.special_ids, tokenizer.unk_id if "unk" in tokenizer.has_roles else None
    return [
        Token(i, piece, start + shift, end + shift, "unknown" if i == unknown else "special" if i in special else "")
        for i, piece, (start, end) in zip(encoding.ids, encoding.pieces, encoding.offsets, strict=True)
    ]


def special_token(index: int, tokenizer: Tokenizer, place: int) -> Token:
    """A piece that covers no character, at a place of the text."""
    return Token(index, tokenizer.piece_of(index), place, place, "special")


def steps_of(probabilities: Tensor, written: Sequence[int], tokenizer: Tokenizer) -> list[Step]:
    """What `probabilities` `(rows, vocabulary)` offered for each of the tokens `written`, a row each."""
    best, ids = probabilities.topk(min(_OFFERED, probabilities.shape[1]))
    entropy = -(probabilities * probabilities.clamp(min=1e-30).log()).sum(-1)
    steps = []
    for row, index in enumerate(written):
        chosen = float(probabilities[row, index])
        steps.append(
            Step(
                row=row,
                ids=tuple(ids[row].tolist()),
                pieces=tuple(_piece(i, tokenizer) for i in ids[row].tolist()),
                probabilities=tuple(best[row].tolist()),
                chosen_probability=chosen,
                rank=int((probabilities[row] > chosen).sum()) + 1,
                entropy=float(entropy[row]),
            )
        )
    return steps


def _piece(index: int, tokenizer: Tokenizer) -> str:
    """The piece of an id; embeddings often have some rows more than the tokenizer has pieces."""
    return tokenizer.piece_of(index) if index <= tokenizer.highest_id else f"<{index}>"
