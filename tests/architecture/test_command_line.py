"""Every command has one line of help, the same in the table of `headway --help`, and an example that it understands."""

import shlex
from pathlib import Path

import pytest

from headway.cli import main as command_line

COMMANDS = command_line.COMMANDS


def test_the_table_holds_every_command() -> None:
    files = {path.stem for path in Path(command_line.__file__).parent.glob("*.py")} - {"__init__", "main"}
    assert set(COMMANDS) == files


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = command_line.load(name)
    assert COMMANDS[name] == command.HELP
    for line in command.EXAMPLE.strip().split("\n"):
        words = shlex.split(line, comments=True)
        assert words[:2] == ["headway", name]
        command_line.parse(name, command, words[2:])
    assert command_line.main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert command.HELP in shown
    assert all(line in shown for line in command.EXAMPLE.split("\n"))
