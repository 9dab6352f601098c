"""The linear models beside trained classifiers: on the rows of the recipe, of every problem, and from every layer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import headway
from benchmarks import features, labelled, tfidf
from headway.checkpoints import hf
from headway.models.build import build
from headway.models.families.bert import Bert
from headway.spec import SpecialTokens
from headway.text.trainer import train

COLOURS = ("red", "green", "blue")


def lines(count: int, seed: int) -> list[tuple[list[str], str]]:
    """Colours that stand in a text, and the text."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        named = sorted(random.choice(COLOURS, random.integers(1, 3), replace=False))
        rest = random.choice(["a", "house", "of", "stone", "and", "wood"], 4)
        found.append((list(named), " ".join(random.permutation([*named, *rest]))))
    return found


def recipe(folder: Path, problem: str) -> str:
    """A recipe over files in `folder`, in which a label follows from the text."""
    for split, count, seed in (("train", 200, 1), ("dev", 60, 2), ("test", 60, 3)):
        rows = []
        for named, text in lines(count, seed):
            label = {"single": named[0], "multi": ",".join(named), "regression": str(len(named))}[problem]
            rows.append(f"{text}\tthe second text\t{label}\n")
        (folder / f"{split}.tsv").write_text("".join(rows), encoding="utf-8")
    path = folder / "colours.yaml"
    separator = "label_separator: ','" if problem == "multi" else "label_separator: null"
    path.write_text(
        f"task: classify\nobjective: {{problem: {problem}}}\ndata:\n  train: {folder}/train.tsv\n"
        f"  validation: {folder}/dev.tsv\n  test: {folder}/test.tsv\n  header: false\n  {separator}\n"
        "  columns: {text: '1', pair: '2', label: '3'}\n",
        encoding="utf-8",
    )
    return str(path)


@pytest.mark.parametrize(
    ("problem", "metric"), [("single", "accuracy"), ("multi", "macro_f1"), ("regression", "pearson")]
)
def test_tfidf_learns_what_words_say(
    problem: str, metric: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recipe(tmp_path, problem)
    assert tfidf.main([path, "--out", str(tmp_path / "out.json"), "--data.share", "0.75"]) == 0
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["recipes"][path]
    assert found["rows"] == {"train": 150, "validation": 60, "test": 60}
    assert found["split"] == "test"
    assert 0.85 < found["metrics"][metric]["low"] <= found["metrics"][metric]["score"] <= 1
    assert found["validation"][metric] == max(one[metric] for one in found["tried"].values())
    assert json.loads(capsys.readouterr().out)["recipes"][path] == found


def test_both_texts_of_a_pair_are_read_and_choices_are_made_on_validation_rows(tmp_path: Path) -> None:
    data = labelled.read(recipe(tmp_path, "single"))
    assert all(text.endswith("\nthe second text") for text in data.splits["train"].texts)
    assert data.labels == ("blue", "green", "red")
    right = {
        split: np.array([[COLOURS.index(x)] for x in rows.labels]) == np.arange(3)
        for split, rows in data.splits.items()
    }
    vectors = {split: found.astype(float) for split, found in right.items()}
    chosen = labelled.choose(data, vectors, (1e-4, 1e4), title="colours")
    assert (chosen["strength"], chosen["metrics"]["accuracy"]["score"]) == (1e4, 1.0)
    misled = vectors | {"validation": np.roll(vectors["validation"], 1, axis=1)}  # here the more one learns the worse
    chosen = labelled.choose(data, misled, (1e-4, 1e4), title="colours")
    assert chosen["strength"] == 1e-4
    assert chosen["metrics"]["accuracy"]["score"] < 0.8


def test_a_recipe_that_does_not_classify_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert tfidf.main(["quickstart"]) == 2
    assert "quickstart learns to translate" in capsys.readouterr().err


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = train((text for _, text in lines(100, 5)), type="word", vocab_size=40, exact=False)
    tokenizer = tokenizer.wrapped_by("<s>:0 $A:0 </s>:0", "<s>:0 $A:0 </s>:0 $B:1 </s>:1")
    torch.manual_seed(0)
    choices = Bert(num_layers=3, d_model=32, num_heads=2, max_length=32)
    tokens = SpecialTokens(pad_id=tokenizer.pad_id, start_id=tokenizer.start_id, end_id=tokenizer.end_id)
    hf.save(build(choices.spec(tokenizer.vocab_size, tokens)), folder)
    tokenizer.save(folder)
    return folder


def test_one_pass_makes_the_vectors_of_every_setting(encoder: Path) -> None:
    model, texts = headway.load(encoder), [text for _, text in lines(30, 6)]
    for pool in features.POOLS:
        states = features.every_layer(model, texts, pool, title="test")
        assert len(states) == 4
        for layer in features.settings(3).values():
            made = features.Layers.parse(layer).of(states).numpy()
            assert made == pytest.approx(np.asarray(model.embed(texts, layer, pool)), abs=1e-5), layer


def test_the_table_of_a_frozen_encoder(encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recipe(tmp_path, "single")
    assert features.main([str(encoder), "--data", path, "--pool", "mean", "--data.share", "0.5"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["rows"] == {"train": 100, "validation": 60, "test": 60}
    table = {name: found for name, found in report["table"]["mean"].items() if name != "seconds_encoding"}
    assert [found["width"] for found in table.values()] == [32, 32, 32, 32, 96, 32]
    assert table["embeddings"]["metrics"]["accuracy"]["score"] > 0.8  # the mean of words says which there are
    assert set(table["last"]["metrics"]) == {"accuracy", "macro_f1", "mcc"}
    assert features.main(["nowhere/at all", "--data", path]) != 0
