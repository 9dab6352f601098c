"""`headway classify`: a label, or several, or a number, for each line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from headway.cli.options import add_model, add_running, chunk_of, load, print_results
from headway.errors import DataError

if TYPE_CHECKING:
    from headway.tasks.classify import Classification

HELP = "label texts, or pairs of texts, with probabilities"
EXAMPLE = """\
headway classify runs/sentiment reviews.txt > labels.tsv
printf 'It rains.\\tThe sun shines.\\n' | headway classify runs/nli --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_model(parser)
    parser.add_argument("file", metavar="FILE", nargs="?", default="-",
                        help="a text a line, or a pair with a tab between; - is stdin (-)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one object a line: label (or labels) and scores")
    add_running(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints for each line its labels, each with its probability, parted by tabs; of a regression the number."""
    from headway.data.lines import read_lines
    from headway.tasks.classify import classify
    from headway.tasks.rows import CHUNK

    lines = read_lines(arguments.file)
    loaded = load(arguments)
    results = classify(
        loaded.model, loaded.tokenizers.source, _texts(arguments.file, lines),
        batch_tokens=arguments.batch_tokens, chunk=chunk_of(arguments.file, CHUNK), too_long=arguments.too_long,
        pairs=loaded.reading.pairs,
    )  # fmt: skip
    print_results("classifying", arguments.file, results, lambda result: [_shown(result, arguments.json)])
    return 0


def _texts(file: str, lines: Iterable[str]) -> Iterator[str | tuple[str, str]]:
    from headway.data.lines import called

    for number, line in enumerate(lines, 1):
        match line.split("\t"):
            case [text]:
                yield text
            case [first, second]:
                yield first, second
            case columns:
                raise DataError(
                    f"{called(file)}, line {number}: {len(columns)} columns; expected a text, or a pair with one tab "
                    "between"
                )


def _shown(result: Classification, as_json: bool) -> str:
    if as_json:
        return json.dumps(_row(result), ensure_ascii=False)
    if result.problem == "regression":
        return "\t".join(f"{score:.6f}" for score in result.scores.values())
    return "\t".join(f"{label}\t{result.scores[label]:.6f}" for label in result.labels)


def _row(result: Classification) -> dict[str, Any]:
    if result.problem == "multi":
        return {"labels": list(result.labels), "scores": result.scores}
    if result.problem == "single":
        return {"label": result.label, "scores": result.scores}
    row = {"label": None, "scores": result.scores}
    return row if len(result.scores) > 1 else row | {"score": next(iter(result.scores.values()), None)}
