"""Every command has one line of help, the same in the table of `headway --help`, and an example that it understands."""

from pathlib import Path

import pytest

from headway.cli import main as command_line
from tests.architecture.shell import commands, fault

COMMANDS = command_line.COMMANDS


def test_the_table_holds_every_command() -> None:
    files = {path.stem for path in Path(command_line.__file__).parent.glob("*.py")} - {"__init__", "main", "options"}
    assert set(COMMANDS) == files


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = command_line.load(name)
    assert COMMANDS[name] == command.HELP
    examples = list(commands(command.EXAMPLE))
    assert ["headway", name] in [words[:2] for words in examples]
    assert not [what for words in examples if (what := fault(words))]
    assert command_line.main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert command.HELP in shown
    assert all(line in shown for line in command.EXAMPLE.split("\n"))
