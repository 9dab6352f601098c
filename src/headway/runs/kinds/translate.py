"""Sequence to sequence: pairs of texts, perhaps told apart by prefixes, perhaps a vocabulary for each side; BLEU."""

from __future__ import annotations

import dataclasses
import statistics
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar

from headway.config import RunConfig
from headway.data.cache import PairStore, encode_pairs
from headway.data.mixture import Mixture, Task, mixing_rate
from headway.data.prefixes import Told, parse_tasks
from headway.data.tables import rows_digest
from headway.decoding.generate import Decoding
from headway.decoding.hypotheses import LengthNorm
from headway.errors import ConfigError, DataError
from headway.evaluation.runner import evaluate_translation
from headway.evaluation.translation import translation_metrics
from headway.objectives.seq2seq import Seq2Seq
from headway.runs.build import choices_of, train_vocabulary
from headway.runs.kinds.kind import Encoded, Splits, Vocabulary
from headway.runs.kinds.measuring import timed
from headway.runs.kinds.pairs import Pairs, Sections, load_pairs
from headway.spec import ModelSpec, SpecialTokens, TransformerSpec, TranslatorSpec, source_positions, source_reach
from headway.tasks.opening import build_decoding
from headway.tasks.translate import translate_lines
from headway.text.tokenizer import TokenizerPair

_T5 = "t5"  # has one vocabulary, reads `text </s>`, and begins to write with the padding token (Raffel et al. 2020)
_LINES = 48  # translated, to time validation and test
_SAMPLES = 3  # of each task, where there are several


