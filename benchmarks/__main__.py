"""All benchmarks with their short defaults, or one with its own flags: `python -m benchmarks [NAME [FLAG …]]`."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    "train_translation", "translate", "generate", "load", "tokenize_text", "train_masked", "train_vocabulary",
    "train_classification", "train_classification_base", "label_files",
)  # fmt: skip
WITH_NANOGPT = ("train_characters", "shakespeare")  # need a checkout of it, so only by name
WITH_MODELS = ("augment", "headlines")  # need trained models
WITH_TEXT = ("large_text",)  # needs a long one
WITH_RECIPES = ("tfidf", "features")  # need the name of what they measure


def main(given: list[str]) -> int:
    """The worst exit status."""
    known = BENCHMARKS + WITH_NANOGPT + WITH_MODELS + WITH_RECIPES + WITH_TEXT
    if given and given[0] not in known:
        print(f"{__doc__}\nNAME is one of {', '.join(known)}; NAME --help shows its flags.", file=sys.stderr)
        return 0 if given[0] in ("-h", "--help") else 2
    names, flags = ([given[0]], given[1:]) if given else (BENCHMARKS, [])
    return max(subprocess.call([sys.executable, "-m", f"benchmarks.{name}", *flags]) for name in names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
