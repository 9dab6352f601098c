"""The model card of a published folder, from what a run wrote down. Without torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from headway.checkpoints.files import read_json

_USES = {
    "translate": 'model.translate(["…"])',
    "words": 'model.generate(["…"])',
    "masked words": 'model.fill("…")',
    "labels of texts": 'model.classify(["…"])',
    "labels of tokens": 'model.tag(["…"])',
    "answer span": 'model.answer("question", "context")',
}


def write_card(folder: Path, name: str, run: Path, facts: Mapping[str, Any], *, in_transformers: str | None) -> None:
    """Write `README.md` into `folder`.

    Args:
        folder: what will be published.
        name: of the repository.
        run: the folder that the model comes from, with `evaluation.json`, `environment.json` and `README.md`, if any.
        facts: those of `headway info`.
        in_transformers: the class of transformers that the folder loads as; None: only headway loads it.
    """
    evaluation = _optional(run / "evaluation.json")
    environment = _optional(run / "environment.json")
    head: dict[str, Any] = {
        "library_name": "transformers" if in_transformers else "headway",
        "tags": ["headway", facts["family"]],
    }
    if evaluation:
        head["metrics"] = sorted(evaluation["metrics"])
    sections = [
        f"---\n{yaml.safe_dump(head, allow_unicode=True, sort_keys=False)}---\n",
        f"# {name.rpartition('/')[2]}\n",
        f"A {facts['family']} model{_task(evaluation)}: {facts['parameters'] / 1e6:.1f} M parameters.\n",
        _use(name, facts, evaluation, in_transformers),
        _evaluation(evaluation),
        _training(run, environment),
    ]
    (folder / "README.md").write_text("\n".join(filter(None, sections)), encoding="utf-8", newline="\n")


def _optional(path: Path) -> dict[str, Any]:
    return read_json(path, "what a run wrote down") if path.is_file() else {}


def _task(evaluation: Mapping[str, Any]) -> str:
    return f" for {evaluation['task']}" if "task" in evaluation else ""


def _use(name: str, facts: Mapping[str, Any], evaluation: Mapping[str, Any], in_transformers: str | None) -> str:
    is_translator = evaluation.get("task") == "translate"
    use = _USES.get("translate" if is_translator else facts["head"].partition(" and ")[0])
    lines = ["import headway", "", f'model = headway.load("{name}")', *([use] if use else [])]
    if in_transformers:
        lines += [
            "",
            "# or, with the same outputs:",
            f"from transformers import {in_transformers}",
            "",
            f'{in_transformers}.from_pretrained("{name}")',
        ]
    return "## Use\n\n```python\n" + "\n".join(lines) + "\n```\n"


def _evaluation(evaluation: Mapping[str, Any]) -> str:
    if not evaluation:
        return ""
    rows = [
        f"| {metric} | {values['score']:.4g} | {_interval(values)} | {_code(values.get('signature'))} |"
        for metric, values in evaluation["metrics"].items()
    ]
    table = ["| metric | score | 95 % | signature |", "|---|---|---|---|", *rows]
    split = f"{evaluation['split'].capitalize()} set, {evaluation['rows']:,} rows."
    return f"## Evaluation\n\n{split}\n\n" + "\n".join(table) + "\n"


def _interval(values: Mapping[str, Any]) -> str:
    return f"{values['low']:.4g}–{values['high']:.4g}" if "low" in values else ""


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def _training(run: Path, environment: Mapping[str, Any]) -> str:
    """The command, and the hash of the training data, which a run's own card has."""
    facts = [f"- Command: `{environment['command']}`"] if "command" in environment else []
    card = run / "README.md"
    data = (
        re.search(r"^- Data: .*?`[0-9a-f]{64}`", card.read_text(encoding="utf-8"), re.M | re.S)
        if card.is_file()
        else None
    )
    facts += [data[0]] if data else []
    versions = environment.get("versions", {})
    facts += [f"- Versions: {', '.join(f'{name} {v}' for name, v in versions.items())}"] if versions else []
    return "## Training\n\n" + "\n".join(facts) + "\n" if facts else ""
