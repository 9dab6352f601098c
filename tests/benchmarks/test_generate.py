"""The benchmark of generation: every variant does the same work, on a model that is small enough for a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import generate, variants

pytest.importorskip("ctranslate2", reason="the extra `bench` is not installed")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    sizes = {"VOCABULARY": 300, "LAYERS": 2, "D_MODEL": 32, "HEADS": 2, "POSITIONS": 64, "PROMPT": 5, "NEW": 12}
    for name, value in sizes.items():
        monkeypatch.setattr(generate, name, value)
    generate.prepare(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore")  # of the peers
def test_all_continue_the_same_prompts_in_the_same_way(folder: Path) -> None:
    runs = [generate.transformers(folder, "float32"), generate.ours(folder, "float32")[0]]
    others = [generate.ctranslate2(folder, "float32", 1), generate.ours(folder, "int8")[0]]
    for batch in generate.JOBS.values():
        reference, ours = (run(batch) for run in runs)
        assert ours == reference
        for found in [reference, *(run(batch) for run in others)]:
            assert [len(row) for row in found] == [12] * batch
            assert all(0 <= token < 299 for row in found for token in row)


def test_ratios_are_ours_over_theirs_and_what_differs_is_said() -> None:
    speeds = {name: 10.0 * place for place, name in enumerate(variants.VARIANTS, 1)}

    def result(speed: float) -> dict[str, Any]:
        return {
            job: {"tokens_per_second": speed, "same_as_transformers": f"{batch}/{batch}"}
            for job, batch in generate.JOBS.items()
        }

    results = {name: result(speed) for name, speed in speeds.items()}
    found = generate.ratios(results)
    assert found["batch 1"] == {
        "headway-float32 / transformers-float32": 4.0,
        "headway-int8 / ctranslate2-int8": 1.67,
        "headway-float32 / ctranslate2-float32": 2.0,
    }
    assert (
        "headway-bfloat16 / transformers-bfloat16"
        in generate.ratios(results | {name: result(1.0) for name in variants.BFLOAT16})["batch 8"]
    )
    assert generate.report(results)["reaches"]["batch 1"]["headway-float32 / transformers-float32"]
    assert not variants.check(results, list(generate.JOBS))
    results["headway-float32"]["batch 8"]["same_as_transformers"] = "7/8"
    assert variants.check(results, list(generate.JOBS)) == ["batch 8: only 7/8 as transformers"]
