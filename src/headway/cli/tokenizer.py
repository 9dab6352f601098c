"""`headway tokenizer`: train one, run text through it in both directions, and look inside."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from itertools import chain, islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headway.cli.options import print_table
from headway.errors import CheckpointError, ConfigError, DataError

if TYPE_CHECKING:
    from headway.text.tokenizer import Tokenizer

HELP = "train a tokenizer, encode and decode text, look into its pieces"
EXAMPLE = """\
headway tokenizer train --type unigram --vocab-size 8000 --out tokenizer train.ko train.en
headway tokenizer encode tokenizer test.ko
headway tokenizer encode tokenizer test.ko | headway tokenizer decode tokenizer
headway tokenizer show tokenizer
headway tokenizer show "나는 어제 친구를 만났다."
headway tokenizer show tokenizer wordpiece "나는 어제 친구를 만났다."\
"""

LINES = 1000  # encoded at once
_METHODS, _PIECES, _ROWS = ("byte-bpe", "wordpiece", "unigram"), 2000, 3000  # shown where no folder is named
_NUMBER = re.compile(r"-?[0-9]{1,4000}")  # more digits than Python reads are no number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares train, encode, decode and show."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="train|encode|decode|show")
    train = actions.add_parser("train", help="learn a vocabulary from files of text")
    train.add_argument(
        "files", nargs="+", metavar="FILES", help="text, one sentence a line; .gz .xz .zst too; - is stdin"
    )
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    train.add_argument(
        "--type", default="byte-bpe", metavar="TYPE", help="bpe byte-bpe wordpiece unigram word char (%(default)s)"
    )
    train.add_argument(
        "--vocab-size", type=int, default=8000, metavar="N", help="pieces, special ones included (%(default)s)"
    )
    train.add_argument("--normalization", default="nfc", metavar="FORM", help="nfc nfkc none (%(default)s)")
    train.add_argument("--lowercase", action="store_true", help="fold case")
    train.add_argument(
        "--special", action="append", default=[], metavar="PIECE", help="one more special piece, such as <mask>; repeat"
    )
    train.add_argument(
        "--character-coverage",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="of the characters in the text that must be known; 0.9995 for noisy Korean (%(default)s)",
    )
    train.add_argument("--overwrite", action="store_true", help="replace the tokenizer that is in DIR")
    encode = actions.add_parser("encode", help="print the ids of every line; --json: pieces and character offsets too")
    decode = actions.add_parser("decode", help="print the text of every line of ids")
    show = actions.add_parser("show", help="print what a tokenizer is; with a text, how it and others cut the text")
    show.add_argument(
        "words", nargs="+", metavar="DIR|TEXT",
        help="folders of tokenizers, runs or checkpoints, then a text: its characters, words and pieces side by side",
    )  # fmt: skip
    for action in (encode, decode):
        action.add_argument("folder", type=Path, metavar="DIR", help="folder of a tokenizer, a run or a checkpoint")
        action.add_argument(
            "file", nargs="?", default="-", metavar="FILE", help="lines to read (- is stdin, the default)"
        )
    for action in (train, encode, decode, show):
        action.add_argument("--json", action="store_true", help="one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Does one of the four."""
    {"train": _train, "encode": _encode, "decode": _decode, "show": _show}[arguments.action](arguments)
    return 0


def _train(arguments: argparse.Namespace) -> None:
    from headway.data.lines import read_lines
    from headway.text.files import FILE, MODEL
    from headway.text.trainer import train

    if not arguments.overwrite and any((arguments.out / name).exists() for name in (FILE, MODEL)):
        raise ConfigError(f"{arguments.out} holds a tokenizer already; name another --out, or give --overwrite")
    tokenizer = train(
        chain.from_iterable([read_lines(file) for file in arguments.files]),
        type=arguments.type,
        vocab_size=arguments.vocab_size,
        normalization=arguments.normalization,
        lowercase=arguments.lowercase,
        special_pieces=arguments.special,
        character_coverage=arguments.character_coverage,
        progress=sys.stderr.isatty(),
    )
    (arguments.out / MODEL).unlink(missing_ok=True)  # of a unigram tokenizer that was there
    tokenizer.save(arguments.out)
    facts = {"folder": str(arguments.out)} | _facts(tokenizer)
    if arguments.json:
        print(json.dumps(facts, ensure_ascii=False))
    else:
        print(f"{arguments.out}  {facts['type']}, {facts['vocab_size']:,} pieces, {facts['fingerprint'][:12]}")


def _encode(arguments: argparse.Namespace) -> None:
    tokenizer, lines = _open(arguments)
    while batch := list(islice(lines, LINES)):
        if arguments.json:
            for line in batch:
                print(json.dumps(tokenizer.encode(line)._asdict(), ensure_ascii=False))
        else:
            for ids in tokenizer.encode_batch(batch):
                print(*ids)


