"""What the documents tell a reader to type exists: each `headway …` and each `make …` of a fenced block."""

import re
import shlex
from pathlib import Path

import pytest

from tests.architecture.shell import commands, fault

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "README.ko.md", *sorted((ROOT / "docs").rglob("*.md"))]


def fenced(path: Path) -> str:
    """The fenced blocks of a Markdown file."""
    text = path.read_text(encoding="utf-8")
    return "".join(re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_a_document_exists(path: Path) -> None:
    faults = {shlex.join(command): fault(command) for command in commands(fenced(path))}
    assert not {command: what for command, what in faults.items() if what}


def test_the_readme_shows_commands() -> None:
    assert {"headway", "make"} <= {command[0] for command in commands(fenced(ROOT / "README.md"))}


def test_the_files_of_every_recipe_are_in_the_guide_to_their_data() -> None:
    guide = (ROOT / "docs" / "guides" / "data.md").read_text(encoding="utf-8")
    rows = [line for line in guide.split("\n") if line.startswith("|")]
    files = sorted((ROOT / "src" / "headway" / "recipes").glob("*.yaml"))
    recipes = "\n".join(file.read_text(encoding="utf-8") for file in files)
    named = set(re.findall(r"\b(\w+)/([\w.-]+\.(?:tsv|txt|jsonl?)(?:\.gz)?)", recipes))
    assert len(named) > 30
    assert not [f"{folder}/{file}" for folder, file in named if not any(f"{folder}/" in r and file in r for r in rows)]


def test_commands_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    block = "$ make run  # first\ncat a b | .venv/bin/headway translate M - \\\n  --beam 4 > out\nls\n"
    path.write_text(f"headway x\n```sh\n{block}```\nmake y\n", encoding="utf-8")
    assert list(commands(fenced(path))) == [["make", "run"], ["headway", "translate", "M", "-", "--beam", "4"]]


@pytest.mark.parametrize("line", ["make rnu", "headway trian x", "headway data lss", "headway attend --oput x"])
def test_a_command_that_does_not_exist_is_seen(line: str) -> None:
    assert [bool(fault(command)) for command in commands(line)] == [True]
