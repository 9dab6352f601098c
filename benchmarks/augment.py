r"""Does augmentation help where labels are few? NSMC at 1 %: accuracy with and without, several seeds.

    python -m benchmarks augment --masked runs/nsmc-raw-mlm --causal runs/gpt2-nsmc-raw --seeds 1 2 3 4 5 \
        --minutes 3 --out benchmarks/results/augment.json

For each seed a share of the training rows is drawn, a tenth of them held out to choose by, and the same classifier is
trained on the rest: as they are (`none`), with variants by a masked model beside them, with variants by a causal one.
All are trained for the same number of steps; all are measured on the same test rows. `gain` is the mean over seeds of
accuracy with minus accuracy without, and its 95 % interval by Student's t.

With `--conditional N`, each of the two models first goes on for N steps from its own weights on the drawn rows, each
with its label before it, and then reads the label before each text, so that what it draws agrees with it (Wu et al.
2019; Kumar et al. 2020). Finished trainings in `--folder` are taken as they are, so that the program can be stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from headway.evaluation.repeats import mean_of

LABELS = {"0": "부정", "1": "긍정"}  # words, so that a model can read them
PROMPT = "{label} : "
HELD_OUT = 0.1  # of the drawn rows
Rows = list[tuple[str, str]]  # texts and labels


def nsmc(test_rows: int | None) -> dict[str, Rows]:
    """The splits with their labels as words; of the test every n-th row where there are to be fewer."""
    from headway.data.sources import load

    tables = load(name="nsmc", roles=("text", "label"), folder=os.environ.get("HEADWAY_DATA"))
    rows = {
        split: [(" ".join(text.split()), LABELS[label]) for text, label in zip(t["text"], t["label"], strict=True)]
        for split, t in tables.items()
    }
    step = max(1, len(rows["test"]) // test_rows) if test_rows else 1
    return {"train": [row for row in rows["train"] if row[0]], "test": rows["test"][::step]}


def drawn(rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """The rows that are learned from, and those that are held out."""
    places = np.random.default_rng(seed).permutation(len(rows))[: round(share * len(rows))]
    few = [rows[place] for place in places]
    cut = max(1, round(HELD_OUT * len(few)))
    return few[cut:], few[:cut]


def write(rows: Iterable[tuple[str, str]], path: Path) -> str:
    """A table as recipes read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    return str(path)


