"""The dispatcher: what a user can cause ends in one sentence and the promised status, never in a traceback."""

import argparse
import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from headway import errors
from headway.cli import main as command_line
from headway.cli.main import main
from headway.config import DecodingConfig
from headway.decoding.generate import BATCH_TOKENS
from headway.tasks.rows import TOKENS

Run = Callable[[argparse.Namespace], int]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Adds a command `fake` with an argument WORD, a flag `--beam N` and the given behaviour."""

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("word", metavar="WORD")
        parser.add_argument("--beam", type=int, default=1)

    def put(run: Run, **more: object) -> None:
        module = ModuleType("headway.cli.fake")
        given = {"HELP": "fakes", "EXAMPLE": "headway fake x", "add_arguments": add_arguments, "run": run}
        vars(module).update(given, **more)
        monkeypatch.setitem(sys.modules, "headway.cli.fake", module)
        monkeypatch.setitem(command_line.COMMANDS, "fake", "fakes")

    return put


def test_a_command_gets_its_arguments(install: Callable[..., None]) -> None:
    seen = []
    install(lambda arguments: seen.append((arguments.word, arguments.beam)) or 7)
    assert main(["fake", "x", "--beam", "3"]) == 7
    assert seen == [("x", 3)]


def too_large_for_torch() -> None:
    torch.empty(2**60)


def raises(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("happens", "status", "told"),
    [
        (raises(errors.ConfigError("d_model 5 is odd")), 2, "d_model 5 is odd"),
        (raises(errors.DataError("a.tsv:3: two columns")), 3, "a.tsv:3: two columns"),
        (raises(errors.Interrupted("headway resume runs/x")), 130, "headway resume runs/x"),
        (raises(KeyboardInterrupt()), 130, "interrupted"),
        (raises(MemoryError()), 4, "memory; lower --beam (--debug shows"),
        (raises(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")), 4, "memory; lower --beam ("),
        (too_large_for_torch, 4, "memory; lower --beam (--debug shows"),
        (raises(OSError(errno.ENOSPC, "No space left on device", "runs/x")), 4, "disk is full at runs/x"),
        (raises(FileNotFoundError(errno.ENOENT, "No such file or directory", "a.txt")), 3, "a.txt: No such file"),
        (lambda: b"\xff".decode("utf-8"), 3, "not UTF-8"),
    ],
)
def test_what_a_user_can_cause(
    install: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    happens: Callable[[], None],
    status: int,
    told: str,
) -> None:
    install(lambda arguments: happens() or 0)
    assert main(["fake", "x"]) == status
    out, err = capsys.readouterr()
    assert (out, err[:9], err.count("\n")) == ("", "headway: ", 1)
    assert told in err
    for line in (["--debug", "fake", "x"], ["fake", "x", "--debug"]):
        assert main(line) == status
        assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "lower"),
    [
        ("translate model", "lower --batch-tokens or --beam or --max-length ("),
        ("generate model", "lower --batch-tokens or --beam or --num or --max-new-tokens ("),
        ("embed model", "lower --batch-tokens ("),
        ("attend model text", "give a shorter text ("),
        ("train quickstart", "lower --training.batch_tokens (or raise"),
        ("resume runs/x", "a run goes on as it began"),
        ("evaluate runs/x", "lower --beam or --data.max_length ("),
        ("convert a b --to headway", "make room, or give it less at once ("),
    ],
)
def test_where_memory_ends_a_command_says_what_of_it_can_be_lowered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, lower: str
) -> None:
    name = words.split(maxsplit=1)[0]
    monkeypatch.setattr(command_line.load(name), "run", lambda arguments: raises(MemoryError())())
    assert main(words.split()) == 4
    assert f"not enough memory; {lower}" in capsys.readouterr().err


SIZES = [("generate", BATCH_TOKENS), ("translate", BATCH_TOKENS), ("embed", TOKENS), ("augment", TOKENS)]


@pytest.mark.parametrize(("name", "tokens"), SIZES)
def test_what_is_declared_without_torch_is_what_the_library_takes(name: str, tokens: int) -> None:
    command_line.load(name).add_arguments(parser := argparse.ArgumentParser())
    assert parser.get_default("batch_tokens") == tokens
    assert DecodingConfig().batch_tokens == BATCH_TOKENS


OPENING = {"fill", "classify", "tag", "answer", "embed", "generate", "attend", "convert"}


@pytest.mark.parametrize("name", sorted({*OPENING, "translate", "info"}))
def test_every_command_opens_a_model_with_the_same_options(name: str) -> None:
    def helped(command: str) -> dict[str, str | None]:
        parser = command_line.parser_of(command, command_line.load(command))
        return {action.option_strings[0]: action.help for action in parser._actions if action.option_strings}

    given, usual = helped(name), helped("fill")
    for option in ("--revision", "--offline"):
        assert given[option] == usual[option]
    assert given.get("--allow-missing") == (usual["--allow-missing"] if name in OPENING else None)


ASKED = 99  # the status of a process that looked up an address
ASKING = f"""\
import os, socket, sys
socket.getaddrinfo = lambda *given, **more: os._exit({ASKED})
from headway.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ("train classify --offline --data.train a.tsv --model.init nobody/model", 3, "the network is switched off"),
        ("data show hub:nobody/rows --offline", 3, "OfflineModeIsEnabled"),
        ("data show hub:nobody/rows", ASKED, ""),
    ],
)
def test_offline_no_name_is_looked_up(tmp_path: Path, words: str, status: int, told: str) -> None:
    (tmp_path / "a.tsv").write_text("text\tlabel\n" + "one\ta\ntwo\tb\n" * 4, encoding="utf-8")
    env = {**os.environ, "HF_HUB_OFFLINE": "", "HF_HOME": str(tmp_path), "HEADWAY_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", ASKING, *words.split()]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=env)
    assert (done.returncode, told in done.stderr) == (status, True), done.stderr


