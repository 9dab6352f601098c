"""Measure a finished run on its own test split, or on other data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headway.checkpoints import native
from headway.config import RunConfig, build_config, read_values
from headway.data.readers import infer_format
from headway.errors import CheckpointError, ConfigError, DataError
from headway.runs.kinds import evaluation_of, kind_of
from headway.spec import AwdLstmSpec, HeadSpec, LabelHeadSpec, ModelSpec, SingleStackSpec
from headway.tasks.loaded import load

_SOURCES = ("data.name", "data.train", "data.validation", "data.test")
_OF_LABELS = {"text": "classify", "tokens": "tag", "span": "answer"}
_OF_FORM = ("format", "columns", "header", "delimiter", "split_at", "languages")


def evaluate(
    model: str | Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    split: str = "test",
    quantize: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    revision: str | None = None,
    offline: bool = False,
    out: str | Path | None = None,
) -> dict[str, Any]:
    """Measure a split as the task of the run does.

    Args:
        model: a run folder, a folder with a model and its tokenizers, or a hub id.
        overrides: keys of `data` and `decoding`; naming a source of data replaces all that the run was trained on, and
            what was said of columns stays only for files of the same form.
        split: the rows to measure.
        quantize: `int8` or None.
        device: where it runs.
        dtype: of the weights, as `headway.load` takes it.
        revision: of a hub id: a branch, a tag or a commit.
        offline: never touch the network.
        out: where the result is written; None: `evaluation.json` in the folder, for a hub id in the one we are in.

    Raises:
        ConfigError: no data is named, or an unknown key.
        DataError: the data has no such split.
        CheckpointError: there is no model.
    """
    given = dict(overrides or {})
    loaded = load(model, device=device, dtype=dtype, quantize=quantize, revision=revision, offline=offline)
    config = _config(loaded.folder, loaded.spec, given)
    data = config.data
    if all(getattr(data, key.removeprefix("data.")) is None for key in _SOURCES):
        raise ConfigError("no data to measure on; name files with --data.test SOURCE,TARGET or a set with --data.name")
    kind = kind_of(config)
    if lacks := kind.suits(loaded.spec):
        raise ConfigError(f"{model} {lacks}; it cannot be measured as {config.task}, name its task with --task")
    splits = kind.load()
    if split not in splits:
        raise DataError(f"the data has no split {split}, only {', '.join(splits)}; name it with --data.{split}")
    if loaded.tokenizer is None:
        raise CheckpointError(f"{model} holds a model without a tokenizer; text cannot be given to it")
    result = evaluation_of(kind, loaded.model, loaded.tokenizer, splits, split)
    place = Path(model) if Path(model).is_dir() else Path()
    native.write_json(Path(out) if out else place / "evaluation.json", result)
    return result


def _config(folder: Path, spec: ModelSpec, overrides: dict[str, Any]) -> RunConfig:
    """The run's own configuration with the overrides; of its data only what they leave. Of no run, the model's task."""
    is_run = (folder / "config.yaml").is_file()
    values: dict[str, Any] = read_values(folder / "config.yaml") if is_run else {"task": _task(spec)}
    if any(key in overrides for key in _SOURCES):
        data = values.get("data", {})
        before = {f"data.{key}": value for key, value in data.items()}
        of_form = () if _form(overrides) == _form(before) else _OF_FORM
        if of_form and (data.get("columns") or {}).get("pair") is not None and "data.columns.pair" not in overrides:
            raise ConfigError("the run learned pairs; name the column of the second text with --data.columns.pair")
        values["data"] = {k: v for k, v in data.items() if f"data.{k}" not in _SOURCES and k not in of_form}
    return build_config(values, list(overrides.items()), origin="headway evaluate")


def _task(spec: ModelSpec) -> str:
    """What a model does by its heads; to translate where they leave it open, which then says what it lacks for that.

    A language head goes first: beside it, a head for labels is that of the next sentence.
    """
    match spec:
        case SingleStackSpec(language_head=HeadSpec()) if not spec.stack.causal:
            return "masked-lm"
        case SingleStackSpec(language_head=HeadSpec(), label_head=None) | AwdLstmSpec(head=HeadSpec()):
            return "causal-lm"
    head: LabelHeadSpec | None = getattr(spec, "label_head", None)
    return "translate" if head is None else _OF_LABELS.get(head.of, "translate")


def _form(data: Mapping[str, Any]) -> str | None:
    """The named set, or the format of the first files."""
    if data.get("data.name") is not None:
        return str(data["data.name"])
    files = next((value for key in _SOURCES if isinstance(value := data.get(key), str) and not _is_share(value)), "")
    try:
        return data.get("data.format") or infer_format([Path(file) for file in files.split(",")], ("source", "target"))
    except ConfigError:
        return None


def _is_share(value: str) -> bool:
    return value.replace(".", "", 1).isdecimal()