@dataclass(frozen=True, slots=True)
class Translate:
    """Pairs of texts, of one task or of several that are told by prefixes and mixed by weight."""

    config: RunConfig
    unit: ClassVar[str] = "pairs"
    families: ClassVar[tuple[str, ...]] = ("vaswani", "rnn", "gru", "lstm", _T5)

    @property
    def tasks(self) -> tuple[Told, ...]:
        """What is learned, and how it is told."""
        return parse_tasks(self.config.data.tasks)

    def check(self) -> None:
        """See `Kind`: the family writes, the positions hold the longest text, and tasks can be told apart."""
        config, several = self.config, len(self.tasks) > 1
        LengthNorm.parse(config.decoding.length_norm)
        if config.model.init:
            return
        family = config.model.family
        if family not in self.families:
            raise ConfigError(f"model.family {family} cannot learn translate; choose {', '.join(self.families)}")
        if not config.tokenizer.joint and (several or family == _T5):
            who = "several tasks share" if several else "T5 has"
            raise ConfigError(f"tokenizer.joint is false, but {who} one vocabulary; set tokenizer.joint true")
        positions = source_positions(self._choices(joint=config.tokenizer.joint).spec(8, 8))
        if config.data.max_length + 1 > positions:
            raise ConfigError(
                f"data.max_length {config.data.max_length} and the end token are more than the {positions} positions "
                "of the model; lower it, or raise model.max_length"
            )

    def load(self) -> dict[str, Sections]:
        """The rows of each task; relative files are looked for under `HEADWAY_DATA` too."""
        return load_pairs(self.config.data, self.config.seed, self.tasks)

    def learn(self, data: Splits) -> TokenizerPair:
        """One vocabulary for both sides, or one each."""
        sides = [map(itemgetter(i), chain.from_iterable(pairs.rows() for pairs in data["train"])) for i in (0, 1)]
        corpora = [chain(*sides)] if self.config.tokenizer.joint else sides
        learned = [train_vocabulary(self.config.tokenizer, corpus) for corpus in corpora]
        if self.config.model.family == _T5:
            learned = [each.wrapped_by("$A:0 </s>:0", "$A:0 </s>:0 $B:0 </s>:0") for each in learned]
        return TokenizerPair(learned[0], learned[-1])

    def open(self, folder: Path) -> TokenizerPair:
        """See `Kind`."""
        return TokenizerPair.load(folder)

    def spec(self, vocabulary: Vocabulary, data: Splits) -> TranslatorSpec:
        """See `Kind`."""
        assert isinstance(vocabulary, TokenizerPair)
        source, target = vocabulary
        start = target.pad_id if self.config.model.family == _T5 else target.start_id
        tokens = SpecialTokens(pad_id=target.pad_id, start_id=start, end_id=target.end_id)
        choices = self._choices(joint=vocabulary.is_joint)
        spec: TranslatorSpec = choices.spec(source.vocab_size, target.vocab_size, tokens)
        return spec

    def headed(self, spec: ModelSpec, data: Splits) -> ModelSpec:
        """See `Kind`: it has its head."""
        return spec

    def suits(self, spec: ModelSpec) -> str:
        """See `Kind`."""
        return "" if isinstance(spec, TranslatorSpec) else "is no encoder-decoder"

    def encode(self, data: Splits, split: str, vocabulary: Vocabulary, spec: ModelSpec) -> Encoded:
        """Both sides as ids, no row longer than `data.max_length`; to be trained on, several tasks mixed by weight."""
        config, most = self.config.data, _reach(spec)
        if most is not None and config.max_length >= most:
            raise ConfigError(
                f"data.max_length {config.max_length} and the end token are more than the {most} positions of the "
                "model; lower it"
            )
        stores = [self._store(pairs, split, _pair(vocabulary)) for pairs in data[split]]
        too_long, note = sum(store.too_long for store in stores), ""
        if too_long:
            done = "left out" if config.too_long == "drop" else "cut"
            note = f"{too_long:,} pairs are longer than {config.max_length} tokens and were {done}"
        if len(stores) == 1:
            return Encoded(stores[0], stores[0].lengths + 1, note)
        tasks = [
            Task(task.name, store, task.weight * mixing_rate(len(store), temperature=config.mixing_temperature))
            for task, store in zip(self.tasks, stores, strict=True)
        ]
        mixture = Mixture(tasks, self.config.seed)
        return Encoded(mixture, mixture.lengths + 1, note, plan=mixture.epoch)

    def objective(self, spec: ModelSpec, vocabulary: Vocabulary) -> Seq2Seq:
        """See `Kind`."""
        return Seq2Seq(spec.tokens, self.config.training.label_smoothing)

    def scores(self, model: Any, vocabulary: Vocabulary, data: Splits) -> dict[str, float]:
        """BLEU and chrF of greedy translations of the first validation rows of each task."""
        found: dict[str, float] = {}
        for pairs, rows in zip(data["validation"], self._validated(data), strict=True):
            if rows:
                lines = translate_lines(model, _pair(vocabulary), pairs.sources[:rows], Decoding(beam=1))
                texts = [best[0].text for best in lines]
                scores = translation_metrics(texts, pairs.targets[:rows], intervals=False)
                found |= {self._called(name, pairs.task): scores[name]["score"] for name in ("bleu", "chrf")}
        return found

    def evaluate(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> dict[str, Any]:
        """BLEU and chrF with signatures and intervals, and some translations; of several tasks each by itself."""
        found = {
            pairs.task: evaluate_translation(
                model,
                _pair(vocabulary),
                pairs.table[pairs.task.source][:],
                pairs.targets[:],
                prefix=pairs.task.prefix,
                options=build_decoding(self.config.decoding),
                batch_tokens=self.config.decoding.batch_tokens,
                set_name=self.config.data.name,
            )
            for pairs in data[split]
        }
        first = next(iter(found.values()))
        if len(found) == 1:
            return first
        each = [
            (task, {**part["metrics"], **{f"copied_{name}": score for name, score in part["copied_source"].items()}})
            for task, part in found.items()
        ]
        return {
            "decoding": first["decoding"],
            "metrics": {self._called(name, task): score for task, scores in each for name, score in scores.items()},
            "rows": sum(part["rows"] for part in found.values()),
            "seconds": round(sum(part["seconds"] for part in found.values()), 3),
            "prefixes": {task.name: task.prefix for task in found},
            "samples": [sample for part in found.values() for sample in part["samples"][:_SAMPLES]],
        }

    def seconds(self, model: Any, vocabulary: Vocabulary, data: Splits, split: str) -> tuple[float, float]:
        """From a few rows as long as their references: fresh weights know no end."""
        greedy = [
            rows * self._time(model, vocabulary, pairs, Decoding(beam=1)) if rows else 0.0
            for pairs, rows in zip(data["validation"], self._validated(data), strict=True)
        ]
        options = build_decoding(self.config.decoding)
        return sum(greedy), sum(len(pairs) * self._time(model, vocabulary, pairs, options) for pairs in data[split])

    def size(self, train: Sections) -> str:
        """See `Kind`."""
        return f"{sum(map(len, train)):,} rows"

    def digest(self, train: Sections) -> str:
        """See `Kind`."""
        return rows_digest(row for pairs in train for row in pairs.rows())

    def _store(self, pairs: Pairs, split: str, vocabulary: TokenizerPair) -> PairStore:
        """The rows of one task as ids."""
        config = self.config.data
        store = encode_pairs(pairs.sources, pairs.targets, vocabulary.source, vocabulary.target)
        try:
            limited = store.limited(config.max_length, config.too_long)
        except DataError as error:
            raise DataError(f"{split} split: {error} (data.max_length, data.too_long)") from None
        if not len(limited):
            most = config.max_length
            raise DataError(f"{split} split: all {len(store):,} rows are longer than data.max_length {most}; raise it")
        return limited

    def _validated(self, data: Splits) -> list[int]:
        """How many rows of each task a validation translates."""
        training, sections = self.config.training, data["validation"]
        most = -(-training.validation_rows // len(sections)) if training.validation_bleu else 0
        return [min(most, len(pairs)) for pairs in sections]

    def _time(self, model: Any, vocabulary: Vocabulary, pairs: Pairs, options: Decoding) -> float:
        """Seconds a row."""
        sources, pair = pairs.sources[:_LINES], _pair(vocabulary)
        lengths = [len(ids) + 1 for ids in pair.target.encode_batch(pairs.targets[:_LINES])]
        mean = max(1, round(statistics.mean(lengths)))
        fixed = dataclasses.replace(options, max_length=mean, min_length=mean)
        return timed(lambda: list(translate_lines(model, pair, sources, fixed))) / len(lengths)

    def _called(self, metric: str, task: Told) -> str:
        """A metric's name; of several tasks, with that of its task."""
        return f"{metric}_{task.name}" if len(self.tasks) > 1 else metric

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


def _reach(spec: ModelSpec) -> int | None:
    """The most tokens that a model can both read and write at once, ends included; None: any number."""
    if not isinstance(spec, TransformerSpec):
        return source_reach(spec)
    return min((most for side in (spec.encoder, spec.decoder) if (most := side.reach) is not None), default=None)


def _pair(vocabulary: Vocabulary) -> TokenizerPair:
    assert isinstance(vocabulary, TokenizerPair)
    return vocabulary