def test_a_fault_of_the_program_is_not_hidden(install: Callable[..., None]) -> None:
    install(lambda arguments: {}["no such key"])
    with pytest.raises(KeyError):
        main(["fake", "x"])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["trian"], "did you mean train?"),
        (["--hlep"], "there is no command --hlep"),
        (["fake", "x", "--baem", "3"], "did you mean --beam?"),
        (["fake", "x", "--bea", "3"], "did you mean --beam?"),
        (["fake"], "WORD"),
        (["fake", "x", "--beam", "many"], "invalid int value: 'many'"),
        ([], "usage: headway COMMAND"),
    ],
)
def test_wrong_usage(
    install: Callable[..., None], capsys: pytest.CaptureFixture[str], line: list[str], told: str
) -> None:
    install(lambda arguments: 0)
    assert main(line) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err


@pytest.mark.parametrize(
    ("line", "word", "rest"),
    [
        (["x", "--training.max_steps", "100"], "x", ["--training.max_steps", "100"]),
        (["--training.max_steps", "100", "x"], "x", ["--training.max_steps", "100"]),
        (["--seed=2", "x", "--beam", "3"], "x", ["--seed=2"]),
        (["x", "--a.b", "-1", "--c.d"], "x", ["--a.b", "-1", "--c.d"]),
        (["--a.b=1", "--", "--x"], "--x", ["--a.b=1"]),
        (["--a.b", "--beam", "3", "x"], "x", ["--a.b"]),
    ],
)
def test_keys_of_the_configuration_are_set_aside(
    install: Callable[..., None], line: list[str], word: str, rest: list[str]
) -> None:
    seen = []
    install(lambda arguments: seen.append((arguments.word, arguments.rest)) or 0, PASS_REST=True)
    assert main(["fake", *line]) == 0
    assert seen == [(word, rest)]


def test_the_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("headway 0.")


PROGRAM = """
import sys
from types import ModuleType
from headway.cli import main as command_line

fake = ModuleType("fake")
fake.HELP = fake.EXAMPLE = "fake"
fake.add_arguments = lambda parser: parser.add_argument("lines", type=int)
fake.run = lambda arguments: [print(line, end="") for line in sys.stdin for _ in range(arguments.lines)] and 0
sys.modules["headway.cli.fake"] = fake
command_line.COMMANDS["fake"] = "fake"
sys.exit(command_line.main())
"""


def fake_process(*words: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONUNBUFFERED": "", "PYTHONCOERCECLOCALE": "0"}
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", PROGRAM, *words]
    return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe)


def test_text_is_utf8_and_ends_at_line_feeds_in_every_locale() -> None:
    text = "한국어\u2028한 줄\r둘\r\n끝\n".encode()
    with fake_process("fake", "1") as process:
        assert process.communicate(text) == (text, b"")


def test_damaged_input_is_told() -> None:
    with fake_process("fake", "1") as process:
        out, err = process.communicate(b"caf\xe9\n")
    assert (process.returncode, out) == (3, b"")
    assert err.startswith(b"headway: the text is not UTF-8")


@pytest.mark.parametrize("copies", ["1", "100000"])
def test_a_reader_that_leaves_is_no_error(copies: str) -> None:
    """Neither where the output is still buffered when the command ends, nor where it is written before."""
    with fake_process("fake", copies) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(b"line\n")
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_python_m_headway_is_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "headway", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.startswith("usage: headway COMMAND")
    assert all(f"\n  {name} " in done.stdout for name in command_line.COMMANDS)
