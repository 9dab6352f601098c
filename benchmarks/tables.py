"""The trainings in `results/` as the tables of `docs/results.md`: `python -m benchmarks.tables > docs/results.md`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import gains

Metrics = Mapping[str, Mapping[str, float]]

HEAD = """# What each training reached

One row a training, from `benchmarks/results/`, where the command, the versions, the course of the training and samples
are too; `python -m benchmarks.tables` writes this page. In brackets stands the 95 % interval. Minutes are those of the
whole training with its validations, on so many threads of an AMD EPYC (Zen 3, AVX2); many ran beside other work and
shorter than their recipe says, as the command in the file shows. Test split unless it says validation; one seed, and
where three were trained, their mean and what lies between the lowest and the highest.
"""


@dataclass(frozen=True)
class Table:
    """Trainings that are measured alike: those that have the first of `columns` and none of `without`."""

    title: str
    columns: Mapping[str, str]  # metric → heading
    scale: float = 1.0
    digits: int = 1
    without: Sequence[str] = ()
    counted: Sequence[str] = ()  # metrics of a linear model over tf-idf on the same rows

    def holds(self, metrics: Metrics) -> bool:
        """Whether a training belongs here."""
        return next(iter(self.columns)) in metrics and not any(name in metrics for name in self.without)

    def lines(self, rows: Mapping[str, Mapping[str, Any]], counts: Mapping[str, Metrics]) -> list[str]:
        """The table in Markdown; of columns that no row fills, nothing."""
        kept = {
            name: head for name, head in self.columns.items() if any(name in row["metrics"] for row in rows.values())
        }
        beside = [name for name in self.counted if any(name in counts.get(key, {}) for key in rows)]
        heads = [*kept.values(), *(f"tf-idf: {self.columns[name]}" for name in beside)]
        table = [["run", "minutes", "threads", "steps", *heads], ["---", *["---:"] * 3, *["---"] * len(heads)]]
        for key, row in rows.items():
            cells = [self._cell(row["metrics"].get(name), row.get("seeds", {}).get(name)) for name in kept]
            cells += [self._cell(counts.get(key, {}).get(name)) for name in beside]
            threads = str(row["choices"]["threads"] or 2)
            table.append([_name(key, row), f"{row['minutes']:.1f}", threads, f"{row['steps']:,}", *cells])
        return [f"## {self.title}", "", *(f"| {' | '.join(cells)} |" for cells in table), ""]

    def _cell(self, found: Mapping[str, float] | None, seeds: Mapping[str, Any] | None = None) -> str:
        if found is None:
            return ""
        values = [self._number(found[name]) for name in ("score", "low", "high") if name in found]
        cell = values[0] if len(values) == 1 else f"{values[0]} [{values[1]}, {values[2]}]"
        if seeds is None:
            return cell
        lowest, mean, highest = map(self._number, (min(seeds["scores"]), seeds["score"], max(seeds["scores"])))
        return f"{cell}; {len(seeds['scores'])} seeds: {mean} ({lowest} to {highest})"

    def _number(self, value: float) -> str:
        return f"{self.scale * value:,.{self.digits}f}"


TABLES = (
    Table("Translation", {"bleu": "BLEU (13a)", "chrf": "chrF"}),
    Table(
        "Translation in both directions",
        {"bleu_en_ko": "BLEU, English to Korean", "bleu_ko_en": "BLEU, Korean to English",
         "chrf_en_ko": "chrF, English to Korean", "chrf_ko_en": "chrF, Korean to English"},
    ),
    Table(
        "Text from left to right, bits a byte",
        {"bits_per_byte": "model", "unigram_bits_per_byte": "words counted", "kneser_ney_bits_per_byte": "5-grams"},
        digits=3,
    ),
    Table(
        "Text in both directions, bits a byte (4.1 % of the words are unknown to `elmo`, to which they are one)",
        {"forward_bits_per_byte": "forth", "backward_bits_per_byte": "back", "unigram_bits_per_byte": "words counted"},
        digits=3,
    ),
    Table(
        "Hidden words and gaps, nats a hidden token",
        {"masked_nll": "model", "word_nll": "model, told that a word comes", "unigram_nll": "words counted",
         "sentence_accuracy": "next sentence right"},
        digits=3,
    ),
    Table(
        "One label a text, %", {"accuracy": "accuracy", "macro_f1": "macro-F1"},
        scale=100, without=("entity_f1",), counted=("accuracy", "macro_f1"),
    ),
    Table(
        "Several labels a text, %", {"micro_f1": "micro-F1", "macro_f1": "macro-F1", "exact_match": "all right"},
        scale=100, counted=("micro_f1", "macro_f1"),
    ),
    Table(
        "A number a text", {"pearson": "Pearson", "spearman": "Spearman", "rmse": "root mean square error"},
        digits=3, counted=("pearson", "spearman"),
    ),
    Table(
        "Labels of words, %", {"entity_f1": "F1 of spans", "lexicon_entity_f1": "most frequent label of each word"},
        scale=100,
    ),
    Table(
        "Answers, %", {"f1": "F1", "exact_match": "to the letter", "random_span_f1": "F1 of a random span"},
    ),
)  # fmt: skip


def page(folder: Path = gains.RESULTS) -> str:
    """The whole page."""
    files = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    counts = {
        name: found["metrics"]
        for stem, report in files.items()
        if stem.startswith("tfidf")
        for name, found in report["recipes"].items()
    }
    runs = {stem: report for stem, report in files.items() if "metrics" in report and "steps" in report}
    lines = [HEAD]
    for table in TABLES:
        if rows := {stem: row for stem, row in runs.items() if table.holds(row["metrics"])}:
            lines += table.lines(rows, counts)
    lines += _features({stem: report for stem, report in files.items() if stem.startswith("features-")})
    if "headlines" in files:
        lines += _headlines(files["headlines"])
    if "augment" in files:
        lines += _augmented(files["augment"])
    lines += gains.lines(folder)
    return "\n".join(lines)


def _features(reports: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the layers of frozen encoders know of labels: a row a setting, two columns a model."""
    if not reports:
        return []
    columns = [(stem, pool, table) for stem, report in reports.items() for pool, table in report["table"].items()]
    settings = [name for name, found in columns[0][2].items() if isinstance(found, dict)]
    rows = min(report["rows"]["train"] for report in reports.values())
    title = f"## Vectors of frozen encoders and logistic regression on {rows:,} rows of `emotion`, accuracy, %"
    heads = [f"`{stem.removeprefix('features-')}`, {pool}" for stem, pool, _ in columns]
    lines = [title, "", f"| layers | {' | '.join(heads)} |", f"| --- |{' --- |' * len(columns)}"]
    for name in settings:
        found = [table[name]["metrics"]["accuracy"] if name in table else None for _, _, table in columns]
        cells = [_percent(f) if f else "" for f in found]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def _headlines(report: Mapping[str, Any]) -> list[str]:
    """What a classifier says of headlines that were written for topics."""
    cells = [_percent(report[name]) for name in ("recognised", "recognised_of_real", "verbatim_in_training")]
    return [
        "## Headlines for topics, %",
        "",
        "| headlines | recognised by `ynat` | of real ones | by chance | word for word in the training rows |",
        "| ---: | --- | --- | ---: | --- |",
        f"| {report['headlines']} | {cells[0]} | {cells[1]} | {100 * report['chance']:.1f} | {cells[2]} |",
        "",
    ]


