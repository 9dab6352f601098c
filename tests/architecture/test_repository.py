"""The repository serves every machine: no file that git holds names a folder of the one it was written on."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MACHINE_PATH = re.compile(rb"(?<![\w.~-])/(?:work|home|root|Users|farm|mnt)/[\w.-]+")
OUTSIDE = re.compile(rb"\.\./shared\b")


@pytest.fixture
def git() -> Callable[..., list[str]]:
    """Lists files of the repository, as `git ls-files` does."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git repository")

    def names(*words: str) -> list[str]:
        listed = subprocess.run(["git", "ls-files", "-z", *words], cwd=ROOT, capture_output=True, check=True).stdout
        return [name for name in listed.decode().split("\0") if name]

    return names


def test_no_machine_path(git: Callable[..., list[str]]) -> None:
    found = []
    for name in git():
        if name == str(Path(__file__).relative_to(ROOT)) or not (ROOT / name).is_file():
            continue
        content = (ROOT / name).read_bytes()
        found += [f"{name}: {path.decode()}" for path in MACHINE_PATH.findall(content)]
        if name != ".ci/run" and OUTSIDE.search(content):
            found.append(f"{name}: only .ci/run knows where the shared data sets lie")
    assert not found, "\n".join(found)


def test_git_ignores_no_source(git: Callable[..., list[str]]) -> None:
    """The wheel leaves out what git ignores: a pattern such as `runs/` without a slash in front also hits src."""
    ignored = git("--others", "--ignored", "--exclude-standard", "--", "src", "tests")
    ignored += git("--cached", "--ignored", "--exclude-standard", "--", "src", "tests")
    assert not [name for name in ignored if "__pycache__" not in name]


@pytest.mark.parametrize("path", [b'open("/root/x")', b"=/home/me/data"])
def test_a_machine_path_is_seen(path: bytes) -> None:
    assert MACHINE_PATH.search(path)
    assert not MACHINE_PATH.search(b"see https://example.org/root/paper.pdf and ~/root/x and a/root/b")
