"""Greedy continuation by a GPT-2 of 124 M random weights, side by side with the peers: 32 tokens in, 128 new ones out.

    python -m benchmarks generate --rounds 5

Each variant is a process of its own that holds one model; they take turns, first with one prompt, then with eight.
Ours are what `headway generate` runs: `headway.load`, with its choice of kernels, and `complete`. The end token is
forbidden. In float32 our tokens must be those of transformers; of the others it is said how many rows are the same.
Speed counts new tokens and includes reading the prompt. Weights are those of one Hugging Face folder, written to a
temporary place.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import machine

VOCABULARY, D_MODEL, LAYERS, HEADS, POSITIONS = 50257, 768, 12, 12, 1024
PROMPT, NEW, BATCHES = 32, 128, (1, 8)
VARIANTS = ["transformers-float32", "ctranslate2-float32", "ctranslate2-int8", "headway-float32", "headway-int8"]
BFLOAT16 = ["transformers-bfloat16", "headway-bfloat16"]  # where the processor has it
TARGETS = {
    1: {
        "headway-float32 / transformers-float32": 1.6,
        "headway-bfloat16 / transformers-bfloat16": 2.5,
        "headway-int8 / ctranslate2-int8": 1.4,
    },
    8: {"headway-float32 / transformers-float32": 2.8, "headway-bfloat16 / transformers-bfloat16": 1.7},
}

Rows = list[list[int]]


def prompts(batch: int) -> Rows:
    """What is continued."""
    draw = random.Random(batch)
    return [[draw.randrange(VOCABULARY - 1) for _ in range(PROMPT)] for _ in range(batch)]


def prepare(folder: Path) -> None:
    """Write the model for transformers and Headway, and for CTranslate2; the last id is the end token."""
    import ctranslate2
    import torch
    import transformers
    from tokenizers import Tokenizer, models

    end = VOCABULARY - 1
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_embd=D_MODEL, n_layer=LAYERS, n_head=HEADS, n_positions=POSITIONS,
        bos_token_id=end, eos_token_id=end,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    pieces = {f"t{i}": i for i in range(end)} | {"<|endoftext|>": end}
    special = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>")
    tokenizer = Tokenizer(models.WordLevel(pieces, unk_token="<|endoftext|>"))
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    ctranslate2.converters.TransformersConverter(str(folder)).convert(str(folder / "ctranslate2"))


def ours(folder: Path, form: str) -> tuple[Callable[[int], Rows], str]:
    """What `headway generate` runs, with `--dtype` or `--quantize`; and the arithmetic that it chose."""
    import headway
    from headway.decoding.generate import Decoding, complete

    loaded = headway.load(folder, quantize="int8") if form == "int8" else headway.load(folder, dtype=form)
    options = Decoding(beam=1, max_length=NEW, suppress=(VOCABULARY - 1,))
    return (
        lambda batch: [best[0].ids for best in complete(loaded.model, prompts(batch), options)],
        str(loaded.arithmetic),
    )


def transformers(folder: Path, form: str) -> Callable[[int], Rows]:
    """`generate`, as it comes."""
    import torch
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder, dtype=getattr(torch, form)).eval()

    def run(batch: int) -> Rows:
        ids = torch.tensor(prompts(batch))
        found = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, min_new_tokens=NEW, max_new_tokens=NEW,
            pad_token_id=VOCABULARY - 1,
        )  # fmt: skip
        return found[:, PROMPT:].tolist()

    return run


def ctranslate2(folder: Path, form: str, threads: int) -> Callable[[int], Rows]:
    """`generate_batch`, as it comes."""
    from ctranslate2 import Generator

    model = Generator(str(folder / "ctranslate2"), compute_type=form, intra_threads=threads, inter_threads=1)

    def run(batch: int) -> Rows:
        tokens = [[f"t{i}" for i in row] for row in prompts(batch)]
        found = model.generate_batch(
            tokens, beam_size=1, min_length=NEW, max_length=NEW, include_prompt_in_result=False
        )
        return [result.sequences_ids[0] for result in found]

    return run


def work(variant: str, folder: Path, threads: int) -> None:
    """The process of one variant: a number of prompts a line in, their continuations out."""
    import torch

    torch.set_num_threads(threads)
    library, form = variant.split("-")
    arithmetic = None
    match library:
        case "headway":
            run, arithmetic = ours(folder, form)
        case "transformers":
            run = transformers(folder, form)
        case _:
            run = ctranslate2(folder, form, threads)
    machine.serve(lambda batch: {"ids": run(batch), "arithmetic": arithmetic})


def measure(variants: list[str], rounds: int, threads: int) -> dict[str, Any]:
    """All variants in turn, and what came out."""
    with tempfile.TemporaryDirectory() as place:
        command = ("-m", "benchmarks.generate", "--folder", place, "--threads", str(threads), "--worker")
        machine.Child(*command, "prepare").close()
        children = {variant: machine.Child(*command, variant).wait() for variant in variants}
        found = {
            batch: machine.take_turns(children, batch, rounds, title=f"generate, batch {batch}") for batch in BATCHES
        }
        for child in children.values():
            child.close()
    return {variant: _result(variant, found) for variant in variants}


def _result(variant: str, found: dict[int, list[dict[str, machine.Answer]]]) -> dict[str, Any]:
    last = found[BATCHES[-1]][-1][variant]
    result: dict[str, Any] = {"peak_mib": round(last["peak_bytes"] / 2**20), "arithmetic": last["arithmetic"]}
    for batch, rounds in found.items():
        ids, reference = (rounds[-1][name]["ids"] for name in (variant, VARIANTS[0]))
        same = sum(one == other for one, other in zip(ids, reference, strict=True))
        result[f"batch {batch}"] = machine.speed([answers[variant] for answers in rounds], sum(map(len, ids)))
        result[f"batch {batch}"]["same_as_transformers"] = f"{same}/{len(ids)}"
    return result


def ratios(results: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Tokens a second of ours over theirs, of what was measured."""
    found: dict[str, dict[str, float]] = {}
    for batch, targets in TARGETS.items():
        speeds = {variant: result[f"batch {batch}"]["tokens_per_second"] for variant, result in results.items()}
        pairs = (name.split(" / ") for name in [*targets, "headway-float32 / ctranslate2-float32"])
        found[f"batch {batch}"] = {
            f"{one} / {other}": round(speeds[one] / speeds[other], 2) for one, other in pairs if one in speeds
        }
    return found


