"""Greedy continuation by a GPT-2 of 124 M random weights, side by side with the peers: 32 tokens in, 128 new ones out.

    python -m benchmarks generate --rounds 5

Each variant is a process of its own that holds one model; they take turns, first with one prompt, then with eight.
Ours are what `headway generate` runs: `headway.load`, with its choice of kernels, and `complete`. The end token is
forbidden. In float32 our tokens must be those of transformers; of the others it is said how many rows are the same.
Speed counts new tokens and includes reading the prompt. Weights are those of one Hugging Face folder, written to a
temporary place.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.variants import Results, Rows, main, speeds

VOCABULARY, D_MODEL, LAYERS, HEADS, POSITIONS = 50257, 768, 12, 12, 1024
PROMPT, NEW = 32, 128
JOBS = {"batch 1": 1, "batch 8": 8}  # prompts at once
TARGETS = {
    "batch 1": {
        "headway-float32 / transformers-float32": 1.6,
        "headway-bfloat16 / transformers-bfloat16": 2.5,
        "headway-int8 / ctranslate2-int8": 1.4,
    },
    "batch 8": {"headway-float32 / transformers-float32": 2.8, "headway-bfloat16 / transformers-bfloat16": 1.7},
}


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


def ratios(results: Results) -> dict[str, dict[str, float]]:
    """Tokens a second of ours over theirs, of what was measured."""
    found: dict[str, dict[str, float]] = {}
    for job, targets in TARGETS.items():
        speed = speeds(results, job)
        pairs = (name.split(" / ") for name in [*targets, "headway-float32 / ctranslate2-float32"])
        found[job] = {f"{one} / {other}": round(speed[one] / speed[other], 2) for one, other in pairs if one in speed}
    return found


def report(results: Results) -> dict[str, Any]:
    """What was measured, the ratios, and what they reach."""
    reached = ratios(results)
    return {
        "what": f"GPT-2, {LAYERS} x {D_MODEL}, {VOCABULARY:,} pieces, greedy, prompt {PROMPT}, {NEW} new tokens",
        "ratios": reached,
        "targets": TARGETS,
        "reaches": {
            job: {name: found[name] >= target for name, target in TARGETS[job].items() if name in found}
            for job, found in reached.items()
        },
    }


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__], "generate", __doc__))
