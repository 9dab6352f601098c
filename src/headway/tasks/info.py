"""Facts of a model, from its headers: no weight is read, and of safetensors not even torch is needed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headway.checkpoints import hub
from headway.checkpoints.configuration import family_of, read_config, spec_of, stored_spec, with_names
from headway.checkpoints.files import check_names
from headway.checkpoints.header import Entry, read_header, read_headers, weight_files
from headway.checkpoints.naming import known_names, match
from headway.errors import CheckpointError
from headway.spec import (
    AwdLstmSpec,
    BidirectionalSpec,
    LabelHeadSpec,
    ModelSpec,
    RecurrentClassifierSpec,
    SingleStackSpec,
    TextCnnSpec,
    TranslatorSpec,
    d_model,
    source_reach,
    vocabularies,
)
from headway.text.formats import has_tokenizer
from headway.text.tokenizer import Tokenizer, TokenizerPair

_LOOKED_UP = ("tokens.weight", "position.table.weight", "types.weight")  # tables: nothing is multiplied by them
_WIDTH = 4  # bytes of a float32


def describe(model: str | Path, *, revision: str | None = None, offline: bool = False) -> dict[str, Any]:
    """Family, parameters by part, bytes, operations, lengths, heads and tokenizer facts of a folder or hub id.

    `memory_bytes` is that of the weights in float32. `flops_per_token` is the forward pass of one token, of an
    encoder-decoder one source and one target token: two operations a weight that is multiplied, attention over the
    other tokens left out. `max_length` is None where positions have no table and so no end.

    Raises:
        CheckpointError: there is no model, or a file of it is damaged.
    """
    is_remote = not Path(model).is_dir() and not hub.is_offline(offline)
    path = hub.find(model, revision=revision, offline=offline, weights=not is_remote)
    entries = hub.remote_headers(str(model).partition("@")[0], path.name) if is_remote else None
    if (path / "spec.json").exists():
        spec = stored_spec(path)
        entries = _of_run(path) if entries is None else entries
        sizes = {name: entry.size for name, entry in entries.items()} or _by_building(spec, path)
    elif (path / "config.json").exists():
        config = read_config(path)
        spec_of(config, path)  # what it cannot be is said first
        entries = _of_folder(path) if entries is None else entries
        config = with_names(config, entries)
        spec = spec_of(config, path)
        sizes = _by_our_names(config, spec, entries, path) if entries else _by_building(spec, path)
    else:
        raise CheckpointError(f"{path} holds no model: neither spec.json nor config.json is there")
    parts, total = parts_of(sizes), sum(sizes.values())
    looked_up = sum(size for name, size in sizes.items() if name.endswith(_LOOKED_UP))
    facts: dict[str, Any] = {
        "model": Path(model).resolve().name if not is_remote else str(model),
        "family": spec.family,
        "parameters": total,
        "parts": parts,
        "memory_bytes": total * _WIDTH,
        "stored": ", ".join(sorted({entry.dtype for entry in entries.values()})) if entries else None,
        "flops_per_token": 2 * (total - looked_up + _projection(spec)),
        "max_length": source_reach(spec),
        **_heads(spec),
        "special_ids": {name: number for name, number in _special(spec).items() if number >= 0},
    }
    return {key: value for key, value in facts.items() if value is not None or key == "max_length"} | _tokenizers(path)


def parts_of(sizes: Mapping[str, int]) -> dict[str, int]:
    """Parameters of each top part; a table that is shared counts once, under `embeddings`."""
    parts: dict[str, int] = {}
    for name, size in sizes.items():
        part = "embeddings" if name.endswith("tokens.weight") else name.split(".", maxsplit=1)[0]
        parts[part] = parts.get(part, 0) + size
    return parts


def _of_run(path: Path) -> dict[str, Entry]:
    weights = path / "model.safetensors"
    return read_header(weights) if weights.exists() else {}


def _of_folder(path: Path) -> dict[str, Entry]:
    """The tensors of safetensors files; nothing where they are pickled, which no header tells."""
    files = weight_files(path)
    return {} if any(file.suffix == ".bin" for file in files) else read_headers(files)


def _by_our_names(
    config: Mapping[str, Any], spec: ModelSpec, entries: Mapping[str, Entry], path: Path
) -> dict[str, int]:
    """How many numbers each of our parameters has, by the key table of the family."""
    family = family_of(config, path)
    rows = family.keys(spec)
    names = match([row.theirs for row in rows], entries, family, spec)
    strange = set(names.left_over)
    check_names(
        missing=names.missing, left_over=strange - known_names(family, config) if strange else strange, path=path
    )
    return {name: entries[names.stored[row.theirs]].size // len(row.names) for row in rows for name in row.names}


def _by_building(spec: ModelSpec, path: Path) -> dict[str, int]:
    """The same from a model without memory, where no header tells."""
    from headway.checkpoints.restore import empty

    return {name: math.prod(weight.shape) for name, weight in empty(spec, path).named_parameters()}


def _projection(spec: ModelSpec) -> int:
    """Weights of the projection to the vocabulary where they are an embedding's, and so not counted in the head."""
    if isinstance(spec, BidirectionalSpec | TextCnnSpec | RecurrentClassifierSpec):
        return 0
    head = spec.language_head if isinstance(spec, SingleStackSpec) else spec.head
    return d_model(spec) * vocabularies(spec)[1] if head is not None and head.tied else 0


def _heads(spec: ModelSpec) -> dict[str, Any]:
    if isinstance(spec, TranslatorSpec):
        return {"head": "words"}
    words: list[str] = []
    if isinstance(spec, BidirectionalSpec) and spec.vocab_size:
        words = ["words before and after"]
    elif isinstance(spec, AwdLstmSpec) and spec.head is not None:
        words = ["words"]
    elif isinstance(spec, SingleStackSpec) and spec.language_head is not None:
        words = ["words" if spec.stack.causal else "masked words"]
    head = spec.label_head
    said = words + ([] if head is None else [_LABELS[head.of]])
    labels = {} if head is None or head.of in ("span", "choices") else _labels(head)
    return {"head": " and ".join(said) or "none"} | labels


_LABELS = {"text": "labels of texts", "tokens": "labels of tokens", "span": "answer span", "choices": "choice of texts"}


def _labels(head: LabelHeadSpec) -> dict[str, Any]:
    return {"labels": list(head.labels), "problem": head.problem}


def _special(spec: ModelSpec) -> dict[str, int]:
    return {"pad": spec.tokens.pad_id, "start": spec.tokens.start_id, "end": spec.tokens.end_id}


def _tokenizers(path: Path) -> dict[str, Any]:
    if not has_tokenizer(path):
        return {}
    pair = TokenizerPair.load(path)
    if pair.is_joint:
        return {"tokenizer": _tokenizer(pair.source)}
    return {"source_tokenizer": _tokenizer(pair.source), "target_tokenizer": _tokenizer(pair.target)}


def _tokenizer(side: Tokenizer) -> dict[str, Any]:
    roles = [role for role in ("pad", "unk", "start", "end", "mask") if role in side.has_roles]
    return {
        "type": side.type,
        "vocab_size": side.vocab_size,
        **{role: side.piece_of(getattr(side, f"{role}_id")) for role in roles},
        "sha256": side.fingerprint[:12],
    }
