"""The report counts what was planted."""

from __future__ import annotations

from collections.abc import Sequence

import datasets

from headway.data.check import check, warnings
from headway.errors import ConfigError


class Words:
    """One id a word; words with q are unknown."""

    unk_id = 1

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        return [[1 if "q" in word else 7 for word in text.split()] for text in texts]


class Complete(Words):
    """Knows everything, and says so as the tokenizer does."""

    @property
    def unk_id(self) -> int:  # type: ignore[override]
        raise ConfigError("none")


def table(**columns: list[str]) -> datasets.Dataset:
    return datasets.Dataset.from_dict(columns)


def test_translation() -> None:
    data = {
        "train": table(source=["a b", "a b", "c", " ", "ab", "c"], target=["x", "x", "q z", "가나다", "c", "y"]),
        "test": table(source=["a b", "c", "new", "a"], target=["x", "other", "", "bc"]),
    }
    report = check(data, tokenizers={"target": Words()})
    train, test = report.splits["train"], report.splits["test"]
    assert (train.rows, train.duplicates, test.duplicates, train.labels) == (6, 1, 0, None)
    assert train.columns["source"].empty == 1
    assert test.columns["target"].empty == 1
    assert train.columns["target"].characters.longest == 3
    assert train.columns["target"].characters.mean == 1.67
    assert train.columns["target"].tokens is not None
    assert train.columns["target"].tokens.longest == 2
    assert train.columns["target"].unknown == 1 / 7
    assert train.columns["source"].tokens is train.columns["source"].unknown is None
    (leak,) = report.leaks
    assert (leak.split, leak.earlier, leak.rows, leak.inputs) == ("test", "train", 1, 2)
    assert list(warnings(report)) == [
        "train: 1 row has an empty source",
        "train: 14.3% of the tokens of target are unknown to the tokenizer",
        "train: 1 rows repeat an earlier one",
        "test: 1 row has an empty target",
        "test: 2 rows (50.0%) have an input that stands in train, 1 of them as a whole row",
    ]


def test_classification_counts_labels_and_a_clean_set_has_no_warnings() -> None:
    report = check(
        {"train": table(text=["a", "b", "c"], label=["1", "0", "1"])}, tokenizers={"text": Complete(), "label": Words()}
    )
    assert report.splits["train"].labels == {"1": 2, "0": 1}
    assert list(report.splits["train"].columns) == ["text"]
    assert report.splits["train"].columns["text"].unknown == 0
    assert list(warnings(report)) == []


def test_rows_without_a_label_and_a_label_that_is_alone_are_told() -> None:
    data = {
        "train": table(text=["a", "b", "c", "d"], label=["joy", "", '["joy", "fear"]', "fear|anger"]),
        "test": table(text=["e", "f"], label=["joy", "joy"]),
    }
    report = check(data, separator="|")
    assert report.splits["train"].labels == {"joy": 2, "fear": 2, "anger": 1}
    assert list(warnings(report)) == [
        "train: 1 row has no label",
        "test: the only label is joy; at least two are needed to tell texts apart",
    ]