def _augmented(report: Mapping[str, Any]) -> list[str]:
    """Accuracy of a classifier with variants of its rows and without, over seeds."""
    options = report["options"]
    lines = [
        f"## Variants of few rows: {report['what']}, `{options['recipe']}`, {len(options['seeds'])} seeds, %",
        "",
        "| variants by | accuracy | gain, points |",
        "| --- | --- | --- |",
    ]
    for arm, found in report["accuracy"].items():
        gain = report["gain"].get(arm)
        cells = [_percent(found), _percent(gain) if gain else ""]
        lines.append(f"| {'none' if arm == 'none' else f'a {arm} model'} | {' | '.join(cells)} |")
    return [*lines, ""]


def _percent(found: Mapping[str, float]) -> str:
    return f"{100 * found['score']:.1f} [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"


def _name(stem: str, row: Mapping[str, Any]) -> str:
    """The file, and what the command chose but how long and where."""
    changed = re.findall(
        r"--((?!run |training\.(?:max_minutes|threads|validate|checkpoint))[\w.]+) (\S+)", row["command"]
    )
    split = [] if row["split"] == "test" else [row["split"]]
    return ", ".join([f"`{stem}`", *split, *(f"{key} {value}" for key, value in changed)])


if __name__ == "__main__":
    print(page(), end="")
