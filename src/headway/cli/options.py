"""What commands have in common: which model they open and how, the bar over lines, the report at the end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from headway.tasks.loaded import Loaded

STDIN = "-"


class CanBeCut(Protocol):
    """A result that knows how many tokens of its text the model could not read."""

    @property
    def cut(self) -> int:
        """Tokens."""
        ...


Result = TypeVar("Result", bound=CanBeCut)


def add_model(parser: argparse.ArgumentParser) -> None:
    """The first argument."""
    parser.add_argument("model", metavar="MODEL", help="run folder, Hugging Face folder or hub id")


def add_offline(parser: argparse.ArgumentParser) -> None:
    """That nothing is fetched; `main` says it to the libraries of the hub before a command imports them."""
    parser.add_argument("--offline", action="store_true", help="never touch the network")


def add_source(parser: argparse.ArgumentParser, *, may_lack: bool = True) -> None:
    """Which model of the hub is meant, and whether a folder may lack a part: not where the whole model is needed."""
    parser.add_argument("--revision", metavar="REV", help="of a hub id: a branch, a tag or a commit")
    add_offline(parser)
    if may_lack:
        parser.add_argument(
            "--allow-missing", action="store_true", help="draw at random what the folder lacks, and name it"
        )


def add_running(
    parser: argparse.ArgumentParser, *, may_lack: bool = True, windows: bool = False, tokens: int = 1500
) -> None:
    """How the model is run, and what happens to texts too long for it; with `windows` they can be read in parts."""
    ways = [*["windows"] * windows, "cut", "refuse"]
    parser.add_argument(
        "--too-long", choices=ways, default=ways[0], help="a text the model cannot read whole (%(default)s)"
    )
    parser.add_argument(
        "--batch-tokens", type=int, default=tokens, metavar="N", help="tokens at once, padding counted (%(default)s)"
    )
    add_device(parser, may_lack=may_lack)


def add_draws(group: argparse._ArgumentGroup) -> None:
    """How each token is drawn; `draws_of` reads it."""
    group.add_argument("--temperature", type=float, metavar="T", help="below 1: sharper (1)")
    group.add_argument("--top-k", type=int, metavar="K", help="among the K most probable; 0: all (0)")
    group.add_argument("--top-p", type=float, metavar="P", help="among those that hold P (1)")
    group.add_argument("--seed", type=int, metavar="N", help="of the draws (1)")


def draws_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """What is given of a draw, as `Sampling` takes it."""
    given = {name: getattr(arguments, name) for name in ("temperature", "top_k", "top_p", "seed")}
    return {name: value for name, value in given.items() if value is not None}


def add_place(parser: argparse.ArgumentParser) -> None:
    """Where the model is run and in which numbers."""
    parser.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto", help="(%(default)s)")
    parser.add_argument(
        "--dtype", choices=["auto", "float32", "bfloat16", "float16"], default="auto", help="(%(default)s)"
    )


def add_device(parser: argparse.ArgumentParser, *, may_lack: bool = True) -> None:
    """Where the model is run, in which numbers, and which one it is."""
    add_place(parser)
    parser.add_argument(
        "--quantize", choices=["int8"], help="multiply in eight bits, on a CPU: faster, a little less exact"
    )
    add_source(parser, may_lack=may_lack)


def load(arguments: argparse.Namespace) -> Loaded:
    """The model of these arguments; what was drawn for it, and then what was left out too, is said."""
    import headway

    given = vars(arguments)
    options = {name: given[name] for name in _LOADING if name in given}
    loaded = headway.load(arguments.model, **options)
    report_parts(loaded.fresh, loaded.unread if options.get("allow_missing") else ())
    return loaded


_LOADING = ("device", "dtype", "quantize", "revision", "offline", "allow_missing")


def report_parts(fresh: Sequence[str], unread: Sequence[str]) -> None:
    """Says on standard error what a folder lacked, and what of it the model has no place for."""
    for what, names in (("drawn at random, for the folder lacks them", fresh), ("left out", unread)):
        if names:
            print(f"headway: {what}: {', '.join(names)}", file=sys.stderr)


def chunk_of(file: str, usual: int) -> int:
    """How many lines are read ahead: one where somebody types them."""
    return 1 if file == STDIN and sys.stdin.isatty() else usual


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Prints columns two blanks apart; Hangul is two columns wide."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


@dataclass
class Tally:
    """How many texts there were, and how many of them were cut."""

    count: int = 0
    cut: int = 0

    def of(self, results: Iterable[Result], advance: Callable[[int], None]) -> Iterator[Result]:
        """The results, counted as they pass."""
        for result in results:
            self.count += 1
            self.cut += result.cut > 0
            yield result
            advance(1)

    def report(self) -> None:
        """Says on standard error what was cut, if anything was."""
        if self.cut:
            texts = f"{self.cut:,} of {self.count:,} texts"
            print(f"headway: {texts} were longer than the model reads; their ends were left out", file=sys.stderr)


def print_results(title: str, file: str, results: Iterable[Result], shown: Callable[[Result], Iterable[str]]) -> None:
    """Prints the lines of each result, with a bar where a file becomes one, and says in the end how many were cut."""
    typed, tally = file == STDIN and sys.stdin.isatty(), Tally()
    with bar(title, file, to_screen=sys.stdout.isatty()) as advance:
        for result in tally.of(results, advance):
            for line in shown(result):
                print(line, flush=typed)
    tally.report()


@contextmanager
def bar(title: str, file: str, *, to_screen: bool) -> Iterator[Callable[[int], None]]:
    """A bar while the lines of a file are worked on, unless the results themselves show on the screen."""
    if file == STDIN or to_screen or not sys.stderr.isatty():
        yield lambda n: None
        return
    from headway.data.lines import read_lines
    from headway.data.progress import progress

    with progress(title, sum(1 for _ in read_lines(file)), "lines") as advance:
        yield advance
