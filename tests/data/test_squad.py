"""Questions from every form of file, and the words said where one cannot be."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headway.data.readers import Form, read_rows
from headway.data.sources import load
from headway.data.squad import Gold, golds, read_squad
from headway.errors import DataError

ROLES = ("context", "question", "answers", "id")
WANTED = tuple((role, "") for role in ROLES)
CONTEXT = "서울은 한국의 수도이다. Busan is a port."
ROW = {"id": "a", "title": "도시", "context": CONTEXT, "question": "수도는?",
       "answers": [{"text": "서울", "answer_start": 0}, {"text": "Busan", "answer_start": 14}]}  # fmt: skip
WITHOUT = {"id": "b", "context": CONTEXT, "question": "Who?", "is_impossible": True,
           "answers": [{"text": "nowhere", "answer_start": 99}]}  # fmt: skip


def document(*rows: dict[str, Any]) -> dict[str, Any]:
    """SQuAD's own form, a paragraph a row."""
    own = ("context", "title")
    parts = [
        {"context": row["context"], "qas": [{k: v for k, v in row.items() if k not in own}]} for row in rows
    ]  # fmt: skip
    return {"version": "v2.0", "data": [{"title": "도시", "paragraphs": parts}]}


def as_lines(*rows: Any) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.mark.parametrize(
    "written",
    [
        lambda *rows: json.dumps(document(*rows)),
        lambda *rows: "\ufeff" + json.dumps(document(*rows), indent=2, ensure_ascii=False) + "\n",
        as_lines,
        lambda *rows: as_lines(
            *({**row, "answers": {key: [a[key] for a in row["answers"]] for key in ("text", "answer_start")}}
              for row in rows)
        ),
    ],
    ids=["one line", "pretty", "json lines", "as the hub has them"],
)  # fmt: skip
def test_every_form_gives_the_same_rows(written: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "train.json.gz"
    with gzip.open(file, "wt", encoding="utf-8") as out:
        out.write(written(ROW, WITHOUT))
    rows = list(read_rows([file], Form("squad", WANTED)))
    assert [row[:2] + row[3:] for row in rows] == [(CONTEXT, "수도는?", "a"), (CONTEXT, "Who?", "b")]
    assert [golds(row[2]) for row in rows] == [[Gold("서울", 0), Gold("Busan", 14)], []]


def test_a_held_out_share_splits_no_paragraph(tmp_path: Path) -> None:
    file = tmp_path / "train.json"
    rows = [ROW | {"id": str(i), "context": f"{CONTEXT} {i // 5}"} for i in range(100)]
    file.write_text(json.dumps(document(*rows)), encoding="utf-8")
    tables = load(train=str(file), validation=0.2, test=0.2, roles=ROLES)
    sides = {split: set(table["context"]) for split, table in tables.items()}
    assert {split: len(side) for split, side in sides.items()} == {"train": 12, "validation": 4, "test": 4}
    assert not sides["train"] & (sides["validation"] | sides["test"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answers": [{"text": "Busan", "answer_start": 13}]},
         r"question a: the answer 'Busan' is not at character 13 of its context \(' Busa' is\); it stands at 14"),
        ({"answers": [{"text": "Tokyo", "answer_start": 14}]}, "'Tokyo' is not at .* nowhere in the context"),
        ({"answers": [{"text": "서울", "answer_start": -39}]}, "it stands at 0"),
        ({"answers": [{"text": " ", "answer_start": 3}]}, "question a: an answer is empty"),
        ({"answers": [{"text": "Busan", "answer_start": "14"}]}, "answer_start is str; a whole number is expected"),
        ({"answers": {"text": ["Busan"], "answer_start": []}}, "question a: 1 answers with 0 answer_start"),
        ({"answers": None}, "question a: answers is NoneType; a list or an object is expected"),
        ({"question": "\n"}, "question a: the question is empty"),
        ({"question": "\ud800"}, "question a: half of a surrogate pair"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_id(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    file = tmp_path / "test.jsonl"
    file.write_text(as_lines(WITHOUT) + json.dumps({**ROW, **change}) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=said):
        list(read_squad([file], WANTED))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (as_lines(ROW) + "{broken", "line 2: not JSON"),
        ("{broken\n", "bad.json: not JSON .* SQuAD's JSON is expected"),
        (as_lines([1]), "list where an object with the key data is expected"),
        (as_lines({"data": [{"paragraf": []}]}), "article 1: no key paragraphs; did you mean paragraf"),
        (as_lines({k: v for k, v in ROW.items() if k != "answers"}), "question a: no key answers"),
        (as_lines(ROW, 7), "line 2: int where an object"),
        ("", "not JSON"),
    ],
)
def test_what_is_no_file_of_questions_is_said(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        list(read_squad([file], WANTED))


def test_a_column_that_questions_lack_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--data.columns.group titel: .*did you mean title\?"):
        list(read_squad([tmp_path / "x"], (*WANTED, ("group", "titel"))))


@pytest.mark.skipif("HEADWAY_DATA" not in os.environ, reason="HEADWAY_DATA is not set: where the real data lie")
@pytest.mark.parametrize(
    ("name", "questions", "unanswered"),
    [("xquad/xquad.en.json", 1190, 0), ("klue_mrc_part/dev_part.jsonl.gz", 1350, 420)],
)
def test_real_files_are_read_whole(name: str, questions: int, unanswered: int) -> None:
    rows = list(read_squad([Path(os.environ["HEADWAY_DATA"]) / name], WANTED))
    assert len(rows) == questions
    assert sum(not golds(row[2]) for row in rows) == unanswered
