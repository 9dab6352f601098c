"""A folder as it was published → one definition (`tokenizer.json`) and its settings, whatever files it has.

| files                                        | tokenizers of                                                     |
|----------------------------------------------|-------------------------------------------------------------------|
| tokenizer.json                               | anything saved by the Rust library                                |
| vocab.txt                                    | BERT                                                              |
| vocab.json, merges.txt                       | GPT-2, RoBERTa, BART, Qwen2                                       |
| spiece.model                                 | T5                                                                |
| sentencepiece.bpe.model                      | XLM-RoBERTa                                                       |
| tokenizer.model                              | Llama                                                             |
| tokenizer_78b3253a26.model, vocab.txt        | KoBERT (`known.py`)                                               |
| source.spm, target.spm, vocab.json           | Marian: a pair (`marian.py`)                                      |

Special pieces are those that `tokenizer_config.json` and `special_tokens_map.json` name; then those of a known
checkpoint; then those of the family; then those whose ids stand in `config.json`. Further pieces come from
`added_tokens.json` and `added_tokens_decoder`. Code that a folder brings along is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer as RustTokenizer

from headway.errors import CheckpointError
from headway.text import known, merges, wordpiece
from headway.text.files import CONFIG, FILE, contents, read_bytes, read_json, read_settings
from headway.text.special import NAMES, added_token, library_errors, written
from headway.text.template import around, with_one_type

Json = dict[str, Any]
KEPT = ("model_max_length", "padding_side", "extra_special_tokens", "additional_special_tokens")


class Read(NamedTuple):
    """What a reader makes of its files: a tokenizer, the usual names of its special pieces, and its template."""

    rust: RustTokenizer
    names: Mapping[str, str]
    single: str = ""
    pair: str = ""
    inputs: tuple[str, ...] = ("input_ids", "attention_mask")
    mask_strips: bool = False  # the mask takes the blank before it along


def read(folder: Path) -> tuple[bytes, Json]:
    """The definition and the settings of a folder's tokenizer.

    Raises:
        CheckpointError: there is no tokenizer in the folder, it has two, or a file is damaged.
    """
    config, settings = read_json(folder / CONFIG), read_settings(folder)
    if (folder / FILE).is_file():
        return _as_it_is(folder, config, settings)
    for names, reader in READERS.items():
        if all((folder / name).is_file() for name in names):
            path = folder / names[0]
            try:
                with library_errors():
                    return _finish(reader(folder, config, settings), folder, config, settings)
            except ValueError as error:
                raise CheckpointError(f"{path} is damaged, or of another kind ({error}); fetch it again") from error
    raise CheckpointError(_missing(folder))


def _as_it_is(folder: Path, config: Json, settings: Json) -> tuple[bytes, Json]:
    """A `tokenizer.json` is left as it is, but for a token type that the model lacks."""
    definition = read_bytes(folder / FILE)
    try:
        with library_errors():
            if config.get("type_vocab_size") == 1:
                definition = with_one_type(definition)
            if not any(written(settings.get(key)) for key in NAMES):
                rust = RustTokenizer.from_buffer(definition)
                usual = FAMILIES.get(str(config.get("model_type")), {})
                settings = {**settings, **_named(rust, usual, config, settings)}
    except ValueError as error:
        raise CheckpointError(f"{folder / FILE} is damaged, or no {FILE} ({error}); write it again") from error
    return definition, settings


def _finish(found: Read, folder: Path, config: Json, settings: Json) -> tuple[bytes, Json]:
    """Special pieces, added pieces and template, and the settings that say the same to `transformers`."""
    rust = found.rust
    named = _named(rust, found.names, config, settings)
    lists = [settings.get(key) for key in KEPT[2:]]
    more = [piece for listed in lists if isinstance(listed, list) for piece in listed]
    more = [piece for piece in more if rust.token_to_id(written(piece) or "") is not None]
    tokens = [
        added_token(settings.get(key) or piece, lstrip=found.mask_strips and key == "mask_token")
        for key, piece in named.items()
    ]
    rust.add_special_tokens([token for token in [*tokens, *map(added_token, more)] if token is not None])
    _add(rust, folder, settings)
    if found.single:
        rust.post_processor = around(found.single, found.pair, named, rust)
    definition = rust.to_str().encode()
    if config.get("type_vocab_size") == 1:
        definition = with_one_type(definition)
    kept = {key: settings[key] for key in KEPT if key in settings}
    return definition, {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **named,
        **kept,
        "model_input_names": list(found.inputs),
        "clean_up_tokenization_spaces": False,
    }


def _named(rust: RustTokenizer, usual: Mapping[str, str], config: Json, settings: Json) -> dict[str, str]:
    """The special pieces by name, each from the first of the sources in this file's docstring that knows it."""
    ids = {key: config.get(f"{key}_id") for key in NAMES}
    from_ids = {key: rust.id_to_token(index) for key, index in ids.items() if type(index) is int and 0 <= index < 2**32}
    left_out = known.left_out(config, [rust.id_to_token(index) for index in range(8)])
    said = {key: written(settings.get(key)) for key in NAMES}
    named: dict[str, str] = {}
    for source in (from_ids, usual, left_out, said):
        pieces = {key: piece for key, piece in source.items() if key in NAMES and isinstance(piece, str)}
        named |= {key: piece for key, piece in pieces.items() if rust.token_to_id(piece) is not None}
    return named


