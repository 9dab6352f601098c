"""A folder as it was published → one definition (`tokenizer.json`) and its settings, whatever files it has.

| files                                        | tokenizers of                                                     |
|----------------------------------------------|-------------------------------------------------------------------|
| tokenizer.json                               | anything saved by the Rust library                                |
| vocab.txt                                    | BERT                                                              |
| vocab.json, merges.txt                       | GPT-2, RoBERTa, BART, Qwen2                                       |
| spiece.model                                 | T5; KoBERT as skt publishes it; unigram ones that we trained      |
| sentencepiece.bpe.model                      | XLM-RoBERTa                                                       |
| tokenizer.model                              | Llama                                                             |
| tokenizer_78b3253a26.model, vocab.txt        | KoBERT (`known.py`)                                               |
| source.spm, target.spm, vocab.json           | Marian: a pair                                                    |

Special pieces are those that `tokenizer_config.json` and `special_tokens_map.json` name; then those of a known
checkpoint; then those of the family; then those whose ids stand in `config.json`. Further pieces come from
`added_tokens.json` and `added_tokens_decoder`. Code that a folder brings along is never looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as RustTokenizer

from headway.errors import CheckpointError
from headway.text import known
from headway.text.charsmap import check_definition
from headway.text.files import CONFIG, FILE, contents, read_json, read_settings
from headway.text.readers import FAMILIES, MARIAN, MORE, READERS, Published, Read, read_marian
from headway.text.special import NAMES, ROLES, added_token, library_errors, written
from headway.text.template import around, with_one_type

Definition = tuple[bytes, dict[str, Any]]
_IDS = range(2**32)
KEPT = ("model_max_length", "padding_side", "extra_ids", "normalization", "lowercase", *MORE)


def has_tokenizer(folder: Path) -> bool:
    """Whether a file of a tokenizer, or of a pair of them, lies there."""
    names = [FILE, f"source/{FILE}", *(name for names in (*READERS, MARIAN) for name in names)]
    return any((folder / name).exists() for name in names)


def read(folder: Path) -> Definition:
    """The definition and the settings of a folder's tokenizer.

    Raises:
        CheckpointError: there is no tokenizer in the folder, or there are two, or a file is damaged.
    """
    published = Published(folder, read_json(folder / CONFIG), read_settings(folder))
    if (folder / FILE).is_file():
        return _as_it_is(published)
    if _holds(folder, MARIAN):
        raise CheckpointError(f"{folder} holds separate tokenizers, source.spm and target.spm; load them as a pair")
    for names, reader in READERS.items():
        if _holds(folder, names):
            try:
                with library_errors():
                    return _finish(reader(published), published)
            except ValueError as error:
                raise _damaged(folder / names[0], error) from error
    raise CheckpointError(_missing(folder))


def read_pair(folder: Path) -> tuple[Definition, Definition] | None:
    """The definitions and settings of Marian's two tokenizers; `None` where the folder is not Marian's.

    Raises:
        CheckpointError: a file is damaged.
    """
    if not _holds(folder, MARIAN):
        return None
    published = Published(folder, read_json(folder / CONFIG), read_settings(folder))
    try:
        with library_errors():
            source, target = read_marian(published)
            return _finish(source, published), _finish(target, published)
    except ValueError as error:
        raise _damaged(folder / MARIAN[0], error, f", {MARIAN[1]} or {MARIAN[2]}") from error


def _holds(folder: Path, names: tuple[str, ...]) -> bool:
    return all((folder / name).is_file() for name in names)


def _damaged(path: Path, error: ValueError, others: str = "") -> CheckpointError:
    return CheckpointError(f"{path}{others} is damaged, or of another kind ({error}); fetch it again")


def _as_it_is(published: Published) -> Definition:
    """A `tokenizer.json` is left as it is, but for a token type that the model lacks."""
    folder, config, settings = published
    definition = published.read(FILE)
    try:
        with library_errors():
            check_definition(definition)
            if config.get("type_vocab_size") == 1:
                definition = with_one_type(definition)
            usual = FAMILIES.get(str(config.get("model_type")), {})
            unnamed = [key for key in NAMES if not written(settings.get(key))]
            if any(key in usual or config.get(f"{key}_id") is not None for key in unnamed):
                rust = RustTokenizer.from_buffer(definition)
                settings = {**settings, **_named(rust, usual, published)}
    except ValueError as error:
        raise CheckpointError(f"{folder / FILE} is damaged, or no {FILE} ({error}); write it again") from error
    return definition, settings


def _finish(found: Read, published: Published) -> Definition:
    """Special pieces, added pieces and template, and the settings that say the same to `transformers`."""
    rust, settings = found.rust, published.settings
    named = _named(rust, found.names, published)
    more = [piece for piece in published.more if rust.token_to_id(written(piece) or "") is not None]
    tokens = [
        added_token(settings.get(key) or piece, lstrip=found.mask_strips and key == "mask_token")
        for key, piece in named.items()
    ]
    rust.add_special_tokens([token for token in [*tokens, *map(added_token, more)] if token is not None])
    _add(rust, published)
    if found.single:
        rust.post_processor = around(found.single, found.pair, {**found.names, **named}, rust)
    definition = rust.to_str().encode()
    if published.config.get("type_vocab_size") == 1:
        definition = with_one_type(definition)
    kept = {key: settings[key] for key in KEPT if key in settings}
    return definition, {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **named,
        **kept,
        "model_input_names": list(found.inputs),
        "clean_up_tokenization_spaces": False,
    }


def _named(rust: RustTokenizer, usual: Mapping[str, str], published: Published) -> dict[str, str]:
    """The special pieces by name; each role from the first of the sources in this file's docstring that knows it."""
    _, config, settings = published
    ids = {key: config.get(f"{key}_id") for key in NAMES}
    numbered = {key: rust.id_to_token(index) for key, index in ids.items() if type(index) is int and index in _IDS}
    left_out = known.left_out(config, [rust.id_to_token(index) for index in range(8)])
    said = {key: written(settings.get(key)) for key in NAMES}
    sources: list[Mapping[str, Any]] = [said, left_out, usual, numbered]
    named: dict[str, str] = {}
    for keys in ROLES.values():
        for source in sources:
            pieces = {key: source.get(key) for key in keys}
            there = {key: piece for key, piece in pieces.items() if piece and rust.token_to_id(piece) is not None}
            if there:
                named |= there
                break
    return named


