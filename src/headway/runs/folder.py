"""The run folder: what is written, under which name, and that an earlier run is never overwritten."""

from __future__ import annotations

import dataclasses
import platform
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headway import spec as specs
from headway.checkpoints import native
from headway.checkpoints.configuration import stored_spec
from headway.checkpoints.files import replace_file
from headway.config import RunConfig, read_config, to_yaml
from headway.errors import CheckpointError, ConfigError, DataError
from headway.evaluation.repeats import mean_of
from headway.spec import ModelSpec
from headway.text.tokenizer import Tokenizer, TokenizerPair
from headway.training.checkpoint import Checkpoints
from headway.training.choices import Choices
from headway.training.log import read_metrics


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run on the disk."""

    path: Path

    @classmethod
    def create(cls, path: Path) -> RunFolder:
        """A new folder for a run.

        Raises:
            ConfigError: something is there already.
        """
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            is_run = (path / "config.yaml").is_file()
            on = f"continue it with `headway resume {path}`, " if is_run else ""
            raise ConfigError(f"{path} exists already; {on}choose another name with --run, or remove it")
        path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The folder of a run that was begun.

        Raises:
            CheckpointError: there is none.
        """
        if not (path / "config.yaml").is_file():
            raise CheckpointError(
                f"{path} is no run folder: it has no config.yaml, which is written when the training begins"
            )
        return cls(path)

    @property
    def checkpoints(self) -> Checkpoints:
        """What a resumed training starts from."""
        return Checkpoints(self.path / "checkpoints")

    @property
    def weights(self) -> Path:
        """The finished model's weights."""
        return self.path / "model.safetensors"

    @property
    def plots(self) -> Path:
        """Where the pictures lie."""
        return self.path / "plots"

    @property
    def is_finished(self) -> bool:
        """Whether the run came to its end."""
        return self.weights.is_file() and (self.path / "README.md").is_file()

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of `metrics.jsonl`."""
        return read_metrics(self.path)

    @property
    def evaluation(self) -> dict[str, Any]:
        """What `evaluation.json` holds; empty before the evaluation."""
        path = self.path / "evaluation.json"
        return native.read_json(path, "the evaluation of a run") if path.is_file() else {}

    def write_start(
        self, config: RunConfig, spec: ModelSpec, vocabulary: Tokenizer | TokenizerPair, choices: Choices, digest: str
    ) -> None:
        """Everything that is known before the first step; `config.yaml` last, so that it says all is there.

        `digest` is that of the training data.
        """
        native.write_json(self.path / "spec.json", specs.to_json(spec))
        vocabulary.save(self.path)
        found = environment() | {"choices": dataclasses.asdict(choices), "training_data": digest}
        native.write_json(self.path / "environment.json", found)
        self.write_text("config.yaml", to_yaml(config))

    def write_text(self, name: str, text: str) -> None:
        """One text file, whole or not at all."""
        replace_file(self.path / name, lambda part: part.write_text(text, encoding="utf-8", newline="\n"))

    def read_config(self) -> RunConfig:
        """The complete configuration of the run."""
        return read_config(self.path / "config.yaml")

    def read_spec(self) -> ModelSpec:
        """The model of the run."""
        return stored_spec(self.path)

    def check_data(self, digest: str) -> None:
        """That a training goes on with the data that it began with.

        Raises:
            DataError: it is other data.
        """
        begun = native.read_json(self.path / "environment.json", "the environment of a run").get("training_data")
        if begun not in (None, digest):  # None: begun before it was kept
            raise DataError(
                f"{self.path} began with other training data (SHA-256 {begun:.12}…, now {digest:.12}…); put it back as "
                "it was, or begin a new run"
            )

    def read_choices(self) -> Choices:
        """What was chosen by measuring when the run began."""
        data = native.read_json(self.path / "environment.json", "the environment of a run")
        return Choices.from_json(data.get("choices", {}))


@dataclass(frozen=True, slots=True)
class Repeated:
    """A folder with a run folder a seed, and `seeds.json`."""

    path: Path
    runs: Mapping[int, RunFolder]

    @property
    def evaluation(self) -> dict[str, Any]:
        """As of one run, but each metric is a mean, its interval is over the seeds, and `scores` are those of each.

        `rows` are those of the first; what a seed holds out of the training rows is another share of them.

        Raises:
            ConfigError: one of them was evaluated on other data since.
        """
        found = {seed: run.evaluation for seed, run in self.runs.items()}
        first = next(iter(found.values()))
        for seed, one in found.items():
            if _measured(one) != _measured(first):
                raise ConfigError(
                    f"{self.runs[seed].path} was evaluated on {_measured(one)}, the first on {_measured(first)}; "
                    "evaluate it on the same: headway evaluate RUN --split NAME"
                )
        names = [name for name in first["metrics"] if all(name in one["metrics"] for one in found.values())]
        scores = {name: [one["metrics"][name]["score"] for one in found.values()] for name in names}
        return {
            "task": first["task"],
            "split": first["split"],
            "rows": first["rows"],
            "seconds": sum(one["seconds"] for one in found.values()),
            "seeds": list(found),
            "metrics": {name: {**mean_of(values), "scores": values} for name, values in scores.items()},
        }


def _measured(evaluation: Mapping[str, Any]) -> str:
    """Which split of which data."""
    given = evaluation.get("data", {}).items()
    sources = ", ".join(f"data.{key} {value}" for key, value in given if value is not None)
    return f"{evaluation['split']} of {sources}" if sources else str(evaluation["split"])


def environment() -> dict[str, Any]:
    """The machine, the versions and the command: what a reader of a number needs to know."""
    program = Path(sys.argv[0])
    names = ("headway", "torch", "tokenizers", "safetensors", "sacrebleu", "numpy")
    return {
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names},
        "processor": processor(),
        "command": shlex.join(["headway" if program.stem == "__main__" else program.name, *sys.argv[1:]]),
    }


def processor() -> dict[str, Any]:
    """Vendor, family and model of the CPU, as far as the system says."""
    path, facts = Path("/proc/cpuinfo"), {"machine": platform.machine()}
    if path.is_file():
        lines = dict(
            line.split("\t", 1)
            for line in path.read_text(encoding="utf-8").split("\n\n")[0].split("\n")
            if "\t" in line
        )
        for key in ("vendor_id", "cpu family", "model", "model name"):
            if key in lines:
                facts[key.replace(" ", "_")] = lines[key].strip("\t: ")
    return facts
