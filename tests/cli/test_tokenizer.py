"""`headway tokenizer` from the outside: streams, files, statuses."""

import gzip
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from headway.cli.main import main
from headway.text.tokenizer import Tokenizer

LINES = ["나는 어제  친구를 만났다. ㅋㅋ", "The cat sat on the mat.", " 😀 two  spaces "] * 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tokenizer")
    (root / "plain.txt").write_text("\n".join(LINES[:30]) + "\n", encoding="utf-8", newline="\n")
    with gzip.open(root / "packed.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(LINES[30:]))
    files = [str(root / "plain.txt"), str(root / "packed.txt.gz")]
    assert (
        main(["tokenizer", "train", "--vocab-size", "300", "--special", "<mask>", "--out", str(root / "t"), *files])
        == 0
    )
    return root / "t"


def test_train_learns_from_all_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokenizer = Tokenizer.load(folder)
    assert (tokenizer.vocab_size, tokenizer.type, tokenizer.mask_id) == (300, "byte-bpe", 4)
    again = ["--out", str(folder), "--vocab-size", "280", "--type", "byte-bpe", str(folder.parent / "plain.txt")]
    assert main(["tokenizer", "train", *again]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert Tokenizer.load(folder) == tokenizer
    other = ["--out", str(folder.parent / "u"), "--type", "char", "--lowercase", "--normalization", "nfkc", "--json"]
    assert main(["tokenizer", "train", *other, str(folder.parent / "plain.txt")]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["normalization"] == "replace, nfkc, lowercase"
    assert facts["vocab_size"] == Tokenizer.load(folder.parent / "u").vocab_size


def test_encode_and_decode_are_inverse(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["tokenizer", "encode", str(folder), str(folder.parent / "plain.txt")]) == 0
    printed = capsys.readouterr().out
    assert printed.split("\n")[0] == " ".join(map(str, Tokenizer.load(folder).encode(LINES[0]).ids))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(printed.encode())))
    assert main(["tokenizer", "decode", str(folder)]) == 0
    assert capsys.readouterr().out == "\n".join(LINES[:30]) + "\n"


def test_json_gives_pieces_and_offsets(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("좋다 cat\n\n".encode())))
    assert main(["tokenizer", "encode", str(folder), "-", "--json"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.strip().split("\n"))
    expected = Tokenizer.load(folder).encode("좋다 cat")
    assert first == {
        "ids": expected.ids,
        "pieces": expected.pieces,
        "offsets": [list(pair) for pair in expected.offsets],
    }
    assert second == {"ids": [], "pieces": [], "offsets": []}


def test_show(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokenizer", "show", str(folder), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["special"] == {"<pad>": 0, "<unk>": 1, "<s>": 2, "</s>": 3, "<mask>": 4}
    assert facts["fingerprint"] == Tokenizer.load(folder).fingerprint
    assert main(["tokenizer", "show", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert all(part in shown for part in ("byte-bpe", "300", "nfc", "4 <mask>", facts["fingerprint"]))


def test_show_cuts_a_text_in_every_way(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "좋다 cat\n😀"
    characters = str(folder.parent / "characters")
    assert main(["tokenizer", "train", "--type", "char", "--out", characters, str(folder.parent / "plain.txt")]) == 0
    capsys.readouterr()
    assert main(["tokenizer", "show", str(folder), characters, text, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["text"] == text
    assert [split["name"] for split in shown["splits"]] == ["characters", "words", str(folder), characters]
    every, words, pieces, letters = shown["splits"]
    assert every["pieces"] == list(text)
    assert (words["pieces"], words["offsets"]) == (["좋다", "cat", "😀"], [[0, 2], [3, 6], [7, 8]])
    encoding = Tokenizer.load(folder).encode(text)
    assert (pieces["pieces"], pieces["offsets"]) == (encoding.pieces, [list(span) for span in encoding.offsets])
    assert [split["unknown_rate"] for split in shown["splits"]] == [None, None, 0.0, 2 / 8]
    assert letters["pieces"][0] == "<unk>"

    assert main(["tokenizer", "show", str(folder), characters, text]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert lines[0].split() == ["at", "characters", "words", str(folder), characters]
    assert lines[4].split()[:4] == ["3", "c", "cat", "3-6"]
    assert "'\\n'" in lines[7]
    assert lines[10].split() == ["unknown", "0.0", "%", "25.0", "%"]

    assert main(["tokenizer", "show", "좋다", "cat"]) == 0
    said = capsys.readouterr()
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[0] == ["at", "characters", "words", "byte-bpe", "wordpiece", "unigram"]
    assert rows[-2][:3] == ["pieces", "6", "2"]
    assert rows[-1][0] == "unknown"
    assert len(rows[-1]) == 1 + 2 * 3  # a rate of each of the three
    assert "no folder of a tokenizer" in said.err


@pytest.mark.parametrize(
    ("given", "status", "message"),
    [
        (["train", "--type", "unigam", "--out", "{new}", "{text}"], 2, "did you mean unigram?"),
        (["train", "--vocab-size", "99999", "--out", "{new}", "{text}"], 2, "more than the data allows"),
        (["train", "--out", "{new}", "{empty}"], 2, "the corpus is empty"),
        (["train", "--out", "{new}", "{latin}"], 3, "latin.txt, line 2"),
        (["train", "--out", "{new}", "{text}", "{new}.txt"], 3, "no such file"),
        (["encode", "{new}", "{text}"], 3, "no tokenizer.json"),
        (["encode", "{folder}", "{latin}"], 3, "latin.txt, line 2"),
        (["encode", "{broken}", "{text}"], 3, "tokenizer.json is damaged"),
        (["show", "{broken}"], 3, "tokenizer.json is damaged"),
        (["show", "no/such", "the cat"], 3, "no/such: no such folder; name the folder of a tokenizer, or put the text"),
        (["decode", "{folder}", "{text}"], 3, "line 1: expected ids parted by blanks, and "),
        (["decode", "{folder}", "{ids}"], 3, "line 2: there is no piece 300, expected 0 to 299"),
    ],
)
def test_what_a_user_can_cause(
    given: list[str], status: int, message: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = ("new", "broken", "empty.txt", "latin.txt", "ids.txt")
    names = {"folder": folder, "text": folder.parent / "plain.txt"}
    names |= {name.removesuffix(".txt"): tmp_path / name for name in new}
    names["empty"].write_text("\n \n")
    names["latin"].write_bytes(b"fine\nsch\xf6n\n")
    names["ids"].write_text("5 6\n7 300\n")
    names["broken"].mkdir()
    (names["broken"] / "tokenizer.json").write_text('{"version": "1.0", "model"')
    assert main(["tokenizer", *(word.format(**names) for word in given)]) == status
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_standard_input_is_called_so(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"5 abc\n")))
    assert main(["tokenizer", "decode", str(folder)]) == 3
    said = "standard input, line 1: expected ids parted by blanks, and 'abc' is no whole number"
    assert said in capsys.readouterr().err
