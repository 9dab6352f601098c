"""The benchmark of translation: every variant does the same work, on a model that is small enough for a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import translate, variants

pytest.importorskip("ctranslate2", reason="the extra `bench` is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("marian")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"VOCABULARY": 300, "PAD": 299, "LAYERS": 1, "D_MODEL": 32, "D_FF": 64, "HEADS": 2}.items():
            patch.setattr(translate, name, value)
        translate.prepare(path)
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translate, "VOCABULARY", 300)
    monkeypatch.setattr(translate, "PAD", 299)


@pytest.mark.filterwarnings("ignore")  # of the peers
@pytest.mark.parametrize("job", translate.JOBS)
def test_all_translate_the_same_to_the_same(folder: Path, small: None, job: str) -> None:
    reference = translate.transformers(folder, "float32")(job)
    ours, arithmetic = translate.ours(folder, "float32")
    assert ours(job) == reference
    assert "torch" in arithmetic, "too small to be timed"
    others = [translate.ours(folder, "int8")[0](job), translate.ctranslate2(folder, "float32", 1)(job)]
    for found in [reference, *others]:
        assert len(found) == len(translate.sources(job)) == 16
        lengths = set(map(len, found))
        assert max(lengths) <= translate.LONGEST
        assert (lengths == {translate.LONGEST}) == (job == "fixed")


def test_ratios_are_ours_over_theirs_and_what_differs_is_said() -> None:
    speeds = {"transformers-float32": 10, "ctranslate2-float32": 20, "ctranslate2-int8": 40, "headway-float32": 30}
    results = {
        name: {job: {"tokens_per_second": speed, "same_as_transformers": "16/16"} for job in translate.JOBS}
        for name, speed in (speeds | {"headway-int8": 50}).items()
    }
    assert list(translate.ratios(results).values()) == [3.0, 1.5, 1.25]
    assert translate.ratios(results).keys() == translate.TARGETS.keys()
    assert not variants.check(results, list(translate.JOBS))
    results["headway-float32"]["early"]["same_as_transformers"] = "15/16"
    assert variants.check(results, list(translate.JOBS)) == ["early: only 15/16 as transformers"]
