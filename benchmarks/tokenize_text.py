"""Encoding and learning: lines of text to ids, beside the libraries' own calls for many texts at once.

    python -m benchmarks tokenize_text --text novels.txt --rounds 5

Each variant is a process of its own; they take turns, and the median of the rounds counts. The text is that of
`--text`, or the sources of Python's standard library. `encode_batch` and `encode_batch_fast` are those of `tokenizers`,
called for as many lines as ours are; what they return is counted, but no list of ids is made of it. Ours gives lists of
ids (`headway`), or reads the file and writes the memory-mapped corpus (`headway-store`). The unigram tokenizer is cut
by sentencepiece too, and learned by both: the ids of all must be as many.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import sysconfig
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import machine

PIECES, LINES, COURSE_SECONDS = 8000, 10_000, 20.0  # pieces, lines a call, what the course says 1 GB takes
ENCODERS = ("headway", "headway-store", "encode_batch", "encode_batch_fast")
LEARNERS = ("headway", "sentencepiece")
TYPES = ("byte-bpe", "wordpiece", "unigram")
TARGETS = {f"{kind} / encode_batch": 0.95 for kind in TYPES} | {
    "unigram / sentencepiece": 0.95,
    "unigram learning / sentencepiece": 0.95,
}


def write_sources(path: Path, most: int) -> None:
    """Python's standard library, up to `most` bytes."""
    size = 0
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for file in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
            if "site-packages" not in file.parts and "lib2to3" not in file.parts and size < most:
                content = file.read_bytes().decode("utf-8", "ignore").replace("\0", "")
                size += out.write(unicodedata.normalize("NFC", content))


def prepare(text: Path, folder: Path) -> None:
    """Train a tokenizer of each type."""
    from headway.data.lines import read_lines
    from headway.text.trainer import train

    for kind in TYPES:
        train(read_lines(text), type=kind, vocab_size=PIECES, exact=False).save(folder / kind)


def encoder(variant: str, text: Path, folder: Path) -> Callable[[str], int]:
    """What encodes the text with the tokenizer of a type and says how many ids there are."""
    from headway.data.lines import read_lines
    from headway.text.tokenizer import Tokenizer

    lines = [line for line in read_lines(text) if line.strip()]
    tokenizers = {kind: Tokenizer.load(folder / kind) for kind in TYPES}

    def batches() -> Iterator[list[str]]:
        rest = iter(lines)
        while batch := list(islice(rest, LINES)):
            yield batch

    def ours(kind: str) -> int:
        return sum(sum(map(len, tokenizers[kind].encode_batch(batch))) for batch in batches())

    def store(kind: str) -> int:
        from headway.data.corpus import encode_texts
        from headway.data.texts import load_texts

        with tempfile.TemporaryDirectory(dir=folder) as cache:
            os.environ["HEADWAY_CACHE"] = cache
            return len(encode_texts(load_texts(train=str(text))["train"], tokenizers[kind]).ids)

    def library(kind: str) -> int:
        from tokenizers import Tokenizer as Rust

        encode = getattr(Rust.from_file(str(folder / kind / "tokenizer.json")), variant)
        return sum(sum(map(len, encode(batch, add_special_tokens=False))) for batch in batches())

    def sentencepiece(kind: str) -> int:
        from sentencepiece import SentencePieceProcessor

        processor = SentencePieceProcessor(model_file=str(folder / kind / "spiece.model"))
        return sum(sum(map(len, processor.encode(batch))) for batch in batches())

    return {"headway": ours, "headway-store": store, "sentencepiece": sentencepiece}.get(variant, library)


def learner(variant: str, text: Path) -> Callable[[str], int]:
    """What learns a unigram tokenizer and says how many pieces it has."""
    from headway.data.lines import read_lines

    def ours(_: str) -> int:
        from headway.text.trainer import train

        return train(read_lines(text), type="unigram", vocab_size=PIECES, exact=False).vocab_size

    def sentencepiece(_: str) -> int:
        import io

        from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

        content = io.BytesIO()
        SentencePieceTrainer.train(
            sentence_iterator=read_lines(text), model_writer=content, model_type="unigram", vocab_size=PIECES,
            character_coverage=1.0, normalization_rule_name="identity", remove_extra_whitespaces=False,
            max_sentence_length=1 << 30, hard_vocab_limit=False, minloglevel=2,
        )  # fmt: skip
        return len(SentencePieceProcessor(model_proto=content.getvalue()))

    return {"headway": ours, "sentencepiece": sentencepiece}[variant]


