"""Headlines that are known, recognised by a classifier that looks at one word."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import headlines
from headway.config import build_config, to_yaml
from headway.decoding.sampling import Sampling
from headway.errors import ConfigError
from headway.tasks.reading import Reading

WRITTEN = {"경제": ["경제 하나", "경제 둘", "아무것도", ""], "정치": ["정치 하나", "경제 둘", "정치 새로", "정치 새로"]}


class Reader:
    """Recognises a topic by its first word."""

    folder, spec = "classifier", SimpleNamespace(label_head=SimpleNamespace(labels=("경제", "정치", "세계")))

    def classify(self, texts: list[str]) -> list[Any]:
        return [SimpleNamespace(label=text.partition(" ")[0] or None) for text in texts]


@pytest.fixture
def generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run whose headlines are `WRITTEN`; two different ones of them stand in its training rows."""
    rows = ["경제 둘", "정치 하나", *(f"옛것 {n}" for n in range(4))]
    train = "".join(f"{['경제', '정치'][n % 2]}\t{row}\n" for n, row in enumerate(rows))
    (tmp_path / "train.tsv").write_text(f"topic\ttitle\n{train}", encoding="utf-8")
    test = "정치\t정치 참\n정치\t정치 참말\n경제\t정치 거짓\n"
    (tmp_path / "test.tsv").write_text(f"topic\ttitle\n{test}", encoding="utf-8")
    files = {split: str(tmp_path / f"{split}.tsv") for split in ("train", "test")}
    columns = {"text": "title", "prompt": "topic"}
    values = {"task": "causal-lm", "data": {**files, "columns": columns}, "objective": {"packing": "texts"}}
    (tmp_path / "config.yaml").write_text(to_yaml(build_config(values, origin="test")), encoding="utf-8")

    def generate(model: Any, tokenizers: Any, prompts: Any, options: Any) -> Any:
        assert (options.n_best, options.sampling.seed) == (4, 7)
        for prompt in prompts:
            yield [SimpleNamespace(text=f" {text}") for text in WRITTEN[prompt.removesuffix(": ")]]

    monkeypatch.setattr(headlines, "generate", generate)
    return SimpleNamespace(
        model=None, tokenizers=None, folder=tmp_path, reading=Reading(separator=": "), decoding=SimpleNamespace(ends=())
    )


def test_shares_of_headlines(generator: Any) -> None:
    found = headlines.measure(generator, Reader(), each=4, sampling=Sampling(seed=7))  # type: ignore[arg-type]
    assert (found["headlines"], found["chance"], found["empty"]) == (8, 0.5, 1)
    assert found["recognised"]["score"] == 5 / 8
    assert found["recognised_by_topic"] == {"경제": 0.5, "정치": 0.75}
    assert found["verbatim_in_training"]["score"] == 3 / 8
    assert found["recognised_of_the_others"]["score"] == 3 / 5
    assert found["recognised_of_real"]["score"] == 2 / 3
    assert found["different"] == 6 / 8
    assert len(found["samples"]) == headlines.SAMPLES
    assert {"topic": "경제", "headline": "경제 하나", "recognised": True, "verbatim": False} in found["samples"]
    json.dumps(found)


def test_what_cannot_be_measured_is_said(generator: Any) -> None:
    other = SimpleNamespace(folder="c", spec=SimpleNamespace(label_head=SimpleNamespace(labels=("경제",))))
    with pytest.raises(ConfigError, match="c has no label '정치'; name a classifier of 경제, 정치"):
        headlines.measure(generator, other, each=4, sampling=Sampling())  # type: ignore[arg-type]
    generator.reading = Reading()
    with pytest.raises(ConfigError, match="learned no texts after prompts"):
        headlines.measure(generator, Reader(), each=4, sampling=Sampling())  # type: ignore[arg-type]
