"""`headway train`: a recipe in, a finished run folder out."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING

from headway.cli.options import add_offline

if TYPE_CHECKING:
    from headway.runs.folder import Repeated, RunFolder

HELP = "train a recipe, or a YAML file of your own"
EXAMPLE = "headway train translate --data.train train.de,train.en --data.validation 0.05 --run runs/de-en"
PASS_REST = True
LOWER = (
    "lower --training.batch_tokens (or raise --training.accumulation, or set "
    "--training.activation_checkpointing true), --data.max_length or the sizes of the model"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes, beside the keys of the configuration."""
    parser.add_argument("recipe", metavar="RECIPE", help="shipped recipe, or a YAML file")
    parser.add_argument("--run", metavar="DIR", help="run folder (runs/RECIPE, numbered where that is taken)")
    parser.add_argument("--reuse", action="store_true", help="keep a finished run in DIR, resume an unfinished one")
    parser.add_argument("--dry-run", action="store_true", help="build everything, estimate memory and time, and stop")
    parser.add_argument("--seeds", type=int, metavar="N", help="train N times, and give the mean of each metric")
    parser.add_argument("--dtype", choices=["auto", "float32", "bfloat16"], help="the same as --training.dtype")
    add_offline(parser)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.epilog = (
        f"{parser.epilog}\n\n"
        "Any key of the configuration is an option too: --training.max_steps 100 (see the recipe).\n"
        "Several processes: torchrun --nproc-per-node 2 -m -- headway train RECIPE (the -- keeps --run from torchrun)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Trains and prints what came out."""
    from headway.config import parse_overrides

    overrides = dict(parse_overrides(arguments.rest))
    if arguments.dtype:
        overrides["training.dtype"] = arguments.dtype
    if arguments.dry_run:
        from headway.runs.estimate import estimate

        found = estimate(arguments.recipe, overrides)
        print(json.dumps(found.to_json(), ensure_ascii=False) if arguments.json else found.to_text())
        return 0
    from headway.runs import train, train_seeds

    recipe, where = arguments.recipe, {"run": arguments.run, "reuse": arguments.reuse}
    seeds = arguments.seeds
    done = train(recipe, overrides, **where) if seeds is None else train_seeds(recipe, overrides, seeds=seeds, **where)
    show(done, as_json=arguments.json)
    return 0


def show(folder: RunFolder | Repeated, *, as_json: bool) -> None:
    """Prints what came out; of several processes only the first one speaks."""
    from headway.runs.summary import summary

    if os.environ.get("RANK", "0") != "0":
        return
    found = {"run": str(folder.path), **folder.evaluation}
    print(json.dumps(found, ensure_ascii=False) if as_json else summary(folder))
