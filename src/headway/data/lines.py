r"""Lines of text files, plain or compressed: UTF-8, parted at "\n" only.

`str.splitlines` also parts at U+2028, form feeds and others, which stand inside sentences of real
corpora and would shift one side of parallel text against the other.
"""

from __future__ import annotations

import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from headway.errors import DataError, nearest

STDIN = "-"
PACKED = (".gz", ".xz", ".zst")
_BOM = b"\xef\xbb\xbf"


def read_lines(path: str | Path, *, ends: bool = False) -> Iterator[str]:
    r"""The lines of one file, without their "\n" and without one "\r" before it.

    A byte order mark at the start is dropped; `.gz`, `.xz` and `.zst` are unpacked on the way; "-" is
    standard input. Memory use is one line. With `ends` every line keeps its "\n", which the last may lack.

    Raises:
        DataError: there is no such file (at the call), or it is damaged or not UTF-8 (at that line).
    """
    check_file(path)
    return _lines(path, ends)


def check_file(path: str | Path) -> None:
    """Raises DataError, naming the nearest file there is, unless `path` is a file or standard input."""
    file = Path(path)
    if str(path) == STDIN or (file.exists() and not file.is_dir()):
        return
    if file.is_dir():
        raise DataError(f"{file}: is a folder; a file is expected. In it: {_some(file)}")
    if not file.parent.is_dir():
        raise DataError(f"{file}: no such file, and no folder {file.parent}")
    names = [path.name for path in file.parent.iterdir()]
    close = nearest(file.name, names)
    hint = close if close.startswith("did") else f"in {file.parent.absolute()}: {_some(file.parent)}"
    raise DataError(f"{file}: no such file; {hint}")


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
            try:
                text = line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
            except UnicodeDecodeError as error:
                place = f"{path}, line {number}, byte {error.start + 1}"
                raise DataError(f"{place}: not UTF-8; convert the file, for example {_conversion(line)}") from None
            yield text + "\n" if ends and line.endswith(b"\n") else text


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
