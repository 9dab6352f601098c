"""One recipe with several seeds: the mean of each metric over the trainings, and how sure it is."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headway.checkpoints import native
from headway.config import load_recipe
from headway.errors import ConfigError, HeadwayError
from headway.evaluation.repeats import MOST
from headway.runs.folder import Repeated
from headway.runs.run import free, train


def train_seeds(
    recipe: str,
    overrides: Mapping[str, Any] | None = None,
    *,
    seeds: int,
    run: str | Path | None = None,
    reuse: bool = False,
) -> Repeated:
    """Train a recipe `seeds` times, from its seed on upwards, one after the other.

    The seed decides the first weights, the order of the rows, dropout, and what is held out of the training rows.

    Args:
        recipe: see `train`.
        overrides: see `train`.
        seeds: how many trainings.
        run: the folder, with `seed-1`, `seed-2` … in it; None: `runs/<recipe>-seeds`, numbered where that is taken.
        reuse: take what is finished in the folder as it is, and resume what was stopped.

    Raises:
        HeadwayError: see `train`, or `seeds` is out of range.
        Interrupted: Ctrl-C; everything is saved, and `reuse` goes on.
    """
    if not 2 <= seeds <= MOST:
        raise ConfigError(f"--seeds {seeds}: 2 to {MOST} trainings are repeated; for one, leave it out and give --seed")
    given = dict(overrides or {})
    first = load_recipe(recipe, list(given.items())).seed
    usual = Path("runs") / f"{Path(recipe).stem}-seeds"
    path = Path(run) if run is not None else usual if reuse else free(usual)
    chosen = [f"--{key}={'null' if value is None else value}" for key, value in given.items()]
    command = shlex.join(["headway", "train", recipe, *chosen, "--seeds", str(seeds), "--run", str(path), "--reuse"])
    runs = {}
    for seed in range(first, first + seeds):
        folder = path / f"seed-{seed}"
        try:
            runs[seed] = train(recipe, {**given, "seed": seed}, run=folder, reuse=reuse)
        except HeadwayError as error:  # what goes on with this seed alone would leave out the others
            alone = f"headway resume {shlex.quote(str(folder))}"
            raise type(error)(str(error).replace(alone, command)) from error
    repeated = Repeated(path, runs)
    if os.environ.get("RANK", "0") == "0":  # of several processes the first
        native.write_json(path / "seeds.json", repeated.evaluation)
    return repeated
