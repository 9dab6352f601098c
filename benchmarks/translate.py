"""Beam-5 translation of 16 sentences by a 6+6 × 512 Marian model with random weights, side by side with the peers.

    python benchmarks/translate.py --rounds 5 --threads 2

Each variant is a process of its own that holds one model, so that its peak memory is its own; they take turns, and the
median of the rounds counts. Where seconds are far more than CPU seconds / threads, the machine had other work: repeat.

Two jobs: `fixed`, 20 source tokens to 25 output tokens with the end token forbidden, is the one whose ratios are
reported; in `early`, sources are of 4 to 40 tokens and outputs end by themselves. In float32, ours and those of
transformers must be the same; CTranslate2 ends a search by a rule of its own. Weights are those of one Hugging Face
folder, written to a temporary place.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

VOCABULARY, PAD, END, LONGEST, BEAM = 32000, 31999, 0, 25, 5
END_BIAS = 4.0  # with what `prepare` adds to its embedding, the end token comes in the middle of an output
PEERS = ["transformers-float32", "ctranslate2-float32", "ctranslate2-int8"]
OURS = ["headway-float32", "headway-packed", "headway-int8"]
BFLOAT16 = ["transformers-bfloat16", "headway-bfloat16"]  # where the processor has it

Rows = list[list[int]]


def sources(job: str) -> Rows:
    """What is translated: the end token is the last of each row."""
    import random

    draw = random.Random(job)
    lengths = [19] * 16 if job == "fixed" else [draw.randint(3, 39) for _ in range(16)]
    return [[*(draw.randint(5, VOCABULARY - 6) for _ in range(length)), END] for length in lengths]


def prepare(folder: Path) -> None:
    """Write the model for transformers and Headway, and for CTranslate2."""
    import ctranslate2
    import torch
    import transformers
    from tokenizers import Tokenizer, models

    config = transformers.MarianConfig(
        vocab_size=VOCABULARY, d_model=512, encoder_ffn_dim=2048, decoder_ffn_dim=2048, encoder_layers=6,
        decoder_layers=6, encoder_attention_heads=8, decoder_attention_heads=8, max_position_embeddings=512,
        pad_token_id=PAD, eos_token_id=END, bos_token_id=END, decoder_start_token_id=PAD, forced_eos_token_id=None,
        scale_embedding=True, activation_function="relu", tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.MarianMTModel(config)
    positions = model.model.decoder.embed_positions.weight
    with torch.no_grad():  # random weights hardly look at their input: let the end token be drawn to a position
        model.model.shared.weight[END] += 0.1 * (positions[14] - positions[:8].mean(0))
        model.final_logits_bias[0, END] = END_BIAS
    model.save_pretrained(folder)
    pieces = {"</s>": END, "<unk>": 1, **{f"t{i}": i for i in range(2, PAD)}, "<pad>": PAD}
    tokenizer = Tokenizer(models.WordLevel(pieces, unk_token="<unk>"))
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    ).save_pretrained(folder)
    ctranslate2.converters.TransformersConverter(str(folder)).convert(str(folder / "ctranslate2"))


def headway(folder: Path, form: str) -> Callable[[str], Rows]:
    """Ours: in plain float32, with packed weights, in bfloat16 or in int8."""
    import torch

    from headway.checkpoints import hf
    from headway.decoding.generate import Decoding, decode
    from headway.nn.linear import DynamicInt8, Packed, set_kernel

    model = hf.load(folder).requires_grad_(False)
    kernels: dict[str, Callable[[], Any]] = {
        "packed": lambda: Packed(16 * BEAM),
        "bfloat16": lambda: Packed(16 * BEAM, torch.bfloat16),
        "int8": DynamicInt8,
    }
    if form in kernels:
        set_kernel(model, kernels[form])
    options = {
        "fixed": Decoding(beam=BEAM, max_length=LONGEST, suppress=(END,)),
        "early": Decoding(beam=BEAM, max_length=LONGEST),
    }
    return lambda job: [best[0].ids for best in decode(model, sources(job), options[job])]


def transformers(folder: Path, form: str) -> Callable[[str], Rows]:
    """`generate`, as it comes."""
    import torch
    from transformers import MarianMTModel

    model = MarianMTModel.from_pretrained(folder, dtype=getattr(torch, form)).eval()

    def run(job: str) -> Rows:
        rows = sources(job)
        longest = max(map(len, rows))
        ids = torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])
        shortest = {"min_new_tokens": LONGEST} if job == "fixed" else {}
        found = model.generate(
            ids, attention_mask=(ids != PAD).long(), num_beams=BEAM, max_new_tokens=LONGEST, do_sample=False, **shortest
        )
        return [row[1 : row.index(END, 1) + 1 if END in row[1:] else LONGEST + 1] for row in found.tolist()]

    return run


def ctranslate2(folder: Path, form: str, threads: int) -> Callable[[str], Rows]:
    """`translate_batch`, as it comes."""
    from ctranslate2 import Translator

    model = Translator(str(folder / "ctranslate2"), compute_type=form, intra_threads=threads, inter_threads=1)

    def run(job: str) -> Rows:
        tokens = [[f"t{i}" for i in row[:-1]] + ["</s>"] for row in sources(job)]
        shortest = {"min_decoding_length": LONGEST} if job == "fixed" else {}
        found = model.translate_batch(
            tokens, beam_size=BEAM, max_decoding_length=LONGEST, return_end_token=True, **shortest
        )
        return [[END if token == "</s>" else int(token[1:]) for token in result.hypotheses[0]] for result in found]

    return run


def work(variant: str, folder: Path, threads: int) -> None:
    """The process of one variant: a job's name a line in, its time and hypotheses out."""
    import torch

    torch.set_num_threads(threads)
    library, form = variant.split("-")
    match library:
        case "headway":
            run = headway(folder, form)
        case "transformers":
            run = transformers(folder, form)
        case _:
            run = ctranslate2(folder, form, threads)
    for line in sys.stdin:
        begun, worked = time.perf_counter(), time.process_time()
        found = run(line.strip())
        seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - worked
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(
            json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "ids": found, "peak_bytes": peak}), flush=True
        )


