"""Folders of models, damaged in every way that a disk, a network or an enemy may, by a seed."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

import headway
from headway.checkpoints import native
from headway.errors import HeadwayError
from headway.models import build
from headway.models.families.gpt2 import Gpt2
from headway.spec import HeadSpec, SpecialTokens
from headway.tasks.info import describe
from headway.text.trainer import train
from tests.parity.harness import twin_of
from tests.parity.test_families import ROWS

MARK = "code-was-run"
SECONDS = 60  # that a folder may take on a busy machine
MEMORY = 600  # MiB that all of them together may add
NASTY: list[Any] = [
    None, True, False, -1, 0, 1, 3, 2**31, 2**63, 10**30, -(10**30), 0.5, 1.5, -1.0, 1e308, float("nan"), float("inf"),
    "", "x", "../..", "relu", "a" * 5000, [], [1], [[1]], ["a", "a"], {}, {"a": 1}, {"0": "a", "1": 2}, {"content": 7},
]  # fmt: skip


class Code:
    """Unpickled without care, it leaves a mark."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (MARK,)


def templates(folder: Path) -> list[Path]:
    """Whole folders of every form: shards, one file, a pickle, pickled shards, our own."""
    rows = {row.name: row for row in ROWS}
    made = []
    for name, size in (
        ("bert-masked-lm", "20KB"),
        ("t5", "5GB"),
        ("llama-text", "5GB"),
        ("gpt2-lm", "5GB"),
        ("bloom", "5GB"),
    ):
        twin = twin_of(rows[name], rows[name].std)
        twin.save_pretrained(folder / name, max_shard_size=size)
        made.append(folder / name)
    for name in ("gpt2-lm", "bloom"):
        (folder / name / "model.safetensors").unlink()
        state = list(twin_of(rows[name], rows[name].std).state_dict().items())
        if name == "gpt2-lm":
            torch.save(dict(state), folder / name / "pytorch_model.bin")
            continue
        parts = {"pytorch_model-1.bin": dict(state[::2]), "pytorch_model-2.bin": dict(state[1::2])}
        for file, part in parts.items():
            torch.save({key: tensor.clone() for key, tensor in part.items()}, folder / name / file)
        places = {key: file for file, part in parts.items() for key in part}
        (folder / name / "pytorch_model.bin.index.json").write_text(
            json.dumps({"weight_map": places}), encoding="utf-8"
        )
    choices = Gpt2(num_layers=1, d_model=16, num_heads=2, max_length=9)
    model = build(choices.spec(30, SpecialTokens(start_id=2, end_id=3), language_head=HeadSpec()))
    native.save(model, folder / "own", dtype=torch.float32)
    for path in [*made, folder / "own"]:
        train(["a b c d e f g h"] * 3, type="word", vocab_size=12).save(path)
    return [*made, folder / "own"]


def fuzz(seeds: range, work: Path, load: Callable[[Path], object] | None = None) -> dict[str, int]:
    """Damage a folder for each seed and load it; how often each damage was refused.

    Raises:
        AssertionError: something else than an error of ours came, code ran, or it took too long or too much.
    """
    (work / "templates").mkdir()
    folders, refused = templates(work / "templates"), dict.fromkeys((damage.__name__ for damage in DAMAGES), 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in seeds:
        rng = random.Random(seed)
        folder = work / "folder"
        shutil.copytree(rng.choice(folders), folder)
        damages = rng.choices(DAMAGES, k=rng.choice((1, 1, 1, 2, 3)))
        names = [damage.__name__ for damage in damages]
        for damage in damages:
            damage(folder, rng)
        try:
            with at_most(SECONDS):
                (load or both)(folder)
        except HeadwayError:
            for name in names:
                refused[name] += 1
        except BaseException as error:
            raise AssertionError(f"seed {seed}: {names} gave {type(error).__name__}: {error}") from error
        assert not Path(MARK).exists(), f"seed {seed}: {names} ran code"
        shutil.rmtree(folder)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < MEMORY, f"{grown:.0f} MiB more"
    return refused


def both(folder: Path) -> None:
    """What a user does with a folder; the facts must not crash where the model is refused."""
    with suppress(HeadwayError):
        describe(folder)
    headway.load(folder)


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise AssertionError(f"it hangs: more than {seconds} seconds")

    old = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


# --- damages ---


def _files(folder: Path, *endings: str) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and (not endings or path.suffix in endings))


def _one(folder: Path, rng: random.Random, *endings: str) -> Path | None:
    found = [path for path in _files(folder, *endings) if path.stat().st_size < 1 << 30]
    return rng.choice(found) if found else None


def cut_off(folder: Path, rng: random.Random) -> None:
    if path := _one(folder, rng):
        os.truncate(path, rng.randrange(path.stat().st_size + 1))


def bytes_flipped(folder: Path, rng: random.Random) -> None:
    if path := _one(folder, rng):
        content = bytearray(path.read_bytes())
        for _ in range(rng.choice((1, 1, 3, 30)) if content else 0):
            content[rng.randrange(min(len(content), rng.choice((16, 400, 1 << 30))))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)


def noise(folder: Path, rng: random.Random) -> None:
    if path := _one(folder, rng):
        path.write_bytes(rng.randbytes(rng.choice((0, 1, 8, 9, 100, 5000))))


def removed(folder: Path, rng: random.Random) -> None:
    if path := _one(folder, rng):
        path.unlink()


def exchanged(folder: Path, rng: random.Random) -> None:
    """Two files swapped: JSON in the place of weights, a pickle in the place of safetensors."""
    if (a := _one(folder, rng)) and (b := _one(folder, rng)):
        content = a.read_bytes()
        a.write_bytes(b.read_bytes())
        b.write_bytes(content)


