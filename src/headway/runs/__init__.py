"""From a `RunConfig` to a finished run: build, train, resume, estimate. The only room that knows both the configuration and torch."""

from headway.runs.folder import RunFolder
from headway.runs.run import resume, train

__all__ = ["RunFolder", "resume", "train"]
