r"""Lines of text files, plain or compressed: UTF-8, parted at "\n" only.

`str.splitlines` also parts at U+2028, form feeds and others, which stand inside sentences of real
corpora and would shift one side of parallel text against the other.
"""

from __future__ import annotations

import difflib
import gzip
import io
import json
import lzma
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from headway.errors import DataError, nearest

STDIN = "-"
PACKED = (".gz", ".xz", ".zst")
OBJECTS = "one object a line is expected"  # of JSON lines
_BOM = b"\xef\xbb\xbf"
T = TypeVar("T")


def read_lines(path: str | Path, *, ends: bool = False) -> Iterator[str]:
    r"""The lines of one file, without their "\n" and without one "\r" before it.

    A byte order mark at the start is dropped; `.gz`, `.xz` and `.zst` are unpacked on the way; "-" is
    standard input. Memory use is one line. With `ends` every line keeps its "\n", which the last may lack.

    Raises:
        DataError: there is no such file (at the call), or it is damaged or not UTF-8 (at that line).
    """
    check_file(path)
    return _lines(path, ends)


def read_text(path: str | Path) -> str:
    r"""The whole of one file as `read_lines` finds it, but with every "\n" and "\r" where it stood.

    Raises:
        DataError: there is no such file, or it is damaged or not UTF-8.
    """
    check_file(path)
    with open_bytes(path) as file:
        return "".join(
            _decoded(line.removeprefix(_BOM) if number == 1 else line, path, number)
            for number, line in enumerate(file, 1)
        )


def at_least_one(rows: Iterator[T], otherwise: str) -> Iterator[T]:
    """The same rows.

    Raises:
        DataError: there is none; the message is `otherwise`.
    """
    empty = True
    for row in rows:
        empty = False
        yield row
    if empty:
        raise DataError(otherwise)


def called(path: str | Path) -> str:
    """The name of a file as a message gives it."""
    return "standard input" if str(path) == STDIN else str(path)


def check_file(path: str | Path) -> None:
    """Raises DataError, naming the nearest file there is, unless `path` is a file or standard input."""
    file = Path(path)
    if str(path) == STDIN or (file.exists() and not file.is_dir()):
        return
    if file.is_dir():
        raise DataError(f"{file}: is a folder; a file is expected. In it: {_some(file)}")
    if not file.parent.is_dir():
        raise DataError(f"{file}: no such file, and no folder {file.parent}")
    raise DataError(f"{file}: no such file; {instead_of(file)}")


def instead_of(file: Path) -> str:
    """What its folder has in the place of a file: the one that is called nearly so, or what there is."""
    close = nearest(file.name, [path.name for path in file.parent.iterdir() if _is_alike(path.name, file.name)])
    return close if close.startswith("did") else f"in {file.parent.absolute()}: {_some(file.parent)}"


def _is_alike(name: str, other: str) -> bool:
    """Whether they are alike before their endings, for equal endings say nothing."""
    stems = name.partition(".")[0], other.partition(".")[0]
    return difflib.SequenceMatcher(None, *stems).ratio() >= 0.6


def parse_json(text: str, place: str, expected: str) -> Any:
    """The value that a text says.

    Raises:
        DataError: it is not JSON; after `place`, the message counts characters, and in a text of several lines these.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, " if "\n" in text else ""
        what = error.msg.removesuffix(" at").removesuffix(" starting")
        raise DataError(f"{place}: not JSON at {where}character {error.colno} ({what}); {expected}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: not JSON ({error}); {expected}") from None


@contextmanager
def open_bytes(path: str | Path) -> Iterator[IO[bytes]]:
    """The unpacked bytes of one file, or of standard input for "-".

    Raises:
        DataError: the file cannot be opened, or what is read of it cannot be unpacked.
    """
    try:
        if str(path) == STDIN:
            yield sys.stdin.buffer
        else:
            with _open(Path(path)) as file:
                yield file
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{path}: damaged or cut off ({error}); fetch or pack it again") from None
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror})") from None


def _open(path: Path) -> IO[bytes]:
    match path.suffix:
        case ".gz":
            return cast("IO[bytes]", gzip.open(path, "rb"))
        case ".xz":
            return lzma.open(path, "rb")
        case ".zst":
            return io.BufferedReader(_Zstd(path), 1 << 17)
    return path.open("rb")


class _Zstd(io.RawIOBase):
    """Unpacks frame after frame; unlike the library's own reader it notices a file that was cut off."""

    def __init__(self, path: Path) -> None:
        import zstandard

        self._file = path.open("rb")
        self._frame = zstandard.ZstdDecompressor().decompressobj(read_across_frames=False)
        self._packed = self._ready = b""
        self._inside = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            self._packed = self._packed or self._file.read(1 << 16)
            if not self._packed:
                if self._inside:
                    raise EOFError("the last frame has no end")
                return 0
            self._unpack()
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def _unpack(self) -> None:
        import zstandard

        try:
            self._ready = self._frame.decompress(self._packed)
        except zstandard.ZstdError as error:
            raise EOFError(str(error)) from None
        self._packed, self._inside = self._frame.unused_data, not self._frame.eof
        if self._frame.eof:
            self._frame = zstandard.ZstdDecompressor().decompressobj(read_across_frames=False)

    def close(self) -> None:
        self._file.close()
        super().close()


def _lines(path: str | Path, ends: bool) -> Iterator[str]:
    with open_bytes(path) as file:
        for number, line in enumerate(file, 1):
            if number == 1:
                line = line.removeprefix(_BOM)
                if not line:
                    return
            text = _decoded(line.removesuffix(b"\n").removesuffix(b"\r"), path, number)
            yield text + "\n" if ends and line.endswith(b"\n") else text


def _decoded(line: bytes, path: str | Path, number: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        place = f"{called(path)}, line {number}, byte {error.start + 1}"
        raise DataError(f"{place}: not UTF-8; convert the file, for example {_conversion(line)}") from None


def _conversion(line: bytes) -> str:
    """An iconv call that fits the bytes: UTF-16 shows by its mark, Korean CP949 by decoding to Hangul."""
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "iconv -f UTF-16 -t UTF-8"
    guess = "CP949" if any("가" <= letter <= "힣" for letter in line.decode("cp949", "ignore")) else "LATIN1"
    return f"iconv -f {guess} -t UTF-8"


def _some(folder: Path, most: int = 8) -> str:
    names = sorted(path.name for path in folder.iterdir())
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing") + rest
