"""The source keeps the rules of the house: floors, imports, nothing unsafe, small files. Read from the syntax tree."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "headway"
FILES = sorted(SOURCE.rglob("*.py"))

# A file imports from its own room and from lower floors. A new room gets a row here, and a reason in its docstring.
FLOORS = {
    "errors": 0, "spec": 0, "dotted": 0, "config": 0,
    "nn": 1, "text": 1,
    "models": 2,
    "checkpoints": 3, "decoding": 3, "data": 3,
    "objectives": 4, "tasks": 4,
    "evaluation": 5, "explain": 5,
    "training": 6,
    "runs": 7,
    "__init__": 8,
    "cli": 9,
    "__main__": 10,
}  # fmt: skip
NEVER = {"transformers", "pickle", "cloudpickle", "dill", "marshal", "shelve"}
INSIDE_FUNCTIONS = {
    "datasets", "h5py", "huggingface_hub", "matplotlib", "sacrebleu", "sentencepiece", "tensorboard", "zstandard",
}  # fmt: skip
WITHOUT_TORCH = {"errors", "spec", "dotted", "config", "text"}
TORCH_INSIDE_FUNCTIONS = {"__init__", "cli"}
ONLY_IN = {"safetensors": {"checkpoints"}}
DISTRIBUTIONS = {"yaml": "pyyaml", "huggingface_hub": "huggingface-hub"}
LONGEST_FILE = 350


@dataclass(frozen=True)
class Import:
    name: str  # dotted and absolute, the imported name included
    line: int
    at_import: bool  # it runs when the module is imported


def imports(tree: ast.Module, package: str) -> Iterator[Import]:
    """Every import of a module that lies in `package`, wherever it stands."""

    def walk(node: ast.AST, at_import: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, child.lineno, at_import)
            elif isinstance(child, ast.ImportFrom):
                parts = package.split(".")
                base = parts[: len(parts) - child.level + 1] if child.level else []
                for alias in child.names:
                    name = ".".join([*base, *filter(None, [child.module]), alias.name])
                    yield Import(name, child.lineno, at_import)
            else:
                deferred = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                typing_only = isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")
                yield from walk(child, at_import and not deferred and not typing_only)

    return walk(tree, at_import=True)


def room_of(relative: Path) -> str:
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def import_faults(source: str, relative: Path) -> Iterator[str]:
    """What is wrong with the imports of one file, given its path below src/headway."""
    room = room_of(relative)
    package = ".".join(["headway", *relative.parent.parts])
    for found in imports(ast.parse(source), package):
        top, _, below = found.name.partition(".")
        where = f"{relative}:{found.line} imports {found.name}"
        if top == "headway":
            target = below.split(".")[0]
            target = target if target in FLOORS else "__init__"
            inside = target == room or FLOORS[target] == FLOORS[room] == 0
            if not inside and FLOORS[target] >= FLOORS[room]:
                yield f"{where}: floor {FLOORS[target]} is not below floor {FLOORS[room]}"
            if relative.parent == Path("models/families") and FLOORS[target]:
                allowed = ("models.keys.", "models.families.")
                if not below.startswith(allowed) and below != "models.keys":
                    yield f"{where}: a family is data, it imports specs and key operations only"
        elif top in NEVER:
            yield f"{where}: never in the package"
        elif found.at_import and (top in INSIDE_FUNCTIONS or found.name.startswith("torch.utils.tensorboard")):
            yield f"{where}: import it inside the function that needs it"
        elif top == "torch" and (room in WITHOUT_TORCH or (room in TORCH_INSIDE_FUNCTIONS and found.at_import)):
            yield f"{where}: this room does without torch"
        elif room not in ONLY_IN.get(top, {room}):
            yield f"{where}: only in {', '.join(ONLY_IN[top])}"


def other_faults(source: str, relative: Path) -> Iterator[str]:
    """Calls that are unsafe, or that read text differently on another machine."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            called = ast.unparse(node.func)
            modes = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            where = f"{relative}:{node.lineno} {called}(…)"
            if called in ("eval", "exec"):
                yield f"{where}: runs what it is given"
            if called == "torch.load" and given.get("weights_only") != "True":
                yield f"{where}: weights_only=True is missing"
            if "trust_remote_code" in given:
                yield f"{where}: no code from the network"
            if called.endswith(".splitlines"):
                yield f"{where}: it also cuts at U+2028, U+0085 and six more; lines end at a line feed"
            bare = (called.endswith(".read_text"), len(node.args)) in ((True, 0), (False, 1))
            if called.endswith((".read_text", ".write_text")) and bare and "encoding" not in given:
                yield f"{where}: encoding is missing"
            is_open = called == "open" or called.endswith(".open")
            text_mode = any(re.fullmatch(r"[rwax]t?\+?", mode) for mode in [*modes, given.get("mode", "").strip("'")])
            if is_open and text_mode and "encoding" not in given:
                yield f"{where}: encoding is missing"
    for statement in _at_import(tree):
        if re.search(r"\b(os\.environ|os\.getenv|getenv\()", ast.unparse(statement)):
            yield f"{relative}:{statement.lineno}: the environment is read when the module is imported"
    for number, line in enumerate(source.split("\n"), start=1):
        if re.search(r"\b(TODO|FIXME|XXX)\b|\bNotImplementedError\b", line):
            yield f"{relative}:{number}: unfinished"


