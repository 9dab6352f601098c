"""`headway train`: a recipe in, a finished run folder out."""

from __future__ import annotations

import argparse
import json

HELP = "train a recipe, or a YAML file of your own"
EXAMPLE = "headway train translate --data.train train.de,train.en --data.validation 0.05 --run runs/de-en"
PASS_REST = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes, beside the keys of the configuration."""
    parser.add_argument("recipe", metavar="RECIPE", help="shipped recipe, or a YAML file")
    parser.add_argument("--run", metavar="DIR", help="run folder (runs/RECIPE, numbered where that is taken)")
    parser.add_argument("--reuse", action="store_true", help="keep a finished run in DIR, resume an unfinished one")
    parser.add_argument("--dry-run", action="store_true", help="build everything, estimate memory and time, and stop")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.epilog = "Any key of the configuration is an option too: --training.max_steps 100 (see the recipe)."


def run(arguments: argparse.Namespace) -> int:
    """Trains and prints what came out."""
    from headway.config import parse_overrides

    overrides = dict(parse_overrides(arguments.rest))
    if arguments.dry_run:
        from headway.runs.estimate import estimate

        found = estimate(arguments.recipe, overrides)
        print(json.dumps(found.to_json(), ensure_ascii=False) if arguments.json else found.to_text())
        return 0
    from headway.runs import train
    from headway.runs.summary import summary

    folder = train(arguments.recipe, overrides, run=arguments.run, reuse=arguments.reuse)
    print(
        json.dumps({"run": str(folder.path), **folder.evaluation}, ensure_ascii=False)
        if arguments.json
        else summary(folder)
    )
    return 0
