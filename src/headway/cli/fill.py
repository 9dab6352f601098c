"""`headway fill`: the best words for each mask of a text."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from headway.cli.options import add_model, add_running, chunk_of, load, print_results

if TYPE_CHECKING:
    from headway.tasks.fill import Filling

HELP = "fill the masks of a text with the most probable words"
EXAMPLE = """\
headway fill models/bert-base-uncased "The capital of Korea is [MASK]."
headway fill models/kcbert-base - --k 3 --json < masked.txt"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_model(parser)
    parser.add_argument("text", metavar="TEXT", help="with [MASK] where a word is wanted; - reads one text a line")
    parser.add_argument("--k", type=int, default=5, metavar="N", help="words for each mask (%(default)s)")
    parser.add_argument("--json", action="store_true", help="one object a text: text, masks with words and scores")
    add_running(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the text with the best words, then each mask's words: number of the mask, probability, word."""
    from headway.data.lines import read_lines
    from headway.tasks.fill import fill_lines
    from headway.tasks.rows import CHUNK

    from_file = arguments.text == "-"
    texts = read_lines("-") if from_file else [arguments.text]
    loaded = load(arguments)
    results = fill_lines(
        loaded.model, loaded.tokenizers.source, texts, arguments.k,
        batch_tokens=arguments.batch_tokens, chunk=chunk_of("-", CHUNK) if from_file else 1,
        too_long=arguments.too_long,
    )  # fmt: skip
    print_results("filling", "-", results, lambda filling: _shown(filling, arguments.json))
    return 0


def _shown(filling: Filling, as_json: bool) -> Iterator[str]:
    if as_json:
        masks = [
            {"start": m.start, "end": m.end, "words": [{"word": w.word, "score": w.score} for w in m.words]}
            for m in filling.masks
        ]
        yield json.dumps({"text": filling.text, "masks": masks}, ensure_ascii=False)
        return
    yield filling.text
    for number, mask in enumerate(filling.masks, 1):
        for word in mask.words:
            yield f"{number}\t{word.score:.6f}\t{word.word}"
