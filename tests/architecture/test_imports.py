"""`import headway` and `headway --help` answer at once, and every public name can be had."""

import importlib
import pkgutil
import subprocess
import sys

import headway

HEAVY = {"torch", "numpy", "datasets", "pyarrow", "pandas", "matplotlib", "tokenizers", "transformers", "sacrebleu"}
MODULES = ["headway", *(module.name for module in pkgutil.walk_packages(headway.__path__, "headway."))]
MODULES.remove("headway.__main__")


def loaded_by(program: str) -> set[str]:
    """The top-level modules that are loaded after a program has run in a new process."""
    program += "\nimport sys; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stderr.split()}


def test_import_headway_is_light() -> None:
    assert not HEAVY & loaded_by("import headway; dir(headway)")


def test_help_is_light() -> None:
    assert not HEAVY & loaded_by("from headway.cli.main import main; assert main(['--help']) == 0")


def test_the_help_of_every_command_does_without_torch() -> None:
    program = (
        "from headway.cli.main import COMMANDS, main\nfor name in COMMANDS: assert main([name, '--help']) == 0, name"
    )
    assert not {"torch", "datasets", "matplotlib", "transformers"} & loaded_by(program)


def test_heavy_modules_would_be_seen() -> None:
    assert "numpy" in loaded_by("import numpy.linalg")


def test_every_public_name_resolves() -> None:
    missing = []
    for name in MODULES:
        module = importlib.import_module(name)
        public = getattr(module, "__all__", [])
        assert len(set(public)) == len(public), f"{name}.__all__ names something twice"
        missing += [f"{name}.{public_name}" for public_name in public if not hasattr(module, public_name)]
    assert not missing
    assert headway.__all__
    assert set(headway.__all__) <= set(dir(headway))
