"""The rows of one task or several, as pairs of texts: one table for all tasks, or a file for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from headway.config import DataConfig
from headway.data.cache import Column
from headway.data.prefixes import Prefixed, Told
from headway.data.sources import GROUP, data_folder, load
from headway.data.tables import rows_of
from headway.errors import ConfigError

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]


@dataclass(frozen=True, slots=True)
class Pairs:
    """The rows of one task in one split."""

    task: Told
    table: datasets.Dataset

    def __len__(self) -> int:
        return len(self.table)

    @property
    def sources(self) -> Column:
        """What is read, prefixes included."""
        return Prefixed(self.table[self.task.source], self.task.prefix)

    @property
    def targets(self) -> Column:
        """What is to be written."""
        targets: Column = self.table[self.task.target]
        return targets

    def rows(self) -> Iterator[tuple[str, str]]:
        """Both, one row after another."""
        for source, target in rows_of(self.table, self.task.source, self.task.target):
            yield self.task.of(source), target


Sections: TypeAlias = tuple[Pairs, ...]  # a split: the rows of each task


def load_pairs(config: DataConfig, seed: int, tasks: tuple[Told, ...]) -> dict[str, Sections]:
    """The splits of parallel text. All tasks see the same rows of a table on the same side of a held-out share.

    Raises:
        DataError: what the files say.
        ConfigError: what the keys say.
    """
    files = list(dict.fromkeys(task.file for task in tasks))
    tables = {file: _load(config, seed, [task for task in tasks if task.file == file], file) for file in files}
    splits = [split for split in ("train", "validation", "test") if all(split in found for found in tables.values())]
    return {split: tuple(Pairs(task, tables[task.file][split]) for task in tasks) for split in splits}


def _load(config: DataConfig, seed: int, tasks: list[Told], file: str | None) -> datasets.DatasetDict:
    """The table that some tasks read."""
    if file is not None and (config.name or config.train):
        given = config.name or config.train
        raise ConfigError(f"the tasks of data.tasks have files of their own, so {given} is read by none; leave it out")
    roles = list(dict.fromkeys(column for task in tasks for column in (task.source, task.target)))
    if set(roles) <= {"source", "target"}:
        roles = ["source", "target"]  # in the order of two parallel files
    named = {"source": config.columns.source, "target": config.columns.target, GROUP: config.columns.group}
    return load(
        name=config.name,
        train=file or config.train,
        validation=config.validation,
        test=config.test,
        format=config.format,
        columns={role: name for role in (*roles, GROUP) if (name := named.get(role, role)) is not None},
        languages=config.languages,
        roles=roles,
        header=config.header,
        delimiter=config.delimiter,
        split_at=config.split_at,
        share=config.share,
        seed=seed,
        folder=data_folder(),
    )
