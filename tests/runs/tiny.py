"""A corpus of word-for-word translations, and runs on it that take a second, as fixtures."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import headway
from headway import spec as specs
from headway.checkpoints import native
from headway.cli.main import main

_GERMAN = "ein der die hund katze mann frau läuft sieht isst rot groß klein haus baum".split()
_ENGLISH = "a the thee dog cat man woman runs sees eats red big small house tree".split()
_OPTIONS = {
    "model.d_model": 32,
    "model.num_layers": 1,
    "tokenizer.vocab_size": 300,
    "training.max_steps": 8,
    "training.max_minutes": "null",
    "training.max_epochs": "null",
    "training.warmup_steps": 2,
    "training.batch_tokens": 600,
    "training.log_every": 1,
    "training.threads": 1,
    "training.validation_rows": 4,
    "decoding.beam": 2,
}
_TRANSFORMER = {"model.d_ff": 48, "model.num_heads": 2}


def rows(count: int = 240, seed: int = 1) -> list[tuple[str, str]]:
    """Pairs of two to seven words and a number, so that hardly two sources are equal."""
    draw = random.Random(seed)
    picks = [[draw.randrange(len(_GERMAN)) for _ in range(draw.randint(2, 7))] for _ in range(count)]
    return [
        (" ".join(_GERMAN[word] for word in pick) + f" {i}.", " ".join(_ENGLISH[word] for word in pick) + f" {i}.")
        for i, pick in enumerate(picks)
    ]


def parallel(folder: Path, count: int = 240, *, name: str = "train", seed: int = 1) -> str:
    """Two files, as `--data.train` takes them."""
    files = [folder / f"{name}.{language}" for language in ("de", "en")]
    for file, side in zip(files, zip(*rows(count, seed), strict=True), strict=True):
        file.write_text("".join(f"{line}\n" for line in side), encoding="utf-8")
    return ",".join(map(str, files))


def words(train: str, run: Path | None = None, **more: object) -> list[str]:
    """The command line of a tiny training; `more` are keys with `__` for the dot, or without one a plain option."""
    given = {key.replace("__", "."): value for key, value in more.items()}
    is_recurrent = given.get("model.family") in ("rnn", "gru", "lstm")
    options = {"data.train": train, **_OPTIONS, **({} if is_recurrent else _TRANSFORMER), **given}
    place = [] if run is None else ["--run", str(run)]
    return [
        "train",
        "translate",
        *place,
        *(word for key, value in options.items() for word in (f"--{key}", str(value))),
    ]


def metrics(run: Path) -> list[dict[str, float]]:
    """The rows of `metrics.jsonl`."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADWAY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The two files of the corpus."""
    return parallel(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, tiny_corpus: str) -> Path:
    """A finished run: read only."""
    run = tmp_path_factory.mktemp("runs") / "tiny"
    assert main(words(tiny_corpus, run, model__max_length=40, data__max_length=39)) == 0
    return run


@pytest.fixture(scope="session")
def recurrent_run(tmp_path_factory: pytest.TempPathFactory, tiny_corpus: str) -> Path:
    """A finished run of a GRU with attention and a vocabulary for each side: read only."""
    run = tmp_path_factory.mktemp("runs") / "gru"
    assert (
        main(words(tiny_corpus, run, model__family="gru", model__attention="additive", tokenizer__joint="false")) == 0
    )
    return run


@pytest.fixture
def post_run(tiny_run: Path, tmp_path: Path) -> Path:
    """The run, had it been one of a model that Marian can express: each norm after its sublayer."""
    run = tmp_path / "post"
    shutil.copytree(tiny_run, run, ignore=shutil.ignore_patterns("checkpoints", "plots"))
    spec = json.loads((run / "spec.json").read_text(encoding="utf-8"))
    for side in ("encoder", "decoder"):
        spec[side] |= {"norm_order": "post", "final_norm": False}
    native.write_json(run / "spec.json", spec)
    torch.manual_seed(0)
    native.save_weights(headway.build(specs.from_json(spec)), run / "model.safetensors")
    return run
