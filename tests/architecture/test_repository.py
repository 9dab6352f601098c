"""The repository serves every machine: no file that git holds names a folder of the one it was written on."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MACHINE_PATH = re.compile(rb"(?<![\w.~-])/(?:work|home|root|Users|farm|mnt)/[\w.-]+")
OUTSIDE = re.compile(rb"\.\./shared\b")


def test_no_machine_path() -> None:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git repository")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    found = []
    for name in filter(None, listed.decode().split("\0")):
        if name == str(Path(__file__).relative_to(ROOT)) or not (ROOT / name).is_file():
            continue
        content = (ROOT / name).read_bytes()
        found += [f"{name}: {path.decode()}" for path in MACHINE_PATH.findall(content)]
        if name != ".ci/run" and OUTSIDE.search(content):
            found.append(f"{name}: only .ci/run knows where the shared data sets lie")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", [b"cd /work/main", b'open("/root/x")', b"=/home/me/data"])
def test_a_machine_path_is_seen(path: bytes) -> None:
    assert MACHINE_PATH.search(path)
    assert not MACHINE_PATH.search(b"see https://example.org/work/paper.pdf and ~/work/x and a/work/b")
