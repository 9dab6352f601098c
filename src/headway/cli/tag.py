"""`headway tag`: a label for every word of each line."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from headway.cli.options import add_model, add_running, chunk_of, load, print_results

if TYPE_CHECKING:
    from headway.tasks.tag import Tagged

HELP = "label every word, with its place in the line"
EXAMPLE = """\
headway tag runs/names news.txt > news.tsv
echo "이순신은 조선의 무신이다." | headway tag runs/klue-ner --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_model(parser)
    parser.add_argument("file", metavar="FILE", nargs="?", default="-", help="one sentence a line; - is stdin (-)")
    parser.add_argument("--unit", choices=["word", "char"],
                        help="what has a label: what blanks part, or each character (as the run learned)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one object a line: tokens")
    add_running(parser, windows=True)


def run(arguments: argparse.Namespace) -> int:
    """Prints for each word a line: word, label, start, end, probability; and after each sentence an empty one."""
    from headway.data.lines import read_lines
    from headway.tasks.rows import CHUNK
    from headway.tasks.tag import tag

    lines = read_lines(arguments.file)
    loaded = load(arguments)
    results = tag(
        loaded.model, loaded.tokenizers.source, lines, arguments.unit or loaded.reading.unit,
        batch_tokens=arguments.batch_tokens, chunk=chunk_of(arguments.file, CHUNK), too_long=arguments.too_long,
        max_length=loaded.reading.max_length, stride=loaded.reading.stride,
    )  # fmt: skip
    print_results("tagging", arguments.file, results, lambda tagged: _shown(tagged, arguments.json))
    return 0


def _shown(tagged: Tagged, as_json: bool) -> Iterator[str]:
    if as_json:
        yield json.dumps({"tokens": [dataclasses.asdict(token) for token in tagged.tokens]}, ensure_ascii=False)
        return
    for token in tagged.tokens:
        yield f"{token.word}\t{token.label}\t{token.start}\t{token.end}\t{token.score:.6f}"
    yield ""
