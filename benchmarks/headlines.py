"""Headlines for topics that were asked for: how many a classifier recognises, and how many were learned by heart.

    python -m benchmarks headlines runs/headlines-gpt2 runs/ynat --out benchmarks/results/headlines-gpt2.json

GENERATOR is a run that learned texts after prompts, CLASSIFIER one whose labels are those prompts. A hundred headlines
of each topic are drawn. Beside the share that the classifier recognises stands its share of real headlines, as many of
each topic, from the test rows of the generator: more than that nobody can expect. What stands word for word in the
training rows of the generator is counted, and the share is given of the others alone too, for the classifier may have
been trained on the same rows.

Perplexity with and without pre-training at equal updates is the evaluation of two runs. One vocabulary for both, and
weights that know nothing, come from a run of a single step:

    headway train gpt2-nsmc-raw --run runs/untrained --training.max_steps 1 --training.learning_rate 1e-9
    headway train headlines-gpt2 --run runs/headlines-scratch --model.init runs/untrained
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import headway
from benchmarks.machine import bare_parser, processor, publish, versions
from headway.config import read_config
from headway.data.prompted import part
from headway.data.texts import Texts
from headway.decoding.generate import Decoding
from headway.decoding.sampling import Sampling
from headway.errors import ConfigError, HeadwayError
from headway.evaluation.proportion import proportion
from headway.runs.kinds import kind_of
from headway.tasks.generate import generate
from headway.tasks.loaded import Loaded

SAMPLES = 20
LONGEST = 60  # tokens of a headline


def pairs(texts: Texts, separator: str) -> list[tuple[str, str]]:
    """Prompt, without what parts it, and text of every row."""
    lines = [line for line, _ in texts.lines()]
    return [(a.removesuffix(separator), b.strip()) for a, b in zip(lines[::2], lines[1::2], strict=True)]


def write(generator: Loaded, topics: Sequence[str], each: int, sampling: Sampling) -> list[tuple[str, str]]:
    """As many headlines of each topic, with their topics."""
    options = Decoding(beam=1, n_best=each, sampling=sampling, max_length=LONGEST, ends=generator.decoding.ends)
    prompts = part(topics, generator.reading.separator)
    found = generate(generator.model, generator.tokenizers, prompts, options)
    return [(topic, one.text.strip()) for topic, some in zip(topics, found, strict=True) for one in some]


def recognised(classifier: Loaded, headlines: Sequence[tuple[str, str]]) -> list[bool]:
    """Of each headline, whether its topic is the label that the classifier gives it."""
    found = classifier.classify([text for _, text in headlines])
    return [each.label == topic for (topic, _), each in zip(headlines, found, strict=True)]


def measure(generator: Loaded, classifier: Loaded, *, each: int, sampling: Sampling) -> dict[str, Any]:
    """All shares, and some headlines.

    Raises:
        ConfigError: the generator learned no texts after prompts, or the classifier has no label for a prompt.
        DataError: the data of the generator's run is not there.
    """
    if not generator.reading.separator:
        raise ConfigError(f"{generator.folder} learned no texts after prompts; train one with headlines-gpt2")
    config = read_config(generator.folder / "config.yaml")
    splits = {name: pairs(texts, generator.reading.separator) for name, texts in kind_of(config).load().items()}
    topics = sorted({topic for topic, _ in splits["train"]})
    head = getattr(classifier.spec, "label_head", None)
    if head is None or (unknown := sorted(set(topics) - set(head.labels))):
        lacking = "labels" if head is None else f"label {unknown[0]!r}"
        raise ConfigError(f"{classifier.folder} has no {lacking}; name a classifier of {', '.join(topics)}")
    begun = time.perf_counter()
    written = write(generator, topics, each, sampling)
    seconds = time.perf_counter() - begun
    right = recognised(classifier, written)
    learned = {text for _, text in splits["train"]}
    is_known = [text in learned for _, text in written]
    new = [ok for ok, known in zip(right, is_known, strict=True) if not known]
    real = _real(splits["test" if "test" in splits else "validation"], topics, each)
    by_topic = {topic: [ok for (its, _), ok in zip(written, right, strict=True) if its == topic] for topic in topics}
    shown = np.linspace(0, len(written) - 1, SAMPLES).round().astype(int)
    return {
        "headlines": len(written),
        "chance": 1 / len(topics),
        "recognised": proportion(sum(right), len(right)),
        "recognised_by_topic": {topic: sum(found) / len(found) for topic, found in by_topic.items()},
        "recognised_of_real": proportion(sum(recognised(classifier, real)), len(real)),
        "verbatim_in_training": proportion(sum(is_known), len(is_known)),
        "recognised_of_the_others": proportion(sum(new), len(new)) if new else None,
        "different": len({text for _, text in written}) / len(written),
        "empty": sum(not text for _, text in written),
        "seconds": round(seconds, 2),
        "samples": [
            {"topic": written[i][0], "headline": written[i][1], "recognised": right[i], "verbatim": is_known[i]}
            for i in shown.tolist()
        ],
    }


def _real(rows: Sequence[tuple[str, str]], topics: Sequence[str], each: int) -> list[tuple[str, str]]:
    """As many real headlines of each topic, or all there are, drawn by a fixed seed."""
    random, drawn = np.random.default_rng(12345), list[tuple[str, str]]()
    for topic in topics:
        of_topic = [row for row in rows if row[0] == topic]
        places = random.permutation(len(of_topic))[:each]
        drawn += [of_topic[place] for place in places.tolist()]
    return drawn


def main(words: Sequence[str]) -> int:
    """Measure one generator and print one JSON object."""
    flags = bare_parser("headlines", __doc__)
    flags.add_argument("generator", metavar="GENERATOR", help="a run that learned texts after prompts")
    flags.add_argument("classifier", metavar="CLASSIFIER", help="a run whose labels are those prompts")
    flags.add_argument("--each", type=int, default=100, metavar="N", help="headlines of a topic (%(default)s)")
    flags.add_argument("--temperature", type=float, default=0.8, metavar="T", help="(%(default)s)")
    flags.add_argument("--top-k", type=int, default=40, metavar="K", help="(%(default)s)")
    flags.add_argument("--seed", type=int, default=1, metavar="N", help="of the draws (%(default)s)")
    flags.add_argument("--out", type=Path, metavar="FILE", help="write the result here too")
    arguments = flags.parse_args(words)
    sampling = Sampling(temperature=arguments.temperature, top_k=arguments.top_k, seed=arguments.seed)
    try:
        generator, classifier = headway.load(arguments.generator), headway.load(arguments.classifier)
        result = measure(generator, classifier, each=arguments.each, sampling=sampling)
    except HeadwayError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    report = {
        "what": "headlines for topics, recognised by a classifier",
        "command": " ".join(["python -m benchmarks headlines", *words]),
        "processor": processor(),
        "versions": versions("torch"),
        "sampling": {"temperature": sampling.temperature, "top_k": sampling.top_k, "seed": sampling.seed},
        **result,
    }
    return publish(report, arguments.out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
