"""`headway embed`: a vector for each line."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from headway.cli.options import Tally, add_model, add_running, bar, chunk_of, load
from headway.errors import ConfigError

if TYPE_CHECKING:
    from headway.tasks.embed import Embedding

HELP = "turn texts into vectors: hidden states of any layers, pooled"
EXAMPLE = """\
headway embed models/minilm sentences.txt --normalize --out vectors.npy
echo "by the bank of the river" | headway embed models/bert --layer sum:-4..-1 --pool none --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_model(parser)
    parser.add_argument("file", metavar="FILE", nargs="?", default="-", help="one text a line; - is stdin (-)")
    parser.add_argument("--layer", default="-1", metavar="LAYER",
                        help="last or -1, another (0: embeddings), sum:-4..-1 or concat:-4..-1 (last)")  # fmt: skip
    parser.add_argument("--pool", choices=["mean", "cls", "max", "none"], default="mean",
                        help="what becomes of the tokens; none: a vector each (%(default)s)")  # fmt: skip
    parser.add_argument("--normalize", action="store_true", help="give every vector length 1")
    parser.add_argument("--out", metavar="FILE", help="where the vectors are written, as .npy without --json (stdout)")
    parser.add_argument(
        "--json", action="store_true", help="one object a line: embedding, with --pool none also tokens"
    )
    add_running(parser)


def run(arguments: argparse.Namespace) -> int:
    """Writes one matrix `(lines, width)` as `.npy`, or JSON lines; an empty line is a vector of zeros."""
    if not arguments.json and arguments.pool == "none":
        raise ConfigError(
            "--pool none gives each line as many vectors as it has tokens, which is no matrix; add --json"
        )
    if not arguments.json and not arguments.out and sys.stdout.isatty():
        raise ConfigError("a matrix is nothing for a screen; name a file with --out, or add --json")
    if arguments.out and not (folder := Path(arguments.out).absolute().parent).is_dir():
        raise ConfigError(f"--out {arguments.out}: there is no folder {folder}; make it first")

    from headway.data.lines import read_lines
    from headway.tasks.embed import embed
    from headway.tasks.rows import CHUNK

    lines = read_lines(arguments.file)
    loaded = load(arguments)
    results = embed(
        loaded.model, loaded.tokenizers.source, lines, arguments.layer, arguments.pool, arguments.normalize,
        batch_tokens=arguments.batch_tokens, chunk=chunk_of(arguments.file, CHUNK), too_long=arguments.too_long,
    )  # fmt: skip
    on_screen, tally = not arguments.out and sys.stdout.isatty(), Tally()
    with (
        bar("embedding", arguments.file, to_screen=on_screen) as advance,
        _output(arguments.out, can_seek=not arguments.json) as stream,
    ):
        if arguments.json:
            _write_lines(stream, tally.of(results, advance), arguments.pool == "none")
        else:
            _write_matrix(stream, tally.of(results, advance))
    tally.report()
    return 0


def _write_lines(stream: IO[bytes], results: Iterable[Embedding], with_tokens: bool) -> None:
    for result in results:
        row: dict[str, Any] = {"embedding": _numbers(result.vector)}
        if with_tokens:
            row["tokens"] = result.tokens
        stream.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
        if sys.stdin.isatty():
            stream.flush()


def _numbers(values: Any) -> Any:
    """An array of float32 as nested lists of the shortest numbers that stand for the same values."""
    return float(str(values)) if values.ndim == 0 else [_numbers(value) for value in values]


def _write_matrix(stream: IO[bytes], results: Iterable[Embedding]) -> None:
    """A `.npy` row by row; its head, which says how many there are, is written anew at the end."""
    from numpy.lib import format as npy

    rows = width = 0
    for rows, result in enumerate(results, 1):
        if rows == 1:
            width = len(result.vector)
            npy.write_array_header_1_0(stream, _head(rows, width))
        stream.write(result.vector.astype("<f4").tobytes())
    stream.seek(0)
    npy.write_array_header_1_0(stream, _head(rows, width))


def _head(rows: int, width: int) -> dict[str, Any]:
    return {"descr": "<f4", "fortran_order": False, "shape": (rows, width)}


@contextmanager
def _output(path: str | None, *, can_seek: bool) -> Iterator[IO[bytes]]:
    """The file that takes its place when it is whole; or standard output, at the end where it must be sought in."""
    if path is not None:
        part = Path(path).with_name(f".{Path(path).name}.{os.getpid()}")
        try:
            with part.open("wb") as file:
                yield file
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    elif not can_seek:
        yield sys.stdout.buffer
    else:
        with tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            shutil.copyfileobj(file, sys.stdout.buffer)
