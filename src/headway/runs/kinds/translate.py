"""Translation: pairs of texts, perhaps a vocabulary for each side, BLEU."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headway.config import DataConfig, RunConfig
from headway.data.cache import encode_pairs
from headway.data.sources import load
from headway.decoding.generate import Decoding, source_positions
from headway.decoding.hypotheses import LengthNorm
from headway.errors import ConfigError, DataError
from headway.evaluation.runner import evaluate_translation
from headway.evaluation.translation import translation_metrics
from headway.objectives.seq2seq import Seq2Seq
from headway.runs.build import build_decoding, choices_of, train_vocabulary
from headway.runs.kinds.kind import Encoded, Splits, Vocabulary
from headway.spec import ModelSpec, SingleStackSpec, SpecialTokens, TranslatorSpec
from headway.tasks.translate import translate_lines
from headway.text.tokenizer import TokenizerPair

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]

_CHUNK = 1000  # rows read at a time
_LINES = 48  # translated, to time validation and test


@dataclass(frozen=True, slots=True)
class Translate:
    """Pairs of texts."""

    config: RunConfig
    unit = "pairs"

    def check(self) -> None:
        """See `Kind`: the positions must hold the longest text."""
        config = self.config
        LengthNorm.parse(config.decoding.length_norm)
        if config.model.init:
            return
        positions = source_positions(self._choices(joint=config.tokenizer.joint).spec(8, 8))
        if config.data.max_length + 1 > positions:
            raise ConfigError(
                f"data.max_length {config.data.max_length} and the end token are more than the {positions} positions "
                "of the model; lower it, or raise model.max_length"
            )

    def load(self) -> datasets.DatasetDict:
        """Columns `source` and `target`; relative files are looked for under `HEADWAY_DATA` too."""
        return load_pairs(self.config.data, self.config.seed)

    def learn(self, data: Splits) -> TokenizerPair:
        """One vocabulary for both sides, or one each."""
        sides = [_texts(data["train"], "source"), _texts(data["train"], "target")]
        corpora = [chain(*sides)] if self.config.tokenizer.joint else sides
        learned = [train_vocabulary(self.config.tokenizer, corpus) for corpus in corpora]
        return TokenizerPair(learned[0], learned[-1])

    def open(self, folder: Path) -> TokenizerPair:
        """See `Kind`."""
        return TokenizerPair.load(folder)

    def spec(self, vocabulary: Vocabulary, data: Splits) -> TranslatorSpec:
        """See `Kind`."""
        assert isinstance(vocabulary, TokenizerPair)
        source, target = vocabulary
        tokens = SpecialTokens(pad_id=target.pad_id, start_id=target.start_id, end_id=target.end_id)
        choices = self._choices(joint=vocabulary.is_joint)
        spec: TranslatorSpec = choices.spec(source.vocab_size, target.vocab_size, tokens)
        return spec

    def headed(self, spec: ModelSpec, data: Splits) -> ModelSpec:
        """See `Kind`: it has its head."""
        return spec

    def suits(self, spec: ModelSpec) -> str:
        """See `Kind`."""
        return "is no encoder-decoder" if isinstance(spec, SingleStackSpec) else ""

    def encode(self, data: Splits, split: str, vocabulary: Vocabulary, spec: ModelSpec) -> Encoded:
        """Both sides as ids, no row longer than `data.max_length`."""
        assert isinstance(vocabulary, TokenizerPair)
        rows, config = data[split], self.config.data
        store = encode_pairs(rows["source"], rows["target"], vocabulary.source, vocabulary.target)
        try:
            limited = store.limited(config.max_length, config.too_long)
        except DataError as error:
            raise DataError(f"{split} split: {error} (data.max_length, data.too_long)") from None
        if not len(limited):
            most = config.max_length
            raise DataError(f"{split} split: all {len(store):,} rows are longer than data.max_length {most}; raise it")
        note = ""
        if limited.too_long:
            rule = {"truncate": "cut", "drop": "left out", "refuse": "refused"}[config.too_long]
            note = f"{limited.too_long:,} pairs are longer than {config.max_length} tokens and were {rule}"
        return Encoded(limited, limited.lengths + 1, note)

    def objective(self, spec: ModelSpec, vocabulary: Vocabulary) -> Seq2Seq:
        """See `Kind`."""
        return Seq2Seq(spec.tokens, self.config.training.label_smoothing)

    def scores(self, model: Any, vocabulary: Vocabulary, data: Splits) -> dict[str, float]:
        """BLEU and chrF of greedy translations of the first validation rows."""
        rows = self._validated(data)
        if not rows:
            return {}
        part = data["validation"][:rows]
        lines = translate_lines(model, _pair(vocabulary), part["source"], Decoding(beam=1))
        scores = translation_metrics([best[0].text for best in lines], part["target"], resamples=0)
        return {name: scores[name]["score"] for name in ("bleu", "chrf")}

    def evaluate(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> dict[str, Any]:
        """BLEU and chrF with signatures and intervals, and some translations."""
        return evaluate_translation(
            model,
            _pair(vocabulary),
            data[split]["source"][:],
            data[split]["target"][:],
            split=split,
            options=build_decoding(self.config.decoding),
            batch_tokens=self.config.decoding.batch_tokens,
            set_name=self.config.data.name,
        )

    def seconds(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> tuple[float, float]:
        """From a few rows as long as their references: fresh weights know no end."""
        validated = self._validated(data)
        greedy = self._time(model, vocabulary, data["validation"], Decoding(beam=1)) if validated else 0.0
        asked = self._time(model, vocabulary, data[split], build_decoding(self.config.decoding))
        return greedy * validated, asked * len(data[split])

    def size(self, train: datasets.Dataset) -> str:
        """See `Kind`."""
        return f"{len(train):,} rows"

    def digest(self, train: datasets.Dataset) -> str:
        """The hash of its lines, source, tab and target, whatever files they came from."""
        digest = hashlib.sha256()
        for part in train.iter(_CHUNK):
            for pair in zip(part["source"], part["target"], strict=True):
                digest.update(("\t".join(pair) + "\n").encode())
        return digest.hexdigest()

    def _validated(self, data: Splits) -> int:
        training = self.config.training
        return min(training.validation_rows, len(data["validation"])) if training.validation_bleu else 0

    def _time(self, model: Any, vocabulary: Vocabulary, rows: Any, options: Decoding) -> float:
        """Seconds a row."""
        part, pair = rows[:_LINES], _pair(vocabulary)
        lengths = [len(ids) + 1 for ids in pair.target.encode_batch(part["target"])]
        mean = max(1, round(statistics.mean(lengths)))
        fixed = dataclasses.replace(options, max_length=mean, min_length=mean)
        return _timed(lambda: list(translate_lines(model, pair, part["source"], fixed))) / len(lengths)

    def _choices(self, *, joint: bool) -> Any:
        """Those of the family; two vocabularies never share a table."""
        model = self.config.model
        if not joint and model.tied is None:
            model = dataclasses.replace(model, tied="decoder")
        if not joint and model.tied == "all":
            raise ConfigError(
                "model.tied is all, but source and target have a vocabulary each; "
                "set model.tied decoder or none, or tokenizer.joint true"
            )
        return choices_of(model)


def load_pairs(config: DataConfig, seed: int) -> datasets.DatasetDict:
    """The splits of parallel text.

    Raises:
        DataError: what the files say.
        ConfigError: what the keys say.
    """
    return load(
        name=config.name,
        train=config.train,
        validation=config.validation,
        test=config.test,
        format=config.format,
        columns={
            role: name for role in ("source", "target", "group") if (name := getattr(config.columns, role)) is not None
        },
        languages=config.languages,
        header=config.header,
        delimiter=config.delimiter,
        seed=seed,
        folder=os.environ.get("HEADWAY_DATA"),
    )


def _pair(vocabulary: Vocabulary) -> TokenizerPair:
    assert isinstance(vocabulary, TokenizerPair)
    return vocabulary


def _texts(split: datasets.Dataset, column: str) -> Iterator[str]:
    for start in range(0, len(split), _CHUNK):
        yield from split[start : start + _CHUNK][column]


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
