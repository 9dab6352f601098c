"""From a `RunConfig` to a finished run: build, train, resume, evaluate, estimate."""

from headway.runs.folder import RunFolder
from headway.runs.run import resume, train
from headway.runs.seeds import train_seeds

__all__ = ["RunFolder", "resume", "train", "train_seeds"]