class Worker:
    """One variant in its own process."""

    def __init__(self, variant: str, folder: Path, threads: int) -> None:
        arguments = ["--worker", variant, "--folder", str(folder), "--threads", str(threads)]
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip
        self.seconds: dict[str, list[float]] = {"fixed": [], "early": []}
        self.cpu_seconds: dict[str, list[float]] = {"fixed": [], "early": []}
        self.found: dict[str, Rows] = {}
        self.peak = 0

    def run(self, job: str, *, counts: bool) -> None:
        """One job; its time is kept if it `counts`."""
        assert self.process.stdin
        assert self.process.stdout
        print(job, file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        self.found[job], self.peak = answer["ids"], answer["peak_bytes"]
        if counts:
            self.seconds[job].append(answer["seconds"])
            self.cpu_seconds[job].append(answer["cpu_seconds"])


def measure(variants: list[str], rounds: int, threads: int) -> dict[str, Any]:
    """All variants in turn, and what came out."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        subprocess.run([sys.executable, "-W", "ignore", __file__, "--prepare", "--folder", place], check=True)
        workers = {variant: Worker(variant, folder, threads) for variant in variants}
        for number in range(rounds + 1):
            for job in ("fixed", "early"):
                for worker in workers.values():
                    worker.run(job, counts=number > 0)
            print(f"round {number} of {rounds}", file=sys.stderr)
        for worker in workers.values():
            worker.process.communicate()
    reference = workers["transformers-float32"].found
    results: dict[str, Any] = {}
    for variant, worker in workers.items():
        results[variant] = {"peak_mib": round(worker.peak / 2**20)}
        for job, seconds in worker.seconds.items():
            tokens = sum(map(len, worker.found[job]))
            same = sum(ours == theirs for ours, theirs in zip(worker.found[job], reference[job], strict=True))
            results[variant][job] = {
                "tokens_per_second": round(tokens / statistics.median(seconds), 1),
                "seconds": [round(second, 3) for second in sorted(seconds)],
                "cpu_seconds": round(statistics.median(worker.cpu_seconds[job]), 3),
                "output_tokens": tokens,
                "same_as_transformers": f"{same}/{len(reference[job])}",
            }
    return results


def ratios(results: dict[str, Any]) -> dict[str, float]:
    """Tokens a second of ours over theirs, for the job `fixed`."""
    speed = {variant: result["fixed"]["tokens_per_second"] for variant, result in results.items()}
    exact = max(speed[variant] for variant in ("headway-float32", "headway-packed"))
    fastest = max(value for variant, value in speed.items() if variant.startswith("headway"))
    return {
        "float32 / transformers float32": round(exact / speed["transformers-float32"], 2),
        "float32 / ctranslate2 float32": round(exact / speed["ctranslate2-float32"], 2),
        "fastest / ctranslate2 int8": round(fastest / speed["ctranslate2-int8"], 2),
    }


def processor() -> dict[str, Any]:
    """What the numbers hold for."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    fields = dict(line.split(":", 1) for line in text.split("\n\n")[0].split("\n") if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    flags = set(fields.get("flags", "").split()) & {
        "avx2",
        "avx512f",
        "avx512_vnni",
        "avx512_bf16",
        "amx_int8",
        "amx_bf16",
    }
    return {
        "name": fields.get("model name", platform.processor()),
        "family": fields.get("cpu family"),
        "model": fields.get("model"),
        "flags": sorted(flags),
    }


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="counted rounds, after one that is not")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="CPU threads of each variant")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the result here too")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--prepare", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.prepare:
        return prepare(arguments.folder)
    if arguments.worker:
        return work(arguments.worker, arguments.folder, arguments.threads)
    about = processor()
    has_bfloat16 = {"avx512_bf16", "amx_bf16"} & set(about["flags"])
    results = measure(PEERS + OURS + (BFLOAT16 if has_bfloat16 else []), arguments.rounds, arguments.threads)
    report = {
        "what": "Marian 6+6 x 512, 32,000 pieces, beam 5, 16 sentences, 20 to 25 tokens",
        "ratios": ratios(results),
        "results": results,
        "threads": arguments.threads,
        "processor": about,
        "versions": {name: version(name) for name in ("headway", "torch", "transformers", "ctranslate2")}
        | {"python": platform.python_version()},
    }
    text = json.dumps(report, indent=2, ensure_ascii=False)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text + "\n", encoding="utf-8", newline="\n")
    print(text)
    return None


if __name__ == "__main__":
    main()
