"""Facts of a model folder, from its headers: no weight is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headway import spec as specs
from headway.checkpoints import hf, native
from headway.decoding.generate import source_positions
from headway.errors import CheckpointError
from headway.models.sizes import parameters_by_part
from headway.spec import ModelSpec, RecurrentSpec, SingleStackSpec
from headway.text.tokenizer import TokenizerPair


def describe(folder: str | Path) -> dict[str, Any]:
    """Family, parameters by part, bytes, operations, lengths and tokenizer facts.

    `memory_bytes` is that of the weights in float32. `flops_per_token` is the forward pass of one source and one target
    token: two operations a weight that is multiplied, attention over the other tokens left out.

    Raises:
        CheckpointError: the folder holds no model.
    """
    path = Path(folder)
    if (path / "spec.json").is_file():
        spec = specs.from_json(native.read_json(path / "spec.json", "the spec of a model"))
    elif (path / "config.json").is_file():
        spec = hf.read_spec(path)
    else:
        raise CheckpointError(f"{path} holds no model: neither spec.json nor config.json is there")
    parts = parameters_by_part(spec)
    total = sum(parts.values())
    facts: dict[str, Any] = {
        "model": path.resolve().name,
        "family": spec.family,
        "parameters": total,
        "parts": parts,
        "memory_bytes": total * 4,
        "flops_per_token": 2 * (total - parts.get("embeddings", 0) + _projection(spec)),
        "max_length": spec.stack.max_length if isinstance(spec, SingleStackSpec) else source_positions(spec),
    }
    if (path / "tokenizer.json").is_file() or (path / "source").is_dir():
        facts |= _tokenizer_facts(TokenizerPair.load(path))
    return facts


def _projection(spec: ModelSpec) -> int:
    """Weights of the projection to the vocabulary where they are an embedding's, and so not counted in the head."""
    if isinstance(spec, SingleStackSpec):
        head = spec.language_head
        return spec.stack.d_model * spec.stack.vocab_size if head is not None and head.tied else 0
    if not spec.head.tied:
        return 0
    if isinstance(spec, RecurrentSpec):
        return spec.d_model * spec.target_vocab_size
    return spec.decoder.d_model * spec.decoder.vocab_size


def _tokenizer_facts(pair: TokenizerPair) -> dict[str, Any]:
    sides = (
        {"tokenizer": pair.source}
        if pair.is_joint
        else {"source_tokenizer": pair.source, "target_tokenizer": pair.target}
    )
    return {
        name: {
            "type": side.type,
            "vocab_size": side.vocab_size,
            "pad": side.piece_of(side.pad_id),
            "unk": side.piece_of(side.unk_id),
            "start": side.piece_of(side.start_id),
            "end": side.piece_of(side.end_id),
            "sha256": side.fingerprint[:12],
        }
        for name, side in sides.items()
    }
