"""Question answering from files to answers: windows lose no answer, runs of two families, what bad input gets."""

from __future__ import annotations

import functools
import gzip
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import BertForPreTraining

import headway
from headway.cli.main import main
from headway.data.squad import Gold
from headway.data.windows import covering
from headway.evaluation.squad import answer_metrics
from headway.models.families.bert import Bert
from headway.models.single import SingleStack
from headway.nn.masks import Layout
from headway.runs.kinds.answer import HEAD
from headway.runs.kinds.questions import Questions
from headway.tasks.answer import answer_pairs
from headway.tasks.rows import visible
from headway.text.tokenizer import Tokenizer
from headway.text.trainer import train
from tests.tasks.tiny import beside, tokenizer

NAMES = "Kim Lee Park Choi Jung Kang Cho Yoon Jang Lim".split()
CITIES = "Seoul Busan Daegu Daejeon Gwangju Ulsan Sejong Suwon Jeju Mokpo".split()
WORDS = [*NAMES, *CITIES, "서울", "부산에서는", "한국의", "수도이다", "1988년", "a", "in", ".", ",", "ㅋㅋ", "😀"]


@functools.cache
def tokenizers() -> list[Tokenizer]:
    texts = [" ".join(WORDS), " ".join(reversed(WORDS))] * 3
    template = ("<s>:0 $A:0 </s>:0", "<s>:0 $A:0 </s>:0 $B:1 </s>:1")
    return [
        train(texts, type=kind, vocab_size=360, exact=False).wrapped_by(*template)
        for kind in ("char", "byte-bpe", "wordpiece")
    ]


