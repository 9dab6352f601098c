"""CoNLL files and lists of JSON lines: every word keeps its label, and what does not fit is named with its line."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.cli.main import main
from headway.data.conll import read_sentences
from headway.data.hub import table_parts
from headway.data.sources import load
from headway.data.tagged import labels_of, units_of
from headway.errors import DataError

ROLES = ("text", "label")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))


def rows(tmp_path: Path, content: str, name: str = "a.conll", **more: object) -> list[tuple[str, str]]:
    """Each text, and its labels with blanks between."""
    (tmp_path / name).write_text(content, encoding="utf-8", newline="\n")
    table = load(train=str(tmp_path / name), roles=ROLES, **more)["train"]  # type: ignore[arg-type]
    return [(row["text"], " ".join(labels_of(row["label"]))) for row in table]


KLUE = "## id-1\t<서울:LC> 은\n서\tB-LC\n울\tI-LC\n \tO\n은\tO\n\n## id-2\t#a\n#\tO\n \tO\na\tI-PS\n"
CONLL_2003 = (
    "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n# # O O\n\n"
    "# 1 is a comment\n# NN B-NP O\n. . O O\n\n"
)


@pytest.mark.parametrize(
    ("content", "more", "expected"),
    [
        (KLUE, {"unit": "char"}, [("서울 은", "B-LC I-LC O O"), ("# a", "O O I-PS")]),
        (CONLL_2003, {"unit": "word"}, [("EU rejects #", "B-ORG O O"), ("# .", "O O")]),
        (CONLL_2003, {"columns": {"label": "2"}}, [("EU rejects #", "NNP VBZ #"), ("# .", "NN .")]),
        ("B-LC;서울\r\nO;은\r\n", {"columns": {"text": 2, "label": 1}, "delimiter": ";"}, [("서울 은", "B-LC O")]),
    ],
)
def test_conll(tmp_path: Path, content: str, more: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert rows(tmp_path, content, **more) == expected


def test_lists_of_json_lines_and_labels_with_blanks_between(tmp_path: Path) -> None:
    columns = {"text": "tokens", "label": "tags"}
    lines = '{"tokens": ["in", "서울"], "tags": ["O", "B-LC"], "intent": "go"}\n{"tokens": [], "tags": []}\n'
    assert rows(tmp_path, lines, "a.jsonl", columns=columns, unit="word") == [("in 서울", "O B-LC"), ("", "")]
    assert rows(tmp_path, '{"text": "in  서울", "label": ["O", 7]}', "b.jsonl", unit="word") == [("in  서울", "O 7")]
    assert rows(tmp_path, "text\tlabel\n서울은\tB I O\n", "a.tsv", unit="char") == [("서울은", "B I O")]
    only = '{"tokens": ["in", "서울"], "intent": "go"}\n'
    assert rows(tmp_path, only, "c.jsonl", columns={"text": "tokens", "label": "intent"}) == [("in 서울", "go")]


@pytest.mark.parametrize(
    ("content", "name", "more", "message"),
    [
        ("a\tO\nb\n", "a.conll", {}, r"a\.conll, line 2: one column, 'b'; a word and its label are expected"),
        ("a O\n\nb x O\n", "a.conll", {}, "line 3: 3 columns, but the lines before have 2; mend the line"),
        ("## head\t\na\tO\nb\t\n", "a.conll", {}, "line 3: 'b' has no label; give it one, O where"),
        ("a\tO\n \tO\n", "a.conll", {}, "line 2: ' ' holds a blank, and blanks part words; .*--data.unit char"),
        ("a\tO\n\tO\n", "a.conll", {}, "line 2: a word is empty"),
        ("서울\tB-LC\n", "a.conll", {"unit": "char"}, "line 1: '서울' is not one character; set --data.unit word"),
        ("a\tO\n", "a.conll", {"columns": {"label": "3"}}, "no column '3' for label; the columns are 1, 2"),
        ("a\tO\n", "a.conll", {"columns": {"label": "tag"}}, "no column 'tag' for label"),
        ('{"text": "a b", "label": ["O"]}', "a.jsonl", {"unit": "word"}, "line 1: 2 words and 1 labels; each needs"),
        ('{"text": ["a"], "label": [null]}', "a.jsonl", {"unit": "word"}, "line 1: item 1 of label is NoneType"),
        ("text\tlabel\nab\tO\n", "a.tsv", {"unit": "char"}, "line 2: 2 characters and 1 labels"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, content: str, name: str, more: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        rows(tmp_path, content, name, **more)


def test_lists_of_the_hub_with_numbers_for_labels() -> None:
    names = datasets.Sequence(datasets.ClassLabel(names=["O", "B-LC"]))
    features = datasets.Features({"tokens": datasets.Sequence(datasets.Value("string")), "tags": names})
    table = datasets.Dataset.from_dict({"tokens": [["in", "서울"], []], "tags": [[0, 1], []]}, features=features)
    parts = table_parts({"train": table}, (("text", "tokens"), ("label", "tags")), title="hub:x/y")
    assert list(parts["train"].rows()) == [("in 서울", '["O", "B-LC"]'), ("", "[]")]


def test_characters_of_the_hub_are_joined_without_blanks_and_each_has_its_label() -> None:
    table = datasets.Dataset.from_dict({"tokens": [list("서울 은")], "tags": [["B-LC", "I-LC", "O", "O"]]})
    wanted = (("text", "tokens"), ("label", "tags"))
    ((text, labels),) = table_parts({"train": table}, wanted, "char", title="hub:x/y")["train"].rows()
    assert (text, labels_of(labels)) == ("서울 은", ["B-LC", "I-LC", "O", "O"])
    short = datasets.Dataset.from_dict({"tokens": [["a", "b"]], "tags": [["O"]]})
    with pytest.raises(DataError, match="hub:x/y train, row 1, word 1: 2 words and 1 labels"):
        list(table_parts({"train": short}, wanted, "word", title="hub:x/y")["train"].rows())


def test_show_and_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text(KLUE, encoding="utf-8")
    words = [str(tmp_path / "a.txt"), "--data.format", "conll", "--data.unit", "char"]
    assert main(["data", "show", *words]) == 0
    assert "  1  text    서울 은\n  1  label   B-LC I-LC O O\n" in capsys.readouterr().out
    assert main(["data", "show", *words, "--json", "--rows", "1"]) == 0
    assert '"label": ["B-LC", "I-LC", "O", "O"]' in capsys.readouterr().out
    assert main(["data", "check", *words]) == 0
    assert "train: 4 characters (57.1%) are labelled O\n" in capsys.readouterr().out


WORDS = st.lists(st.text("#가 나a\u3000", min_size=1, max_size=1), min_size=1, max_size=6)


@settings(max_examples=40)
@given(st.lists(WORDS.filter(lambda words: any(word.strip() for word in words)), min_size=1, max_size=4))
def test_no_character_is_lost(tmp_path_factory: pytest.TempPathFactory, sentences: list[list[str]]) -> None:
    file = tmp_path_factory.mktemp("conll") / "a.conll"
    text = "\n".join("## head\n" + "".join(f"{word}\tO\n" for word in words) for words in sentences)
    file.write_text(text, encoding="utf-8", newline="\n")
    found = [[word for word, _ in sentence.words] for sentence in read_sentences(file)]
    assert found == sentences
    assert [len(units_of("".join(words), "char")) for words in found] == [len(words) for words in sentences]
