"""`headway data`: what data sets there are, what is in them, what is wrong with them, and what the cache holds."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headway.cli.options import add_offline, print_table
from headway.errors import ConfigError

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped]

    from headway.data.check import Tokenizer

HELP = "list, look at and check data sets, and keep the cache in order"
EXAMPLE = """\
headway data ls
headway data show multi30k --data.languages en-de
headway data check --data.train train.de,train.en --data.test 0.1
headway data check reviews.csv --data.columns.text review --data.columns.label stars
headway data check novel.txt --tokenizer runs/gpt2
headway data cache --prune 30d"""

ROLES = ("source", "target", "text", "pair", "label", "group")
_LABELS = 20  # shown of each split
_LIMIT = re.compile(r"(\d+(?:\.\d+)?)(B|KB|MB|GB|TB|h|d)")
_BYTES = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_SECONDS = {"h": 3600.0, "d": 86400.0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares ls, show, check and cache."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ls|show|check|cache")
    actions.add_parser("ls", help="the named data sets, and where each was found")
    show = actions.add_parser("show", help="the first rows of every split")
    check = actions.add_parser("check", help="rows, lengths, empty and repeated rows, leakage between the splits")
    cache = actions.add_parser("cache", help="what is kept to be used again")
    for action in (show, check):
        _add_data_arguments(action)
        add_offline(action)
    show.add_argument("--rows", type=int, default=3, metavar="N", help="rows of each split (default: 3)")
    check.add_argument("--tokenizer", type=Path, metavar="DIR", help="also count tokens, and those it does not know")
    cache.add_argument(
        "--prune",
        metavar="all|SIZE|AGE",
        help="remove all, or the longest unused down to 2GB, or unused for 30d or 12h",
    )
    for name, action in actions.choices.items():
        action.add_argument("--json", action="store_true", help="one JSON object a line")
        lines = [line for line in EXAMPLE.split("\n") if line.startswith(f"headway data {name}")]
        action.epilog = "\n  ".join(["example:", *lines])
        action.formatter_class = argparse.RawDescriptionHelpFormatter


def run(arguments: argparse.Namespace) -> int:
    """Does one of the four."""
    {"ls": _ls, "show": _show, "check": _check, "cache": _cache}[arguments.action](arguments)
    return 0


def _add_data_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", nargs="?", metavar="NAME|FILE[,FILE]", help="a named set, hub:owner/name, or files")
    parser.add_argument("--data.name", dest="name", metavar="NAME", help="a named set, or hub:owner/name")
    for split in ("train", "validation", "test"):
        share = " or a share of the training rows" if split != "train" else ""
        parser.add_argument(f"--data.{split}", dest=split, metavar="FILE[,FILE]", help=f"files{share}")
    parser.add_argument("--data.format", dest="format", help="parallel, tsv, csv, jsonl, conll, squad or text")
    parser.add_argument("--data.languages", dest="languages", metavar="FROM-TO", help="the pair of a named set")
    for role in ROLES:
        parser.add_argument(
            f"--data.columns.{role}", dest=f"columns.{role}", metavar="COLUMN", help=f"holds the {role}"
        )
    parser.add_argument("--data.header", dest="header", choices=["true", "false"], default="true", help="is there one")
    parser.add_argument("--data.delimiter", dest="delimiter", help="what parts the columns")
    parser.add_argument(
        "--data.split_at", dest="split_at", choices=["first", "last"], help="delimiter that parts a line of TSV in two"
    )
    parser.add_argument("--data.label_separator", dest="label_separator", metavar="TEXT", help="parts several labels")
    parser.add_argument("--data.unit", dest="unit", choices=["word", "char"], help="each has a label of its own")
    parser.add_argument("--seed", type=int, default=1, help="of a share that is held out (default: 1)")


def _load(arguments: argparse.Namespace) -> datasets.DatasetDict:
    from headway.data.sources import data_folder, load

    given = vars(arguments)
    name, train = arguments.name, arguments.train
    if arguments.data is not None:
        if name is not None or train is not None:
            raise ConfigError(f"{arguments.data}, and --data.name or --data.train: give one of them")
        is_file = not arguments.data.startswith("hub:") and bool(re.search(r"[,./]", arguments.data))
        name, train = (None, arguments.data) if is_file else (arguments.data, None)
    columns = {role: given[f"columns.{role}"] for role in ROLES if given[f"columns.{role}"] is not None}
    passed = {key: given[key] for key in _PASSED}
    return load(
        name=name,
        train=train,
        columns=columns,
        roles=_roles(arguments, name, train, set(columns)),
        header=arguments.header == "true",
        folder=data_folder(),
        **passed,
    )


_PASSED = ("validation", "test", "format", "languages", "delimiter", "split_at", "unit", "seed")


def _roles(
    arguments: argparse.Namespace, name: str | None, train: str | None, columns: AbstractSet[str]
) -> tuple[str, ...]:
    """Those that are named; else those of a named set, those that other options mean, or those that the file shows."""
    from headway.data.catalogue import NAMED_SETS
    from headway.data.readers import infer_roles
    from headway.data.sources import data_folder, find_files

    if named := tuple(role for role in ROLES if role in columns and role != "group"):
        return ("text", *named) if "label" in named and "text" not in named else named
    if name in NAMED_SETS:
        return tuple(NAMED_SETS[name].columns)
    if arguments.unit or arguments.label_separator:
        return ("text", "label")
    if train is None:
        return ("source", "target")
    return infer_roles(
        find_files(train, data_folder()),
        format=arguments.format,
        header=arguments.header == "true",
        delimiter=arguments.delimiter or "",
    )


def _ls(arguments: argparse.Namespace) -> None:
    from headway.data.catalogue import NAMED_SETS
    from headway.data.named import where_found
    from headway.data.sources import data_folder

    sets: list[dict[str, Any]] = [
        {
            "name": name,
            "task": named.task,
            "languages": list(named.languages),
            "rows": dict(named.rows),
            "licence": named.licence,
            "found": where_found(name, folder=data_folder()),
            "download_tried": named.download_tried or named.form == "program",
        }
        for name, named in NAMED_SETS.items()
    ]
    if arguments.json:
        _print_json(sets)
        return
    header = ["name", "task", "languages", "rows", "licence", "found"]
    shown = [
        {**one, "languages": " ".join(one["languages"]), "rows": " / ".join(f"{n:,}" for n in one["rows"].values())}
        for one in sets
    ]
    print_table([header, *([str(one[key]) for key in header] for one in shown)])


def _show(arguments: argparse.Namespace) -> None:
    for split, table in _load(arguments).items():
        rows = [table[number] for number in range(min(arguments.rows, len(table)))]
        if arguments.json:
            _print_json([{"split": split, "row": number, **_listed(row)} for number, row in enumerate(rows, 1)])
            continue
        print(f"{split}: {len(table):,} rows")
        for number, row in enumerate(rows, 1):
            for role, value in _listed(row).items():
                print(f"  {number}  {role + ' ':8}{value if isinstance(value, str) else ' '.join(value)}")


def _listed(row: Mapping[str, str]) -> dict[str, str | list[str]]:
    """The row, the labels of its words as a list."""
    from headway.data.tagged import labels_of

    lists = {role: labels_of(text) for role, text in row.items() if role == "label" and labels_of(text) != [text]}
    return {**row, **lists}


def _check(arguments: argparse.Namespace) -> None:
    from headway.data.check import check, warnings

    report = check(_load(arguments), tokenizers=_tokenizers(arguments.tokenizer), separator=arguments.label_separator)
    if arguments.json:
        _print_json([{**dataclasses.asdict(report), "warnings": list(warnings(report))}])
        return
    header = ["split", "rows", "column", "length in", "mean", "median", "95 %", "99 %", "longest"]
    lines = []
    for name, split in report.splits.items():
        for column, found in split.columns.items():
            for unit, lengths in (("characters", found.characters), ("tokens", found.tokens)):
                if lengths is not None:
                    numbers = [f"{number:,}" for number in dataclasses.astuple(lengths)]
                    lines.append([name, f"{split.rows:,}", column, unit, *numbers])
    print_table([header, *lines])
    for name, split in report.splits.items():
        what = "characters" if arguments.unit == "char" else "words" if split.by_word else "rows"
        labels = split.labels or {}
        total = split.rows if what == "rows" else sum(labels.values())
        for label, count in list(labels.items())[:_LABELS]:
            counted, verb = (f"1 {what[:-1]}", "is") if count == 1 else (f"{count:,} {what}", "are")
            print(f"{name}: {counted} ({count / total:.1%}) {verb} labelled {label}")
        if len(labels) > _LABELS:
            print(f"{name}: and {len(labels) - _LABELS:,} more labels")
    for warning in warnings(report):
        print(warning)


def _cache(arguments: argparse.Namespace) -> None:
    from headway.data.storage import cache_folder, list_cache, prune_cache, readable_size

    removed = prune_cache(**_limits(arguments.prune)) if arguments.prune is not None else []
    entries = removed if arguments.prune is not None else list_cache()
    facts = [
        {"kind": one.kind, "title": one.title, "bytes": one.size, "used": one.last_used, "folder": str(one.folder)}
        for one in entries
    ]
    if arguments.json:
        _print_json(facts)
        return
    age = [f"{(time.time() - one.last_used) / 86400:.1f} days ago" for one in entries]
    table = [[one.kind, readable_size(one.size), used, one.title] for one, used in zip(entries, age, strict=True)]
    print_table([["kind", "size", "used", "what"], *table])
    total = readable_size(sum(one.size for one in entries))
    print(f"{cache_folder()}: {len(entries)} entries, {total}{' removed' if arguments.prune is not None else ''}")


def _limits(prune: str) -> dict[str, Any]:
    """The arguments of `prune_cache` that `--prune` says."""
    limit = _LIMIT.fullmatch(prune)
    if prune == "all":
        return {"everything": True}
    if limit is None:
        raise ConfigError(f"--prune {prune}: all, a size (500MB, 2GB) or an age (12h, 30d) is expected")
    number, unit = float(limit[1]), limit[2]
    return {"max_bytes": int(number * _BYTES[unit])} if unit in _BYTES else {"older_than": number * _SECONDS[unit]}


def _tokenizers(folder: Path | None) -> Mapping[str, Tokenizer]:
    if folder is None:
        return {}
    from headway.text.tokenizer import TokenizerPair

    pair = TokenizerPair.load(folder)
    return {role: pair.target if role == "target" else pair.source for role in (*ROLES, "context", "question")}


def _print_json(objects: Sequence[Mapping[str, object]]) -> None:
    for one in objects:
        print(json.dumps(one, ensure_ascii=False))
