"""Labels are measured as torchmetrics and scikit-learn measure them, and told with the interval of the bootstrap."""

import json
import time
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn import metrics as sk  # type: ignore[import-untyped]
from torchmetrics.functional import classification as tm
from torchmetrics.functional import regression as tmr

from headway.errors import DataError
from headway.evaluation.bootstrap import RESAMPLES, resampled, resampled_kinds
from headway.evaluation.classification import (
    class_report,
    classification_metrics,
    multi_label_metrics,
    regression_metrics,
    regression_report,
)
from headway.evaluation.counts import multi_label_scores, multi_label_statistics, regression_scores, single_scores
from headway.evaluation.proportion import proportion

# of each case: labels; those that are references, and those that are predicted
CASES = {
    "all": (4, (0, 1, 2, 3), (0, 1, 2, 3)),
    "two": (2, (0, 1), (0, 1)),
    "never a reference": (4, (0, 1, 2), (0, 1, 2, 3)),
    "never predicted": (4, (0, 1, 2, 3), (0, 2)),
    "nowhere": (5, (0, 2, 4), (0, 1, 2)),
    "one prediction": (2, (0, 1), (1,)),
    "one reference": (3, (2,), (0, 1, 2)),
}


def drawn(case: str, rows: int = 300) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    labels, references, predictions = CASES[case]
    random = np.random.default_rng(7)
    right = random.choice(references, rows)
    given = np.where(random.random(rows) < 0.6, right, random.choice(predictions, rows))
    return labels, np.where(np.isin(given, predictions), given, predictions[0]), right


