"""A `RunConfig` from a recipe (YAML) and overrides (`--training.max_steps 100`), and back to YAML.

An unknown key names the nearest valid one, and all errors are shown at once.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from headway.config.keys import ModelConfig, RunConfig
from headway.dotted import Field, alternatives, converted, describe, flatten, nest, walk
from headway.errors import CheckpointError, ConfigError, nearest


def recipes() -> list[str]:
    """The names of the shipped recipes."""
    folder = resources.files("headway") / "recipes"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_recipe(recipe: str, overrides: Sequence[tuple[str, Any]] = ()) -> RunConfig:
    """A shipped recipe by name, or a YAML file by path, with dotted overrides on top.

    Another `model.family` than the recipe's starts from that family's own sizes, and `model.init`, where the recipe has
    none, from those of a trained model: the recipe's other keys of the model mean nothing to it and are left out. What
    a recipe says of the tokenizer is for a model without `model.init`; said on top of one it would change nothing, and
    is refused.

    Raises:
        ConfigError: no such recipe, any number of unknown keys and wrong values, all named, or a key of the tokenizer
            beside `model.init`.
    """
    values = _read(recipe)
    given, model = dict(overrides), values.get("model")
    family = given.get("model.family")
    if isinstance(model, dict) and (
        (given.get("model.init") is not None and model.get("init") is None)
        or (family is not None and family != model.get("family", ModelConfig().family))
    ):
        del values["model"]
    config = build_config(values, overrides, origin=recipe)
    beside = [key for key, value in given.items() if key.startswith("tokenizer.") and value is not None]
    if config.model.init is not None and beside:
        raise ConfigError(
            f"{', '.join(beside)} beside model.init {config.model.init}, whose own tokenizer cuts the texts; leave "
            f"{'it' if len(beside) == 1 else 'them'} out, or start without a trained model: --model.init null"
        )
    return config


def build_config(values: Mapping[str, Any], overrides: Sequence[tuple[str, Any]] = (), *, origin: str) -> RunConfig:
    """A `RunConfig` from nested plain data; `origin` names it in errors.

    Raises:
        ConfigError: unknown keys and wrong values, all of them in one message.
    """
    known, problems = fields(), []
    flat: dict[str, Any] = {}
    for key, value in [*flatten(values), *overrides]:
        group = [name for name in known if name.startswith(f"{key}.")]
        if group and value is None:
            continue
        if group:
            problems.append(f"{key} is {value!r}; expected keys below it, such as {group[0]}")
        elif key not in known:
            problems.append(f"unknown key {key} ({nearest(key, known)})")
        else:
            try:
                flat[key] = converted(value, known[key].type)
            except (ValueError, OverflowError):
                problems.append(f"{key} is {value!r}; expected {describe(known[key].type)}")
    if problems:
        raise ConfigError(f"{origin}: " + "; ".join(problems))
    config: RunConfig = nest(RunConfig, flat, "")
    return config


def parse_overrides(words: Sequence[str]) -> list[tuple[str, Any]]:
    """`["--training.max_steps", "100", "--seed=2"]` → `[("training.max_steps", 100), ("seed", 2)]`.

    Raises:
        ConfigError: a word that is no option, or an option without its value.
    """
    pairs, rest = [], list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise ConfigError(f"{word!r} stands where an option such as --training.max_steps was expected")
        key, separator, text = word[2:].partition("=")
        if not separator:
            if not rest or rest[0].startswith("--"):
                raise ConfigError(f"--{key} has no value; write --{key} VALUE")
            text = rest.pop(0)
        pairs.append((key, _scalar(text, key)))
    return pairs


@functools.cache
def fields() -> dict[str, Field]:
    """Every dotted key, with its type, default and line of help."""
    return dict(walk(RunConfig, ""))


def to_yaml(config: RunConfig) -> str:
    """The complete configuration, each key with its line of help and its choices."""
    lines: list[str] = []
    values = _flat(config)
    for key, entry in fields().items():
        *groups, name = key.split(".")
        for depth, group in enumerate(groups):
            header = "  " * depth + f"{group}:"
            if header not in lines:
                lines.append(header)
        line = "  " * len(groups) + f"{name}: {_dumped(values[key])}"
        lines.append(f"{line:<34} # {entry.help} ({describe(entry.type)})")
    return "\n".join(lines) + "\n"


def differences(one: RunConfig, other: RunConfig) -> list[str]:
    """The dotted keys of which the two have other values."""
    values, others = _flat(one), _flat(other)
    return [key for key in values if values[key] != others[key]]


def read_config(path: Path) -> RunConfig:
    """The complete configuration in a run folder's `config.yaml`.

    Raises:
        CheckpointError: the file is missing or damaged.
        ConfigError: a key or value that this version does not know.
    """
    return build_config(read_values(path), origin=str(path))


def read_values(path: Path) -> dict[str, Any]:
    """`config.yaml` as nested plain data.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} holds {type(values).__name__}; expected the keys of a run")
    return values


def _flat(config: RunConfig) -> dict[str, Any]:
    """Every dotted key and its value."""
    return dict(flatten(dataclasses.asdict(config)))


def _read(recipe: str) -> dict[str, Any]:
    if recipe in recipes():
        text = (resources.files("headway") / "recipes" / f"{recipe}.yaml").read_text(encoding="utf-8")
    else:
        path = Path(recipe)
        if not path.is_file():
            raise ConfigError(f"no recipe or file {recipe!r}; {nearest(recipe, recipes())}")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{recipe} is not UTF-8 (byte {error.start})") from None
    try:
        values = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{recipe} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{recipe} holds {type(values).__name__}; expected keys and values")
    return values


def _scalar(text: str, key: str) -> Any:
    """What a word of the command line means: text as it stands where the key holds text, else as YAML reads it."""
    if key in fields() and str in alternatives(fields()[key].type):
        return None if text == "null" else text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return text if isinstance(value, (dict, list)) else value


def _dumped(value: Any) -> str:
    """One value as one line of YAML."""
    quoted = '"' if isinstance(value, str) and not value.isprintable() else None
    return str(yaml.safe_dump(value, default_style=quoted, allow_unicode=True, width=math.inf)).split("\n")[0]
