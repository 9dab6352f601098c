"""The end of a run: the weights that stay, the test score, the plots, and a model card that says how it came about."""

from __future__ import annotations

import dataclasses
from typing import Any

from headway.checkpoints import native
from headway.config import DecodingConfig
from headway.explain.attend import attend
from headway.explain.figures import training_curves
from headway.explain.label_figures import label_figures
from headway.explain.page import write_page
from headway.runs.folder import RunFolder
from headway.runs.kinds import evaluation_of
from headway.runs.learning import put_back
from headway.runs.prepare import Prepared
from headway.runs.summary import commands
from headway.spec import RecurrentSpec, SingleStackSpec, TransformerSpec
from headway.training.loop import Training


def finish(prepared: Prepared, training: Training, folder: RunFolder) -> None:
    """Everything after the last step; done again without harm when it was interrupted."""
    weights = _keep_weights(prepared, training, folder)
    prepared.model.eval().requires_grad_(False)
    split = "test" if "test" in prepared.data else "validation"
    evaluation = evaluation_of(prepared.kind, prepared.model, prepared.vocabulary, prepared.data, split)
    native.write_json(folder.path / "evaluation.json", evaluation)
    training_curves(folder.metrics, folder.plots)
    if "classes" in evaluation:
        label_figures(evaluation["classes"], folder.plots)
    _show_attention(prepared, folder, evaluation["samples"])
    folder.write_text("README.md", _card(prepared, training, folder, evaluation, weights))


def _show_attention(prepared: Prepared, folder: RunFolder, samples: list[dict[str, str]]) -> None:
    """One test text as an attention page; a model without attention has none to show."""
    text = next((sample["source"] for sample in samples if sample["source"].strip()), None)
    attends = isinstance(spec := prepared.spec, SingleStackSpec | TransformerSpec) or (
        isinstance(spec, RecurrentSpec) and spec.attention != "none"
    )
    if text and attends:
        write_page(attend(folder.path, text), folder.path / "attention.html")


def _keep_weights(prepared: Prepared, training: Training, folder: RunFolder) -> str:
    """Put the weights that stay into the model and the folder; say which they are."""
    config, kept = prepared.config.training, training.checkpoints.steps()
    if config.average_last > 1:
        count = min(config.average_last, len(kept))
        native.fill(prepared.model, training.checkpoints.average(count), folder.weights)
        said = f"the average of the last {count} checkpoints"
    elif training.moving is not None:
        native.fill(prepared.model, training.checkpoints.weights(kept[-1], moving=True), folder.weights)
        said = f"the moving average of the last steps (decay {config.ema_decay})"
    else:
        best = training.progress.best_step or kept[-1]
        native.fill(prepared.model, training.checkpoints.weights(best), folder.weights)
        said = f"those of step {best:,}, the best on the validation rows"
        if not training.progress.best_step:
            said = f"those of step {best:,}, the last: no validation could be judged"
    put_back(prepared.config, prepared.model, prepared.train.scale, folder)
    native.save_weights(prepared.model, folder.weights)
    return said


def _card(prepared: Prepared, training: Training, folder: RunFolder, evaluation: dict[str, Any], weights: str) -> str:
    config, progress = prepared.config, training.progress
    environment = native.read_json(folder.path / "environment.json", "the environment of a run")
    shown = "\n".join(_metric(name, values) for name, values in evaluation["metrics"].items())
    source = config.data.name or config.data.train
    parameters = sum(p.numel() for p in prepared.model.parameters())
    asked = f", {_decoding(config.decoding)}" if config.task == "translate" else ""
    digest = prepared.kind.digest(prepared.data["train"])
    left_out = f"; {prepared.train.note}" if prepared.train.note else ""
    return f"""# {folder.path.name}

A {prepared.spec.family} model for {config.task}: {parameters / 1e6:.1f} M parameters, trained with
Headway {environment["versions"]["headway"]}.

- Command: `{environment["command"]}`
- Data: {source}, {len(prepared.train):,} training {prepared.kind.unit}; SHA-256 of their text
  `{digest}`{left_out}
- Training: {progress.step:,} steps, {progress.tokens:,} tokens, {progress.elapsed / 60:.1f} minutes
- Machine: {_machine(environment)}
- Weights: {weights}
- Arithmetic: {", ".join(f"{k} {v}" for k, v in dataclasses.asdict(prepared.choices).items() if v)}

## {evaluation["split"].capitalize()}

{evaluation["rows"]:,} rows{asked}.

{shown}

Use it: `{commands(folder.path, evaluation)[0]}`. The whole run is in `config.yaml`, its course in `metrics.jsonl` and
`plots/`.
"""


def _metric(name: str, values: dict[str, Any]) -> str:
    line = f"- {name}: {values['score']:.4g}"
    if "low" in values:
        line += f" (95 %: {values['low']:.4g}–{values['high']:.4g})"
    return line + (f", `{values['signature']}`" if "signature" in values else "")


def _machine(environment: dict[str, Any]) -> str:
    processor = environment["processor"]
    return str(processor.get("model_name") or processor["machine"])


def _decoding(asked: DecodingConfig) -> str:
    return f"beam {asked.beam}, length norm {asked.length_norm}, stop {asked.stop}"
