"""From a `RunConfig` to a finished run: build, train, resume, evaluate, estimate."""

from headway.runs.folder import RunFolder
from headway.runs.run import resume, train

__all__ = ["RunFolder", "resume", "train"]
