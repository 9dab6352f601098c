"""A text through a trained model, with everything it looked at written down: `headway attend`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from headway.errors import ConfigError
from headway.explain.blobs import Weights
from headway.explain.record import recording
from headway.explain.texts import Side, of_decoder, of_encoder, of_source, of_target, piece_of
from headway.explain.trace import Model, Offer, Step, Trace
from headway.models.build import TranslationModel
from headway.models.recurrent import RecurrentEncoderDecoder
from headway.models.single import SingleStack
from headway.models.transformer import EncoderDecoder
from headway.spec import ModelSpec, d_model, vocabularies
from headway.tasks.fill import no_words
from headway.tasks.loaded import Loaded, load
from headway.text.tokenizer import Tokenizer

_OFFERED = 8  # likeliest next tokens that are kept a step, and likeliest words a mask


def attend(model: str | Path, text: str, *, target: str | None = None) -> Trace:
    """`look` at a model that is opened for it: a folder or a hub id, as `headway.load` takes it.

    Raises:
        CheckpointError: there is no model with a tokenizer.
        DataError: as `look`.
        ConfigError: as `look`.
    """
    return look(load(model), model, text, target=target)


def look(loaded: Loaded, name: str | Path, text: str, *, target: str | None = None) -> Trace:
    """Run `text` through a model of any family, and keep every attention and every offer.

    An encoder-decoder translates it, or reads it beside a given `target`. A decoder writes on, or reads on in a given
    `target`, which follows the text as it is. What has no language head, or reads in both directions, reads the text,
    beside `target` as the second of a pair; `[MASK]` stands for the mask of any model, and one that fills masks offers
    words for it.

    Args:
        loaded: the model and its tokenizers.
        name: the folder or the hub id that it was loaded from.
        text: what is read; its end is cut where it is too long, and the trace says so.
        target: see above.

    Raises:
        CheckpointError: there is no tokenizer.
        DataError: the text is empty.
        ConfigError: the target is longer than the model can read, or the model attends to nothing.
    """
    found, tokenizer = loaded.model, loaded.tokenizers.target
    if not isinstance(found, SingleStack | EncoderDecoder | RecurrentEncoderDecoder):
        raise ConfigError(f"{loaded.folder} attends to nothing: it is a {loaded.spec.family} model without attention")
    source, written, given = Side(), Side(), 0
    if not isinstance(found, SingleStack):
        source = of_source(loaded, text.strip())  # as `headway translate` reads a line
        written = of_target(loaded, source, target)
    elif not found.spec.stack.causal:
        source = of_encoder(loaded, found, text.strip(), target)
    elif found.spec.language_head is None:
        written = of_encoder(loaded, found, text.strip(), target)
    else:
        written, given = of_decoder(loaded, found, text, target)
    masks = _masks(found, source, tokenizer)
    with torch.inference_mode(), recording(found) as record:
        offered = _run(found, source, written, masks)
    if not any(record.values()):
        raise ConfigError(f"{loaded.folder} attends to nothing: it is a recurrent model without attention")
    steps = () if offered is None or masks else _steps(offered, written.ids[1:], tokenizer)
    return Trace(
        model=_facts(Path(name).resolve().name if Path(name).exists() else str(name), loaded.spec),
        attention=_blocks(record, "decoder" if written.tokens else "encoder"),
        source=source.text,
        source_tokens=source.tokens,
        target=written.text,
        target_tokens=written.tokens,
        steps=steps,
        masks=() if offered is None or not masks else _offers(offered, masks, tokenizer),
        target_given=target is not None or not steps,
        prompt=given,
        spells_bytes=tokenizer.type == "byte-bpe",
        truncated=source.truncated or written.truncated,
        recorded=time.strftime("%Y-%m-%d"),
    )


def _masks(model: SingleStack | TranslationModel, source: Side, tokenizer: Tokenizer) -> list[int]:
    """Where a model that fills masks reads one."""
    if not isinstance(model, SingleStack) or model.spec.language_head is None or "mask" not in tokenizer.has_roles:
        return []
    return [place for place, token in enumerate(source.tokens) if token.id == tokenizer.mask_id]


def _run(model: SingleStack | TranslationModel, source: Side, target: Side, masks: list[int]) -> Tensor | None:
    """What is offered after each target token but the last, or for each mask `(rows, vocabulary)`; None: nothing is."""
    device = next(model.parameters()).device
    if not isinstance(model, SingleStack):
        memory = model.encode(torch.tensor([source.ids], device=device))
        states = model.decode(torch.tensor([target.ids[:-1]], device=device), None, memory)
    elif target.tokens and model.spec.language_head is not None:
        states = model.hidden(torch.tensor([target.ids[:-1]], device=device))
    else:
        side = source if source.tokens else target
        types = torch.tensor([side.types], device=device) if model.spec.stack.token_types > 1 else None
        states = model.hidden(torch.tensor([side.ids], device=device), types=types)
        if not masks:
            return None
        states = states[:, masks]
    probabilities: Tensor = model.head(states)[0].float().softmax(-1).cpu()
    return probabilities


def _blocks(record: dict[str, list[Tensor]], only: str) -> dict[str, list[Weights]]:
    """Block → one array `(heads, queries, keys)` a layer, in order; `only` is the block of a model of one stack."""
    stacks = {"encoder": "encoder", "decoder": "decoder", "stack": only}
    blocks: dict[str, list[Weights]] = {}
    for name, calls in record.items():
        block = stacks[name.partition(".")[0]] if name.endswith(".attention") else "cross"
        blocks.setdefault(block, []).extend(weights[0].float().cpu().numpy() for weights in calls)
    return blocks


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
                pieces=tuple(piece_of(i, tokenizer) for i in ids[row].tolist()),
                probabilities=tuple(best[row].tolist()),
                chosen_probability=chosen,
                rank=int((probabilities[row] > chosen).sum()) + 1,
                entropy=float(entropy[row]),
            )
        )
    return steps


def _offers(probabilities: Tensor, masks: list[int], tokenizer: Tokenizer) -> list[Offer]:
    never = no_words(tokenizer, probabilities.shape[1])
    best, ids = probabilities.masked_fill(never, -1.0).topk(min(_OFFERED, int((~never).sum())))
    return [
        Offer(mask, tuple(row), tuple(piece_of(i, tokenizer) for i in row), tuple(shares))
        for mask, row, shares in zip(masks, ids.tolist(), best.tolist(), strict=True)
    ]


def _facts(name: str, spec: ModelSpec) -> Model:
    return Model(name=name, family=spec.family, d_model=d_model(spec), vocab_size=vocabularies(spec)[1])
