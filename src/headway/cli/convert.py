"""`headway convert`: a model from one form into another."""

from __future__ import annotations

import argparse
import json

from headway.cli.options import add_source, report_parts

HELP = "write a model as transformers reads it, or as a folder of headway"
EXAMPLE = """\
headway convert runs/gpt2 models/gpt2 --to huggingface --dtype bfloat16
headway convert bert-base-uncased models/bert --to headway"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    parser.add_argument("source", metavar="SRC", help="run folder, Hugging Face folder or hub id")
    parser.add_argument("target", metavar="DST", help="the folder to write")
    parser.add_argument("--to", choices=["huggingface", "headway"], required=True, help="the form of DST")
    parser.add_argument(
        "--dtype", choices=["float32", "bfloat16", "float16"], default="float32", help="of the weights (%(default)s)"
    )
    parser.add_argument("--shard-size", default="5GB", metavar="SIZE", help="the most of one file (%(default)s)")
    add_source(parser)
    parser.add_argument("--json", action="store_true", help="print the folder as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Converts, and says what was drawn or left out."""
    import headway

    loaded = headway.load(
        arguments.source,
        offline=arguments.offline,
        revision=arguments.revision,
        allow_missing=arguments.allow_missing,
    )
    report_parts(loaded.fresh, loaded.unread)
    headway.save(loaded, arguments.target, format=arguments.to, dtype=arguments.dtype, shard_size=arguments.shard_size)
    print(json.dumps({"folder": arguments.target}, ensure_ascii=False) if arguments.json else arguments.target)
    return 0