@pytest.mark.parametrize("case", CASES)
def test_our_counts_are_theirs(case: str) -> None:
    labels, given, right = drawn(case)
    confusion = np.zeros((labels, labels + 1), np.int64)
    np.add.at(confusion, (right, given), 1)
    ours = {name: float(score) for name, score in single_scores(confusion).items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns where there is one class
        assert ours["accuracy"] == pytest.approx(sk.accuracy_score(right, given), abs=1e-12)
        assert ours["macro_f1"] == pytest.approx(sk.f1_score(right, given, average="macro"), abs=1e-12)
        assert ours["mcc"] == pytest.approx(sk.matthews_corrcoef(right, given), abs=1e-12)
    pair = torch.from_numpy(given), torch.from_numpy(right)
    assert ours["accuracy"] == pytest.approx(float(tm.multiclass_accuracy(*pair, labels, average="micro")), abs=1e-6)
    assert ours["macro_f1"] == pytest.approx(float(tm.multiclass_f1_score(*pair, labels, average="macro")), abs=1e-6)
    names = [f"label {place}" for place in range(labels)]
    told = classification_metrics([names[i] for i in given], [names[i] for i in right], labels=names)
    assert {name: values["score"] for name, values in told.items()} == pytest.approx(ours, abs=2e-6)
    if case not in ("one prediction", "one reference"):  # there two classes of torchmetrics are a case of their own
        assert ours["mcc"] == pytest.approx(float(tm.multiclass_matthews_corrcoef(*pair, labels)), abs=2e-6)
        assert all(values["low"] < values["score"] < values["high"] for values in told.values())


@pytest.mark.parametrize("absent", [(), (2,), (0, 1)])
def test_counts_of_several_labels_are_theirs(absent: tuple[int, ...]) -> None:
    random = np.random.default_rng(3)
    right = random.random((200, 5)) < 0.3
    given = right ^ (random.random((200, 5)) < 0.15)
    right[:, list(absent)] = given[:, list(absent)] = False
    ours = multi_label_scores(multi_label_statistics(given, right).sum(0).astype(float), 200)
    names = list("abcde")
    told = multi_label_metrics(
        *([[names[i] for i in np.flatnonzero(row)] for row in x] for x in (given, right)), labels=names
    )
    pair = torch.from_numpy(given.astype(int)), torch.from_numpy(right.astype(int))
    for average in ("macro", "micro"):
        score = float(ours[f"{average}_f1"])
        assert score == pytest.approx(sk.f1_score(right, given, average=average, zero_division=0), abs=1e-7)
        assert score == pytest.approx(float(tm.multilabel_f1_score(*pair, 5, average=average)), abs=1e-6)  # type: ignore[arg-type]
    assert float(ours["exact_match"]) == pytest.approx(sk.accuracy_score(right, given), abs=1e-7)
    assert {name: values["score"] for name, values in told.items()} == pytest.approx(
        {name: float(score) for name, score in ours.items()}, abs=2e-6
    )
    assert all(values["low"] < values["score"] < values["high"] for values in told.values())


def test_correlations_of_rows_that_are_counted_more_than_once() -> None:
    random = np.random.default_rng(5)
    right = random.integers(0, 6, 80).astype(float)  # with ties
    given = right + random.normal(size=80).round(1)
    counts = random.integers(0, 4, (3, 80)).astype(float)
    counts[2] = right == 4  # one reference alone: no correlation
    ours = regression_scores(counts, given, right)
    for row, count in enumerate(counts[:2].astype(int)):
        pair = torch.from_numpy(np.repeat(given, count)), torch.from_numpy(np.repeat(right, count))
        assert ours["pearson"][row] == pytest.approx(float(tmr.pearson_corrcoef(*pair)), abs=1e-9)
        assert ours["spearman"][row] == pytest.approx(float(tmr.spearman_corrcoef(*pair)), abs=1e-5)
        assert ours["rmse"][row] == pytest.approx(sk.root_mean_squared_error(pair[1], pair[0]), abs=1e-12)
    assert np.isnan([ours["pearson"][2], ours["spearman"][2]]).all()
    told = regression_metrics(given.tolist(), right.tolist())
    whole = regression_scores(np.ones((1, 80)), given, right)
    assert {name: values["score"] for name, values in told.items()} == pytest.approx(
        {name: score[0] for name, score in whole.items()}, abs=1e-5
    )
    assert all(values["low"] < values["score"] < values["high"] for values in told.values())


@pytest.mark.parametrize(
    ("given", "right", "note"),
    [
        ([2.5] * 3, [1.0, 2.0, 3.0], "all predictions are 2.5"),
        ([1.0, 2.0], [4.0, 4.0], "all references are 4"),
        ([0.1] * 3, [0.3] * 3, "all predictions are 0.1 and all references are 0.3"),
    ],
)
def test_what_does_not_vary_has_no_correlation(given: list[float], right: list[float], note: str) -> None:
    found = regression_metrics(given, right)
    assert list(found) == ["rmse"]
    assert found["rmse"]["note"] == f"no correlation: {note}"
    json.dumps(found, allow_nan=False)


def test_few_rows_never_make_nan() -> None:
    for rows in (2, 3):
        for found in (
            regression_metrics([1.0, 2.0, 3.0][:rows], [1.0, 3.0, 2.0][:rows]),
            classification_metrics(["a", "b", "b"][:rows], ["a", "a", "b"][:rows], labels=["a", "b"]),
        ):
            json.dumps(found, allow_nan=False)
    assert classification_metrics(["a"], ["a"], labels=["a", "b"])["accuracy"] == {
        "score": 1.0,
        "low": 1.0,
        "high": 1.0,
    }


def test_a_resample_is_as_many_rows_drawn_anew() -> None:
    counts = np.concatenate(list(resampled(400)))
    assert counts.shape == (RESAMPLES, 400)
    assert (counts.sum(1) == 400).all()
    assert counts.var() == pytest.approx(1 - 1 / 400, rel=0.02)  # binomial: 400 draws of one row in 400
    right = np.arange(400) < 320  # rows and kinds of rows are drawn alike
    kinds = resampled_kinds(np.array([320, 80]))[:, 0] / 400
    for shares in (counts @ right / 400, kinds):
        low, high = np.percentile(shares, [2.5, 97.5])
        assert (low, high) == pytest.approx((proportion(320, 400)["low"], proportion(320, 400)["high"]), abs=0.008)


def test_a_row_without_a_label_is_wrong() -> None:
    labels, right = ["a", "b"], ["a", "a", "b", "b"]
    found = classification_metrics(["a", None, "b", "a"], right, labels=labels)
    assert found["accuracy"]["score"] == 0.5
    assert found["macro_f1"]["score"] == pytest.approx((2 * 1 / (2 + 2) + 2 * 1 / (2 + 1)) / 2, abs=1e-6)
    report = class_report(["a", None, "b", "a"], right, labels=labels, confidences=[0.9, 0.0, 0.8, 0.6])
    assert report["confusion"] == [[1, 0], [1, 1]]
    assert report["unlabelled"] == [1, 0]
    assert sum(row["count"] for row in report["calibration"]) == 3
    assert report["per_class"]["a"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}


@pytest.mark.parametrize("problem", ["single", "several"])
def test_the_report_is_that_of_the_libraries(problem: str) -> None:
    random = np.random.default_rng(11)
    names = ["가", "b", "c", "d"]
    scores = random.dirichlet([0.5] * 4, 250) if problem == "single" else random.random((250, 4))
    by_label = [dict(zip(names, row, strict=True)) for row in scores.tolist()]
    given: list[Any]
    references: list[Any]
    if problem == "single":
        right = random.choice(3, 250)  # the last label is no reference
        given, references = [names[i] for i in scores.argmax(1)], [names[i] for i in right]
        table = sk.precision_recall_fscore_support(right, scores.argmax(1), labels=range(4), zero_division=0)
        told, truth = scores.max(1), scores.argmax(1) == right
    else:
        true = random.random((250, 4)) < scores * [1, 1, 1, 0]
        given = [[names[i] for i in np.flatnonzero(row > 0.5)] for row in scores]
        references = [[names[i] for i in np.flatnonzero(row)] for row in true]
        table = sk.precision_recall_fscore_support(true, scores > 0.5, zero_division=0)
        told, truth = scores.ravel(), true.ravel()
    report = class_report(given, references, labels=names, confidences=by_label)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert np.array([list(report["per_class"][name].values()) for name in names]) == pytest.approx(np.stack(table, 1))
    error = tm.binary_calibration_error(torch.tensor(told), torch.tensor(truth.astype(int)), n_bins=10)
    assert report["expected_calibration_error"] == pytest.approx(float(error), abs=1e-6)
    assert ("confusion" in report) == (problem == "single")
    if problem == "single":
        assert (np.array(report["confusion"]) == sk.confusion_matrix(right, scores.argmax(1), labels=range(4))).all()
        as_numbers = class_report(given, references, labels=names, confidences=told.tolist())
        assert as_numbers["calibration"] == report["calibration"]


def test_full_confidence_lies_in_the_last_bin() -> None:
    report = class_report(["a", "a"], ["a", "b"], labels=["a", "b"], confidences=[1.0, 0.95])
    assert report["calibration"] == [{"confidence": 0.975, "accuracy": 0.5, "count": 2}]


def test_what_cannot_be_measured_is_told() -> None:
    with pytest.raises(DataError, match=r"2 predictions against 1 references"):
        classification_metrics(["a", "a"], ["a"], labels=["a", "b"])
    with pytest.raises(DataError, match=r"0 predictions"):
        multi_label_metrics([], [], labels=["a", "b"])
    with pytest.raises(DataError, match=r"row 2: the reference 'c' is none of the 2 labels \(a, b\)"):
        classification_metrics(["a", "b"], ["a", "c"], labels=["a", "b"])
    with pytest.raises(DataError, match=r"row 1: the prediction 'z' is none"):
        multi_label_metrics([["z"]], [["a"]], labels=["a", "b"])
    with pytest.raises(DataError, match="row 2: the prediction is nan"):
        regression_metrics([1.0, float("nan")], [1.0, 2.0])
    with pytest.raises(DataError, match="1 confidences of 2 rows"):
        class_report(["a", "b"], ["a", "b"], labels=["a", "b"], confidences=[0.5])


def test_points_of_a_picture_are_spread_over_the_rows() -> None:
    values = np.arange(5000.0)
    points = regression_report((values + 1).tolist(), values.tolist())["points"]
    assert len(points) == 2000
    assert (points[0], points[-1]) == ([0.0, 1.0], [4999.0, 5000.0])


def test_fifty_thousand_rows_are_quick() -> None:
    random = np.random.default_rng(1)
    names = [str(i) for i in range(28)]
    right = random.integers(0, 28, 50_000)
    given = [names[i] for i in np.where(random.random(50_000) < 0.5, right, 3)]
    begun = time.process_time()
    classification_metrics(given, [names[i] for i in right], labels=names)
    assert time.process_time() - begun < 2
