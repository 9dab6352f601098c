"""Tasks that are told by a prefix (Raffel et al. 2020, section 2.4), as a configuration writes them.

    translate English to Korean: en>ko; 2 * translate Korean to English: ko>en; summarize: news.tsv#text>title

A task is what is put before each source, then its two columns; before them, where it has one, the weight, and the file
where each task has its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from headway.data.cache import Column
from headway.errors import ConfigError, DataError

_FORM = re.compile(
    r"(?:(?P<weight>[-+]?[\d.][\w.+-]*|inf|nan)\s*\*\s*)?(?:(?P<prefix>.*?\S)\s+)?"
    r"(?:(?P<file>[^\s#]+)#)?(?P<source>[^\s#>]+)>(?P<target>[^\s#>]+)",
    re.DOTALL,
)
_SEVERAL = re.compile(r".*[^\s#>]>[^\s#>]+,", re.DOTALL)  # columns and a comma, where a prefix stands
_HOW = "write what stands before a source, then its columns, such as: translate English to Korean: en>ko"


@dataclass(frozen=True, slots=True)
class Told:
    """A task and what tells it."""

    name: str  # its columns, such as `en_ko`; of the only task, which is told by nothing, empty
    prefix: str  # with a space behind it; may be empty
    source: str  # column
    target: str
    weight: float = 1.0
    file: str | None = None  # None: that of the run

    def of(self, text: str) -> str:
        """A source as the model reads it."""
        return self.prefix + text


UNTOLD = Told("", "", "source", "target")


def parse_tasks(text: str | None) -> tuple[Told, ...]:
    """The tasks of a configuration; of none the one that needs no telling.

    >>> [task.prefix for task in parse_tasks("translate English to Korean: en>ko")]
    ['translate English to Korean: ']

    Raises:
        ConfigError: what is written is no list of tasks, or they cannot be told apart.
    """
    if text is None:
        return (UNTOLD,)
    tasks: list[Told] = []
    for piece in filter(None, (piece.strip() for piece in re.split(r"[;\n]", text))):
        found = _FORM.fullmatch(piece)
        if found is None:
            raise ConfigError(f"data.tasks: {piece!r} is no task; {_HOW}")
        weight, prefix, file, source, target = found.groups()
        if prefix and _SEVERAL.fullmatch(prefix):
            raise ConfigError(f"data.tasks: {piece!r} looks like several tasks; part them with ;")
        if source == target:
            raise ConfigError(f"data.tasks: {piece!r} has column {source} on both sides; name another one as target")
        name = re.sub(r"\W+", "_", f"{source}_{target}")
        same = sum(task.name == name or task.name.startswith(f"{name}_") for task in tasks)
        name = f"{name}_{same + 1}" if same else name
        tasks.append(Told(name, f"{prefix} " if prefix else "", source, target, _weight(weight), file))
    if not tasks:
        raise ConfigError(f"data.tasks names no task; {_HOW}")
    if len(tasks) > 1 and (untold := [task.name for task in tasks if not task.prefix]):
        raise ConfigError(f"data.tasks: nothing tells {untold[0]} from the other tasks; {_HOW}")
    if len({(task.prefix, task.file) for task in tasks}) < len(tasks):
        raise ConfigError("data.tasks: two tasks have the same words before the same texts; give each words of its own")
    if len({task.file is None for task in tasks}) > 1:
        raise ConfigError("data.tasks: some tasks name a file and some do not; name one for each, or for none")
    return tuple(tasks)


def _weight(text: str | None) -> float:
    """How often a task is read, beside the others.

    Raises:
        ConfigError: that is no positive number.
    """
    try:
        weight = 1.0 if text is None else float(text)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise ConfigError(f"data.tasks: {text} is no weight; expected a positive number before *, such as 2 or 0.5")
    return weight


@dataclass(frozen=True)
class Prefixed:
    """Texts, each behind the same words; they are read and put together as they are asked for."""

    texts: Column
    prefix: str

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, rows: slice) -> Sequence[str]:
        """Some of the texts."""
        return [self.prefix + text for text in self.texts[rows]]


def tell(lines: Iterator[str], prefixes: Mapping[str, str], task: str | None = None) -> Iterator[str]:
    """Lines as a model reads them that knows tasks by prefixes.

    A line that begins with one of them stays as it is, and so does an empty one. Before any other that of `task` is
    put, or the only one there is.

    Args:
        lines: what is to be read.
        prefixes: by the name of the task; a model without them may be given any words as `task`.
        task: a name, or the prefix itself.

    Raises:
        ConfigError: there is no such task.
        DataError: nothing says which of several tasks a line is for.
    """
    chosen = next(iter(prefixes.values()), "") if len(prefixes) < 2 else None
    if task is not None:
        by_words = {prefix.strip(): prefix for prefix in prefixes.values()}
        known = {**prefixes, **by_words} or {task.strip(): f"{task.strip()} "}
        if task.strip() not in known:
            raise ConfigError(f"--task {task}: the model was not trained for it, but for {', '.join(prefixes)}")
        chosen = known[task.strip()]
    return _told(lines, [prefix.strip() for prefix in prefixes.values()], chosen, ", ".join(prefixes))


def _told(lines: Iterator[str], begins: list[str], chosen: str | None, names: str) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or any(begin and text.startswith(begin) for begin in begins):
            yield text
        elif chosen is None:
            raise DataError(
                f"line {number} does not say what is to be done, and the model knows several tasks; name one with "
                f"--task ({names}), or begin the line with its prefix, such as: {begins[0]} …"
            )
        else:
            yield chosen + text
