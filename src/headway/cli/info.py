"""`headway info`: what is in a model folder."""

from __future__ import annotations

import argparse
import json

HELP = "show a model's parts, memory, length and tokenizer"
EXAMPLE = "headway info runs/quickstart"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    parser.add_argument("model", metavar="MODEL", help="run folder, or a Hugging Face folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Prints the facts."""
    from headway.tasks.info import describe

    facts = describe(arguments.model)
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
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
