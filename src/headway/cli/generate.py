"""`headway generate`: prompts in, what the model writes after them out."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import tee
from typing import TYPE_CHECKING, Any

from headway.cli.options import STDIN, add_device, add_draws, add_model, chunk_of, draws_of, load
from headway.errors import ConfigError

if TYPE_CHECKING:
    from headway.decoding.generate import Decoding
    from headway.tasks.generate import Generated

HELP = "continue prompts, or answer them with an encoder-decoder"
CHUNK = 100  # prompts read ahead
EXAMPLE = """\
headway generate models/gpt2 "The capital of Korea is" --max-new-tokens 20 --stream
headway generate models/gpt2 - --temperature 0.8 --top-p 0.95 --num 3 < prompts.txt"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_model(parser)
    parser.add_argument("prompts", metavar="PROMPT", nargs="*", default=[""],
                        help="text to go on from; - reads one a line of stdin (none: the start of a text)")  # fmt: skip
    parser.add_argument("--max-new-tokens", type=int, metavar="N", help="of an output (128, or by the source's length)")
    parser.add_argument("--stop", action="append", default=[], metavar="TEXT",
                        help="end before this text, in which \\n is a line feed; may be given again")  # fmt: skip
    parser.add_argument("--repetition-penalty", type=float, metavar="R",
                        help="above 1: what was there before is less likely (1)")  # fmt: skip
    parser.add_argument("--num", type=int, default=1, metavar="N", help="outputs for a prompt (%(default)s)")
    parser.add_argument("--beam", type=int, metavar="N", help="search with N hypotheses (1: greedy)")
    draw = parser.add_argument_group(
        "sampling, where one of these is given",
        "Without: the most probable token each time, whatever generation_config.json says of a search or a draw.",
    )
    draw.add_argument("--sample", action="store_true",
                      help="draw as the model's folder says, where nothing else is given here")  # fmt: skip
    add_draws(draw)
    parser.add_argument("--special", action="store_true",
                        help="read special pieces in a prompt (<extra_id_0>) as such, not as characters")  # fmt: skip
    parser.add_argument("--stream", action="store_true", help="print the text while it is written")
    parser.add_argument("--json", action="store_true", help="one object a prompt, with ids and scores")
    parser.add_argument(
        "--batch-tokens", type=int, default=4000, metavar="N", help="tokens at once, padding counted (%(default)s)"
    )
    add_device(parser)


def run(arguments: argparse.Namespace) -> int:
    """Generates, prompt by prompt."""
    from headway.data.prompted import part
    from headway.tasks.generate import Stream, generate

    _check(arguments)
    stops = [stop.replace("\\n", "\n") for stop in arguments.stop]
    loaded = load(arguments)
    options = _options(arguments, loaded.decoding)
    if arguments.stream:
        for prompt in part(_prompts(arguments.prompts), loaded.reading.separator):
            stream = Stream(
                loaded.model, loaded.tokenizers, prompt, options, stop_strings=stops, special=arguments.special
            )
            try:
                for piece in stream:
                    print(piece, end="", flush=True)
            finally:
                print(flush=True)
        return 0
    asked, answered = tee(_prompts(arguments.prompts))
    is_read = STDIN in arguments.prompts
    results = generate(
        loaded.model, loaded.tokenizers, part(asked, loaded.reading.separator), options,
        stop_strings=stops, special=arguments.special, batch_tokens=arguments.batch_tokens,
        chunk=chunk_of(STDIN, CHUNK) if is_read else CHUNK,
    )  # fmt: skip
    is_single = len(arguments.prompts) == arguments.num == 1 and not is_read
    with _bar(arguments.prompts) as advance:
        for prompt, outputs in zip(answered, results, strict=True):
            for line in _shown(prompt, outputs, arguments.json, is_single):
                print(line, flush=True)
            advance(1)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Raises ConfigError where options are none or contradict each other: before the model is loaded."""
    from headway.decoding.processors import RepetitionPenalty
    from headway.decoding.sampling import Sampling

    for name in ("max_new_tokens", "num", "beam", "batch_tokens"):
        if (value := getattr(arguments, name)) is not None and value < 1:
            raise ConfigError(f"--{name.replace('_', '-')} is {value}; it must be at least 1")
    given, beam, num = draws_of(arguments), arguments.beam, arguments.num
    draws = [f"--{name.replace('_', '-')}" for name in given] + ["--sample"] * arguments.sample
    if arguments.stream and arguments.json:
        raise ConfigError("--stream prints pieces of text and --json whole objects; leave one of them out")
    if arguments.stream and max(beam or 1, num) > 1:
        raise ConfigError("only one output at a time can be streamed; leave out --stream, or --beam and --num")
    if draws and beam:
        raise ConfigError(f"--beam searches and {draws[0]} draws; leave one of them out")
    if num > 1 and not draws and not beam:
        raise ConfigError(f"--num is {num}, but greedy has one output; draw (--temperature 1) or give --beam")
    if beam and num > beam:
        raise ConfigError(f"--num is {num}, but a beam of {beam} finds no more than {beam}; raise --beam")
    Sampling(**given)
    if arguments.repetition_penalty is not None:
        RepetitionPenalty(arguments.repetition_penalty)


def _options(arguments: argparse.Namespace, made: Decoding) -> Decoding:
    """Greedy, unless a search or a draw was asked for; as the folder says where that was."""
    from headway.decoding.sampling import Sampling
    from headway.tasks.generate import greedy

    given = {"max_length": arguments.max_new_tokens, "repetition_penalty": arguments.repetition_penalty}
    changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if arguments.sample:
        made.check_followed()
        changed["sampling"] = dataclasses.replace(made.sampling or Sampling(), **draws_of(arguments))
    elif draws_of(arguments):
        changed["sampling"] = Sampling(**draws_of(arguments))
    asked = made if arguments.sample else greedy(made)
    return dataclasses.replace(asked, beam=arguments.beam or 1, n_best=arguments.num, **changed)


def _prompts(given: list[str]) -> Iterator[str]:
    """The prompts in their order, those of standard input where `-` stands."""
    from headway.data.lines import read_lines

    for prompt in given:
        yield from read_lines(STDIN) if prompt == STDIN else [prompt]


@contextmanager
def _bar(prompts: list[str]) -> Iterator[Callable[[int], None]]:
    """A bar while prompts become a file; of those that are read, nobody knows how many come."""
    from headway.data.progress import progress

    if sys.stdout.isatty() or (STDIN in prompts and sys.stdin.isatty()):
        yield lambda n: None
        return
    with progress("generating", None if STDIN in prompts else len(prompts), "prompts") as advance:
        yield advance


def _shown(prompt: str, outputs: list[Generated], as_json: bool, is_single: bool) -> Iterator[str]:
    """The lines printed for one prompt: a text as it is where there is only one, else one line an output."""
    if as_json:
        best, *others = (dataclasses.asdict(output) for output in outputs)
        row = {"prompt": prompt} | best | ({"alternatives": others} if others else {})
        yield json.dumps(row, ensure_ascii=False)
        return
    for output in outputs:
        yield output.text if is_single else " ".join(output.text.split("\n"))
