"""Files of named sets: found where they lie, or downloaded, verified and kept."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from headway.data.progress import progress
from headway.data.storage import cache_folder, check_space
from headway.errors import DataError

_TIMEOUT = 30.0  # seconds without an answer
_BLOCK = 1 << 16


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes:
        name: what it is called in the folder of its set, unpacked.
        url: where it is published, packed if the address ends in `.gz`.
        size: unpacked, in bytes of UTF-8.
        sha256: of the unpacked bytes, in UTF-8.
        encoding: of the published bytes.
    """

    name: str
    url: str
    size: int
    sha256: str
    encoding: str = "utf-8"


def find_file(set_name: str, remote: RemoteFile, *, folder: Path | None) -> Path | None:
    """The file, plain or packed, in `folder/<set>` or else in the cache."""
    places = [place / set_name for place in ([folder] if folder else []) + [cache_folder() / "sets"]]
    paths = (place / (remote.name + ending) for place in places for ending in ("", ".gz", ".xz", ".zst"))
    return next((path for path in paths if path.is_file()), None)


def fetch(set_name: str, remote: RemoteFile) -> Path:
    """Downloads one file into the cache; what does not match the hash is never kept.

    Raises:
        DataError: there is no network, the server refuses, or the bytes are others.
        CapacityError: no room in the cache.
    """
    instead = f"put the file (UTF-8) at {set_name}/{remote.name} in a folder and name the folder with HEADWAY_DATA"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise DataError(f"data set {set_name}: {remote.name} is not here and the network is switched off; {instead}")
    try:
        data = _download(remote)
    except (OSError, HTTPException, EOFError) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(f"data set {set_name}: {remote.url} cannot be fetched ({reason}); {instead}") from None
    if remote.encoding != "utf-8":
        data = data.decode(remote.encoding).encode()
    digest = hashlib.sha256(data).hexdigest()
    if digest != remote.sha256:
        raise DataError(
            f"data set {set_name}: {remote.url} is not the published file ({len(data):,} bytes, sha256 {digest[:12]}…, "
            f"expected {remote.size:,} and {remote.sha256[:12]}…); {instead}"
        )
    return _keep(cache_folder() / "sets" / set_name, remote, data)


def _download(remote: RemoteFile) -> bytes:
    """The unpacked bytes; at most one more than expected, so that no server can fill the memory."""
    with (
        urllib.request.urlopen(remote.url, timeout=_TIMEOUT) as answer,
        progress(remote.url, remote.size, "bytes") as go,
    ):
        stream = gzip.GzipFile(fileobj=answer) if remote.url.endswith(".gz") else answer
        data = bytearray()
        while block := stream.read(min(_BLOCK, remote.size + 1 - len(data))):
            data += block
            go(len(block))
        return bytes(data)


def _keep(folder: Path, remote: RemoteFile, data: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    check_space(folder, len(data))
    handle, temporary = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    return Path(temporary).replace(folder / remote.name)
