"""`headway answer`: the part of a text that answers a question."""

from __future__ import annotations

import argparse
import dataclasses
import json

from headway.cli.options import Tally, add_model, add_running, load

HELP = "find the answer to a question in a text"
EXAMPLE = 'headway answer runs/squad --question "Who wrote it?" --context article.txt'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_model(parser)
    parser.add_argument("--question", metavar="Q", required=True, help="what is asked")
    parser.add_argument("--context", metavar="FILE", required=True, help="the whole text to look in; - is stdin")
    parser.add_argument("--k", type=int, default=5, metavar="N", help="answers (%(default)s)")
    parser.add_argument("--max-tokens", type=int, default=30, metavar="N", help="of an answer (%(default)s)")
    parser.add_argument(
        "--json", action="store_true", help="one object: answer, start, end, score, alternatives, no_answer"
    )
    add_running(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the answers, best first: score, start, end, text; places are characters of the file, counted from 0."""
    from headway.data.lines import check_file, open_bytes
    from headway.tasks.answer import answer_pairs

    check_file(arguments.context)
    with open_bytes(arguments.context) as file:
        context = file.read().decode("utf-8-sig")
    loaded = load(arguments)
    results = answer_pairs(
        loaded.model, loaded.tokenizers.source, [(arguments.question, context)], arguments.k,
        max_tokens=arguments.max_tokens, batch_tokens=arguments.batch_tokens, too_long=arguments.too_long,
    )  # fmt: skip
    found = next(results)
    if arguments.json:
        others = {
            "alternatives": [dataclasses.asdict(span) for span in found.alternatives],
            "no_answer": found.no_answer,
        }
        print(json.dumps(dataclasses.asdict(found.best) | others, ensure_ascii=False))
    else:
        for span in (found.best, *found.alternatives):
            print(f"{span.score:.6f}\t{span.start}\t{span.end}\t{' '.join(span.answer.split())}")
    Tally(1, int(found.cut > 0)).report()
    return 0
