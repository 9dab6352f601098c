"""Extractive question answering: the part of a text that answers a question, or that there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from headway.data.cache import encode
from headway.data.progress import progress
from headway.data.squad import Gold, golds
from headway.data.tables import rows_of
from headway.errors import ConfigError, DataError
from headway.evaluation.squad import answer_metrics, exact_and_f1
from headway.objectives.span_qa import SpanQA
from headway.runs.kinds.kind import Encoded, Splits, Vocabulary, one
from headway.runs.kinds.labelled import Labelled, with_usual_head
from headway.runs.kinds.measuring import seconds_a_row, spread
from headway.runs.kinds.questions import Questions
from headway.spec import LabelHeadSpec, ModelSpec, SingleStackSpec
from headway.tasks.answer import answer_pairs, room_of

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]

ROLES = ("context", "question", "answers", "id")  # the first says what a held-out share never parts
HEAD = LabelHeadSpec(of="span", labels=("start", "end"))
NO_ANSWER = "(no answer)"


@dataclass(frozen=True, slots=True)
class Answer(Labelled):
    """`<s> question </s> text </s>` → where the answer begins and ends in the text."""

    families: ClassVar[tuple[str, ...]] = ("bert", "roberta", "gpt2", "bloom", "llama", "qwen2")
    unit: ClassVar[str] = "windows"

    def check(self) -> None:
        """See `Kind`; also, that windows can be cut, and the form of the files."""
        Labelled.check(self)
        data = self.config.data
        if data.stride < 0 or data.stride >= data.max_length:
            raise ConfigError(
                f"data.stride {data.stride} must be from 0 up to, not including, data.max_length {data.max_length}: "
                "it is what neighbouring windows share"
            )
        if data.format not in (None, "squad"):
            raise ConfigError(
                f"data.format {data.format} holds no questions with places of answers; SQuAD's JSON and JSON lines are "
                "both read as squad"
            )

    def load(self) -> datasets.DatasetDict:
        """Columns `context`, `question`, `answers` (as `data.squad.golds` reads them) and `id`."""
        return self.tables(ROLES)

    def learn(self, data: Splits) -> Vocabulary:
        """From each text once, and all questions."""
        return self.vocabulary(_texts(data["train"]))

    def spec(self, vocabulary: Vocabulary, data: Splits) -> ModelSpec:
        """See `Kind`."""
        return self.headed(self.fresh(vocabulary), data)

    def headed(self, spec: ModelSpec, data: Splits) -> ModelSpec:
        """See `Kind`; a model that answers stays as it is."""
        head = spec.label_head if isinstance(spec, SingleStackSpec) else None
        return spec if head is not None and head.of == "span" else with_usual_head(spec, HEAD)

    def suits(self, spec: ModelSpec) -> str:
        """See `Kind`."""
        return "" if isinstance(spec, SingleStackSpec) else "has no single stack of blocks to put a head for answers on"

    def encode(self, data: Splits, split: str, vocabulary: Vocabulary, spec: ModelSpec) -> Encoded:
        """Windows of each question and its text."""
        rows, tokenizer, config = data[split], one(vocabulary), self.config.data
        asked = encode(rows["question"], tokenizer, title=f"{split} question")
        questions = Questions(tokenizer, room_of(tokenizer, self.reach(spec)), config.stride)
        with progress(f"encoding {split}", len(rows), "questions") as advance:
            for number, (_, context, right) in enumerate(_rows(rows)):
                questions.add(asked[number].tolist(), context, right)
                advance(1)
        if questions.long and config.too_long == "refuse":
            raise DataError(
                f"{split} split: the texts of {questions.long:,} questions are longer than {self.reach(spec)} tokens; "
                "raise data.max_length, or let them be read in windows (any other data.too_long)"
            )
        if not len(questions):
            raise DataError(
                f"{split} split: no window holds an answer of its {len(rows):,} questions; raise data.max_length"
            )
        return Encoded(questions, questions.lengths, questions.note(split))

    def objective(self, spec: ModelSpec, vocabulary: Vocabulary) -> SpanQA:
        """See `Kind`."""
        return SpanQA()

    def scores(self, model: Any, vocabulary: Vocabulary, data: Splits) -> dict[str, float]:
        """Exact match and F1 of the first validation questions, in percent."""
        rows = self.validated(data)
        if not len(rows):
            return {}
        references = _references(rows)
        given, knows_none = self._answered(model, vocabulary, rows), not all(references)
        exact, f1 = 100 * exact_and_f1(given, references, knows_none=knows_none).mean(0)
        return {"exact_match": float(exact), "f1": float(f1)}

    def evaluate(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> dict[str, Any]:
        """Exact match and F1 as published scripts give them, and those of random spans as long."""
        rows = data[split]
        given, references = self._answered(model, vocabulary, rows), _references(rows)
        return {
            "metrics": answer_metrics(given, references, [context for _, context, _ in _rows(rows)]),
            "rows": len(rows),
            "samples": [
                {
                    "source": rows["question"][i],
                    "written": given[i] or NO_ANSWER,
                    "reference": references[i][0] if references[i] else NO_ANSWER,
                }
                for i in map(int, spread(len(rows)))
            ],
        }

    def seconds(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> tuple[float, float]:
        """See `Kind`; from questions spread over the split."""
        rows = data[split]
        each = seconds_a_row(rows, lambda some: self._answered(model, vocabulary, some))
        return each * len(self.validated(data)), each * len(rows)

    def _answered(self, model: Any, vocabulary: Vocabulary, rows: datasets.Dataset) -> list[str]:
        """The answer to each question; where some have none, nothing if that is more probable."""
        found = answer_pairs(
            model,
            one(vocabulary),
            ((question, context) for question, context, _ in _rows(rows)),
            1,
            batch_tokens=self.config.decoding.batch_tokens,
            max_length=self.reach(model.spec),
            stride=self.config.data.stride,
        )
        knows_none = not all(_references(rows))
        return ["" if knows_none and (x.no_answer or 0.0) > x.score else x.answer for x in found]


def _rows(rows: datasets.Dataset) -> Iterator[tuple[str, str, list[Gold]]]:
    """Question, text and right answers of each row."""
    for question, context, answers in rows_of(rows, "question", "context", "answers"):
        yield question, context, golds(answers)


def _references(rows: datasets.Dataset) -> list[list[str]]:
    return [[text for text, _ in right] for _, _, right in _rows(rows)]


def _texts(rows: datasets.Dataset) -> Iterator[str]:
    seen: set[str] = set()
    for question, context, _ in _rows(rows):
        if context not in seen:
            seen.add(context)
            yield context
        yield question
