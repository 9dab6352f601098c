"""`headway attend`: the attention of every layer and head as one page, and chosen heads as a figure."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from headway.cli.options import add_model, add_place, add_source, load
from headway.errors import ConfigError

if TYPE_CHECKING:
    from headway.explain.trace import Trace

HELP = "draw the attention of every layer and head as one page or figure"
EXAMPLE = """\
headway attend runs/quickstart "Did Mina buy three books yesterday?" --out page.html
headway attend models/gpt2 "The keys to the cabinet" " are on the table." --png keys.png --layer 5 --heads 1,2"""
LOWER = "give a shorter text"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_model(parser)
    parser.add_argument("text", metavar="TEXT", help="text to look at")
    parser.add_argument(
        "target",
        metavar="TARGET",
        nargs="?",
        help="its translation, or what follows it (the model writes one without it), or the second text of a pair",
    )
    parser.add_argument("--out", metavar="PAGE", default="attention.html", help="page to write (%(default)s)")
    parser.add_argument("--png", metavar="FIGURE", help="figure to write too, of the heads chosen below")
    parser.add_argument("--block", choices=["encoder", "decoder", "cross"], help="block (cross, or the only one)")
    parser.add_argument("--layer", metavar="N", type=int, help="layer, counted from 1 as on the page (the last)")
    parser.add_argument("--heads", metavar="N,N", help="heads, counted from 1 as on the page (all)")
    add_place(parser)
    add_source(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object: files, sizes, layers kept, tokens")


def run(arguments: argparse.Namespace) -> int:
    """Writes the files and prints what they are."""
    layer = -1 if arguments.layer is None else _from_one(arguments.layer, "--layer")
    heads = None if arguments.heads is None else [_from_one(head, "--heads") for head in arguments.heads.split(",")]
    for option in ("block", "layer", "heads"):
        if not arguments.png and (given := getattr(arguments, option)) is not None:
            raise ConfigError(
                f"--{option} {given} chooses what --png draws; add --png FIGURE.png, or leave it out: the page has all"
            )

    from headway.explain.attend import look
    from headway.explain.figures import attention_figure
    from headway.explain.page import write_page

    trace = look(load(arguments), arguments.model, arguments.text, target=arguments.target)
    figure, block = None, arguments.block or ("cross" if "cross" in trace.attention else next(iter(trace.attention)))
    if arguments.png:  # first: a wrong layer or head is said before anything is written
        _check(trace, block, layer, heads or [])
        figure = attention_figure(trace, arguments.png, block=block, layer=layer, heads=heads)
    page = write_page(trace, arguments.out)
    tokens = {"source": len(trace.source_tokens), "target": len(trace.target_tokens)}
    if arguments.json:
        kept = {block: [layer + 1 for layer in layers] for block, layers in page.layers.items()}
        found = {"page": str(page.path), "bytes": page.size, "layers": kept, "tokens": tokens, "target": trace.target}
        print(json.dumps(found | {"figure": figure and str(figure)}, ensure_ascii=False))
        return 0
    sides = [f"{count} {side} " for side, count in tokens.items() if count]
    counted = "and ".join(sides) if len(sides) > 1 else f"{sum(tokens.values())} "
    print(f"{page.path}  {page.size / 1000:,.0f} kB, {counted}tokens")
    for block, layers in page.layers.items():
        if len(layers) < len(trace.attention[block]):
            numbers = ", ".join(str(layer + 1) for layer in layers)
            print(f"{block}: to keep the page small it holds layers {numbers} of {len(trace.attention[block])}")
    if figure:
        print(figure)
    return 0


def _check(trace: Trace, block: str, layer: int, heads: list[int]) -> None:
    if block not in trace.attention:
        raise ConfigError(f"--block {block}: this model has no such block; it has {', '.join(trace.attention)}")
    layers = trace.attention[block]
    if layer >= len(layers):
        raise ConfigError(f"--layer {layer + 1}: expected 1 to {len(layers)}, the layers of the block {block}")
    count = len(layers[layer])
    if wrong := [head + 1 for head in heads if head >= count]:
        raise ConfigError(f"--heads {wrong[0]}: expected some of 1 to {count}, the heads of the block {block}")


def _from_one(given: int | str, option: str) -> int:
    """A number a person counts from 1, as one that counts from 0."""
    try:
        number = int(given)
    except ValueError:
        number = 0
    if number < 1:
        raise ConfigError(f"{option} {given!r} was given, expected whole numbers from 1, as on the page: {option} 1")
    return number - 1
