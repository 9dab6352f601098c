"""Commands that a document or a help text tells a reader to type, and whether they exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from headway.cli import main as command_line
from headway.config import fields, parse_overrides
from headway.errors import HeadwayError

MAKEFILE = Path(__file__).parents[2] / "Makefile"
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE.read_text(encoding="utf-8"), flags=re.MULTILINE))


def commands(text: str) -> Iterator[list[str]]:
    """Every `headway …` and `make …` of some lines of shell, cut at pipes and redirections, without the prompt."""
    for line in text.replace("\\\n", " ").split("\n"):
        if not re.match(r"\s*(\$ )?(.*\| *)?([\w./]*/)?(headway|make) ", line):
            continue
        lexer = shlex.shlex(line.strip().removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
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
