r"""Lines end at "\n" only, whatever the packing; every damage is a DataError that names the place."""

from __future__ import annotations

import gzip
import io
import lzma
from pathlib import Path
from types import SimpleNamespace

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from headway.data.lines import parse_json, read_lines, read_text
from headway.errors import DataError

PACK = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("ending", PACK)
def test_packed_and_plain_files_give_the_same_lines(tmp_path: Path, ending: str) -> None:
    lines = ["하나\u2028둘", "a\tb \x0c\x85", "", " trailing ", "끝" * 100_000]
    path = tmp_path / f"text{ending}"
    path.write_bytes(PACK[ending](b"\xef\xbb\xbf" + "\r\n".join(lines).encode()))
    assert list(read_lines(str(path))) == lines


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]))))
def test_every_line_survives(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("lines") / "text"
    path.write_bytes(b"\xef\xbb\xbf" + "".join(line + "\n" for line in lines).encode())
    assert list(read_lines(path)) == lines


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO("가\n나".encode())))
    assert list(read_lines("-")) == ["가", "나"]


@pytest.mark.parametrize("ending", [".gz", ".xz", ".zst"])
def test_a_file_cut_off_is_an_error(tmp_path: Path, ending: str) -> None:
    data = PACK[ending](bytes(range(1, 128)) * 3000)
    path = tmp_path / f"text{ending}"
    for damaged in (data[:-9], b"nonsense" + data):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"text\S+: damaged or cut off"):
            list(read_lines(path))
    path.write_bytes(data + PACK[ending](b"second\npart"))  # packed parts, one after the other, are one text
    assert list(read_lines(path))[-1] == "part"


@pytest.mark.parametrize(("codec", "hint"), [("cp949", "CP949"), ("utf-16", "UTF-16")])
def test_another_encoding_is_named_with_file_and_line(tmp_path: Path, codec: str, hint: str) -> None:
    path = tmp_path / "text"
    path.write_bytes((b"" if codec == "utf-16" else b"fine\n") + "한국어".encode(codec))
    line = 1 if codec == "utf-16" else 2
    with pytest.raises(DataError, match=rf"text, line {line}, byte 1: not UTF-8.*{hint}"):
        list(read_lines(path))


def test_a_missing_file_names_the_nearest_at_the_call(tmp_path: Path) -> None:
    (tmp_path / "train.de").touch()
    with pytest.raises(DataError, match=r"train\.dee: no such file; did you mean train\.de\?"):
        read_lines(tmp_path / "train.dee")
    with pytest.raises(DataError, match=r"xyz: no such file; in .*: train\.de"):
        read_lines(tmp_path / "xyz")
    (tmp_path / "ko.csv").touch()
    with pytest.raises(DataError, match=r"nosuch\.csv: no such file; in .*: ko\.csv, train\.de"):  # endings say nothing
        read_lines(tmp_path / "nosuch.csv")
    with pytest.raises(DataError, match="no folder"):
        read_lines(tmp_path / "none" / "xyz")
    with pytest.raises(DataError, match="is a folder"):
        read_lines(tmp_path)


def test_a_whole_text_keeps_its_ends_of_lines_and_names_what_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\ntwo")
    assert read_text(path) == "one\r\n\ntwo"
    path.write_bytes(b"fine\n" + "한국어".encode("cp949"))
    with pytest.raises(DataError, match=r"text, line 2, byte 1: not UTF-8.*CP949"):
        read_text(path)


def test_a_fault_of_json_is_counted_in_the_text_it_stands_in() -> None:
    with pytest.raises(DataError, match=r"^f, line 10: not JSON at character 7 \(Unterminated string\); a is"):
        parse_json('{"a": "b', "f, line 10", "a is expected")
    with pytest.raises(DataError, match=r"^f: not JSON at line 2, character 1 \(Expecting value\); a is expected$"):
        parse_json("[\n", "f", "a is expected")
    with pytest.raises(DataError, match=r"^f: not JSON \(maximum recursion depth.*; a is expected$"):
        parse_json("[" * 200_000, "f", "a is expected")
