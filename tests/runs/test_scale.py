"""Numbers of any size are learned alike, and the model that stays says the numbers themselves."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

import headway
from headway.cli.main import main
from headway.errors import ConfigError
from headway.nn.linear import Linear
from headway.runs import RunFolder
from headway.runs.kinds.scale import Scale
from tests.runs.test_classify import FILLER, words

BERT: dict[str, object] = {
    "model.family": "bert", "model.norm_order": "pre", "objective.problem": "regression",
    "training.learning_rate": 0.01, "training.max_steps": 120, "training.validate_every": 60,
}  # fmt: skip


def prices(path: Path, *, unit: float, least: float) -> str:
    """The more rooms a text names, the more it costs."""
    draw, rows = random.Random(8), ["text\tlabel"]
    for i in range(200):
        rooms = [word for word in ("kitchen", "attic", "garden") if draw.random() < 0.5]
        line = [*draw.choices(FILLER, k=3), *rooms]
        rows.append(f"{' '.join(draw.sample(line, len(line)))} {i}\t{least + unit * len(rooms)}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("bias", [True, False])
def test_what_learned_deviations_says_numbers(bias: bool) -> None:
    numbers = np.array([[250_000.0], [310_000.0], [400_000.0]], np.float32)
    scale = Scale.of(numbers, centred=bias)
    learned = scale.of_numbers(numbers)
    assert learned.dtype == np.float32
    assert float(learned.std()) == pytest.approx(1.0)
    assert float(learned.mean()) == pytest.approx(0.0 if bias else 320_000 / float(numbers.std()), abs=1e-6)
    out, read = Linear(5, 1, bias=bias), torch.randn(7, 5, generator=torch.manual_seed(1))
    before, weight = out(read), out.weight.detach().clone()
    scale.put_into(out)
    torch.testing.assert_close(out(read), before * scale.deviation + scale.mean)
    scale.take_out_of(out)
    torch.testing.assert_close(out.weight, weight)
    torch.testing.assert_close(out(read), before, rtol=1e-4, atol=1e-5)


def test_equal_numbers_have_a_scale_too() -> None:
    assert Scale.of(np.array([3.0, 3.0]), centred=True) == Scale(3.0, 1.0)
    assert Scale.of(np.zeros(2), centred=False) == Scale(0.0, 1.0)


def test_numbers_far_from_zero_are_refused_where_nothing_could_carry_them_there() -> None:
    years = np.array([1985.0, 2004.0, 2021.0])
    assert Scale.of(years, centred=True).mean == pytest.approx(2003.33, abs=0.01)
    with pytest.raises(ConfigError, match=r"136 deviations from 0, .* no bias .* subtract the mean"):
        Scale.of(years, centred=False)


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_prices_are_learned_as_grades_are_and_a_run_goes_on_from_there(family: str, tmp_path: Path) -> None:
    file, run = prices(tmp_path / "prices.tsv", unit=90_000, least=200_000), tmp_path / "run"
    options = dict(BERT)
    if family == "gpt2":  # whose head has no bias
        options |= {"model.family": "gpt2", "model.size": "small", "objective.reads": "null", "model.dropout": 0}
        del options["model.norm_order"]
    assert main(words(file, run, **options)) == 0
    found = RunFolder(run)
    assert found.evaluation["metrics"]["pearson"]["score"] > (0.8 if family == "bert" else 0.2)
    rows = found.metrics
    assert not any("perplexity" in name or name == "nll" for row in rows for name in row)
    losses = [row["validation_loss"] for row in rows if "validation_loss" in row]
    assert losses[-1] < (0.5 if family == "bert" else 1.0)  # of the variance
    texts = ["the film kitchen attic garden 7", "a story of the film 8"]
    said = [result.scores["number"] for result in headway.load(run).classify(texts)]
    assert 150_000 < said[1] < said[0] < 520_000
    if family == "gpt2":  # which is one of theirs
        assert main(["convert", str(run), str(tmp_path / "hf"), "--to", "huggingface"]) == 0
        exported = headway.load(tmp_path / "hf").classify(texts)
        assert [next(iter(result.scores.values())) for result in exported] == pytest.approx(said, rel=1e-6)
    spec, before = (run / "spec.json").read_text(encoding="utf-8"), found.evaluation["metrics"]
    (run / "spec.json").write_text(spec.replace('"number"', '"LABEL_0"'), encoding="utf-8")  # as transformers calls it
    assert main(["evaluate", str(run), "--split", "validation"]) == 0
    assert found.evaluation["metrics"]["rmse"] == pytest.approx(before["rmse"], rel=1e-4)
    (run / "spec.json").write_text(spec, encoding="utf-8")

    few = {"training.learning_rate": 1e-9, "training.max_steps": 2, "training.validate_every": 2}
    assert main(words(file, tmp_path / "on", **{**options, **few, "model.init": str(run)})) == 0
    on = RunFolder(tmp_path / "on")
    begun = next(row["validation_loss"] for row in on.metrics if "validation_loss" in row)
    assert begun == pytest.approx(min(losses), rel=1e-3)
    assert [r.scores["number"] for r in headway.load(on.path).classify(texts)] == pytest.approx(said, rel=1e-4)
