"""Beam-5 translation of 16 sentences by a 6+6 × 512 Marian model with random weights, side by side with the peers.

    python -m benchmarks translate --rounds 5

Each variant is a process of its own that holds one model, so that its peak memory is its own; they take turns, and the
median of the rounds counts. Ours are what `headway translate` runs: `headway.load`, with its choice of kernels, and
`decode`.

Two jobs: `fixed`, 20 source tokens to 25 output tokens with the end token forbidden, is the one whose ratios are
reported; in `early`, sources are of 4 to 40 tokens and outputs end by themselves. In float32, ours and those of
transformers must be the same; CTranslate2 ends a search by a rule of its own. Weights are those of one Hugging Face
folder, written to a temporary place.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.variants import Results, Rows, main, speeds

VOCABULARY, PAD, END, LONGEST, BEAM = 32000, 31999, 0, 25, 5
LAYERS, D_MODEL, D_FF, HEADS = 6, 512, 2048, 8
END_BIAS = 4.0  # with what `prepare` adds to its embedding, the end token comes in the middle of an output
JOBS = {"fixed": "fixed", "early": "early"}
TARGETS = {
    "float32 / transformers float32": 2.5,
    "float32 / ctranslate2 float32": 1.4,
    "fastest / ctranslate2 int8": 1.1,
}


def sources(job: str) -> Rows:
    """What is translated: the end token is the last of each row."""
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
        vocab_size=VOCABULARY, d_model=D_MODEL, encoder_ffn_dim=D_FF, decoder_ffn_dim=D_FF, encoder_layers=LAYERS,
        decoder_layers=LAYERS, encoder_attention_heads=HEADS, decoder_attention_heads=HEADS,
        max_position_embeddings=512, pad_token_id=PAD, eos_token_id=END, bos_token_id=END,
        decoder_start_token_id=PAD, forced_eos_token_id=None,
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


def ours(folder: Path, form: str) -> tuple[Callable[[str], Rows], str]:
    """What `headway translate` runs, with `--dtype` or `--quantize`; and the arithmetic that it chose."""
    import headway
    from headway.decoding.generate import Decoding, decode

    loaded = headway.load(folder, quantize="int8") if form == "int8" else headway.load(folder, dtype=form)
    options = {
        "fixed": Decoding(beam=BEAM, max_length=LONGEST, suppress=(END,)),
        "early": Decoding(beam=BEAM, max_length=LONGEST),
    }
    model = loaded.translator
    return lambda job: [best[0].ids for best in decode(model, sources(job), options[job])], str(loaded.arithmetic)


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


def ratios(results: Results) -> dict[str, float]:
    """Tokens a second of ours over theirs, for the job `fixed`."""
    speed = speeds(results, "fixed")
    fastest = max(value for variant, value in speed.items() if variant.startswith("headway"))
    found = {
        "float32 / transformers float32": speed["headway-float32"] / speed["transformers-float32"],
        "float32 / ctranslate2 float32": speed["headway-float32"] / speed["ctranslate2-float32"],
        "fastest / ctranslate2 int8": fastest / speed["ctranslate2-int8"],
    }
    return {name: round(ratio, 2) for name, ratio in found.items()}


def report(results: Results) -> dict[str, Any]:
    """What was measured, the ratios, and what they reach."""
    reached = ratios(results)
    return {
        "what": f"Marian {LAYERS}+{LAYERS} x {D_MODEL}, {VOCABULARY:,} pieces, beam 5, 16 sentences, 20 to 25 tokens",
        "ratios": reached,
        "targets": TARGETS,
        "reaches": {
            "speed": all(reached[name] >= target for name, target in TARGETS.items()),
            "memory": results["headway-float32"]["peak_mib"] <= results["transformers-float32"]["peak_mib"],
        },
    }


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__], "translate", __doc__))
