"""What a person and a program see of a training: one live line, rows of `metrics.jsonl`, TensorBoard events."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from headway.checkpoints.files import replace_file
from headway.errors import ConfigError

_QUIET_SECONDS = 10.0  # between two lines, where the output is no terminal


class Log:
    """Rows go to `metrics.jsonl` at once; the live line to stderr."""

    def __init__(self, folder: Path, *, tensorboard: bool = False, console: Console | None = None) -> None:
        self.path = folder / "metrics.jsonl"
        self.console = console or Console(stderr=True, highlight=False)
        self._file = self.path.open("a", encoding="utf-8", newline="\n")
        self._events = _event_writer(folder) if tensorboard else None
        self._bar: Progress | None = None
        self._last_line = 0.0

    def rewind(self, step: int) -> None:
        """Drop the rows after `step`: a resumed run writes them again."""
        self._file.close()
        kept = [row for row in read_metrics(self.path.parent) if row["step"] <= step]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
        replace_file(self.path, lambda part: part.write_text(text, encoding="utf-8", newline="\n"))
        self._file = self.path.open("a", encoding="utf-8", newline="\n")

    def row(self, values: dict[str, Any]) -> None:
        """Append one row; numbers that are not finite become null."""
        clean = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        self._file.write(json.dumps(clean, ensure_ascii=False) + "\n")
        self._file.flush()
        if self._events is not None:
            for name, value in clean.items():
                if name not in ("step", "epoch") and isinstance(value, (int, float)):
                    self._events.add_scalar(name, value, values["step"])

    def live(self, share: float, elapsed: float, row: dict[str, Any]) -> None:
        """Move the live line; `share` is how much of the training is done, 0..1, `elapsed` the seconds that took."""
        known = f"perplexity {row['perplexity']:.2f}  " if "perplexity" in row else ""
        known = f"accuracy {row['accuracy']:.1%}  " if "accuracy" in row else known
        text = (
            f"step {row['step']:,}  loss {row['loss']:.3f}  {known}"
            f"rate {row['learning_rate']:.1e}  {row['tokens_per_second']:,.0f} tokens/s  "
            f"padding {row['padding']:.1%}  {_left(share, elapsed)}"
        )
        if self.console.is_terminal:
            if self._bar is None:
                columns = BarColumn(20), TaskProgressColumn(), TextColumn("{task.description}")
                self._bar = Progress(*columns, console=self.console, transient=True)
                self._bar.add_task("", total=1.0)
                self._bar.start()
            self._bar.update(self._bar.task_ids[0], completed=share, description=text)
        elif time.monotonic() - self._last_line >= _QUIET_SECONDS:
            self._last_line = time.monotonic()
            self.note(f"{share:4.0%}  {text}")

    def note(self, text: str) -> None:
        """One line that stays."""
        self.console.print(text, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Take the live line away and close the files."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._file.close()
        if self._events is not None:
            self._events.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The rows of `metrics.jsonl`; a last line that a killed run left unfinished is passed over."""
    path, rows = folder / "metrics.jsonl", []
    for line in path.read_text(encoding="utf-8").split("\n") if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def _left(share: float, elapsed: float) -> str:
    if share <= 0.005:
        return "time left ?"
    minutes, seconds = divmod(int(elapsed / share - elapsed), 60)
    return f"{minutes}:{seconds:02d} left"


def _event_writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        message = "training.tensorboard needs a package that is not installed: pip install 'headway[track]'"
        raise ConfigError(message) from None
    sys.stderr.flush()
    return SummaryWriter(str(folder / "tensorboard"))
