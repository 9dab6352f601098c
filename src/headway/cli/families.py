"""`headway families`: what there is, and how large it is."""

from __future__ import annotations

import argparse
import json

HELP = "show the table of families and sizes"
EXAMPLE = "headway families --vocab-size 8000"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    parser.add_argument(
        "--vocab-size",
        metavar="N",
        type=int,
        help="pieces to count with (those a family is published with; 8000 for translators)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Prints the table."""
    from headway.models.sizes import table

    rows = table(arguments.vocab_size)
    if arguments.json:
        for row in rows:
            print(json.dumps(row))
        return 0
    print(f"{'family':<9}{'size':<11}{'parameters':>16}{'layers':>8}{'d_model':>9}{'pieces':>10}")
    for row in rows:
        numbers = f"{row['parameters']:>16,}{row['num_layers']:>8}{row['d_model']:>9}{row['vocab_size']:>10,}"
        print(f"{row['family']:<9}{row['size']:<11}{numbers}")
    return 0