class Oracle(SingleStack):
    """A model that knows the places of the answers in the windows it was told of."""

    known: dict[tuple[int, ...], tuple[int, int]]

    def label_logits(self, ids: Tensor, layout: Layout, types: Tensor | None = None) -> Tensor:
        logits = torch.zeros(*ids.shape, 2)
        lengths = [ids.shape[1]] * len(ids) if layout.keep is None else layout.keep.sum(1).tolist()
        for row, (read, length) in enumerate(zip(ids.tolist(), lengths, strict=True)):
            for side, column in enumerate(self.known[tuple(read[:length])]):
                logits[row, column, side] = 30.0
        return logits


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from([" ", "", "\n "])), min_size=8, max_size=30),
    st.integers(1, 3), st.integers(10, 26), st.integers(0, 12), st.integers(0, 2), st.randoms(use_true_random=False),
)  # fmt: skip
def test_every_answer_comes_back_from_some_window(
    words: list[tuple[str, str]], asked: int, most: int, stride: int, kind: int, draw: random.Random
) -> None:
    """Answers of up to `min(stride, room // 2) + 1` tokens, in characters; one of them by the path of the command."""
    pieces_of, question = tokenizers()[kind], " ".join(NAMES[:asked])
    context = "".join(word + gap for word, gap in words)
    ids, text = pieces_of.encode(question).ids, pieces_of.encode(context)
    pieces = visible(context, text.offsets)
    room = most - min(len(ids), max(most // 2, most - len(pieces)))
    longest = len(pieces) if len(ids) + len(pieces) <= most else min(stride, room // 2) + 1
    covers = [
        (i, j)
        for i in range(len(pieces))
        for j in range(i, min(len(pieces), i + longest))
        if covering(pieces, pieces[i][0], pieces[j][1]) == (i, j)
    ]
    assume(covers)
    for first, last in covers:
        start, end = pieces[first][0], pieces[last][1]
        rows = Questions(pieces_of, most, stride)
        rows.add(ids, context, [Gold(context[start:end], start)])
        read = [rows[i] for i in range(len(rows))]
        holding = [row for row in read if row.answers]
        assert holding, "no window holds the answer"
        for row in holding:
            begin, (a, b) = row.read.second_start, row.answers[0]
            assert 0 <= a <= b < row.context
            assert row.read.ids[begin + a : begin + b + 1] == text.ids[first : last + 1]
    first, last = draw.choice(covers)
    start, end = pieces[first][0], pieces[last][1]
    inner = (start + (end - start > 2), end - (end - start > 2))  # also where it begins and ends inside of pieces
    if not context[slice(*inner)].strip() or covering(pieces, *inner) != (first, last):
        inner = start, end
    rows = Questions(pieces_of, most, stride)
    rows.add(ids, context, [Gold(context[slice(*inner)], inner[0])])
    model = Oracle(Bert(num_layers=1, d_model=8, num_heads=1, max_length=64).spec(400, label_head=HEAD)).eval()
    model.known = {}
    for row, size in zip((rows[i] for i in range(len(rows))), rows.lengths, strict=True):
        begin, place = row.read.second_start, row.answers[0] if row.answers else None
        assert len(row.read.ids) == size <= most + 3
        model.known[tuple(row.read.ids)] = (0, 0) if place is None else (begin + place[0], begin + place[1])
    assume(len(model.known) == len(rows))  # else two windows read alike, though they are not in the same place
    (found,) = answer_pairs(model, pieces_of, [(question, context)], max_length=most + 3, stride=stride, max_tokens=64)
    assert (found.start, found.end) == (start, end)
    assert found.answer == context[start:end]


def questions(count: int, seed: int = 1, *, lacking: bool = False) -> dict[str, Any]:
    """SQuAD's form: people and the cities they live in, three to a paragraph."""
    draw, paragraphs = random.Random(seed), []
    for i in range(count):
        people, places = draw.sample(NAMES, 3), draw.sample(CITIES, 3)
        context = " ".join(f"{name} number {i} lives in {city} ." for name, city in zip(people, places, strict=True))
        qas = [
            {"id": f"{i}-{name}", "question": f"Where does {name} live?",
             "answers": [{"text": city, "answer_start": context.index(city)}]}
            for name, city in zip(people, places, strict=True)
        ]  # fmt: skip
        if lacking:
            other = next(name for name in NAMES if name not in people)
            qas.append({"id": f"{i}-no", "question": f"Where does {other} live?", "answers": [], "is_impossible": True})
        paragraphs.append({"context": context, "qas": qas})
    return {"data": [{"title": "cities", "paragraphs": paragraphs}]}


def squad_file(path: Path, *given: Any, **how: Any) -> Path:
    text = json.dumps(questions(*given, **how))
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


_SMALL: dict[str, object] = {
    "model.d_model": 32, "model.num_layers": 1, "model.num_heads": 2, "training.max_steps": 4,
    "training.max_minutes": "null", "training.max_epochs": "null", "training.warmup_steps": 1,
    "training.batch_tokens": 900, "training.threads": 1, "tokenizer.vocab_size": "null",
}  # fmt: skip


def words(recipe: str, run: Path | None = None, small: bool = True, **more: object) -> list[str]:
    options = (_SMALL if small else {}) | {key.replace("__", "."): value for key, value in more.items()}
    place = [] if run is None else ["--run", str(run)]
    return ["train", recipe, *place, *(word for key, value in options.items() for word in (f"--{key}", str(value)))]


@pytest.mark.parametrize("family", ["bert", "bloom"])
def test_a_run_answers(family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_file = squad_file(tmp_path / "train.json.gz", 30, lacking=family == "bert")
    run, more = tmp_path / "run", {"model__norm_order": "pre", "model__size": "tiny"}
    shares = {"data__validation": 0.2, "data__test": 0.2, "data__max_length": 24, "data__stride": 6}
    assert main(words("answer", run, data__train=train_file, model__family=family, **shares, **more)) == 0
    evaluation = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    names = {"exact_match", "f1", "random_span_f1"}
    parts = {"no_answer_exact", "has_answer_exact", "has_answer_f1"}
    assert set(evaluation["metrics"]) == (names | parts if family == "bert" else names)
    assert evaluation["rows"] == 6 * (4 if family == "bert" else 3)
    assert evaluation["metrics"]["f1"].keys() == {"score", "low", "high", "signature"}
    assert "is read in windows" in capsys.readouterr().err + (run / "README.md").read_text(encoding="utf-8")
    (run / "more.tsv").write_text("Where?\tKim lives in Seoul .\nWho?\tLee\n", encoding="utf-8")
    assert main(["answer", str(run), str(run / "more.tsv"), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.split("\n")[:-1]]
    assert len(rows) == 2
    assert rows[0]["answer"] in "Kim lives in Seoul ."
    other = squad_file(tmp_path / "other.json", 2, 7)
    assert main(["evaluate", str(run), "--data.test", str(other)]) == 0
    assert json.loads((run / "evaluation.json").read_text(encoding="utf-8"))["rows"] == 6
    assert main(["evaluate", str(run), "--split", "train"]) == 0


def test_the_command_reads_long_texts_as_the_run_and_its_evaluation_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In windows of `data.max_length`, though the model could read all of them at once."""
    files = {
        "data__train": squad_file(tmp_path / "train.json", 20),
        "data__test": squad_file(tmp_path / "test.json", 8, 5),
    }
    more = {"model__norm_order": "pre", "model__size": "tiny", "model__family": "bert", "model__max_length": 200}
    lengths = {"data__validation": 0.2, "data__max_length": 24, "data__stride": 6}
    assert main(words("answer", tmp_path / "run", **files, **more, **lengths)) == 0
    asked = [(qa, text["context"]) for text in questions(8, 5)["data"][0]["paragraphs"] for qa in text["qas"]]
    lines = "".join(f"{qa['question']}\t{context}\n" for qa, context in asked)
    (tmp_path / "asked.tsv").write_text(lines, encoding="utf-8")
    capsys.readouterr()
    said = {}
    for name, options in {"run": [], "whole": ["--max-length", "200"]}.items():
        assert main(["answer", str(tmp_path / "run"), str(tmp_path / "asked.tsv"), "--json", *options]) == 0
        said[name] = [json.loads(line)["answer"] for line in capsys.readouterr().out.splitlines()]
    right = [[answer["text"] for answer in qa["answers"]] for qa, _ in asked]
    measured = json.loads((tmp_path / "run" / "evaluation.json").read_text(encoding="utf-8"))["metrics"]
    assert answer_metrics(said["run"], right, [context for _, context in asked]) == measured
    assert said["whole"] != said["run"]
    loaded = headway.load(tmp_path / "run")
    assert [loaded.answer(qa["question"], context).answer for qa, context in asked] == said["run"]


def pretrained(folder: Path) -> Path:
    """A BERT as it is published, with both of its heads, and WordPiece pieces."""
    beside(BertForPreTraining)[1].save_pretrained(folder)
    tokenizer().save(folder)
    return folder


def test_the_recipes_of_the_course_start_from_published_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`squad` and `nsmc-kcbert`, from small folders and files of the same form, two steps each."""
    model, few = pretrained(tmp_path / "bert"), {"training__max_steps": 2, "training__threads": 1}
    (tmp_path / "squad").mkdir()
    squad_file(tmp_path / "squad" / "train-v1.1.json", 6)
    squad_file(tmp_path / "squad" / "dev-v1.1.json", 2, 3)
    monkeypatch.setenv("HEADWAY_DATA", str(tmp_path))
    lengths = {"data__max_length": 40, "data__stride": 8}
    assert main(words("squad", tmp_path / "a", small=False, model__init=model, **few, **lengths)) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "label_head.out" in said
    spec = json.loads((tmp_path / "a" / "spec.json").read_text(encoding="utf-8"))
    assert spec["label_head"]["of"] == "span"
    reviews = tmp_path / "ratings.txt"
    reviews.write_text("id\tdocument\tlabel\n" + "".join(f"{i}\tthe cat {i}\t{i % 2}\n" for i in range(40)), "utf-8")
    columns = {"data__columns__text": "document", "data__columns__label": "label", "data__format": "tsv"}
    own = {"data__name": "null", "data__train": reviews, "data__max_length": 40, **columns}
    assert main(words("nsmc-kcbert", tmp_path / "b", small=False, model__init=model, **few, **own)) == 0
    assert "accuracy" in (tmp_path / "b" / "evaluation.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"data__stride": 64, "data__max_length": 64}, 2, "data.stride 64 must be from 0 up to, not including"),
        ({"data__format": "tsv"}, 2, "data.format tsv holds no questions"),
        ({"data__max_length": 4, "data__stride": 1}, 2, "4 tokens at a time, of which 3 are special, have no room for"),
        ({"model__family": "t5"}, 2, "model.family t5 cannot learn to answer; choose bert"),
        ({"data__max_length": 20, "data__stride": 4, "data__too_long": "refuse"}, 3, "longer than 20 tokens; raise"),
        ({"data__validation": 0.5, "data__train": "ONE"}, 3, "rows of equal context or group stay together"),
        ({"data__train": "WRONG"}, 3, "question 0-Kim: the answer 'Paris' is not at character 0"),
        ({"data__columns__group": "titel"}, 3, "questions have no such column; did you mean title?"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(
    change: dict[str, Any], status: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files: dict[object, Path] = {"ONE": squad_file(tmp_path / "one.json", 1), "WRONG": tmp_path / "wrong.json"}
    wrong = questions(3)
    wrong["data"][0]["paragraphs"][0]["qas"] = [
        {"id": "0-Kim", "question": "?", "answers": [{"text": "Paris", "answer_start": 0}]}
    ]
    files["WRONG"].write_text(json.dumps(wrong), encoding="utf-8")
    given: dict[str, Any] = {"data__train": squad_file(tmp_path / "train.json", 8), "data__validation": 0.25}
    given |= {key: files.get(value, value) for key, value in change.items()}
    assert main([*words("answer", **given), "--dry-run"]) == status
    err = " ".join(capsys.readouterr().err.split())
    assert said in err
    assert "Traceback" not in err


def test_a_question_whose_answer_fits_no_window_is_not_learned_and_said() -> None:
    pieces_of = tokenizers()[0]
    rows = Questions(pieces_of, 12, 2)

    def ids(text: str) -> Sequence[int]:
        return pieces_of.encode(text).ids

    rows.add(ids("Kim"), "Seoul Busan Daegu", [Gold("Seoul Busan", 0)])
    assert (rows.lost, len(rows)) == (1, 0)
    rows.add(ids("Kim"), "Seoul Busan Daegu", [Gold("Busan", 6), Gold("us", 7)])
    assert rows.lost == 1
    rows.add(ids("Kim"), "Seoul", [])
    assert [len(row.answers) for row in (rows[i] for i in range(len(rows)))][-1] == 0
    assert "1 questions are not learned, for no window holds their answer whole" in rows.note("train")
    bare = Questions(pieces_of.wrapped_by("$A:0", "$A:0 $B:1"), 12, 2)
    bare.add(ids("Kim"), "Seoul", [])
    assert (len(bare), bare.unsaid) == (0, 1)
