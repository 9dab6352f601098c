"""A text through a trained model, with everything it looked at written down: `headway attend`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from headway.decoding.generate import Decoding, decode, source_positions, target_positions
from headway.errors import ConfigError, DataError
from headway.explain.blobs import Weights
from headway.explain.pieces import spans_by_decoding
from headway.explain.record import recording
from headway.explain.trace import Model, Step, Token, Trace
from headway.models.protocols import Translator
from headway.spec import RecurrentSpec, TranslatorSpec
from headway.tasks.loaded import load
from headway.text.tokenizer import Encoding, Tokenizer

_OFFERED = 8  # likeliest next tokens that are kept a step


def attend(folder: str | Path, text: str, *, target: str | None = None) -> Trace:
    """Translate `text`, or read it beside a given `target`, and keep every attention and every offer.

    Raises:
        CheckpointError: the folder holds no model with a tokenizer.
        DataError: the text is empty.
        ConfigError: the target is longer than the model has positions for, or the model attends to nothing.
    """
    loaded = load(folder)
    model, pair, special = loaded.translator, loaded.tokenizers, loaded.spec.tokens
    text = text.strip()  # as `headway translate` reads a line
    source = pair.source.encode(text)
    most = source_positions(model.spec) - 1
    kept = Encoding(source.ids[:most], source.pieces[:most], source.offsets[:most])
    if not kept.ids:
        raise DataError("the text is empty; give at least one word to look at")
    source_ids = [*kept.ids, special.end_id]
    if target is None:
        written, given = _translate(model, source_ids, pair.target, loaded.decoding), False
    else:
        written, given = (target, pair.target.encode(target)), True
        if len(written[1].ids) >= target_positions(model.spec):
            raise ConfigError(
                f"the target has {len(written[1].ids)} tokens; "
                f"the model reads at most {target_positions(model.spec) - 1}"
            )
    target_text, target_pieces = written
    read = [special.start_id, *target_pieces.ids]
    with torch.inference_mode(), recording(loaded.model) as record:
        memory = model.encode(torch.tensor([source_ids]))
        states = model.decode(torch.tensor([read]), None, memory)
        probabilities = model.head(states)[0].float().softmax(-1)  # (target tokens read, vocabulary)
    attention = _blocks(record)
    if not attention:
        raise ConfigError(f"{folder} attends to nothing: it is a recurrent model without attention")
    return Trace(
        model=_facts(Path(folder), model.spec),
        attention=attention,
        source=text,
        source_tokens=[*_tokens(kept, pair.source), _special(special.end_id, pair.source, len(text))],
        target=target_text,
        target_tokens=[
            _special(special.start_id, pair.target, 0),
            *_tokens(target_pieces, pair.target),
            _special(special.end_id, pair.target, len(target_text)),
        ],
        steps=_steps(probabilities, [*target_pieces.ids, special.end_id], pair.target),
        target_given=given,
        truncated=(len(source.ids), most) if len(source.ids) > most else None,
        recorded=time.strftime("%Y-%m-%d"),
    )


def _translate(
    model: Translator, source_ids: list[int], tokenizer: Tokenizer, options: Decoding
) -> tuple[str, Encoding]:
    """The best translation, as far as the decoder can read it again behind the start token."""
    ids = decode(model, [source_ids], options)[0][0].ids
    end_id = model.spec.tokens.end_id
    ids = [i for i in ids if i != end_id][: target_positions(model.spec) - 1]
    pieces = [tokenizer.piece_of(i) for i in ids]
    return tokenizer.decode(ids), Encoding(ids, pieces, spans_by_decoding(ids, tokenizer.decode))


def _blocks(record: dict[str, list[Tensor]]) -> dict[str, list[Weights]]:
    """Block → one array `(heads, queries, keys)` a layer, in the order of the layers."""
    blocks: dict[str, list[Weights]] = {"encoder": [], "decoder": [], "cross": []}
    for name, calls in record.items():
        side = "encoder" if name.startswith("encoder.") else "decoder"
        block = side if name.endswith(".attention") and ".blocks." in name else "cross"
        blocks[block] += [weights[0].float().numpy() for weights in calls]
    return {block: layers for block, layers in blocks.items() if layers}


def _tokens(encoding: Encoding, tokenizer: Tokenizer) -> list[Token]:
    special, unknown = tokenizer.special_ids, tokenizer.unk_id if "unk" in tokenizer.has_roles else None
    return [
        Token(i, piece, start, end, "unknown" if i == unknown else "special" if i in special else "")
        for i, piece, (start, end) in zip(encoding.ids, encoding.pieces, encoding.offsets, strict=True)
    ]


def _special(index: int, tokenizer: Tokenizer, place: int) -> Token:
    return Token(index, tokenizer.piece_of(index), place, place, "special")


def _steps(probabilities: Tensor, written: Sequence[int], tokenizer: Tokenizer) -> list[Step]:
    best, ids = probabilities.topk(min(_OFFERED, probabilities.shape[1]))
    entropy = -(probabilities * probabilities.clamp(min=1e-30).log()).sum(-1)
    steps = []
    for row, index in enumerate(written):
        chosen = float(probabilities[row, index])
        steps.append(
            Step(
                row=row,
                ids=tuple(ids[row].tolist()),
                pieces=tuple(tokenizer.piece_of(i) for i in ids[row].tolist()),
                probabilities=tuple(best[row].tolist()),
                chosen_probability=chosen,
                rank=int((probabilities[row] > chosen).sum()) + 1,
                entropy=float(entropy[row]),
            )
        )
    return steps


def _facts(folder: Path, spec: TranslatorSpec) -> Model:
    if isinstance(spec, RecurrentSpec):
        width, pieces = spec.d_model, spec.target_vocab_size
    else:
        width, pieces = spec.decoder.d_model, spec.decoder.vocab_size
    return Model(name=folder.resolve().name, family=spec.family, d_model=width, vocab_size=pieces)
