"""Normalisation over the features of one token (Ba et al. 2016; Zhang & Sennrich 2019), by name."""

from __future__ import annotations

from torch import nn

NORMS: dict[str, type[nn.LayerNorm] | type[nn.RMSNorm]] = {"layer": nn.LayerNorm, "rms": nn.RMSNorm}


def norm_of(kind: str, d_model: int, eps: float) -> nn.Module:
    """A fresh norm over `d_model` features."""
    return NORMS[kind](d_model, eps=eps)
