"""Fresh weights: Xavier (Glorot & Bengio 2010), normal, or normal by the number of inputs; biases zero."""

from __future__ import annotations

import torch
from torch import nn

from headway.nn.attention import Attention
from headway.nn.linear import Linear
from headway.nn.positions import RelativeBias
from headway.nn.stack import Stack
from headway.spec import InitSpec


def initialise(model: nn.Module, spec: InitSpec, d_model: int) -> None:
    """Draw all matrices of `model` from torch's default generator; norms keep gain one and bias zero.

    On the `meta` device there is nothing to draw.
    """
    if any(weight.is_meta for weight in model.parameters()):
        return
    for module in model.modules():
        if isinstance(module, Linear):
            _draw(module, spec)
    embedding_std = d_model**-0.5 if spec.embedding_std is None else spec.embedding_std
    for module in model.modules():  # after the linear layers: a tied head is an embedding
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=embedding_std)
    with torch.no_grad():
        for module in model.modules():
            _adapt(module, spec, d_model)


def _draw(linear: Linear, spec: InitSpec) -> None:
    if spec.scheme == "xavier":
        nn.init.xavier_uniform_(linear.weight)
    else:
        nn.init.normal_(linear.weight, std=spec.std if spec.scheme == "normal" else linear.in_features**-0.5)
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)


def _adapt(module: nn.Module, spec: InitSpec, d_model: int) -> None:
    """What some modules need beyond their scheme."""
    if isinstance(module, RelativeBias):
        nn.init.normal_(module.table.weight, std=d_model**-0.5)  # added to scores, so no embedding
    elif isinstance(module, Attention) and spec.scheme == "fan_in" and module.scale == 1.0:
        module.query.weight.mul_(module.head_dim**-0.5)  # instead of the scores (Raffel et al. 2020)
    elif isinstance(module, Stack) and spec.shrinks_residual:
        for name, weight in module.named_parameters():
            if name.endswith(("attention.out.weight", "feed_forward.down.weight")):
                weight.mul_((2 * len(module.blocks)) ** -0.5)
