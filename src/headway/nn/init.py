"""Fresh weights: the matrices of the blocks Xavier (Glorot & Bengio 2010) or normal, embeddings normal, biases zero."""

from __future__ import annotations

import torch
from torch import nn

from headway.nn.block import Block
from headway.nn.linear import Linear
from headway.nn.stack import Stack
from headway.spec import InitSpec


def initialise(model: nn.Module, spec: InitSpec, d_model: int) -> None:
    """Draw all matrices of `model` from torch's default generator; norms keep gain one and bias zero."""
    for module in model.modules():
        if isinstance(module, Linear):
            if spec.scheme == "xavier":
                nn.init.xavier_uniform_(module.weight)
            else:
                nn.init.normal_(module.weight, std=spec.std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    embedding_std = d_model**-0.5 if spec.embedding_std is None else spec.embedding_std
    for module in model.modules():  # after the linear layers: a tied head is an embedding
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=embedding_std)
    if spec.shrinks_residual:
        _shrink_residual(model)


@torch.no_grad()
def _shrink_residual(model: nn.Module) -> None:
    """A stack of n layers is a sum of 2n outputs: drawn this much smaller, it varies as one of them."""
    for stack in (module for module in model.modules() if isinstance(module, Stack)):
        blocks = [module for module in stack.modules() if isinstance(module, Block)]
        for block in blocks:
            block.attention.out.weight.mul_((2 * len(blocks)) ** -0.5)
            block.feed_forward.down.weight.mul_((2 * len(blocks)) ** -0.5)