def _decode(arguments: argparse.Namespace) -> None:
    from headway.data.lines import called

    tokenizer, lines = _open(arguments)
    for number, line in enumerate(lines, 1):
        place = f"{called(arguments.file)}, line {number}"
        if wrong := [word for word in line.split() if not _NUMBER.fullmatch(word)]:
            raise DataError(f"{place}: expected ids parted by blanks, and {wrong[0]!r} is no whole number")
        ids = [int(word) for word in line.split()]
        for index in ids:
            if not 0 <= index < tokenizer.vocab_size:
                expected = f"expected 0 to {tokenizer.vocab_size - 1}; take the tokenizer that wrote them"
                raise DataError(f"{place}: there is no piece {index}, {expected}")
        text = tokenizer.decode(ids)
        print(json.dumps({"text": text}, ensure_ascii=False) if arguments.json else text)


def _show(arguments: argparse.Namespace) -> None:
    from headway.text.tokenizer import Tokenizer

    folders = list(takewhile(lambda word: Path(word).is_dir(), arguments.words))
    tokenizers = {folder: Tokenizer.load(folder) for folder in folders}
    rest = arguments.words[len(folders) :]
    if len(rest) > 1 and "/" in rest[0]:
        raise CheckpointError(f"{rest[0]}: no such folder; name the folder of a tokenizer, or put the text in quotes")
    if text := " ".join(rest):
        _show_splits(text, tokenizers or _learned(), arguments.json)
        return
    for tokenizer in tokenizers.values():
        _show_facts(_facts(tokenizer), arguments.json)


def _learned() -> dict[str, Tokenizer]:
    """A small vocabulary of each method, learned from the sentences of quickstart, in both languages."""
    from headway.data.grammar import generate
    from headway.text.trainer import train

    texts = [text for pair in generate(rows=_ROWS)["train"] for text in (pair.source, pair.target)]
    said = f"headway: no folder of a tokenizer before the text; these learned {_PIECES:,} pieces from quickstart"
    print(said, file=sys.stderr)
    return {method: train(texts, type=method, vocab_size=_PIECES, exact=False) for method in _METHODS}


def _show_splits(text: str, tokenizers: dict[str, Tokenizer], as_json: bool) -> None:
    """A row for each character, with the pieces that begin there; then how many there are, and the unknown rate."""
    from headway.text.splits import splits

    found = splits(text, tokenizers)
    if as_json:
        print(json.dumps({"text": text, "splits": [split._asdict() for split in found]}, ensure_ascii=False))
        return
    table = [["at", *(split.name for split in found)]]
    for at, letter in enumerate(text):
        table.append([str(at), _visible(letter)])
        for split in found[1:]:
            here = zip(split.pieces, split.offsets, strict=True)
            cells = (f"{_visible(piece)} {start}-{end}" for piece, (start, end) in here if start == at)
            table[-1].append("  ".join(cells))
    table.append(["pieces", *(f"{len(split.pieces):,}" for split in found)])
    rates = [split.unknown_rate for split in found]
    table.append(["unknown", *("" if rate is None else f"{100 * rate:.1f} %" for rate in rates)])
    print_table(table)


def _visible(piece: str) -> str:
    return piece if piece.isprintable() and piece.strip() else repr(piece)


def _show_facts(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
        return
    special = "  ".join(f"{index} {piece}" for piece, index in facts["special"].items())
    rows = facts | {"special": special, "pieces": " ".join(facts["pieces"]), "vocab_size": f"{facts['vocab_size']:,}"}
    for name, value in rows.items():
        print(f"{name.replace('_', ' '):13}  {value}")


def _open(arguments: argparse.Namespace) -> tuple[Tokenizer, Iterator[str]]:
    from headway.data.lines import read_lines
    from headway.text.tokenizer import Tokenizer

    return Tokenizer.load(arguments.folder), read_lines(arguments.file)


def _facts(tokenizer: Tokenizer, shown: int = 24) -> dict[str, Any]:
    special = {tokenizer.piece_of(index): index for index in sorted(tokenizer.special_ids)}
    rest = (index for index in range(tokenizer.vocab_size) if index not in tokenizer.special_ids)
    return {
        "type": tokenizer.type,
        "vocab_size": tokenizer.vocab_size,
        "special": special,
        "normalization": ", ".join(_forms(tokenizer.definition["normalizer"])) or "none",
        "fingerprint": tokenizer.fingerprint,
        "pieces": [tokenizer.piece_of(index) for index in islice(rest, shown)],
    }


def _forms(normalizer: dict[str, Any] | None) -> list[str]:
    """What a normalizer is made of, each once."""
    if normalizer is None:
        return []
    if normalizer["type"] != "Sequence":
        return [normalizer["type"].lower()]
    return list(dict.fromkeys(form for part in normalizer["normalizers"] for form in _forms(part)))
