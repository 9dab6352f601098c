"""What the documents tell a reader to type exists: each `headway …` and each `make …` of a fenced block."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.cli import main as command_line
from headway.config import fields, parse_overrides
from headway.errors import HeadwayError

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def commands(text: str) -> Iterator[list[str]]:
    """The commands in the fenced blocks of a Markdown text, cut at pipes and redirections, without the prompt."""
    for block in re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").split("\n"):
            if not re.match(r"\s*(\$ )?(.*\| *)?([\w./]*/)?(headway|make) ", line):
                continue
            lexer = shlex.shlex(line.strip().removeprefix("$ "), posix=True, punctuation_chars=True)
            lexer.commenters = "#"
            command: list[str] = []
            for word in [*lexer, ";"]:
                if set(word) <= set("|&;<>()"):
                    if command and command[0].rpartition("/")[2] in ("headway", "make"):
                        yield [command[0].rpartition("/")[2], *command[1:]]
                    command = []
                else:
                    command.append(word)


def fault(command: list[str]) -> str | None:
    """What is wrong with a command, or `None`."""
    program, *words = command
    if program == "make":
        unknown = [word for word in words if "=" not in word and word not in TARGETS]
        return f"no such target: {unknown}" if unknown else None
    if words[0] in ("--help", "--version"):
        return None
    try:
        arguments = command_line.parse(words[0], command_line.load(words[0]), words[1:])
        unknown = [key for key, _ in parse_overrides(getattr(arguments, "rest", [])) if key not in fields()]
    except HeadwayError as error:
        return str(error)
    except SystemExit as answered:
        return "wrong usage" if answered.code else None
    return f"no such key: {unknown}" if unknown else None


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_a_document_exists(path: Path) -> None:
    faults = {shlex.join(command): fault(command) for command in commands(path.read_text(encoding="utf-8"))}
    assert not {command: what for command, what in faults.items() if what}


def test_the_readme_shows_commands() -> None:
    programs = [command[0] for command in commands((ROOT / "README.md").read_text(encoding="utf-8"))]
    assert {"headway", "make"} <= set(programs)


def test_commands_are_found() -> None:
    block = "$ make run  # first\ncat a b | .venv/bin/headway translate M - \\\n  --beam 4 > out\nls\n"
    text = f"Run `headway x`.\n```sh\n{block}```\n"
    assert list(commands(text)) == [["make", "run"], ["headway", "translate", "M", "-", "--beam", "4"]]
    assert fault(["make", "rnu"])
    assert fault(["headway", "trian"])