def _at_import(tree: ast.AST) -> Iterator[ast.stmt]:
    """The simple statements that run when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.stmt) and not isinstance(node, ast.ClassDef | ast.If | ast.Try | ast.For | ast.With):
            yield node
        yield from _at_import(node)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_keeps_the_rules(path: Path) -> None:
    relative = path.relative_to(SOURCE)
    assert room_of(relative) in FLOORS, f"{relative}: a new room needs a floor, in FLOORS"
    source = path.read_text(encoding="utf-8")
    faults = [*import_faults(source, relative), *other_faults(source, relative)]
    length = source.count("\n")
    if length > LONGEST_FILE:
        faults.append(f"{relative} has {length} lines, more than {LONGEST_FILE}: is it one thing?")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("relative", "source", "fault"),
    [
        ("nn/a.py", "from headway.models import build", "floor 2 is not below floor 1"),
        ("data/a.py", "from headway.decoding.beam import search", "floor 3 is not below floor 3"),
        ("nn/a.py", "from ..training import loop", "floor 6 is not below floor 1"),
        ("nn/a.py", "def f():\n    import headway.runs", "floor 7 is not below floor 1"),
        ("runs.py", "from headway import load", "floor 8 is not below floor 7"),
        ("models/families/bert.py", "from headway.nn import attention", "a family is data"),
        ("models/families/bert.py", "from headway.models import build", "a family is data"),
        ("checkpoints/a.py", "def f():\n    from transformers import AutoModel", "never in the package"),
        ("data/a.py", "import datasets", "inside the function"),
        ("training/a.py", "from torch.utils.tensorboard import SummaryWriter", "inside the function"),
        ("text/a.py", "def f():\n    import torch", "does without torch"),
        ("cli/a.py", "import torch.nn", "does without torch"),
        ("training/a.py", "from safetensors.torch import save_file", "only in checkpoints"),
    ],
)
def test_a_wrong_import_is_seen(relative: str, source: str, fault: str) -> None:
    assert [fault in found for found in import_faults(source, Path(relative))] == [True]


@pytest.mark.parametrize(
    ("relative", "source"),
    [
        ("spec.py", "from headway.errors import ConfigError"),
        ("nn/a.py", "from headway.nn.masks import Mask\nfrom . import cores\nfrom headway import spec"),
        (
            "models/families/bert.py",
            "from headway import spec\nfrom headway.models import keys\nfrom . import gpt2",
        ),
        ("cli/a.py", "import headway\ndef run():\n    import torch\n    from headway.runs import train"),
        ("data/a.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import datasets"),
        ("data/a.py", "def f():\n    import datasets, matplotlib.pyplot"),
    ],
)
def test_a_right_import_passes(relative: str, source: str) -> None:
    assert not list(import_faults(source, Path(relative)))


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("eval('1')", "runs what it is given"),
        ("torch.load(path)", "weights_only"),
        ("torch.load(path, weights_only=False)", "weights_only"),
        ("load_dataset(name, trust_remote_code=True)", "no code"),
        ("text.splitlines()", "line feed"),
        ("path.read_text()", "encoding"),
        ("path.write_text(text)", "encoding"),
        ("open(path, 'w')", "encoding"),
        ("path.open(mode='r')", "encoding"),
        ("CACHE = os.environ.get('X')", "environment"),
        ("class A:\n    debug = os.getenv('X')", "environment"),
        ("# TODO: later", "unfinished"),
    ],
)
def test_another_fault_is_seen(source: str, fault: str) -> None:
    assert [fault in found for found in other_faults(source, Path("nn/a.py"))] == [True]


def test_what_is_right_passes() -> None:
    source = """
def f(path):
    model.eval()
    home = os.environ.get("HOME")
    state = torch.load(path, weights_only=True)
    with open(path, "rb") as stream, path.open("w", encoding="utf-8", newline="\\n") as other:
        pass
"""
    assert not list(other_faults(source, Path("nn/a.py")))


def test_dependencies_are_those_the_package_imports() -> None:
    """Every library that is imported is declared, and every declared one (extras aside) is imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert set(extras) == {"track", "lora", "bench", "baselines", "elmo", "dev"}
    core = _names(project["dependencies"])
    imported = {
        DISTRIBUTIONS.get(top, top)
        for path in FILES
        for found in imports(ast.parse(path.read_text(encoding="utf-8")), "headway")
        if (top := found.name.partition(".")[0]) not in {*sys.stdlib_module_names, "headway"}
    }
    assert core <= imported, f"declared, but imported nowhere: {core - imported}"
    optional = {name for extra in ("track", "elmo", "lora") for name in _names(extras[extra])}
    assert imported <= core | optional, f"imported, but not declared: {imported - core - optional}"


def _names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w-]+", line)[0].lower().replace("_", "-") for line in requirements}  # type: ignore[index]
