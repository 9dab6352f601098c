"""`headway info`: what is in a model folder."""

from __future__ import annotations

import argparse
import json

from headway.cli.options import add_model, add_source

HELP = "show a model's parts, memory, length and tokenizer"
EXAMPLE = """\
headway info runs/quickstart
headway info gpt2 --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_model(parser)
    add_source(parser, may_lack=False)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Prints the facts."""
    from headway.tasks.info import describe

    facts = describe(arguments.model, revision=arguments.revision, offline=arguments.offline)
    if arguments.json:
        print(json.dumps(facts, ensure_ascii=False))
        return 0
    for name, value in facts.items():
        if isinstance(value, dict):
            print(f"{name.replace('_', ' ')}:")
            for part, number in value.items():
                print(f"  {part.replace('_', ' '):<18}{_shown(number):>16}")
        elif name == "memory_bytes":
            print(f"{'memory':<20}{value / 2**20:>12,.1f} MiB")
        else:
            print(f"{name.replace('_', ' '):<20}{_shown(value):>16}")
    return 0


def _shown(value: object) -> str:
    if value is None:
        return "any (no table)"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