def _add(rust: RustTokenizer, folder: Path, settings: Json) -> None:
    """Adds the pieces that were added to a vocabulary later, in the order of their ids.

    Raises:
        ValueError: a piece would get another id than its file says.
    """
    listed = settings.get("added_tokens_decoder")
    wanted: dict[int, object] = {}
    for index, token in listed.items() if isinstance(listed, dict) else ():
        if index.isdecimal() and written(token):
            wanted[int(index)] = token
    for piece, index in read_json(folder / "added_tokens.json").items():
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


def _read_vocab_txt(folder: Path, config: Json, settings: Json) -> Read:
    content = read_bytes(folder / "vocab.txt")
    opening: list[str | None] = [*wordpiece.lines(content[:1000])[:8]]
    settings = {**known.left_out(config, opening), **settings}
    names = wordpiece.NAMES
    inputs = ("input_ids", "token_type_ids", "attention_mask")
    return Read(wordpiece.convert(content, settings), names, wordpiece.SINGLE, wordpiece.PAIR, inputs)


def _read_merges(folder: Path, config: Json, settings: Json) -> Read:
    vocab = merges.read_vocab(read_bytes(folder / "vocab.json"))
    pairs = merges.read_merges(read_bytes(folder / "merges.txt"))
    said = f"{settings.get('tokenizer_class')} {config.get('model_type')}".lower()
    if "qwen2" in said:
        return Read(merges.convert(vocab, pairs, "qwen2", settings), merges.QWEN2_NAMES)
    if any(family in said for family in ("roberta", "bart", "longformer")) or merges.looks_like_roberta(vocab):
        rust = merges.convert(vocab, pairs, "roberta", settings)
        return Read(rust, merges.ROBERTA_NAMES, merges.SINGLE, merges.PAIR, mask_strips=True)
    usual = merges.GPT2_NAMES if "<|endoftext|>" in vocab else merges.PLAIN_NAMES
    return Read(merges.convert(vocab, pairs, "gpt2", settings), usual)


READERS: dict[tuple[str, ...], Callable[[Path, Json, Json], Read]] = {
    ("vocab.json", "merges.txt"): _read_merges,
    ("vocab.txt",): _read_vocab_txt,
}
FAMILIES: dict[str, Mapping[str, str]] = {
    "bert": wordpiece.NAMES,
    "roberta": merges.ROBERTA_NAMES,
    "xlm-roberta": merges.ROBERTA_NAMES,
    "bart": merges.ROBERTA_NAMES,
    "gpt2": merges.GPT2_NAMES,
    "qwen2": merges.QWEN2_NAMES,
}


def _missing(folder: Path) -> str:
    if (folder / "source" / FILE).is_file():
        return f"{folder} holds separate tokenizers; name {folder / 'source'} or {folder / 'target'}"
    expected = ", ".join([FILE, *(" with ".join(names) for names in READERS)])
    return f"there is no {FILE} in {folder}, nor another tokenizer ({contents(folder)}); expected one of: {expected}"
