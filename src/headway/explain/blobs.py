"""Attention weights as bytes: one a weight, square-rooted, half of a causal matrix left out, deflated where shorter.

A weight `a` travels as `b = round(255·sqrt(a))` (`u8s`), so that small weights keep their digits: the largest error is
0.0039, less than the two digits a page prints. The byte is also the index into a square-root colour scale, so a page
paints without decoding.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway.errors import CheckpointError

Weights = NDArray[np.float32]
Blob = dict[str, Any]


def u8s(weights: Weights) -> NDArray[np.uint8]:
    """Weights in 0..1 as square-rooted bytes, same shape.

    Raises:
        CheckpointError: a weight is not a finite number.
    """
    if not np.isfinite(weights).all():
        raise CheckpointError(
            "attention weights hold NaN or infinity, expected numbers from 0 to 1: the model has diverged; "
            "take an earlier checkpoint"
        )
    return np.rint(255.0 * np.sqrt(np.clip(weights, 0.0, 1.0))).astype(np.uint8)


def pack(codes: NDArray[np.uint8], *, causal: bool = False) -> Blob:
    """Bytes `(..., queries, keys)` in C order as a JSON object; with `causal`, row i holds keys 0..i only."""
    blob: Blob = {"shape": list(codes.shape), "dtype": "u8s"}
    if causal:
        blob["tri"] = True
        rows, keys = np.tril_indices(codes.shape[-2], 0, codes.shape[-1])
        codes = codes[..., rows, keys]
    raw = codes.tobytes()
    engine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = engine.compress(raw) + engine.flush()
    if len(deflated) < len(raw):
        blob["enc"] = "deflate-raw"
    blob["bytes"] = len(raw)
    blob["data"] = base64.b64encode(min(raw, deflated, key=len)).decode("ascii")
    return blob


def unpack(blob: Blob) -> Weights:
    """The weights of a packed object, float32 in its full shape: what the page reads, for tests and notebooks."""
    raw = base64.b64decode(blob["data"])
    codes = np.frombuffer(zlib.decompress(raw, -zlib.MAX_WBITS) if "enc" in blob else raw, np.uint8)
    full: NDArray[np.uint8] = np.zeros(tuple(blob["shape"]), np.uint8)
    if blob.get("tri"):
        rows, keys = np.tril_indices(full.shape[-2], 0, full.shape[-1])
        full[..., rows, keys] = codes.reshape(*full.shape[:-2], len(rows))
    else:
        full[...] = codes.reshape(full.shape)
    return (full.astype(np.float32) / 255.0) ** 2


def thumbnails(codes: NDArray[np.uint8], side: int = 32) -> NDArray[np.uint8]:
    """Each matrix `(..., queries, keys)` at most `side` a side, each patch its maximum, so a thin diagonal stays."""
    for axis in (-2, -1):
        length = codes.shape[axis]
        cuts = np.arange(min(length, side)) * length // min(length, side)
        codes = np.maximum.reduceat(codes, cuts, axis=axis)
    return codes
