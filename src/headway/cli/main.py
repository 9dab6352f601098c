"""The command line: imports the one command that was asked for, and turns every error into a sentence and a status.

Nothing here imports torch, so `headway --help` answers at once. Exit status: 0 done, 2 wrong usage or configuration,
3 bad data or model files, 4 not enough memory or disk, 130 interrupted, 141 the reader of the output went away.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import os
import sys
import textwrap
import traceback
from collections.abc import Iterator, Sequence
from typing import Protocol, cast

from headway.errors import CapacityError, ConfigError, DataError, HeadwayError, Interrupted, nearest

COMMANDS = {
    "train": "train a recipe, or a YAML file of your own",
    "resume": "continue a run exactly where it stopped",
    "evaluate": "measure a model on a test set, with the task's standard metrics",
    "translate": "translate line by line, in order",
    "generate": "continue prompts, or answer them with an encoder-decoder",
    "fill": "fill the masks of a text with the most probable words",
    "classify": "label texts, or pairs of texts, with probabilities",
    "tag": "label every word, with its place in the line",
    "answer": "find the answer to a question in a text",
    "embed": "turn texts into vectors: hidden states of any layers, pooled",
    "attend": "draw the attention of every layer and head as one page or figure",
    "augment": "write variants of labelled texts: words refilled, or ends written anew",
    "tokenizer": "train a tokenizer, encode and decode text, look into its pieces",
    "data": "list, look at and check data sets, and keep the cache in order",
    "convert": "write a model as transformers reads it, or as a folder of headway",
    "push": "publish a model on the Hugging Face hub, with a model card",
    "info": "show a model's parts, memory, length and tokenizer",
    "families": "show the table of families and sizes",
}

HELP = """\
usage: headway COMMAND ...

The classic Transformer family, from raw text to a trained, measured and seen model.

{commands}

  headway COMMAND --help   what a command takes, with an example
  headway --version        the version
  --debug                  anywhere: show the traceback of an error

example:
  headway train quickstart
"""


class Command(Protocol):
    """What the module of a command holds.

    One that also takes the keys of a run's configuration (`--training.max_steps 100`) has `PASS_REST = True` and finds
    them, unparsed, in `arguments.rest`. `LOWER` says what to do where memory ends, if it is more than to lower options.
    """

    HELP: str
    EXAMPLE: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declares what the command takes."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Does it, and returns the exit status."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line (`argv`, or the process's own) and returns its exit status."""
    if argv is None:
        _speak_utf8()
    given = list(sys.argv[1:] if argv is None else argv)
    end = given.index("--") if "--" in given else len(given)
    debug = "--debug" in given[:end]
    try:
        status = _dispatch([word for word in given[:end] if word != "--debug"] + given[end:])
        sys.stdout.flush()
        return status
    except SystemExit as answered:  # argparse has printed the help, or what is wrong with the usage
        return int(answered.code or 0)
    except BrokenPipeError:  # `headway translate … | head -1`: what is still buffered has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (Exception, KeyboardInterrupt) as error:
        known = _as_user_error(error, given[:end])
        if known is None:
            raise
        if debug:
            traceback.print_exception(error)
        else:
            print(f"headway: {known}", file=sys.stderr)
        return known.exit_status


def load(name: str) -> Command:
    """Imports the module of a command.

    Raises:
        ConfigError: there is no such command; the nearest one is named.
    """
    if name not in COMMANDS:
        raise ConfigError(f"there is no command {name}; {nearest(name, COMMANDS)}")
    return cast(Command, importlib.import_module(f"headway.cli.{name}"))


def parser_of(name: str, command: Command) -> argparse.ArgumentParser:
    """The parser of what stands after the command's name."""
    parser = argparse.ArgumentParser(
        prog=f"headway {name}",
        description=command.HELP,
        epilog="example:\n" + textwrap.indent(command.EXAMPLE, "  "),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    return parser


def parse(name: str, command: Command, given: Sequence[str]) -> argparse.Namespace:
    """Reads the arguments that stand after the command's name.

    Raises:
        ConfigError: an option is unknown; the nearest one is named.
        SystemExit: argparse has printed the help, or what is wrong.
    """
    parser = parser_of(name, command)
    if getattr(command, "PASS_REST", False):
        own, rest = _part(given, parser)
        return parser.parse_args(own, argparse.Namespace(rest=rest))
    arguments, unknown = parser.parse_known_args(given)
    if unknown:
        raise ConfigError(f"headway {name} does not take {unknown[0]}; {nearest(unknown[0], set(_options(parser)))}")
    return arguments


def _dispatch(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help"):
        width = max(map(len, COMMANDS))
        table = "\n".join(f"  {name:{width}}   {does}" for name, does in COMMANDS.items())
        print(HELP.format(commands=table), end="", file=sys.stdout if given else sys.stderr)
        return 0 if given else ConfigError.exit_status
    if given[0] == "--version":
        from importlib.metadata import version

        print(f"headway {version('headway')}")
        return 0
    command = load(given[0])
    arguments = parse(given[0], command, given[1:])
    if getattr(arguments, "offline", False):  # the libraries of the hub read this when they are imported
        os.environ["HF_HUB_OFFLINE"] = "1"
    return command.run(arguments)


def _part(given: Sequence[str], parser: argparse.ArgumentParser) -> tuple[list[str], list[str]]:
    """Parts a command's own arguments from the keys of the configuration, `--key value` or `--key=value`.

    Done before argparse sees them: it would take the value of a key it does not know for an argument of its own.
    """
    options = set(_options(parser))
    own: list[str] = []
    rest: list[str] = []
    words = list(given)
    while words and words[0] != "--":
        word = words.pop(0)
        if not word.startswith("--") or word.partition("=")[0] in options:
            own.append(word)
            continue
        rest.append(word)
        if "=" not in word and words and not words[0].startswith("--"):
            rest.append(words.pop(0))
    return own + words, rest


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The options of a parser and of the parsers under it."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _options(inner)


def _as_user_error(error: BaseException, given: Sequence[str]) -> HeadwayError | None:
    """What a user can cause with the words `given`, as one of our errors; `None` for a fault of the program."""
    match error:
        case HeadwayError():
            return error
        case KeyboardInterrupt():
            return Interrupted("interrupted")
        case UnicodeDecodeError():
            return DataError(f"the text is not UTF-8: {error}")
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f" at {error.filename}" if error.filename else ""
            return CapacityError(f"the disk is full{where}; make room, or write to another one")
        case OSError() if error.filename is not None:
            return DataError(f"{error.filename}: {error.strerror}")
        case MemoryError():
            return _out_of_memory(given)
        case RuntimeError() if any(sign in str(error).lower() for sign in ("out of memory", "allocate memory")):
            return _out_of_memory(given)
        case _:
            return None


_TAKES_MEMORY = ("--batch-tokens", "--beam", "--num", "--max-new-tokens", "--max-length")


def _out_of_memory(given: Sequence[str]) -> CapacityError:
    """With what can be lowered of the command in the words `given`."""
    name = next(word for word in given if word != "--debug")
    command = load(name)
    options = set(_options(parser_of(name, command)))
    found = [option for option in _TAKES_MEMORY if option in options]
    lower = getattr(command, "LOWER", f"lower {' or '.join(found)}" if found else "make room, or give it less at once")
    return CapacityError(f"not enough memory; {lower} (--debug shows where it happened)")


def _speak_utf8() -> None:
    """Text in and out is UTF-8 with lines that end with a line feed only, whatever the locale says."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # none where the process was started without one
            stream.reconfigure(encoding="utf-8", newline="\n")
