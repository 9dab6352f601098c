"""`headway translate`: one line in, one line out, in order, however long the file is."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from headway.cli.options import STDIN, add_draws, add_model, add_running, bar, chunk_of, draws_of, load
from headway.errors import ConfigError

if TYPE_CHECKING:
    from headway.decoding.generate import Decoding
    from headway.tasks.translate import Translation

HELP = "translate line by line, in order"
EXAMPLE = """\
headway translate runs/de-en test.de --beam 5 > test.en
echo "Mina bought three books." | headway translate runs/quickstart
echo "It is a module." | headway translate runs/translate-t5-ko --task en_ko"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_model(parser)
    parser.add_argument("file", metavar="FILE", nargs="?", default="-", help="one sentence a line; - is stdin (-)")
    parser.add_argument(
        "--task",
        metavar="TASK",
        help="of several that a model knows by prefixes: its name, or the prefix itself",
    )
    search = parser.add_argument_group("search (what is not given is as the model was made for)")
    search.add_argument("--beam", type=int, metavar="N", help="hypotheses kept a sentence; 1: greedy")
    search.add_argument(
        "--length-norm",
        metavar="NORM",
        help="what log-probabilities are divided by: none, avg, gnmt:ALPHA, power:ALPHA",
    )
    search.add_argument(
        "--beam-stop", choices=["first", "bound", "never"], help="when the search of a sentence may end: as soon as N "
        "translations have, when none looks better, or only when none can be"
    )  # fmt: skip
    search.add_argument(
        "--n-best", type=int, metavar="N", help="different translations of a line: number, score and text, by tabs"
    )
    search.add_argument(
        "--max-length", type=int, metavar="N", help="tokens of a translation (2 · those of the line + 20)"
    )
    draw = parser.add_argument_group("sampling, instead of a search")
    draw.add_argument("--sample", action="store_true", help="draw each token")
    add_draws(draw)
    add_running(parser, may_lack=False, tokens=4000)
    parser.add_argument("--json", action="store_true", help="one object a line, with scores and lengths")


def run(arguments: argparse.Namespace) -> int:
    """Translates, and says at the end what was cut."""
    from headway.data.lines import read_lines
    from headway.data.prefixes import tell
    from headway.tasks.rows import CHUNK
    from headway.tasks.translate import translate_lines

    read = read_lines(arguments.file)
    _check(arguments)
    loaded = load(arguments)
    lines = tell(read, loaded.reading.prefixes, arguments.task)
    options = _options(arguments, loaded.decoding)
    typed = arguments.file == STDIN and sys.stdin.isatty()
    results = translate_lines(
        loaded.translator, loaded.tokenizers, lines, options,
        batch_tokens=arguments.batch_tokens, chunk=chunk_of(arguments.file, CHUNK), too_long=arguments.too_long,
    )  # fmt: skip
    count = cut = hit = 0
    with bar("translating", arguments.file, to_screen=sys.stdout.isatty()) as advance:
        for count, translations in enumerate(results, 1):
            cut += translations[0].source_cut
            hit += translations[0].hit_limit
            for line in _shown(count, translations, arguments):
                print(line, flush=typed)
            advance(1)
    _report(count, cut, hit)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Raises ConfigError where options contradict each other: before the model is loaded."""
    if arguments.sample and arguments.beam:
        raise ConfigError("--beam searches and --sample draws; leave one of them out")
    if draws_of(arguments) and not arguments.sample:
        raise ConfigError(f"--{next(iter(draws_of(arguments))).replace('_', '-')} is about draws; add --sample")


def _options(arguments: argparse.Namespace, defaults: Decoding) -> Decoding:
    """The model's own way of decoding, changed where the command line says so."""
    from headway.decoding.hypotheses import LengthNorm
    from headway.decoding.sampling import Sampling

    norm = None if arguments.length_norm is None else LengthNorm.parse(arguments.length_norm)
    given: dict[str, Any] = {
        "beam": arguments.beam,
        "length_norm": norm,
        "stop": arguments.beam_stop,
        "n_best": arguments.n_best,
        "max_length": arguments.max_length,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    if arguments.sample:
        changed["sampling"] = Sampling(**draws_of(arguments))
    elif arguments.beam:
        changed["sampling"] = None  # also where the model was made to draw
    return dataclasses.replace(defaults, **changed)


def _shown(number: int, translations: list[Translation], arguments: argparse.Namespace) -> Iterator[str]:
    """The lines printed for one line of input: one, or `n_best` with their number and score."""
    if arguments.json:
        best, *others = (dataclasses.asdict(translation) for translation in translations)
        yield json.dumps(best | ({"alternatives": others} if others else {}), ensure_ascii=False)
        return
    for translation in translations:
        text = " ".join(translation.text.split("\n"))  # one line stays one line, whatever the model wrote
        yield text if arguments.n_best is None else f"{number}\t{translation.score:.6f}\t{text}"


def _report(count: int, cut: int, hit: int) -> None:
    """What a reader of the translations should know, on standard error."""
    if cut:
        lines = f"{cut:,} of {count:,} lines"
        print(f"headway: {lines} were longer than the model reads; their ends were left out", file=sys.stderr)
    if hit:
        share = f"{hit:,} of {count:,} translations ({hit / count:.1%})"
        print(f"headway: {share} reached the length limit and may be cut off; --max-length moves it", file=sys.stderr)
