"""The hub on this side of the network: the real client library talks to it, only its transport is replaced."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

SHA = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Repositories as names and files; keeps what was asked."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.asked: list[str] = []
        self.is_down = False
        self.may_write = True

    def put(self, name: str, folder: Path) -> None:
        """Every file of a folder, as the repository `name`."""
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        self.repositories[name] = files

    @property
    def downloaded(self) -> set[str]:
        """The files whose content was sent."""
        return {
            line.rpartition(f"/resolve/{SHA}/")[2]
            for line in self.asked
            if line.startswith("GET /") and "/resolve/" in line
        }

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """What the hub would say."""
        if self.is_down:
            raise httpx2.ConnectError("no route to host", request=request)
        path = request.url.path
        self.asked.append(f"{request.method} {path}")
        if found := re.fullmatch(r"/(.+)/resolve/([^/]+)/(.+)", path):
            return self._file(request, *found.groups())
        if found := re.fullmatch(r"/api/models/(.+?)(?:/(revision|tree|preupload|commit)/(.+))?", path):
            return self._api(request, *found.groups())
        if path == "/api/repos/create":
            if not self.may_write:
                return _error(403, "Forbidden")
            given = json.loads(request.content)
            name = "/".join(filter(None, (given.get("organization"), given["name"])))
            self.repositories.setdefault(name, {})
            return httpx2.Response(200, json={"url": f"https://huggingface.co/{name}", "name": name})
        if path == "/api/validate-yaml":
            return httpx2.Response(200, json={"errors": [], "warnings": []})
        return _error(404, "NotFound")

    def _file(self, request: httpx2.Request, name: str, revision: str, path: str) -> httpx2.Response:
        content = self.repositories.get(name, {}).get(path)
        if content is None:
            return _error(404, "EntryNotFound")
        headers = {"X-Repo-Commit": SHA, "ETag": f'"{_oid(content)}"', "Accept-Ranges": "bytes"}
        if request.method == "HEAD":
            return httpx2.Response(200, headers={**headers, "Content-Length": str(len(content))})
        if wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", "")):
            content = content[int(wanted[1]) : int(wanted[2]) + 1 if wanted[2] else None]
            return httpx2.Response(206, headers=headers, content=content)
        return httpx2.Response(200, headers=headers, content=content)

    def _api(self, request: httpx2.Request, name: str, what: str | None, revision: str | None) -> httpx2.Response:
        if name not in self.repositories:
            return _error(
                404 if name != "owner/gated" else 403, "RepoNotFound" if name != "owner/gated" else "GatedRepo"
            )
        files = self.repositories[name]
        if what == "preupload":
            paths = [file["path"] for file in json.loads(request.content)["files"]]
            modes = [{"path": path, "uploadMode": "regular", "shouldIgnore": False, "oid": None} for path in paths]
            return httpx2.Response(200, json={"files": modes})
        if what == "commit":
            for line in request.content.decode().split("\n"):
                entry: dict[str, Any] = json.loads(line) if line else {}
                if entry.get("key") == "file":
                    files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            return httpx2.Response(
                200, json={"commitUrl": f"https://huggingface.co/{name}/commit/{SHA}", "commitOid": SHA}
            )
        if revision not in (None, "main", SHA):
            return _error(404, "RevisionNotFound")
        if what == "tree":
            tree = [{"type": "file", "path": p, "size": len(c), "oid": _oid(c)} for p, c in files.items()]
            return httpx2.Response(200, json=tree)
        return httpx2.Response(200, json={"id": name, "sha": SHA, "siblings": [], "private": False})


def _oid(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _error(status: int, code: str) -> httpx2.Response:
    return httpx2.Response(status, headers={"X-Error-Code": code, "X-Error-Message": code}, json={"error": code})


@contextmanager
def fake_hub(cache: Path) -> Iterator[FakeHub]:
    """The client library, its cache in `cache`, talking to a `FakeHub`; on line, whatever the tests are."""
    import huggingface_hub
    from huggingface_hub import constants

    hub = FakeHub()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HF_HUB_OFFLINE", raising=False)
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(constants, "HF_HUB_CACHE", str(cache))
        huggingface_hub.set_client_factory(
            lambda: httpx2.Client(transport=httpx2.MockTransport(hub.answer), follow_redirects=False)
        )
        try:
            yield hub
        finally:
            huggingface_hub.set_client_factory(httpx2.Client)