def measure(text: Path, rounds: int) -> dict[str, Any]:
    """All variants in turn, by job: MB a second, seconds and ids."""
    size = text.stat().st_size
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        command = ("-m", "benchmarks.tokenize_text", "--text", str(text), "--folder", folder, "--worker")
        machine.Child(*command, "prepare").close()
        encoders = {name: machine.Child(*command, name).wait() for name in (*ENCODERS, "sentencepiece")}
        for kind in TYPES:
            asked = {name: child for name, child in encoders.items() if name in ENCODERS or kind == "unigram"}
            results[kind] = _speeds(machine.take_turns(asked, kind, rounds, title=f"encoding, {kind}"), size)
        learners = {name: machine.Child(*command, f"learn-{name}").wait() for name in LEARNERS}
        found = machine.take_turns(learners, "unigram", max(1, rounds // 3), title="learning, unigram")
        results["unigram learning"] = _speeds(found, size)
        for child in (*encoders.values(), *learners.values()):
            child.close()
    return results


def _speeds(found: list[dict[str, machine.Answer]], size: int) -> dict[str, Any]:
    result = {}
    for variant in found[0]:
        counted = [answers[variant] for answers in found if answers[variant]["counts"]]
        middle = statistics.median(answer["seconds"] for answer in counted)
        result[variant] = {
            "megabytes_per_second": round(size / 1e6 / middle, 2),
            "seconds": [round(answer["seconds"], 3) for answer in counted],
            "foreign_processors": [round(answer["foreign"], 2) for answer in counted],
            "peak_mib": round(counted[-1]["peak_bytes"] / 2**20),
            "count": counted[-1]["count"],
        }
    return result


def ratios(results: dict[str, Any]) -> dict[str, float]:
    """MB a second of ours over theirs."""
    found = {}
    for job, variants in results.items():
        speeds = {name: result["megabytes_per_second"] for name, result in variants.items()}
        for name, speed in speeds.items():
            if not name.startswith("headway"):
                found[f"{job} / {name}"] = round(speeds["headway"] / speed, 2)
        if "headway-store" in speeds:
            found[f"{job}, into a corpus / encode_batch"] = round(speeds["headway-store"] / speeds["encode_batch"], 2)
    return found


def seconds_for_a_gigabyte(results: dict[str, Any]) -> dict[str, float]:
    """From the file to the corpus on disk."""
    return {kind: round(1000 / results[kind]["headway-store"]["megabytes_per_second"], 1) for kind in TYPES}


def check(results: dict[str, Any]) -> list[str]:
    """What is not equal to the library's."""
    wrong = []
    for kind in TYPES:
        counts = {name: result["count"] for name, result in results[kind].items()}
        if len(set(counts.values())) > 1:
            wrong.append(f"{kind}: {counts}")
    return wrong


def main() -> int:
    """Parse and measure, as the parent or as one of its children; 1 if ours are not the ids of the library."""
    parser = machine.bare_parser("tokenize_text", __doc__)
    parser.add_argument("--text", type=Path, metavar="FILE", help="UTF-8, not packed (Python's standard library)")
    parser.add_argument("--megabytes", type=int, default=10, metavar="N", help="of the standard library (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="counted rounds, after one that is not")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the result here too")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker == "prepare":
        prepare(arguments.text, arguments.folder)
        return 0
    if arguments.worker:
        name = arguments.worker.removeprefix("learn-")
        is_learner = name != arguments.worker
        run = learner(name, arguments.text) if is_learner else encoder(name, arguments.text, arguments.folder)
        machine.serve(lambda kind: {"count": run(kind)})
        return 0
    about, before = machine.processor(), machine.load()
    with tempfile.TemporaryDirectory() as place:
        text = arguments.text or Path(place) / "sources.txt"
        if arguments.text is None:
            write_sources(text, 1_000_000 * arguments.megabytes)
        size = text.stat().st_size
        results = measure(text.absolute(), arguments.rounds)
    wrong, reached = check(results), ratios(results)
    report = {
        "what": f"{size / 1e6:.1f} MB of {text.name}, {PIECES:,} pieces, all cores",
        "ratios": reached,
        "targets": TARGETS,
        "reaches": all(reached[name] >= target for name, target in TARGETS.items()),
        "seconds_for_1_GB": seconds_for_a_gigabyte(results) | {"course": COURSE_SECONDS},
        "not_equal": wrong,
        "results": results,
        "load": [before, machine.load()],
        "processor": about,
        "versions": machine.versions("headway", "tokenizers", "sentencepiece", "numpy"),
    }
    machine.publish(report, arguments.out)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
