"""The lines that documents show for several processes reach `headway` as they were typed: torchrun reads them first."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from headway.cli import train

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "several-processes.md"


def shown() -> list[str]:
    """Every whole command line that begins with torchrun, of the guide and of the help of `headway train`."""
    import argparse

    parser = argparse.ArgumentParser()
    parser.epilog = ""
    train.add_arguments(parser)
    lines = GUIDE.read_text(encoding="utf-8").split("\n")
    of_help = [
        line[line.index("torchrun") :].partition(" (")[0] for line in parser.epilog.split("\n") if "torchrun" in line
    ]
    return [line for line in lines if line.startswith("torchrun ")] + of_help


def test_what_is_shown_arrives(capsys: pytest.CaptureFixture[str]) -> None:
    from torch.distributed.run import get_args_parser

    lines = shown()
    assert len(lines) >= 3
    for line in lines:
        words = [*shlex.split(line)[1:], "--run", "DIR", "--reuse", "--training.max_steps", "3"]
        found = get_args_parser().parse_args(words)
        assert found.module
        assert found.training_script == "headway", line
        after = words[words.index("headway") + 1 :]
        assert found.training_script_args == after, line
