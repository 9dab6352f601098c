"""`headway answer`: the part of a text that answers a question."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from headway.cli.options import Tally, add_model, add_running, chunk_of, load, print_results
from headway.errors import ConfigError, DataError

if TYPE_CHECKING:
    from headway.tasks.answer import Answer, Span

HELP = "find the answer to a question in a text"
EXAMPLE = """\
headway answer runs/squad --question "Who wrote it?" --context article.txt
headway answer runs/squad questions.tsv --json > answers.jsonl"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_model(parser)
    parser.add_argument("file", metavar="FILE", nargs="?", help="a question, a tab and its text a line; - is stdin")
    parser.add_argument("--question", metavar="Q", help="what is asked, instead of FILE")
    parser.add_argument("--context", metavar="FILE", help="the whole text to look in; - is stdin")
    parser.add_argument("--k", type=int, default=5, metavar="N", help="answers (%(default)s)")
    parser.add_argument("--max-tokens", type=int, default=30, metavar="N", help="of an answer (%(default)s)")
    parser.add_argument("--max-length", type=int, metavar="N",
                        help="tokens read at once (as its run, else all that the model reads)")  # fmt: skip
    parser.add_argument("--stride", type=int, metavar="N",
                        help="tokens that neighbouring windows share (as its run, else 64)")  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", help="an object a question: answer, start, end, score, alternatives, no_answer"
    )
    add_running(parser, windows=True)


def run(arguments: argparse.Namespace) -> int:
    """Prints score, start, end and text, parted by tabs: of one question the best answers, of a file the best of each.

    Places are characters of the text, counted from 0.
    """
    from headway.data.lines import read_lines, read_text
    from headway.tasks.answer import answer_pairs
    from headway.tasks.rows import CHUNK

    file, one = arguments.file, arguments.question is not None and arguments.context is not None
    if file is None and arguments.question is not None and arguments.context is None:
        raise ConfigError("--question is asked of a text, and none is given; name its file with --context FILE")
    if one == (file is not None) or (arguments.question is None) != (arguments.context is None):
        raise ConfigError("give a FILE of questions, or --question and --context, and not both")
    pairs = _pairs(file, read_lines(file)) if file else iter([(arguments.question, read_text(arguments.context))])
    loaded = load(arguments)
    read, stride = loaded.reading, arguments.stride
    results = answer_pairs(
        loaded.model, loaded.tokenizers.source, pairs, arguments.k,
        max_tokens=arguments.max_tokens, batch_tokens=arguments.batch_tokens, chunk=chunk_of(file or "", CHUNK),
        too_long=arguments.too_long, max_length=arguments.max_length or read.max_length,
        stride=read.stride if stride is None else stride,
    )  # fmt: skip
    if file:
        print_results("answering", file, results, lambda found: [_shown(found, found.best, arguments.json)])
        return 0
    found = next(results)
    for span in [found.best] if arguments.json else [found.best, *found.alternatives]:
        print(_shown(found, span, arguments.json))
    Tally(1, int(found.cut > 0)).report()
    return 0


def _pairs(file: str, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    from headway.data.lines import called

    for number, line in enumerate(lines, 1):
        question, tab, context = line.partition("\t")
        if not tab:
            raise DataError(
                f"{called(file)}, line {number}: no tab; expected a question, a tab and the text to look in"
            )
        yield question, context


def _shown(found: Answer, span: Span, as_json: bool) -> str:
    if not as_json:
        return f"{span.score:.6f}\t{span.start}\t{span.end}\t{' '.join(span.answer.split())}"
    others = {"alternatives": [dataclasses.asdict(other) for other in found.alternatives], "no_answer": found.no_answer}
    return json.dumps(dataclasses.asdict(span) | others, ensure_ascii=False)
