"""Time and memory of loading, side by side with transformers; and what starting takes.

    python -m benchmarks load --rounds 3

Models are of published sizes with random weights, written once by transformers to a temporary place (4 GB), or to
`--folder`, where they stay. Every load is a fresh process that has imported torch and its library, and ends when every
weight was read once. `seconds` is its time; `over_torch_mib` the most memory ever held over what was held after
`import torch`, so that the library counts too. The files are in the cache of the system after the first round, which is
not counted. Both must have read the same.

`start` is the median of fresh processes: `import headway`, and `headway info` on a folder of GPT-2 XL's size, whose
weights are a header and a hole. Neither may import torch.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import machine

MODELS: dict[str, tuple[str, dict[str, int]]] = {  # name → class of transformers, sizes that are not its defaults
    "gpt2": ("GPT2LMHeadModel", {}),
    "bert-base": ("BertForMaskedLM", {}),
    "t5-base": (
        "T5ForConditionalGeneration",
        {"d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12, "decoder_start_token_id": 0},
    ),
    "bloom-560m": ("BloomForCausalLM", {"vocab_size": 250880, "hidden_size": 1024, "n_layer": 24, "n_head": 16}),
}
XL = {"n_embd": 1600, "n_layer": 48, "n_head": 25}
LIBRARIES = ("transformers", "headway")
LIMITS = {"import headway": 0.2, "headway info": 0.5}  # seconds


def prepare(name: str, folder: Path) -> None:
    """Write one model, unless it is there."""
    import torch
    import transformers

    kind, sizes = MODELS[name]
    if not (folder / "config.json").exists():
        torch.manual_seed(0)
        model = getattr(transformers, kind)
        model(model.config_class(**sizes)).save_pretrained(folder)


def prepare_hole(folder: Path) -> int:
    """GPT-2 XL with weights that are a header and nothing else; returns the size of the file in bytes."""
    import torch
    import transformers

    config = transformers.GPT2Config(**XL, architectures=["GPT2LMHeadModel"])
    with torch.device("meta"):
        weights = transformers.GPT2LMHeadModel(config).transformer.state_dict()
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, weight in weights.items():
        begin, end = end, end + 4 * weight.numel()
        header[f"transformer.{name}"] = {"dtype": "F32", "shape": list(weight.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    return 8 + len(text) + end


def loader(library: str, name: str) -> Callable[[Path], Any]:
    """What a user calls, imported and ready."""
    if library == "headway":
        from headway import load

        return lambda folder: load(folder).model
    import transformers

    kind = getattr(transformers, MODELS[name][0])
    return lambda folder: kind.from_pretrained(folder).eval()


def read(model: Any) -> machine.Answer:
    """Every weight, once: how many there are, and their norm."""
    import torch

    weights = [weight.detach() for weight in model.parameters()]
    squares = sum(float(torch.linalg.vector_norm(weight)) ** 2 for weight in weights)
    return {"parameters": sum(weight.numel() for weight in weights), "norm": squares**0.5}


def work(library: str, name: str, folder: Path, threads: int) -> None:
    """The process of one load: `load` in, what was read out; any other line is answered as soon as it can begin."""
    import torch

    torch.set_num_threads(threads)
    before = machine.resident_bytes()
    load = loader(library, name)
    machine.serve(lambda question: read(load(folder)) | {"before": before} if question == "load" else {})


def measure(name: str, folder: Path, rounds: int, threads: int) -> dict[str, Any]:
    """Both libraries in turn, in a fresh process each time."""
    command = ("-m", "benchmarks.load", "--folder", str(folder), "--threads", str(threads), "--model", name, "--worker")
    machine.Child(*command, "prepare").close()
    weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    answers: dict[str, list[machine.Answer]] = {library: [] for library in LIBRARIES}
    for number in range(rounds + 1):
        for library, found in answers.items():
            child = machine.Child(*command, library)
            child.ask("ready")
            found.append(child.ask("load"))
            child.close()
        print(f"load, {name}: round {number} of {rounds}", file=sys.stderr)
    results: dict[str, Any] = {"weights_mib": round(weights / 2**20)}
    for library, found in answers.items():
        counted = found[1:]
        over = statistics.median(answer["peak_bytes"] - answer["before"] for answer in counted)
        results[library] = {
            "seconds": round(statistics.median(answer["seconds"] for answer in counted), 3),
            "rounds": [round(answer["seconds"], 3) for answer in counted],
            "foreign_processors": [round(answer["foreign"], 2) for answer in counted],
            "over_torch_mib": round(over / 2**20),
            "over_weights": round(over / weights, 3),
            "parameters": counted[-1]["parameters"],
            "norm": round(counted[-1]["norm"], 2),
        }
    ours, theirs = results["headway"], results["transformers"]
    results["ratios"] = {key: round(ours[key] / theirs[key], 2) for key in ("seconds", "over_torch_mib")}
    return results


def _are_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one["parameters"] == other["parameters"] and math.isclose(one["norm"], other["norm"], rel_tol=1e-4)


def start(folder: Path, rounds: int) -> dict[str, Any]:
    """What importing and a look at headers take."""
    size = prepare_hole(folder)
    alone = "import time; begun = time.perf_counter(); import headway; print(time.perf_counter() - begun)"
    imported = [float(_output("-c", alone)) for _ in range(rounds + 1)][1:]
    info = ["-m", "headway", "info", str(folder)]
    seconds = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        _output(*info)
        seconds.append(time.perf_counter() - begun)
    result = {
        "import headway": {"seconds": round(statistics.median(imported), 3), "torch": _imports_torch("-c", alone)},
        "headway info": {
            "seconds": round(statistics.median(seconds[1:]), 3), "torch": _imports_torch(*info), "file_bytes": size
        },
    }  # fmt: skip
    return {
        name: found | {"reaches": found["seconds"] < LIMITS[name] and not found["torch"]}
        for name, found in result.items()
    }


def _output(*command: str) -> str:
    return subprocess.run([sys.executable, *command], check=True, capture_output=True, encoding="utf-8").stdout


def _imports_torch(*command: str) -> bool:
    command = (sys.executable, "-X", "importtime", *command)
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    return any(line.split("|")[-1].strip() == "torch" for line in done.stderr.split("\n"))


def main() -> int:
    """Parse and measure, as the parent or as one of its children; 1 if a model is not the same in both libraries."""
    parser = machine.parser("load", __doc__, rounds=3, folder="keep the models here")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="which (all)")
    parser.add_argument("--model", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker == "prepare":
        prepare(arguments.model, arguments.folder)
        return 0
    if arguments.worker:
        work(arguments.worker, arguments.model, arguments.folder, arguments.threads)
        return 0
    before = machine.load()
    with tempfile.TemporaryDirectory() as place:
        folder = arguments.folder or Path(place)
        started = start(folder / "gpt2-xl", arguments.rounds)
        results = {name: measure(name, folder / name, arguments.rounds, arguments.threads) for name in arguments.models}
    wrong = [name for name, found in results.items() if not _are_same(*(found[library] for library in LIBRARIES))]
    report = {
        "what": "loading models of published sizes, random weights, float32",
        "ratios": {name: found["ratios"] for name, found in results.items()},
        "reaches": {name: max(found["ratios"].values()) <= 1 for name, found in results.items()},
        "not_equal": wrong,
        "start": started,
        "results": results,
        "threads": arguments.threads,
        "load": [before, machine.load()],
        "processor": machine.processor(),
        "versions": machine.versions("headway", "torch", "transformers", "safetensors"),
    }
    return machine.publish(report, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
