"""`headway augment`: more labelled rows, each a variant of one that is there."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import tee
from typing import TYPE_CHECKING

from headway.cli.options import add_device, add_model, bar, chunk_of, load
from headway.data.rewriting import Entry, Table

if TYPE_CHECKING:
    from headway.tasks.augment import Variants

HELP = "write variants of labelled texts: words refilled, or ends written anew"
EXAMPLE = """\
headway augment runs/bert train.tsv --num 4 --keep-original > augmented.tsv
headway augment runs/gpt2 train.csv --share 0.3 --prompt "{label}: " --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_model(parser)
    parser.add_argument("file", metavar="FILE", help="labelled rows: TSV, CSV or JSON lines; - is stdin")
    parser.add_argument("--num", type=int, default=1, metavar="N", help="variants of a row (%(default)s)")
    parser.add_argument("--keep-original", action="store_true", help="print each row itself before its variants")
    draw = parser.add_argument_group("how much is written anew, and how it is drawn")
    draw.add_argument("--share", type=float, metavar="S",
                      help="of the words: hidden and refilled by a masked model (0.15), the last ones by a causal one "
                      "(0.5)")  # fmt: skip
    draw.add_argument("--top-k", type=int, default=10, metavar="K", help="among the K most probable (%(default)s)")
    draw.add_argument("--temperature", type=float, default=1.0, metavar="T", help="below 1: sharper (%(default)s)")
    draw.add_argument("--prompt", default="", metavar="TEXT",
                      help="read before each text and not printed; {label} in it is the row's label")  # fmt: skip
    draw.add_argument("--seed", type=int, default=1, metavar="N", help="of the draws (%(default)s)")
    data = parser.add_argument_group("the columns of FILE")
    data.add_argument("--data.format", dest="format", choices=["tsv", "csv", "jsonl", "text"], help="by the ending")
    data.add_argument("--data.columns.text", dest="text", metavar="COLUMN", help="holds the text (text, or the first)")
    data.add_argument("--data.columns.label", dest="label", metavar="COLUMN", help="holds the label (label, or none)")
    data.add_argument("--data.header", dest="header", choices=["true", "false"], default="true", help="is there one")
    data.add_argument("--data.delimiter", dest="delimiter", help="what parts the columns")
    parser.add_argument("--json", action="store_true", help="one object a row: text, label, variants and a note")
    parser.add_argument(
        "--batch-tokens", type=int, default=1500, metavar="N", help="tokens at once, padding counted (%(default)s)"
    )
    add_device(parser, may_lack=False)


def run(arguments: argparse.Namespace) -> int:
    """Prints rows in the form of FILE, in its order, and says in the end which rows have no variant."""
    from headway.tasks.augment import Refilling, augment
    from headway.tasks.rows import CHUNK

    options = Refilling(
        num=arguments.num, share=arguments.share, top_k=arguments.top_k, temperature=arguments.temperature,
        prompt=arguments.prompt, seed=arguments.seed,
    )  # fmt: skip
    table = Table(
        file=arguments.file, format=arguments.format, text=arguments.text, label=arguments.label,
        header=arguments.header == "true", delimiter=arguments.delimiter,
    )  # fmt: skip
    asked, printed = tee(table.rows())
    loaded = load(arguments)
    rows = (row for row in asked if isinstance(row, Entry))
    texts = (row.text if row.label is None else (row.text, row.label) for row in rows)
    found = augment(
        loaded.model, loaded.tokenizers.source, texts, options, made=loaded.decoding,
        batch_tokens=arguments.batch_tokens, chunk=chunk_of(arguments.file, CHUNK),
    )  # fmt: skip
    notes: Counter[str] = Counter()
    with bar("augmenting", arguments.file, to_screen=sys.stdout.isatty()) as advance:
        for row in printed:
            for line in _lines(row, found, arguments, notes):
                print(line)
            advance(1)
    _report(notes)
    return 0


def _lines(
    row: str | Entry, found: Iterator[Variants], arguments: argparse.Namespace, notes: Counter[str]
) -> Iterator[str]:
    """What is printed for a line of FILE: the header as it is, a row as itself, its variants, or an object."""
    if isinstance(row, str):
        yield from [] if arguments.json else [row]
        return
    variants = next(found)
    notes[variants.note] += 1
    if arguments.json:
        shown = {"text": row.text, "label": row.label, "variants": variants.texts, "note": variants.note or None}
        yield json.dumps(shown, ensure_ascii=False)
        return
    if arguments.keep_original:
        yield row.line
    yield from map(row.with_text, variants.texts)


def _report(notes: Counter[str]) -> None:
    """On standard error, how many rows have fewer variants than were asked for, and why."""
    rows, whole = sum(notes.values()), notes.pop("", 0)
    if rows > whole:
        why = ", ".join(f"{count:,} {note}" for note, count in notes.most_common())
        print(f"headway: {rows - whole:,} of {rows:,} rows have no variant, or fewer: {why}", file=sys.stderr)
