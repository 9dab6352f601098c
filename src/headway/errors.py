"""Every error a user can cause, each with the exit status of the command line.

A message says what was given, what was expected and what to do; for data also the file and the line.

    HeadwayError               1
    ├── ConfigError            2   a wrong option, key, value or size
    ├── DataError              3   a file of text that cannot be used
    ├── CheckpointError        3   a file of a model, tokenizer or run that cannot be used
    ├── CapacityError          4   not enough memory or disk, before or during the run
    └── Interrupted          130   stopped by the user; the state is saved
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HeadwayError(Exception):
    """The root: catch this to catch everything a user can cause."""

    exit_status = 1


class ConfigError(HeadwayError):
    """A wrong option, key, value or size."""

    exit_status = 2


class DataError(HeadwayError):
    """A file of text, or a row of it, that cannot be used."""

    exit_status = 3


class CheckpointError(HeadwayError):
    """A file of a model, tokenizer or run that is missing, damaged or of another kind."""

    exit_status = 3


class CapacityError(HeadwayError):
    """Not enough memory or disk."""

    exit_status = 4


class Interrupted(HeadwayError):
    """Stopped by the user after the state was saved."""

    exit_status = 130


def nearest(given: str, valid: Iterable[str]) -> str:
    """A sentence that names the valid word nearest to `given`, or all of them where none is near.

    >>> nearest("modle", ["model", "data"])
    'did you mean model?'
    >>> nearest("x", ["model", "data"])
    'valid: data, model'
    """
    choices = sorted(valid)
    close = difflib.get_close_matches(given, choices, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"valid: {', '.join(choices)}"
