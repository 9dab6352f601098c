"""Training a translator of 3+3 layers × 256, 8,000 pieces: Headway and its peers take turns, each in its own process.

    python -m benchmarks train_translation --rounds 5 --steps 5

Two rows. `default`: everybody as a user gets it, on their own batches: the peers 128 shuffled pairs, padded, plain
AdamW, the plain loss; we our token budget and our loss. `equal`: the same batches of pairs of like length for all, the
same label smoothing, clipping and AdamW; `-fused` is the peer with the fused optimizer. Tokens are those of source and
target with their end tokens; padding never counts. All dropouts are 0.1 and on. Checked before anything is printed:
with dropout off, Marian has our loss from our weights, and after the steps of `equal` all have learned as much.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import (
    Answer,
    Child,
    has_bfloat16,
    parser,
    processor,
    publish,
    serve,
    train_in_turns,
    versions,
)
from benchmarks.trained import D_MODEL, LAYERS, SEED, VOCABULARY, Ours, Peer, fresh, marian, torch_transformer

ROWS = {
    "default": ["headway", "marian", "torch"],
    "equal": ["headway", "marian", "torch", "marian-fused", "torch-fused"],
}
TARGETS = {"default": 4.0, "equal": 2.4}  # our speed over theirs, at least
NEAR = {"marian": 0.05, "torch": 0.5}  # nats between our mean loss and theirs: same weights, weights of its own


def prepare(folder: Path) -> str:
    """Write the pairs and Marian's weights; returns the name of the data."""
    from headway.checkpoints import hf

    hf.save(fresh(), folder / "marian")
    place = os.environ.get("HEADWAY_DATA")
    sides = _multi30k(place) if place else _synthetic()
    for name, rows in zip(("source", "target"), sides, strict=True):
        np.savez(folder / f"{name}.npz", ids=np.concatenate(rows).astype(np.uint16), lengths=list(map(len, rows)))
    return "Multi30k, German to English" if place else "synthetic: Zipf's ids, lengths like those of Multi30k"


def _multi30k(place: str) -> list[list[list[int]]]:
    from headway.data.sources import load as load_data
    from headway.text.trainer import train

    data = load_data(name="multi30k", languages="de-en", folder=place)["train"]
    texts = [list(data[side]) for side in ("source", "target")]
    tokenizer = train([*texts[0], *texts[1]], vocab_size=VOCABULARY)
    return [tokenizer.encode_batch(side) for side in texts]


def _synthetic() -> list[list[list[int]]]:
    random = np.random.default_rng(SEED)
    lengths = np.clip(np.round(14 * np.exp(random.normal(0, 0.4, (2, 29_000)))), 3, 39).astype(int)
    return [[(random.zipf(1.3, length) % (VOCABULARY - 4) + 4).tolist() for length in side] for side in lengths]


def stored(folder: Path) -> Any:
    """The pairs that `prepare` wrote."""
    from headway.data.cache import PairStore, TokenStore

    sides = []
    for name in ("source", "target"):
        with np.load(folder / f"{name}.npz") as file:
            ids, lengths = file["ids"], file["lengths"]
        sides.append(TokenStore(ids, np.cumsum(lengths) - lengths, lengths))
    return PairStore(source=sides[0], target=sides[1])


def work(variant: str, row: str, precision: str, folder: Path, threads: int) -> None:
    """The process of one variant: `initial` or a number of steps a line in, what came out."""
    import torch

    torch.set_num_threads(threads)
    pairs = stored(folder)
    name, _, fused = variant.partition("-")
    trained: Ours | Peer
    if name == "headway":
        trained = Ours(pairs, precision)
    else:
        parts = marian(folder) if name == "marian" else torch_transformer()
        trained = Peer(parts, pairs, row, precision, fused=bool(fused))
    made = 0

    def answer(question: Any) -> Answer:
        nonlocal made
        if question == "initial":
            trained.model.eval()
            loss = trained.loss(trained.plan[0])
            trained.model.zero_grad()
            trained.model.train()
            torch.manual_seed(SEED)
            return {"loss": loss, "choices": str(trained.choices) if isinstance(trained, Ours) else None}
        losses, tokens = [], 0
        for _ in range(question):
            rows = trained.plan[made % len(trained.plan)]
            losses.append(trained.loss(rows))
            trained.move()
            made, tokens = made + 1, tokens + int((pairs.lengths[rows] + 1).sum())
        return {"losses": losses, "tokens": tokens}

    serve(answer)


def measure(row: str, precision: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All variants of a row in turn."""
    command = ("-m", "benchmarks.train_translation", "--folder", str(folder), "--threads", str(arguments.threads))
    children = {
        variant: Child(*command, "--row", row, "--precision", precision, "--worker", variant) for variant in ROWS[row]
    }
    result = train_in_turns(children, arguments.steps, arguments.rounds, title=f"{row}, {precision}")
    del result["curves"]
    ours = result["headway"]
    result["ratios"] = {
        f"headway / {variant}": round(ours["tokens_per_second"] / result[variant]["tokens_per_second"], 2)
        for variant in ROWS[row][1:]
    }
    result["reaches"] = {
        "speed": min(result["ratios"].values()) >= TARGETS[row],
        "memory": all(ours["peak_mib"] <= result[variant]["peak_mib"] for variant in ROWS[row][1:]),
    }
    return result


def check(result: dict[str, Any]) -> list[str]:
    """What is not equal in a row `equal`."""
    ours, marian_, torch_ = (result[name] for name in ("headway", "marian", "torch"))
    wrong = []
    if abs(ours["initial_loss"] - marian_["initial_loss"]) > 1e-4:
        wrong.append(f"initial losses {ours['initial_loss']} and Marian's {marian_['initial_loss']}")
    if not -0.2 < torch_["initial_loss"] - math.log(VOCABULARY) < 1.5:
        wrong.append(f"initial loss {torch_['initial_loss']} of torch.nn.Transformer")
    for name, near in NEAR.items():
        if abs(ours["last_loss"] - result[name]["last_loss"]) > near:
            wrong.append(f"last losses {ours['last_loss']} and {result[name]['last_loss']} of {name}")
    return wrong


def run(arguments: argparse.Namespace) -> int:
    """Measure, print one JSON object; 1 if the variants did not do the same work."""
    about = processor()
    report: dict[str, Any] = {
        "what": f"training, {LAYERS}+{LAYERS} x {D_MODEL}, {VOCABULARY:,} pieces, {arguments.threads} threads",
        "processor": about,
        "versions": versions("headway", "torch", "transformers"),
    }
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        report["data"] = prepare(folder)
        for row in ROWS:
            report[row] = {"float32": measure(row, "float32", folder, arguments), "bfloat16": None}
            if has_bfloat16(about):
                report[row]["bfloat16"] = measure(row, "bfloat16", folder, arguments)
            else:
                report[row]["why_no_bfloat16"] = "the processor has neither AVX-512 BF16 nor AMX"
        wrong = check(report["equal"]["float32"])
    report["targets"], report["not_equal"] = TARGETS, wrong
    return publish(report, arguments.out)


def main() -> int:
    """Parse and run, as the parent or as one of its children."""
    flags = parser("train_translation", __doc__)
    flags.add_argument("--steps", type=int, default=5, metavar="N", help="optimizer steps of each variant in a round")
    for name in ("row", "precision"):
        flags.add_argument(f"--{name}", help=argparse.SUPPRESS)
    arguments = flags.parse_args()
    if arguments.worker:
        work(arguments.worker, arguments.row, arguments.precision, arguments.folder, arguments.threads)
        return 0
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
