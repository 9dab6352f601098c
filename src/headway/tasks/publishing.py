"""A model on the hub: its files in the form that most can read, its evaluation, and a card that says what it is."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from headway.checkpoints import hub
from headway.checkpoints.card import write_card
from headway.checkpoints.files import read_json
from headway.errors import ConfigError
from headway.tasks.info import describe
from headway.tasks.loaded import load
from headway.tasks.saving import Format, best_format, save


def push(
    run: str | Path, name: str, *, format: Format | None = None, dtype: str = "float32", private: bool = False
) -> str:
    """Publish the model of a folder as `owner/name`, and return its address.

    Args:
        run: a run folder, or a Hugging Face folder.
        name: of the repository; it is made where there is none.
        format: None: `huggingface` where the model has that form, else `headway`.
        dtype: of the weights.
        private: whether a new repository is one.

    Raises:
        CheckpointError: there is no model, or the hub refuses.
        ConfigError: the name is none of a repository.
    """
    path = Path(run)
    if name.count("/") != 1 or not all(name.split("/")):
        raise ConfigError(f"{name!r} is no name of a repository; expected owner/name")
    loaded = load(path)
    form = format or best_format(loaded)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / name.rpartition("/")[2]
        save(loaded, folder, format=form, dtype=dtype)
        if (path / "evaluation.json").is_file():
            shutil.copyfile(path / "evaluation.json", folder / "evaluation.json")
        architecture = None
        if form == "huggingface":
            architecture = read_json(folder / "config.json", "a model's configuration")["architectures"][0]
        write_card(folder, name, path, describe(folder), in_transformers=architecture)
        return hub.publish(folder, name, private=private, message="Upload with headway")
