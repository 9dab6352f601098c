"""A run that two processes share, from the command line to a Hugging Face folder, and on in one process."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import headway
from headway.cli.main import main
from headway.runs import RunFolder
from tests.runs import tiny

TEXTS = "the old dog saw a small cat and ran home before dark 나는 학교에 간다 그는 책을 읽는다".split()
OPTIONS = {
    "data.validation": "0.2",
    "data.max_length": 24,
    "tokenizer.vocab_size": 330,
    "model.num_layers": 2,
    "model.d_model": 32,
    "model.num_heads": 2,
    "model.dropout": 0.0,
    "training.max_steps": 12,
    "training.max_minutes": "null",
    "training.max_epochs": "null",
    "training.warmup_steps": 2,
    "training.batch_tokens": 200,
    "training.validate_every": 4,
    "training.checkpoint_every": 4,
    "training.keep_checkpoints": 3,
    "training.dtype": "float32",
    "training.threads": 1,
}


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    draw = random.Random(5)
    path = tmp_path_factory.mktemp("text") / "lines.txt"
    documents = ("\n".join(" ".join(draw.choices(TEXTS, k=draw.randint(3, 8))) for _ in range(4)) for _ in range(40))
    path.write_text("\n\n".join(documents), encoding="utf-8")
    return path


def words(recipe: str, data: str, run: Path, **more: object) -> list[str]:
    options = {"data.train": data, **OPTIONS, **{key.replace("__", "."): value for key, value in more.items()}}
    flat = [word for key, value in options.items() if value is not None for word in (f"--{key}", str(value))]
    return ["train", recipe, "--run", str(run), *flat]


def together(command: Sequence[str]) -> str:
    """Two processes, as torchrun starts them; what they said."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--", "headway"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *launcher, *command], env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def assert_close(run: Path, other: Path) -> None:
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (run, other))
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], rtol=0, atol=1e-4, msg=name)


@pytest.mark.parametrize("average", ["best", "moving", "last"])
def test_a_shared_run_is_a_run_like_any_other(text: Path, tmp_path: Path, average: str) -> None:
    kept = {"best": {}, "moving": {"training__ema_decay": 0.9}, "last": {"training__average_last": 2}}[average]
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    assert main(words("causal-lm", str(text), alone, **kept)) == 0
    together(words("causal-lm", str(text), shared, training__parallel="fsdp", **kept))
    assert {path.name for path in alone.iterdir()} == {path.name for path in shared.iterdir()}
    assert_close(shared, alone)
    rows = [{row["step"]: row["validation_loss"] for row in tiny.metrics(run) if "validation_loss" in row}
            for run in (alone, shared)]  # fmt: skip
    assert rows[1] == pytest.approx(rows[0], rel=1e-4)
    assert main(["convert", "--to", "huggingface", str(shared), str(tmp_path / "hf")]) == 0
    assert (tmp_path / "hf" / "config.json").is_file()
    ids = torch.tensor([[5, 9, 7]])
    ours, published = (headway.load(folder).model(ids).logits for folder in (shared, tmp_path / "hf"))
    torch.testing.assert_close(ours, published)
    if average == "best":
        shutil.rmtree(shared / "checkpoints" / "step-12")
        for name in ("model.safetensors", "README.md"):
            (shared / name).unlink()
        assert main(["resume", str(shared)]) == 0
        assert_close(shared, alone)


def test_a_shared_run_translates_its_validation_rows_and_goes_on_shared(tiny_corpus: str, tmp_path: Path) -> None:
    """BLEU and evaluation need calls that are not the model's forward; one process began, two go on."""
    run = tmp_path / "run"
    options = {**OPTIONS, "data.max_length": 40, "data.validation": None, "model.d_ff": 48, "training.max_steps": 8}
    given = {key.replace(".", "__"): value for key, value in options.items() if value is not None}
    together(tiny.words(tiny_corpus, run, **given, training__parallel="fsdp"))
    folder = RunFolder(run)
    assert folder.is_finished
    assert all(0 <= row["bleu"] <= 100 for row in folder.metrics if "validation_loss" in row)
    shutil.rmtree(run / "checkpoints" / "step-8")
    (run / "README.md").unlink()
    random_states = run / "checkpoints" / "step-4" / "random.safetensors"
    assert load_file(random_states).keys() == {"0", "1"}
    before = load_file(run / "model.safetensors")
    said = together(["resume", str(run)])
    assert "continued in" not in said
    after = load_file(run / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before), "exactly as if it had never stopped"


@pytest.fixture(scope="module")
def base(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 that has read a little: read only."""
    run = tmp_path_factory.mktemp("base") / "run"
    assert main(words("causal-lm", str(text), run, training__max_steps=2)) == 0
    return run


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    draw = random.Random(6)
    path = tmp_path_factory.mktemp("labels") / "rows.tsv"
    rows = [" ".join(draw.choices(TEXTS, k=draw.randint(3, 9))) for _ in range(120)]
    path.write_text("text\tlabel\n" + "".join(f"{row}\t{'dog' in row}\n" for row in rows), encoding="utf-8")
    return path


WAYS = {
    "lora": ("fsdp", {"lora__rank": 2}),
    "frozen": ("ddp", {"training__frozen": 2, "training__rate_decay": 1.5}),
    "gradual": ("fsdp", {"training__gradual_unfreezing": "true", "training__rate_decay": 1.5}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_part_that_learns_is_shared_too(way: str, base: Path, labelled: Path, tmp_path: Path) -> None:
    mode, chosen = WAYS[way]
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    sizes = {key.replace(".", "__"): None for key in OPTIONS if key.startswith(("model.", "tokenizer."))}
    options = {**sizes, "model__init": base, "model__dropout": 0.0, **chosen}
    assert main(words("classify", str(labelled), alone, **options)) == 0
    together(words("classify", str(labelled), shared, **options, training__parallel=mode))
    assert_close(shared, alone)
    assert {path.name for path in alone.iterdir()} == {path.name for path in shared.iterdir()}
    before = load_file(shared / "model.safetensors")
    shutil.rmtree(shared / "checkpoints" / "step-12")
    (shared / "README.md").unlink()
    together(["resume", str(shared)])
    after = load_file(shared / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before), "exactly as if it had never stopped"