def _add(rust: RustTokenizer, published: Published) -> None:
    """Adds the pieces that were added to a vocabulary later, in the order of their ids.

    Raises:
        ValueError: a piece would get another id than its file says.
    """
    listed = published.settings.get("added_tokens_decoder")
    wanted: dict[int, object] = {}
    for index, token in listed.items() if isinstance(listed, dict) else ():
        if index.isdecimal() and written(token):
            wanted[int(index)] = token
    for piece, index in read_json(published.folder / "added_tokens.json").items():
        if type(index) is int:
            wanted.setdefault(index, {"content": piece, "special": False})
    for index, token in sorted(wanted.items(), key=lambda entry: entry[0]):
        added = added_token(token, special=False)
        if added is None:
            continue
        rust.add_special_tokens([added]) if added.special else rust.add_tokens([added])
        if rust.token_to_id(added.content) != index:
            place = rust.token_to_id(added.content)
            raise ValueError(f"the added piece {added.content!r} is said to have id {index}, but comes to {place}")


def _missing(folder: Path) -> str:
    if (folder / "source" / FILE).is_file():
        return f"{folder} holds separate tokenizers; name {folder / 'source'} or {folder / 'target'}"
    expected = ", ".join([FILE, *(" with ".join(names) for names in [*READERS, MARIAN])])
    return f"there is no {FILE} in {folder}, nor another tokenizer ({contents(folder)}); expected one of: {expected}"
