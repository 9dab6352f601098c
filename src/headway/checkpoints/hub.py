"""Models of the Hugging Face hub: which folder on this machine holds one, and how one is published. Without torch."""

from __future__ import annotations

import difflib
import errno
import os
import re
from pathlib import Path

from headway.checkpoints.header import Entry
from headway.errors import CheckpointError, ConfigError

_NAME = re.compile(r"(?P<name>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")
_DESCRIPTIONS = ("*.json", "*.txt", "*.model", "*.spm", "config.yaml", "source/*", "target/*", "README.md")
_WEIGHTS = ("model.safetensors", "model-*-of-*.safetensors")
_PICKLES = ("pytorch_model.bin", "pytorch_model-*-of-*.bin")


def find(model: str | Path, *, revision: str | None = None, offline: bool = False, weights: bool = True) -> Path:
    """The folder of a model: itself where it is one here, else that of the hub's `owner/name` or `owner/name@revision`.

    Only weights that can be read are downloaded, and pickled ones only where there are no others.

    Args:
        model: a folder, or the name of a repository.
        revision: a branch, a tag or a commit; None: the main branch.
        offline: look into the cache of the hub only, as with `HF_HUB_OFFLINE=1`.
        weights: fetch these too.

    Raises:
        CheckpointError: there is neither; the message says what to do.
        ConfigError: a revision of a folder was asked for.
    """
    path = Path(model)
    if path.is_dir():
        if revision is not None:
            raise ConfigError(f"{path} is a folder on this machine, which has no revision {revision}; leave it out")
        return path
    found = _NAME.fullmatch(str(model))
    if path.exists() or found is None or str(model).startswith((".", "~", "runs/")):
        expected = "expected the folder of a run, a Hugging Face folder, or a hub id such as owner/name"
        raise CheckpointError(f"{path} is no folder; {_instead_of(path) or expected}")
    name, revision = found["name"], revision or found["revision"]
    folder = _snapshot(name, revision, offline, [*_DESCRIPTIONS, *(_WEIGHTS if weights else ())])
    if weights and not any(folder.glob("model*.safetensors")):
        folder = _snapshot(name, revision, offline, [*_DESCRIPTIONS, *_PICKLES])
    return folder


def _instead_of(path: Path) -> str:
    """What is called nearly as a folder that was named, beside it or in `runs`; in `runs`, else what is there."""
    for place in (path, Path("runs") / path.name) if len(path.parts) == 1 else (path,):
        names = sorted(each.name for each in place.parent.iterdir() if each.is_dir()) if place.parent.is_dir() else []
        if close := difflib.get_close_matches(place.name, names, n=1):
            return f"did you mean {place.parent / close[0]}?"
        if names and path.parent == Path("runs"):
            return f"in runs: {', '.join(names[:8])}{f' and {len(names) - 8} more' if len(names) > 8 else ''}"
    return ""


def is_offline(asked: bool = False) -> bool:
    """Whether the network must not be touched: because it was asked for, or by `HF_HUB_OFFLINE`."""
    return asked or os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def _snapshot(name: str, revision: str | None, offline: bool, patterns: list[str]) -> Path:
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(
            snapshot_download(name, revision=revision, allow_patterns=patterns, local_files_only=is_offline(offline))
        )
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        is_there = isinstance(error, errors.GatedRepoError | errors.RevisionNotFoundError)
        close = "" if is_there else _instead_of(Path(name))
        raise _explained(error, name, revision, is_offline(offline), close) from None


def _explained(error: Exception, name: str, revision: str | None, offline: bool, close: str = "") -> CheckpointError:
    """What a user can do about an error of the client library; `close` names a folder that may have been meant."""
    from huggingface_hub import errors

    where = f"{name}{'' if revision is None else f' at revision {revision}'}"
    fetch = f"fetch it with `hf download {name}` where there is a network"
    instead = f"{fetch}, and name the folder it lies in"
    match error:
        case errors.GatedRepoError():
            said = (
                "it may only be had by those who accepted its terms: accept them on its page, then run `hf auth login`"
            )
        case errors.RevisionNotFoundError():
            said = "the hub has no such revision of it; name a branch, a tag or a commit"
        case errors.RepositoryNotFoundError():
            said = "the hub has no such model, or it is private (`hf auth login`); nor is there a folder of this name"
        case errors.HFValidationError():
            said = "that is no name of a model on the hub, and there is no folder of this name"
        case _ if offline:
            said = (
                f"it is neither a folder here nor in the cache of the hub, and the network is switched off; {instead}"
            )
        case errors.HfHubHTTPError():
            said = f"the hub answered: {str(error).strip().partition(chr(10))[0]:.200}"
        case _:
            said = f"it is no folder here, and cannot be fetched ({_reason(error)}); {instead}"
    if close:
        said = f"no such folder; {close} As a name of the hub: {said}"
    return CheckpointError(f"{where}: {said}")


def remote_headers(name: str, revision: str | None = None) -> dict[str, Entry]:
    """The tensors of a repository, from the headers of its safetensors files; empty where it has none.

    Raises:
        CheckpointError: the repository cannot be reached.
    """
    from huggingface_hub import HfApi, errors

    try:
        found = HfApi().get_safetensors_metadata(name, revision=revision)
    except errors.NotASafetensorsRepoError:
        return {}
    except Exception as error:
        raise _explained(error, name, revision, is_offline()) from None
    return {
        tensor: Entry(Path(file), facts.dtype, tuple(facts.shape), 0)
        for file, header in found.files_metadata.items()
        for tensor, facts in header.tensors.items()
    }


def publish(folder: Path, name: str, *, private: bool, message: str) -> str:
    """Upload everything in `folder` as the repository `owner/name`, which is made where there is none; its address.

    Raises:
        CheckpointError: it cannot be done; the message says what to do.
    """
    from huggingface_hub import HfApi

    if is_offline():
        raise CheckpointError(f"{name}: the network is switched off by HF_HUB_OFFLINE; unset it to publish")
    api = HfApi()
    try:
        made = api.create_repo(name, private=private, exist_ok=True)
        api.upload_folder(repo_id=made.repo_id, folder_path=folder, commit_message=message)
    except Exception as error:
        if getattr(getattr(error, "response", None), "status_code", None) in (401, 403):
            raise CheckpointError(
                f"{name}: the hub does not let you write there; run `hf auth login` with a token that may write"
            ) from None
        raise CheckpointError(f"{name}: cannot be published ({_reason(error)}); nothing here was changed") from None
    return str(made)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]:.200}"
