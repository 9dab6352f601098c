"""`headway generate`: prompts in, what the model writes after them out."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from itertools import tee
from typing import TYPE_CHECKING

from headway.errors import ConfigError

if TYPE_CHECKING:
    from headway.decoding.generate import Decoding
    from headway.tasks.generate import Generated

HELP = "continue prompts, or answer them with an encoder-decoder"
STDIN, CHUNK = "-", 100  # prompts read ahead
EXAMPLE = """\
headway generate models/gpt2 "The capital of Korea is" --max-new-tokens 20 --stream
headway generate models/gpt2 - --temperature 0.8 --top-p 0.95 --num 3 < prompts.txt"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    parser.add_argument("model", metavar="MODEL", help="run folder, Hugging Face folder or hub id")
    parser.add_argument("prompts", metavar="PROMPT", nargs="*", default=[""],
                        help="text to go on from; - reads one a line of stdin (none: the start of a text)")  # fmt: skip
    parser.add_argument("--max-new-tokens", type=int, metavar="N", help="of an output (128, or by the source's length)")
    parser.add_argument("--stop", action="append", default=[], metavar="TEXT",
                        help="end before this text, in which \\n is a line feed; may be given again")  # fmt: skip
    parser.add_argument("--repetition-penalty", type=float, default=1.0, metavar="R",
                        help="above 1: what was there before is less likely (%(default)s)")  # fmt: skip
    parser.add_argument("--num", type=int, default=1, metavar="N", help="outputs for a prompt (%(default)s)")
    parser.add_argument("--beam", type=int, metavar="N", help="search with N hypotheses (1: greedy)")
    draw = parser.add_argument_group("sampling, where one of these is given")
    draw.add_argument("--temperature", type=float, metavar="T", help="below 1: sharper (1)")
    draw.add_argument("--top-k", type=int, metavar="K", help="among the K most probable; 0: all (0)")
    draw.add_argument("--top-p", type=float, metavar="P", help="among those that hold P (1)")
    draw.add_argument("--seed", type=int, metavar="N", help="of the draws (1)")
    parser.add_argument("--stream", action="store_true", help="print the text while it is written")
    parser.add_argument("--json", action="store_true", help="one object a prompt, with ids and scores")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto", help="(%(default)s)")
    parser.add_argument(
        "--dtype", choices=["auto", "float32", "bfloat16", "float16"], default="auto", help="(%(default)s)"
    )
    parser.add_argument(
        "--quantize", choices=["int8"], help="multiply in eight bits, on a CPU: faster, a little less exact"
    )
    parser.add_argument("--offline", action="store_true", help="never touch the network")


def run(arguments: argparse.Namespace) -> int:
    """Generates, prompt by prompt."""
    import headway
    from headway.tasks.generate import Stream, generate

    options, stops = _options(arguments), [stop.replace("\\n", "\n") for stop in arguments.stop]
    loaded = headway.load(
        arguments.model,
        device=arguments.device,
        dtype=arguments.dtype,
        quantize=arguments.quantize,
        offline=arguments.offline,
    )
    if arguments.stream:
        for prompt in _prompts(arguments.prompts):
            for piece in Stream(loaded.model, loaded.tokenizers, prompt, options, stop_strings=stops):
                print(piece, end="", flush=True)
            print(flush=True)
        return 0
    asked, answered = tee(_prompts(arguments.prompts))
    results = generate(
        loaded.model, loaded.tokenizers, asked, options, stop_strings=stops,
        chunk=1 if sys.stdin.isatty() and STDIN in arguments.prompts else CHUNK,
    )  # fmt: skip
    is_single = len(arguments.prompts) == arguments.num == 1 and STDIN not in arguments.prompts
    for prompt, outputs in zip(answered, results, strict=True):
        for line in _shown(prompt, outputs, arguments.json, is_single):
            print(line, flush=True)
    return 0


def _options(arguments: argparse.Namespace) -> Decoding:
    """Greedy, unless a search or a draw was asked for."""
    from headway.decoding.generate import Decoding
    from headway.decoding.sampling import Sampling

    if arguments.stream and arguments.json:
        raise ConfigError("--stream prints pieces of text and --json whole objects; leave one of them out")
    given = {name: getattr(arguments, name) for name in ("temperature", "top_k", "top_p", "seed")}
    given = {name: value for name, value in given.items() if value is not None}
    if given and arguments.beam:
        raise ConfigError(f"--beam searches and --{next(iter(given)).replace('_', '-')} draws; leave one of them out")
    if arguments.num > 1 and not given and not arguments.beam:
        raise ConfigError(f"--num is {arguments.num}, but greedy has one output; draw (--temperature 1) or give --beam")
    return Decoding(
        beam=1 if arguments.beam is None else arguments.beam,
        n_best=arguments.num,
        sampling=Sampling(**given) if given else None,
        max_length=arguments.max_new_tokens,
        repetition_penalty=arguments.repetition_penalty,
    )


def _prompts(given: list[str]) -> Iterator[str]:
    """The prompts in their order, those of standard input where `-` stands."""
    from headway.data.lines import read_lines

    for prompt in given:
        yield from read_lines(STDIN) if prompt == STDIN else [prompt]


def _shown(prompt: str, outputs: list[Generated], as_json: bool, is_single: bool) -> Iterator[str]:
    """The lines printed for one prompt: a text as it is where there is only one, else one line an output."""
    if as_json:
        best, *others = (dataclasses.asdict(output) for output in outputs)
        row = {"prompt": prompt} | best | ({"alternatives": others} if others else {})
        yield json.dumps(row, ensure_ascii=False)
        return
    for output in outputs:
        yield output.text if is_single else " ".join(output.text.split("\n"))
