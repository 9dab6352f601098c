"""Fresh weights: the matrices of the blocks Xavier (Glorot & Bengio 2010) or normal, embeddings normal, biases zero."""

from __future__ import annotations

from torch import nn

from headway.nn.linear import Linear
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
