"""`headway train` as a user meets it: what bad input gets, what a full disk and a full memory leave, dry runs."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from headway.checkpoints import native
from headway.cli.main import main
from headway.runs import RunFolder
from headway.training.checkpoint import Checkpoints
from tests.runs import tiny

Make = Callable[[Path], list[str]]


def files(folder: Path, source: bytes, target: bytes) -> list[str]:
    (folder / "bad.de").write_bytes(source)
    (folder / "bad.en").write_bytes(target)
    return tiny.words(f"{folder / 'bad.de'},{folder / 'bad.en'}", folder / "run")


def table(folder: Path, text: str, **more: object) -> list[str]:
    (folder / "a.tsv").write_text(text, encoding="utf-8")
    return tiny.words(str(folder / "a.tsv"), folder / "run", **more)


def good(folder: Path, **more: object) -> list[str]:
    return tiny.words(tiny.parallel(folder), folder / "run", **more)


def existing(folder: Path) -> list[str]:
    (folder / "run").mkdir()
    (folder / "run" / "config.yaml").write_text("seed: 1\n")
    return good(folder)


def stranger(folder: Path) -> list[str]:
    (folder / "run").mkdir()
    (folder / "run" / "thesis.tex").write_text("ten years of work")
    return good(folder)


LONG = " ".join(["hund"] * 300)

BAD: dict[str, tuple[Make, int, list[str]]] = {
    "files of different length": (
        lambda f: files(f, b"eins\nzwei\ndrei\n", b"one\ntwo\n"),
        3,
        ["bad.de has 3 lines", "bad.en has 2 lines"],
    ),
    "an empty file": (lambda f: files(f, b"", b""), 3, ["bad.de", "no rows"]),
    "a file that is not UTF-8": (
        lambda f: files(f, b"eins\ncaf\xe9\n", b"one\ntwo\n"),
        3,
        ["bad.de, line 2, byte 4: not UTF-8", "iconv"],
    ),
    "no such file": (
        lambda f: tiny.words(tiny.parallel(f).replace("train.en", "trian.en"), f / "run"),
        3,
        ["did you mean train.en"],
    ),
    "an unknown key": (
        lambda f: good(f, training__max_stepz=3),
        2,
        ["training.max_stepz", "did you mean training.max_steps"],
    ),
    "two unknown keys at once": (
        lambda f: good(f, modle__d_model=3, sead=1),
        2,
        ["model.d_model?", "did you mean seed?"],
    ),
    "a value of another kind": (
        lambda f: good(f, training__max_steps="many"),
        2,
        ["training.max_steps is 'many'", "whole number"],
    ),
    "a key without its value": (lambda f: [*good(f), "--seed"], 2, ["--seed has no value"]),
    "an unknown recipe": (lambda f: ["train", "quikstart"], 2, ["quikstart", "did you mean quickstart"]),
    "heads that do not divide the width": (
        lambda f: good(f, model__num_heads=5),
        2,
        ["d_model 32 is not divisible by num_heads 5", "try 4 heads"],
    ),
    "no heads": (lambda f: good(f, model__num_heads=0), 2, ["model.num_heads is 0", "positive"]),
    "no layers": (lambda f: good(f, model__family="gru", model__num_layers=0), 2, ["model.num_layers is 0"]),
    "an odd width": (lambda f: good(f, model__d_model=33, model__num_heads=3), 2, ["d_model is 33", "even"]),
    "a choice of another family": (
        lambda f: good(f, model__attention="dot"),
        2,
        ["model.attention means nothing to vaswani"],
    ),
    "an unknown size": (lambda f: good(f, model__size="huge"), 2, ["no size 'huge'", "tiny"]),
    "texts longer than the positions": (
        lambda f: good(f, data__max_length=64, model__max_length=64),
        2,
        ["data.max_length 64", "64 positions", "model.max_length"],
    ),
    "several numbers at once": (
        lambda f: good(f, training__learning_rate=0, model__dropout=1.0, seed=-1, training__warmup_steps=-5),
        2,
        ["training.learning_rate is 0", "model.dropout is 1.0", "seed is -1", "training.warmup_steps is -5"],
    ),
    "no end": (lambda f: good(f, training__max_steps="null"), 2, ["the training has no end", "training.max_minutes"]),
    "a wrong column": (
        lambda f: table(f, "de\ten\na\tb\n", data__columns__source="src", data__columns__target="en"),
        3,
        ["no column 'src'", "the columns are de, en"],
    ),
    "a line with too few fields": (
        lambda f: table(f, "source\ttarget\na\tb\nc\n"),
        3,
        ["a.tsv, line 3: 1 fields", "header names 2"],
    ),
    "an unknown format": (lambda f: good(f, data__format="xml"), 2, ["data.format is 'xml'", "jsonl"]),
    "no data": (lambda f: ["train", "translate", "--run", str(f / "run")], 2, ["--data.train FILE"]),
    "nothing held out": (
        lambda f: good(f, data__validation="null", data__test="null"),
        3,
        ["no validation split", "--data.validation"],
    ),
    "a share above one": (lambda f: good(f, data__validation=1.5), 2, ["--data.validation 1.5", "between 0 and 1"]),
    "a vocabulary larger than the data": (
        lambda f: good(f, tokenizer__vocab_size=9000),
        2,
        ["vocab_size 9,000 is more than the data allows", "or less"],
    ),
    "a vocabulary smaller than the alphabet": (lambda f: good(f, tokenizer__vocab_size=20), 2, ["vocab_size", "20"]),
    "a line that is too long, refused": (
        lambda f: (
            [
                *files(f, "".join(f"{LONG} {i}\n" for i in range(9)).encode(), b"one\n" * 9),
                *("--data.too_long", "refuse", "--tokenizer.vocab_size", "265"),
            ]
        ),
        3,
        ["train split", "longer than 128 tokens", "data.too_long"],
    ),
    "all lines too long": (lambda f: good(f, data__max_length=2), 3, ["train split", "longer than data.max_length 2"]),
    "a run folder that exists": (existing, 2, ["exists already", "headway resume", "--run"]),
    "a folder of something else": (stranger, 2, ["exists already", "--run"]),
    "a device that is not there": (lambda f: good(f, device="mps"), 2, ["device mps is not available", "cpu"]),
    "a recipe that is not YAML": (
        lambda f: (f / "r.yaml").write_text("model: [") and ["train", str(f / "r.yaml")],
        2,
        ["r.yaml is not YAML"],
    ),
    "a recipe that is not UTF-8": (
        lambda f: (f / "r.yaml").write_bytes(b"seed: \xff") and ["train", str(f / "r.yaml")],
        2,
        ["r.yaml is not UTF-8"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_bad_input_gets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """One sentence, the promised status, and nothing that was not there before."""
    make, status, told = BAD[case]
    monkeypatch.chdir(tmp_path)
    command = make(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(command) == status
    out, err = capsys.readouterr()
    last = err.rstrip().rpartition("\n")[2]
    assert out == ""
    assert last.startswith("headway: ")
    assert err.count("headway: ") == 1
    assert "Traceback" not in err
    for word in told:
        assert word in last
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert (tmp_path / "run").exists() == (case in ("a run folder that exists", "a folder of something else"))


def test_the_parents_of_a_run_that_never_began_are_taken_away_too(tmp_path: Path) -> None:
    train = tiny.parallel(tmp_path)
    assert main(tiny.words(train, tmp_path / "a" / "b" / "run", tokenizer__vocab_size=9000)) == 2
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("rule", ["drop", "truncate"])
def test_long_lines_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str) -> None:
    train = tiny.parallel(tmp_path)
    with Path(train.split(",")[0]).open("a") as source, Path(train.split(",")[1]).open("a") as target:
        for number in range(30):
            source.write(f"{LONG} {number}\n")
            target.write(f"dog {number}\n")
    run = tmp_path / "run"
    more = {"training__max_steps": 2, "data__max_length": 40, "data__too_long": rule, "model__max_length": 41}
    assert main(tiny.words(train, run, **more)) == 0
    said = " ".join(capsys.readouterr().err.split())
    card = (run / "README.md").read_text(encoding="utf-8")
    counted = f"are longer than 40 tokens and were {'left out' if rule == 'drop' else 'cut'}"
    assert counted in said
    assert counted in card


@pytest.fixture
def room_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the disk full once so many checkpoints were written."""

    def limit(checkpoints: int) -> None:
        real, done = native.save_file, []

        def save_file(tensors: object, path: Path, **options: object) -> None:
            done.append(path)
            if sum("optimizer" in file.name for file in done) > checkpoints:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            real(tensors, path, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(native, "save_file", save_file)

    return limit


def test_a_full_disk_leaves_the_earlier_checkpoint(
    tmp_path: Path, tiny_corpus: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    room_for: Callable[[int], None],
) -> None:  # fmt: skip
    run = tmp_path / "run"
    room_for(2)
    assert main(tiny.words(tiny_corpus, run, training__checkpoint_every=2, training__validate_every=100)) == 4
    err = capsys.readouterr().err.rstrip().rpartition("\n")[2]
    assert err.startswith("headway: no room on the disk to write")
    assert err.endswith(f"go on with: headway resume {run}")
    assert RunFolder(run).checkpoints.steps() == [2, 4]
    assert not list(run.glob("checkpoints/.*"))
    monkeypatch.undo()
    assert main(["resume", str(run)]) == 0
    assert [row["step"] for row in tiny.metrics(run) if "loss" in row] == list(range(1, 9))


def raises(error: BaseException) -> Callable[..., None]:
    def fail(*args: object, **options: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to"),
    ],
)
def test_out_of_memory_says_what_to_lower_and_how_to_go_on(
    tmp_path: Path, tiny_corpus: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:  # fmt: skip
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("headway.training.loop.update", raises(error))
        assert main(tiny.words(tiny_corpus, run)) == 4
    err = capsys.readouterr().err.rstrip().rpartition("\n")[2]
    assert err.startswith("headway: not enough memory")
    for key in ("training.batch_tokens", "training.accumulation", "training.activation_checkpointing"):
        assert key in err
    assert (run / "config.yaml").exists()


def test_a_loss_that_is_no_number_is_said(
    tmp_path: Path, tiny_corpus: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.training.loop.update", raises(FloatingPointError()))
    assert main(tiny.words(tiny_corpus, tmp_path / "run")) == 2
    assert "lower training.learning_rate" in capsys.readouterr().err


def test_a_dry_run_writes_nothing_and_says_what_the_run_will_be(
    tmp_path: Path,
    tiny_corpus: str,
    tiny_run: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    command = [*tiny.words(tiny_corpus, model__max_length=40, data__max_length=39), "--dry-run"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert not list(tmp_path.iterdir())
    weights = native.read_tensors(tiny_run / "model.safetensors")
    assert found["parameters"] == sum(weight.numel() for weight in weights.values())
    assert (found["steps"], found["rows"]) == (8, 216)
    assert found["config"]["model"]["d_model"] == 32
    assert 1 << 27 < found["peak_bytes"] < 1 << 34
    assert 0 < found["training_seconds"] < found["seconds"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "  d_model: 32" in out
    assert f"{found['parameters']:,} parameters, 216 training rows" in out
    assert "GiB" in out
    assert "minutes" in out


def launched(*words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", *words], env=environment, capture_output=True, encoding="utf-8", check=False
    )


def test_two_processes_train_one_model_and_one_of_them_speaks(tmp_path: Path, tiny_corpus: str) -> None:
    run = tmp_path / "run"
    torchrun = "torch.distributed.run --standalone --nproc-per-node 2 -m -- headway".split()
    done = launched(*torchrun, *tiny.words(tiny_corpus, run), "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{"), "nothing but the result is printed"
    assert json.loads(done.stdout)["run"] == str(run)
    assert done.stderr.count("training pairs") == 1
    assert [row["step"] for row in tiny.metrics(run) if "loss" in row] == list(range(1, 9))
    with (run / "checkpoints" / "step-8" / "random.safetensors").open("rb") as file:
        assert len(native.read_tensors(Path(file.name))) == 2, "the random state of each process"
    unfinished = shutil.copytree(run, tmp_path / "unfinished")
    (unfinished / "README.md").unlink()
    assert Checkpoints(unfinished / "checkpoints").steps()[-1] == 8
    assert main(["resume", str(unfinished)]) == 0, "one process completes what two have trained"