def conditioned(kind: str, model: str, rows: Rows, seed: int, arguments: argparse.Namespace, folder: Path) -> str:
    """A model that went on from `model` on rows with their labels before them."""
    import headway

    text = folder / f"{kind}.txt"
    lines = [PROMPT.replace("{label}", label) + words + "\n" for words, label in rows]
    text.write_text("".join(lines), encoding="utf-8")
    keys = {
        "model.init": model,
        "data.train": str(text),
        "data.validation": "0.1",
        "data.document": "line",
        "data.max_length": 100,
        "objective.packing": "texts",
        "training.max_steps": arguments.conditional,
        "training.max_minutes": arguments.minutes,
        "training.max_epochs": None,
        "training.warmup_steps": max(1, arguments.conditional // 10),
        "training.learning_rate": 2e-4,
        "training.threads": arguments.threads,
        "seed": seed,
    }
    recipe = {"masked": "masked-lm", "causal": "causal-lm"}[kind]
    return str(headway.train(recipe, keys, run=folder / f"{kind}-model", reuse=True).path)


def variants(kind: str, model: str, rows: Rows, seed: int, arguments: argparse.Namespace) -> Rows:
    """Some variants of each row, with its label."""
    import headway
    from headway.tasks.augment import Refilling

    share = {"masked": arguments.masked_share, "causal": arguments.causal_share}[kind]
    prompt = PROMPT if arguments.conditional else ""
    options = Refilling(num=arguments.num, share=share, top_k=arguments.top_k, prompt=prompt, seed=seed)
    found = headway.load(model).augment(rows, options)
    return [(text, label) for texts, (_, label) in zip(found, rows, strict=True) for text in texts]


def accuracy(files: dict[str, str], seed: int, arguments: argparse.Namespace, run: Path) -> dict[str, Any]:
    """Of one classifier on the test rows, with its interval over them."""
    import headway

    keys: dict[str, Any] = {
        "data.name": None,
        **{f"data.{split}": file for split, file in files.items()},
        "data.format": "tsv",
        "tokenizer.vocab_size": arguments.vocab_size,
        "training.max_steps": arguments.steps,
        "training.max_minutes": arguments.minutes,
        "training.max_epochs": None,
        "training.validate_every": max(1, arguments.steps // 8),
        "training.checkpoint_every": max(1, arguments.steps // 8),
        "training.threads": arguments.threads,
        "seed": seed,
    }
    if arguments.init:
        keys = {**keys, "model.init": arguments.init, "training.learning_rate": arguments.learning_rate}
        keys.pop("tokenizer.vocab_size")
    folder = headway.train(arguments.recipe, keys, run=run, reuse=True)
    last = max(row["step"] for row in folder.metrics)
    return {**folder.evaluation["metrics"]["accuracy"], "steps": last, "minutes": folder.metrics[-1]["elapsed"] / 60}


def of_seed(seed: int, data: dict[str, Rows], arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Accuracy of each arm for one draw of the rows."""
    train, held_out = drawn(data["train"], arguments.share, seed)
    common = {
        "validation": write(held_out, folder / "validation.tsv"),
        "test": write(data["test"], folder / "test.tsv"),
    }
    found: dict[str, Any] = {}
    models = {"none": "", "masked": arguments.masked, "causal": arguments.causal}
    for kind, model in models.items():
        if model is None:
            continue
        rows, begun, samples = train, time.monotonic(), []
        if kind != "none":
            asked = conditioned(kind, model, train, seed, arguments, folder) if arguments.conditional else model
            more = variants(kind, asked, train, seed, arguments)
            rows, samples = [*train, *more], [[*train[0]], *([*row] for row in more[: arguments.num])]
        seconds = time.monotonic() - begun
        files = {"train": write(rows, folder / f"{kind}.tsv"), **common}
        measured = accuracy(files, seed, arguments, folder / f"{kind}-classifier")
        found[kind] = {**measured, "rows": len(rows), "augmenting_seconds": round(seconds, 1), "samples": samples}
        print(f"seed {seed}: {kind}: {measured['score']:.4f} from {len(rows):,} rows", file=sys.stderr)
    return found


def summary(seeds: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Of each arm the mean, and of each but the first the gain with its interval over seeds."""
    arms = list(next(iter(seeds.values())))
    scores = {arm: [found[arm]["score"] for found in seeds.values()] for arm in arms}
    gains = {arm: [a - b for a, b in zip(scores[arm], scores["none"], strict=True)] for arm in arms if arm != "none"}
    return {
        "accuracy": {arm: mean_of(values) for arm, values in scores.items()},
        "gain": {arm: mean_of(values) for arm, values in gains.items()},
    }


def options() -> argparse.ArgumentParser:
    """The flags."""
    parser = machine.bare_parser("augment", __doc__)
    parser.add_argument("--masked", metavar="MODEL", help="refills words, such as runs/nsmc-raw-mlm")
    parser.add_argument("--causal", metavar="MODEL", help="writes ends anew, such as runs/gpt2-nsmc-raw")
    parser.add_argument("--conditional", type=int, default=0, metavar="N", help="steps on rows with labels; 0: none")
    parser.add_argument("--recipe", default="nsmc-scratch", help="the classifier (%(default)s)")
    parser.add_argument("--init", metavar="MODEL", help="the classifier starts from this one")
    parser.add_argument("--learning-rate", type=float, default=2e-4, metavar="R", help="with --init (%(default)s)")
    parser.add_argument("--share", type=float, default=0.01, help="of the training rows (%(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--num", type=int, default=4, metavar="N", help="variants of a row (%(default)s)")
    parser.add_argument("--masked-share", type=float, default=0.15, metavar="S", help="of the words (%(default)s)")
    parser.add_argument("--causal-share", type=float, default=0.5, metavar="S", help="of the words (%(default)s)")
    parser.add_argument("--top-k", type=int, default=10, metavar="K")
    parser.add_argument("--steps", type=int, default=600, metavar="N", help="of each classifier (%(default)s)")
    parser.add_argument("--minutes", type=float, default=5.0, metavar="M", help="at most, of a training (%(default)s)")
    parser.add_argument("--total", type=float, default=120.0, metavar="M", help="no seed begins after (%(default)s)")
    parser.add_argument("--vocab-size", type=int, metavar="N", help="of a fresh classifier (as its rows allow)")
    parser.add_argument("--test-rows", type=int, metavar="N", help="about so many, evenly spread (all)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="CPU threads")
    parser.add_argument("--folder", type=Path, default=Path("runs/augment"), metavar="DIR", help="(%(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the result here too")
    return parser


def main() -> int:
    """Runs the arms seed by seed, and prints one JSON object."""
    parser = options()
    arguments = parser.parse_args()
    if not (arguments.masked or arguments.causal):
        parser.error("name a model to augment with: --masked, --causal, or both")
    begun, before, seeds = time.monotonic(), machine.load(), {}
    data = nsmc(arguments.test_rows)
    for seed in arguments.seeds:
        if (time.monotonic() - begun) / 60 > arguments.total:
            print(f"{arguments.total:g} minutes are over: seed {seed} and those after it are left out", file=sys.stderr)
            break
        seeds[str(seed)] = of_seed(seed, data, arguments, arguments.folder / f"seed-{seed}")
    report = {
        "what": f"NSMC, {arguments.share:.1%} of the training rows, {len(data['test']):,} test rows",
        **summary(seeds),
        "seeds": seeds,
        "options": {name: str(value) if isinstance(value, Path) else value for name, value in vars(arguments).items()},
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "load": [before, machine.load()],
        "processor": machine.processor(),
        "versions": machine.versions("headway", "torch"),
    }
    return machine.publish(report, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
