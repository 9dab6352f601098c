"""`headway push`: a model and its card onto the hub."""

from __future__ import annotations

import argparse
import json

HELP = "publish a model on the Hugging Face hub, with a model card"
EXAMPLE = "headway push runs/de-en owner/de-en --private"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    parser.add_argument("run", metavar="RUN", help="run folder, or a Hugging Face folder")
    parser.add_argument("repo", metavar="REPO", help="owner/name; made where there is none")
    parser.add_argument(
        "--to", choices=["huggingface", "headway"], help="the form of the files (what transformers reads, if it can)"
    )
    parser.add_argument(
        "--dtype", choices=["float32", "bfloat16", "float16"], default="float32", help="of the weights (%(default)s)"
    )
    parser.add_argument("--private", action="store_true", help="a new repository is seen by its owner only")
    parser.add_argument("--json", action="store_true", help="print the address as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Publishes, and prints the address."""
    from headway.tasks.publishing import push

    url = push(arguments.run, arguments.repo, format=arguments.to, dtype=arguments.dtype, private=arguments.private)
    print(json.dumps({"url": url}, ensure_ascii=False) if arguments.json else url)
    return 0