def check(results: dict[str, Any]) -> list[str]:
    """What is not equal to transformers in float32."""
    same = {batch: results["headway-float32"][f"batch {batch}"]["same_as_transformers"] for batch in BATCHES}
    return [
        f"batch {batch}: only {same[batch]} as transformers" for batch in BATCHES if same[batch] != f"{batch}/{batch}"
    ]


def main() -> int:
    """Parse and measure, as the parent or as one of its children; 1 if ours are not those of transformers."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks generate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="counted rounds, after one that is not")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="CPU threads of each variant")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the result here too")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker == "prepare":
        prepare(arguments.folder)
        return 0
    if arguments.worker:
        work(arguments.worker, arguments.folder, arguments.threads)
        return 0
    about, before = machine.processor(), machine.load()
    variants = VARIANTS + (BFLOAT16 if machine.has_bfloat16(about) else [])
    results = measure(variants, arguments.rounds, arguments.threads)
    wrong, reached = check(results), ratios(results)
    report = {
        "what": f"GPT-2, {LAYERS} x {D_MODEL}, {VOCABULARY:,} pieces, greedy, prompt {PROMPT}, {NEW} new tokens",
        "ratios": reached,
        "targets": TARGETS,
        "reaches": {
            f"batch {batch}": {
                name: reached[f"batch {batch}"][name] >= target
                for name, target in targets.items()
                if name in reached[f"batch {batch}"]
            }
            for batch, targets in TARGETS.items()
        },
        "not_equal": wrong,
        "results": results,
        "threads": arguments.threads,
        "load": [before, machine.load()],
        "processor": about,
        "versions": machine.versions("headway", "torch", "transformers", "ctranslate2"),
    }
    machine.publish(report, arguments.out)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
