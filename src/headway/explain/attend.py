"""A text through a trained model, with everything it looked at written down: `headway attend`."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from headway.decoding.generate import Decoding, decode, source_positions, target_positions
from headway.errors import ConfigError, DataError
from headway.explain.pieces import spans_by_decoding
from headway.explain.reading import blocks_of, special_token, steps_of, tokens_of
from headway.explain.record import recording
from headway.explain.single import read_text, write_on
from headway.explain.trace import Model, Trace
from headway.models.protocols import Translator
from headway.models.single import SingleStack
from headway.spec import RecurrentSpec, TranslatorSpec
from headway.tasks.loaded import Loaded, load
from headway.text.tokenizer import Encoding, Tokenizer


def attend(folder: str | Path, text: str, *, target: str | None = None) -> Trace:
    """Run `text` through a model of any family, and keep every attention and every offer.

    An encoder-decoder translates it, or reads it beside a given `target`; a decoder writes on, or reads on in a given
    `target`; an encoder reads it, beside `target` as the second of a pair.

    Raises:
        CheckpointError: the folder holds no model with a tokenizer.
        DataError: the text is empty.
        ConfigError: the text or the target is longer than the model can read, or the model attends to nothing, or it is
            a decoder without a language head.
    """
    loaded = load(folder)
    text = text.strip()  # as the other commands read a line
    if isinstance(loaded.model, SingleStack):
        if not loaded.model.spec.stack.causal or loaded.model.spec.language_head is None:
            return read_text(loaded, loaded.model, text, target)
        return write_on(loaded, loaded.model, text, target)
    return _of_translation(loaded, text, target)


def _of_translation(loaded: Loaded, text: str, target: str | None) -> Trace:
    model, pair, special = loaded.translator, loaded.tokenizers, loaded.spec.tokens
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
    attention = blocks_of(record, _BLOCKS)
    if not attention:
        raise ConfigError(f"{loaded.folder} attends to nothing: it is a recurrent model without attention")
    return Trace(
        model=_facts(loaded.folder, model.spec),
        attention=attention,
        source=text,
        source_tokens=[*tokens_of(kept, pair.source), special_token(special.end_id, pair.source, len(text))],
        target=target_text,
        target_tokens=[
            special_token(special.start_id, pair.target, 0),
            *tokens_of(target_pieces, pair.target),
            special_token(special.end_id, pair.target, len(target_text)),
        ],
        steps=steps_of(probabilities, [*target_pieces.ids, special.end_id], pair.target),
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


_BLOCKS = {"encoder.*.attention": "encoder", "decoder.blocks.*.attention": "decoder", "*": "cross"}


def _facts(folder: Path, spec: TranslatorSpec) -> Model:
    if isinstance(spec, RecurrentSpec):
        width, pieces = spec.d_model, spec.target_vocab_size
    else:
        width, pieces = spec.decoder.d_model, spec.decoder.vocab_size
    return Model(name=folder.resolve().name, family=spec.family, d_model=width, vocab_size=pieces)
