"""Tf-idf and logistic regression on the rows of a recipe: what stands beside every trained classifier.

    python -m benchmarks tfidf emotion trec sst2 --out benchmarks/results/tfidf.json
    python -m benchmarks tfidf nsmc-scratch --data.share 0.01

The same splits as `headway train`, the same metrics and intervals. Words (one and two) and letters (two to five) are
tried, each with three strengths of regularisation; the best on the validation rows is measured on the test rows, once.
One logistic regression for each label where a row has several, given where its probability is above a half; ridge
regression of numbers; of a pair both texts stand in one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.labelled import Labelled, choose, read, sizes
from benchmarks.machine import bare_parser, processor, publish, versions
from headway.errors import HeadwayError

FEATURES: dict[str, dict[str, Any]] = {
    "words 1-2": {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"\w+|[^\w\s]"},
    "letters 2-5": {"analyzer": "char", "ngram_range": (2, 5)},
}
STRENGTHS = (1.0, 10.0, 100.0)
FEWEST = 2  # texts that a feature stands in


def measure(data: Labelled, *, title: str) -> dict[str, Any]:
    """The better features, the strength that goes with them, and the scores."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    begun, found = time.perf_counter(), []
    for features, settings in FEATURES.items():
        vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=FEWEST, dtype=np.float32, **settings)
        vectorizer.fit(data.splits["train"].texts)
        vectors = {split: vectorizer.transform(rows.texts) for split, rows in data.splits.items()}
        chosen = choose(data, vectors, STRENGTHS, title=f"{title}: {features}")
        found.append({"features": features, "width": len(vectorizer.vocabulary_)} | chosen)
    best = max(found, key=lambda one: next(iter(one["validation"].values())))
    tried = {one["features"]: one["validation"] for one in found}
    return best | {"tried": tried, "seconds": round(time.perf_counter() - begun, 1)}


def main(words: Sequence[str]) -> int:
    """Measure each recipe and print one JSON object."""
    flags = bare_parser("tfidf", __doc__)
    flags.add_argument("recipes", nargs="+", metavar="RECIPE", help="the name of one that classifies, or a YAML file")
    flags.add_argument("--out", type=Path, metavar="FILE", help="write the result here too")
    arguments, keys = flags.parse_known_args(words)
    results = {}
    try:
        for recipe in arguments.recipes:
            data = read(recipe, keys)
            about = {"problem": data.problem, "split": data.measured, "rows": sizes(data)}
            results[recipe] = about | measure(data, title=recipe)
    except HeadwayError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    report = {
        "what": "tf-idf and a linear model, on the splits of each recipe",
        "command": " ".join(["python -m benchmarks tfidf", *words]),
        "processor": processor(),
        "versions": versions("scikit-learn"),
        "recipes": results,
    }
    return publish(report, arguments.out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