def json_value(folder: Path, rng: random.Random) -> None:
    if path := _one(folder, rng, ".json"):
        try:
            data = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            return
        place = data
        while isinstance(place, dict) and place:
            key = rng.choice(sorted(place))
            if not isinstance(place[key], dict) or not place[key] or rng.random() < 0.3:
                if rng.random() < 0.2:
                    del place[key]
                else:
                    place[key] = rng.choice(NASTY)
                break
            place = place[key]
        path.write_text(json.dumps(data), encoding="utf-8")


def json_key(folder: Path, rng: random.Random) -> None:
    if path := _one(folder, rng, ".json"):
        try:
            data = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            return
        if isinstance(data, dict):
            data[
                rng.choice(("num_labels", "auto_map", "rope_scaling", "id2label", "quantization_config", "num_beams"))
            ] = rng.choice(NASTY)
        path.write_text(json.dumps(data), encoding="utf-8")


def json_monster(folder: Path, rng: random.Random) -> None:
    if path := _one(folder, rng, ".json"):
        deep, long = "[" * 100_000 + "]" * 100_000, '{"a": ' + "9" * 10_000 + "}"
        texts = [deep, '{"a":' * 50_000, long, "[]", "null", '"a"', '{"a": NaN}', "\ufeff{}", "{}"]
        path.write_text(rng.choice(texts), encoding=rng.choice(("utf-8", "utf-16")))


def header(folder: Path, rng: random.Random) -> None:
    """The header of a safetensors file says something else than what follows."""
    if path := _one(folder, rng, ".safetensors"):
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        try:
            table = json.loads(content[8 : 8 + length])
            name = rng.choice([key for key in table if key != "__metadata__"])
        except (ValueError, IndexError):
            return
        entry = table[name]
        match rng.randrange(8):
            case 0:
                path.write_bytes(struct.pack("<Q", rng.choice((2**63, 2**40, 2**27, len(content), 0, 7))) + content[8:])
                return
            case 1:
                entry["shape"] = rng.choice(([], [0], [2**62, 2**62], [-1], ["a"], None, [1.5], [10**30], [1, 1, 1]))
            case 2:
                entry["dtype"] = rng.choice(("F64", "F8_E4M3", "X", None, 3, "I64", "F16"))
            case 3:
                entry["data_offsets"] = rng.choice(
                    ([0, 0], [5, 1], [0, 2**62], None, [1], ["a", "b"], [-4, 0], [0, 4, 8])
                )
            case 4:
                table[rng.choice(("x", "", name + ".weight", "\udcff", "transformer." + name))] = table.pop(name)
            case 5:
                table[rng.choice(sorted(table))] = rng.choice(NASTY)
            case 6:
                del table[name]
            case 7:
                table[rng.choice(sorted(table))] = entry
        text = json.dumps(table).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def shapes(folder: Path, rng: random.Random) -> None:
    if path := _one(folder, rng, ".safetensors"):
        try:
            tensors = load_file(path)
            name = rng.choice(sorted(tensors))
        except Exception:
            return
        tensor = tensors[name]
        others = [
            tensor[:1],
            tensor.flatten(),
            tensor[None],
            tensor.mT if tensor.ndim > 1 else tensor,
            tensor.to(torch.int32),
            tensor.double(),
            tensor[:0],
        ]
        tensors[name] = rng.choice(others).contiguous()
        save_file(tensors, path)


def code(folder: Path, rng: random.Random) -> None:
    """A pickle that runs something, where weights are looked for."""
    for path in [*_files(folder, ".safetensors"), *folder.glob("*.index.json")]:
        if rng.random() < 0.8:
            path.unlink(missing_ok=True)
    path = rng.choice([*_files(folder, ".bin"), folder / "pytorch_model.bin"])
    content: Any = rng.choice((Code(), {"a": Code()}, {"transformer.wte.weight": [Code()]}, torch.nn.Linear(1, 1), [1]))
    torch.save(content, path, _use_new_zipfile_serialization=rng.random() < 0.7)


def elsewhere(folder: Path, rng: random.Random) -> None:
    """A link out of the folder, to a device, to itself; a pipe; a folder; a file of a terabyte."""
    if path := _one(folder, rng):
        path.unlink()
        match rng.randrange(5):
            case 0:
                targets = ("/etc/passwd", "/dev/zero", "/dev/null", "/", "/nowhere", path.name, "/proc/self/mem")
                path.symlink_to(rng.choice(targets))
            case 1:
                os.mkfifo(path)
            case 2:
                path.mkdir()
            case 3:
                path.touch()
                os.truncate(path, 1 << 40)
            case 4:
                path.write_bytes(struct.pack("<Q", 99_000_000) + b'{"a":')
                os.truncate(path, 99_000_100)


def index(folder: Path, rng: random.Random) -> None:
    kind, ending = rng.choice((("model.safetensors", ".safetensors"), ("pytorch_model.bin", ".bin")))
    names = ["../../x" + ending, "/etc/passwd", "x" + ending, "", ".", "..", "a/b" + ending, 7, None, "model" + ending]
    places: Any = rng.choice(({"a": rng.choice(names)}, {}, [], None, {"a": "x", "b": 1}))
    (folder / f"{kind}.index.json").write_text(json.dumps({"weight_map": places}), encoding="utf-8")
    if rng.random() < 0.7:
        (folder / kind).unlink(missing_ok=True)


DAMAGES = (
    cut_off, bytes_flipped, noise, removed, exchanged, json_value, json_value, json_value, json_key, json_monster,
    header, header, shapes, code, elsewhere, index,
)  # fmt: skip
