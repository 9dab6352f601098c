"""Recipes that go on from published models, two steps from small folders in their form; and what is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import headway
from headway.cli.main import main
from headway.runs import RunFolder
from tests.runs import tiny

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")
from tests.runs import published

ENGLISH = "the dog sleeps./a cat reads a book./we opened the window./it rained./they sing at home.".split("/")
KOREAN = "개가 잔다./고양이가 책을 읽는다./우리는 창문을 열었다./비가 왔다./그들은 노래한다.".split("/")
TOPICS = ["정치", "경제"]
SHORT = {
    "data.validation": "0.1",
    "data.test": "0.1",
    "training.max_steps": 2,
    "training.max_epochs": "null",
    "training.batch_tokens": 300,
    "training.threads": 1,
    "training.validation_rows": 4,
    "decoding.beam": 1,
}


def words(recipe: str, run: Path, train: Path, init: str, **more: object) -> list[str]:
    options = {**SHORT, "data.train": train, "model.init": init, **more}
    return ["train", recipe, "--run", str(run), *(word for k, v in options.items() for word in (f"--{k}", str(v)))]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both languages, a file, and a topic: what the tables of the recipes have."""
    path = tmp_path_factory.mktemp("table") / "rows.tsv"
    rows = [
        f"f{n}\t{ENGLISH[n % 5]} {n}\t{KOREAN[n % 5]} {n}\t{TOPICS[n % 2]}\t{KOREAN[n % 5]} {n}\n" for n in range(60)
    ]
    path.write_text("file\ten\tko\tlabel\ttitle\n" + "".join(rows), encoding="utf-8")
    return path


def test_headlines_from_kogpt2(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init, run = published.kogpt2(tmp_path / "kogpt2", [*KOREAN, *TOPICS] * 3), tmp_path / "run"
    assert main(words("headlines-kogpt2", run, table, init)) == 0
    metrics = RunFolder(run).evaluation["metrics"]
    assert {"perplexity", "bits_per_byte", "unigram_bits_per_byte"} <= metrics.keys()
    loaded = headway.load(run)
    assert loaded.reading.separator == ": "
    assert loaded.tokenizers.source.wrap([9]).ids == [9]  # it begins no text of its own, neither here nor in training
    capsys.readouterr()
    assert main(["generate", str(run), "정치", "--max-new-tokens", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["prompt"] == "정치"


def test_translation_from_ke_t5(table: Path, tmp_path: Path) -> None:
    init, run = published.ke_t5(tmp_path / "ke-t5", [*ENGLISH, *KOREAN] * 3), tmp_path / "run"
    assert main(words("translate-ke-t5", run, table, init)) == 0
    metrics = RunFolder(run).evaluation["metrics"]
    assert {"bleu_en_ko", "chrf_en_ko", "bleu_ko_en", "chrf_ko_en"} <= metrics.keys()
    before, after = headway.load(init), headway.load(run)
    assert after.spec.tokens == before.spec.tokens
    assert after.spec.tokens.start_id == after.spec.tokens.pad_id == 0
    line = "translate Korean to English: 개가 잔다."
    assert after.tokenizers.source.encode(line).ids == before.tokenizers.source.encode(line).ids
    assert after.translate(["개가 잔다."], task="ko_en") == after.translate([line])
    assert {"bleu_en_ko", "bleu_ko_en"} <= tiny.metrics(run)[-1].keys()


@pytest.mark.parametrize(("recipe", "first"), [("translate-t5-ko", "t5-koen"), ("headlines-gpt2", "gpt2-nsmc-raw")])
def test_a_recipe_says_what_must_be_trained_before_it(
    recipe: str, first: str, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    command = [word for word in words(recipe, tmp_path / "run", table, "") if word not in ("--model.init", "")]
    assert main(command) == 2
    last = capsys.readouterr().err.rstrip().rpartition("\n")[2]
    assert last == (
        f"headway: model.init runs/{first} is not there; train it first: headway train {first} --run runs/{first}"
    )
    assert not (tmp_path / "run").exists()
