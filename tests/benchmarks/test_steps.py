"""The benchmarks of optimizer steps: all variants do the same work, on models that are small enough for a test."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import steps, train_classification, train_masked, train_vocabulary
from headway.models.families.bert import Bert

SIZES = {"VOCABULARY": 90, "LAYERS": 1, "D_MODEL": 32, "HEADS": 2, "DROPOUT": 0.0, "ROWS": 4, "LENGTH": 16}
BATCHES = 3
IDS = {"START": 1, "END": 2, "MASK": 3, "ORDINARY": 10}


@pytest.mark.filterwarnings("ignore")  # of the peer
@pytest.mark.parametrize("module", [train_masked, train_vocabulary])
def test_all_learn_alike_from_the_same_weights(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (SIZES | IDS | {"BATCHES": BATCHES}).items():
        monkeypatch.setattr(module, name, value, raising=name not in IDS)
    module.prepare(argparse.Namespace(), tmp_path)
    feed, curves = module.feed(), {}
    batches = [feed.parts(rows)[0][0] for rows in feed.epoch(0)]
    assert [batch.layout.rows for batch in batches] == [4] * BATCHES
    for variant in module.PROGRAM.variants:
        trained = module.make(variant, batches[0], "float32", tmp_path)
        curves[variant] = [steps.initial_loss(trained, batches[0])]
        for batch in batches:
            curves[variant].append(trained.loss(batch))
            trained.move()
    ours = curves.pop("headway")
    assert ours[0] == pytest.approx(ours[1], abs=1e-5), "nothing was learned from the first loss"
    for theirs in curves.values():
        assert theirs == pytest.approx(ours, abs=2e-4)


def test_ratios_are_ours_over_theirs_and_what_differs_is_said() -> None:
    program = train_vocabulary.PROGRAM
    result = {
        name: {"tokens_per_second": speed, "peak_mib": memory, "initial_loss": 4.0, "last_loss": 3.0}
        for name, speed, memory in (("headway", 950, 400), ("headway-whole", 1000, 900), ("transformers", 500, 1000))
    }
    found = steps.compare(program, result)
    assert found["speed"] == {"headway-whole": 0.95, "transformers": 1.9}
    assert found["memory"] == {"headway-whole": 0.44, "transformers": 0.4}
    assert found["reaches"] == {"speed": True, "memory": True}
    assert not steps.check(program, result)
    result["transformers"] |= {"peak_mib": 700, "last_loss": 3.06}
    assert steps.compare(program, result)["reaches"] == {"speed": True, "memory": False}
    assert steps.check(program, result) == ["last_loss: 3.0, and 3.06 of transformers"]


@pytest.mark.filterwarnings("ignore")  # of the peer
def test_classifiers_learn_alike_from_the_same_batches_and_a_user_of_the_peer_has_random_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEADWAY_DATA", raising=False)
    for name, value in {"VOCABULARY": 90, "LONGEST": 16, "TEXTS": 60, "ROWS": 6, "DROPOUT": 0.0}.items():
        monkeypatch.setattr(train_classification, name, value)
    choices = Bert(num_layers=1, d_model=32, num_heads=2, max_length=16, dropout=0.0, attention_dropout=0.0)
    train_classification.prepare(choices, argparse.Namespace(), tmp_path)
    feeds = {name: train_classification.feed(name, tmp_path) for name in train_classification.PROGRAM.variants}
    random = feeds["transformers"].epoch(0)
    assert [len(rows) for rows in random] == [6] * 10
    assert sorted(row for rows in random for row in rows) == list(range(60))
    plan = feeds["headway"].epoch(0)
    assert all((a == b).all() for a, b in zip(plan, feeds["transformers-sorted"].epoch(0), strict=True))
    batches = [feeds["headway"].parts(rows)[0][0] for rows in plan]
    assert any(batch.layout.keep is not None for batch in batches)
    curves = {}
    for name in ("headway", "transformers-sorted"):
        trained = train_classification.make(name, batches[0], "float32", tmp_path)
        curves[name] = [steps.initial_loss(trained, batches[0])]
        for batch in batches:
            curves[name].append(trained.loss(batch))
            trained.move()
    assert curves["headway"] == pytest.approx(curves["transformers-sorted"], abs=2e-4)


def test_of_who_reads_other_batches_only_the_first_loss_is_compared() -> None:
    program = train_classification.PROGRAM
    result = {name: {"initial_loss": 0.7, "last_loss": 0.5} for name in program.variants}
    result["transformers"] = {"initial_loss": 0.7, "last_loss": 0.9}
    assert not steps.check(program, result)
    result["transformers"]["initial_loss"] = 0.71
    result["transformers-sorted"]["last_loss"] = 0.6
    assert steps.check(program, result) == [
        "last_loss: 0.5, and 0.6 of transformers-sorted",
        "initial_loss: 0.7, and 0.71 of transformers",
    ]
