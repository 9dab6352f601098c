"""How the run that made a model read its texts, so that whoever uses the model reads them alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headway.config import RunConfig
from headway.data.prefixes import parse_tasks
from headway.data.tagged import Unit
from headway.tasks.rows import STRIDE


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What the configuration of a run says of its texts; the defaults are for a folder that is no run."""

    prefixes: Mapping[str, str] = field(default_factory=dict)  # what tells its tasks, by their names
    separator: str = ""  # what stands behind a prompt, where it learned texts after prompts
    unit: Unit = "word"  # what it gave labels to
    max_length: int | None = None  # the most tokens of a window of a long text; None: as many as the model reads
    stride: int = STRIDE  # tokens that neighbouring windows share
    pairs: bool | None = None  # whether it gave labels to pairs of texts, or to single ones; None: nobody knows

    @classmethod
    def of(cls, config: RunConfig) -> Reading:
        """That of a run.

        Raises:
            ConfigError: its tasks cannot be told apart.
        """
        data = config.data
        told = parse_tasks(data.tasks) if config.task == "translate" else ()
        return cls(
            prefixes={task.name: task.prefix for task in told if task.prefix},
            separator="" if data.columns.prompt is None else data.prompt_separator,
            unit=data.unit,
            max_length=data.max_length,
            stride=data.stride,
            pairs=data.columns.pair is not None if config.task == "classify" else None,
        )
