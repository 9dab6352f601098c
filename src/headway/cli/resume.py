"""`headway resume`: a run goes on exactly where it stopped."""

from __future__ import annotations

import argparse

from headway.cli.options import add_offline

HELP = "continue a run exactly where it stopped"
EXAMPLE = "headway resume runs/quickstart"
LOWER = "a run goes on as it began: make room, or train anew with a lower --training.batch_tokens"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    parser.add_argument("run_folder", metavar="RUN", help="run folder")
    add_offline(parser)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Trains to the end and prints what came out."""
    from headway.cli.train import show
    from headway.runs import resume

    show(resume(arguments.run_folder), as_json=arguments.json)
    return 0
