"""`headway evaluate`: a model against a test set."""

from __future__ import annotations

import argparse
import json

from headway.cli.options import add_model, add_place, add_source

HELP = "measure a model on a test set, with the task's standard metrics"
EXAMPLE = "headway evaluate runs/de-en --data.test test.de,test.en"
PASS_REST = True
LOWER = "lower --beam or --data.max_length"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what the command takes."""
    add_model(parser)
    parser.add_argument("--split", default="test", choices=["train", "validation", "test"], help="rows (%(default)s)")
    parser.add_argument("--beam", type=int, help="hypotheses kept (as the run says)")
    parser.add_argument("--length-norm", metavar="NORM", help="none, avg, gnmt:ALPHA or power:ALPHA (as the run says)")
    parser.add_argument("--beam-stop", choices=["first", "bound", "never"], help="when a search ends (as the run says)")
    parser.add_argument("--quantize", choices=["int8"], help="multiply in eight bits")
    add_place(parser)
    parser.add_argument("--out", metavar="FILE", help="where the result is written (evaluation.json in MODEL)")
    add_source(parser, may_lack=False)
    parser.add_argument("--json", action="store_true", help="print the whole result as one JSON object")
    parser.epilog = (
        f"{parser.epilog}\n\nKeys of the run's data are options too: --data.test a.de,a.en, --data.name multi30k …\n"
        "A model that is no run of headway is measured in what its head is for; --task names another task"
    )


def run(arguments: argparse.Namespace) -> int:
    """Measures, writes `evaluation.json`, prints the metrics."""
    from headway.config import parse_overrides
    from headway.runs.evaluate import evaluate
    from headway.runs.summary import scores

    decoding = {"beam": arguments.beam, "length_norm": arguments.length_norm, "stop": arguments.beam_stop}
    result = evaluate(
        arguments.model,
        dict(parse_overrides(arguments.rest)) | {f"decoding.{k}": v for k, v in decoding.items() if v is not None},
        split=arguments.split,
        quantize=arguments.quantize,
        device=arguments.device,
        dtype=arguments.dtype,
        revision=arguments.revision,
        offline=arguments.offline,
        out=arguments.out,
    )
    print(json.dumps(result, ensure_ascii=False) if arguments.json else scores(result))
    return 0
