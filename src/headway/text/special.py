"""Special pieces: which roles there are, and how a tokenizer's files name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tokenizers import AddedToken
from tokenizers import Tokenizer as RustTokenizer

from headway.errors import HeadwayError

ROLES = {
    "pad": ("pad_token",),
    "unk": ("unk_token",),
    "start": ("bos_token", "cls_token"),
    "end": ("eos_token", "sep_token"),
    "mask": ("mask_token",),
}
NAMES = tuple(key for keys in ROLES.values() for key in keys)
_STRIPS = ("lstrip", "rstrip", "single_word", "normalized")


def roles(settings: Mapping[str, Any], rust: RustTokenizer) -> dict[str, int]:
    """The id of each role whose piece is named by the settings and is in the vocabulary."""
    found: dict[str, int] = {}
    for role, keys in ROLES.items():
        for key in keys:
            piece = written(settings.get(key))
            index = rust.token_to_id(piece) if piece else None
            if index is not None:
                found.setdefault(role, index)
    return found


def written(named: object) -> str | None:
    """The piece that a setting names: the text itself, or an object with a `content`.

    >>> written("<s>"), written({"content": "</s>", "lstrip": False}), written(None)
    ('<s>', '</s>', None)
    """
    if isinstance(named, dict):
        named = named.get("content")
    return named if isinstance(named, str) else None


def added_token(named: object, *, special: bool = True, lstrip: bool = False) -> AddedToken | None:
    """The piece that a setting names, with what it says about the blanks around it; `None` where it names none."""
    piece = written(named)
    if not piece:
        return None
    options = {"lstrip": lstrip, "normalized": False}
    if isinstance(named, dict):
        options |= {key: bool(named[key]) for key in _STRIPS if key in named}
        special = bool(named.get("special", special))
    return AddedToken(piece, special=special, **options)


@contextmanager
def library_errors() -> Iterator[None]:
    """Raises whatever the Rust library raises, its panics included, as ValueError; our own errors pass."""
    try:
        yield
    except (HeadwayError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # bare Exception, and PanicException, which is none
        raise ValueError(str(error)) from error
