"""A word from its characters: convolutions, highways, a projection (Kim et al. 2016; Jozefowicz et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from headway.nn.linear import Linear
from headway.spec import CharacterSpec

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}


class CharacterEncoder(nn.Module):
    """Characters of words → one vector a word, whether the word was ever seen or not."""

    def __init__(self, spec: CharacterSpec, d_model: int) -> None:
        super().__init__()
        self.spec = spec
        self.table = nn.Embedding(spec.vocab_size, spec.d_character)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(spec.d_character, number, kernel_size=width) for width, number in spec.filters
        )
        self.highways = nn.ModuleList(Highway(spec.width) for _ in range(spec.num_highways))
        self.out = nn.Identity() if spec.width == d_model else Linear(spec.width, d_model)

    def forward(self, characters: Tensor) -> Tensor:
        """Ids `(..., max_length)` → `(..., d_model)`; a word that stands there often is computed once."""
        words, places = characters.flatten(0, -2).unique(dim=0, return_inverse=True)
        x = self.table(words[:, : self._reach(words)]).transpose(1, 2)  # (words, d_character, length)
        activation = ACTIVATIONS[self.spec.activation]
        x = torch.cat([activation(convolution(x).amax(-1)) for convolution in self.convolutions], -1)
        for highway in self.highways:
            x = highway(x)
        x = self.out(x)  # (words, d_model)
        return x.index_select(0, places.flatten()).unflatten(0, characters.shape[:-1])

    def _reach(self, words: Tensor) -> int:
        """How many columns matter: windows further right hold padding alone, and each width has such a one before."""
        longest = int((words != self.spec.pad_id).any(0).sum())
        return longest + max(width for width, _ in self.spec.filters)


class Highway(nn.Module):
    """x ↦ g · relu(W x) + (1 − g) · x with the gate g = σ(V x) (Srivastava et al. 2015)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.transform, self.gate = Linear(width, width), Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """`(..., width)` → `(..., width)`."""
        gate = self.gate(x).sigmoid()
        return gate * self.transform(x).relu() + (1 - gate) * x


class ScalarMix(nn.Module):
    """γ · Σ s_j h_j over the layers of a model, with s = softmax(w) (Peters et al. 2018, equation 1)."""

    def __init__(self, num_layers: int) -> None:
        """`num_layers` counts the vectors of the words as one."""
        super().__init__()
        self.weights, self.scale = nn.Parameter(torch.zeros(num_layers)), nn.Parameter(torch.ones(()))

    def forward(self, layers: list[Tensor]) -> Tensor:
        """Of each layer `(..., width)` → `(..., width)`: at first their mean."""
        shares = self.weights.softmax(0)
        return self.scale * torch.stack([share * layer for share, layer in zip(shares, layers, strict=True)]).sum(0)
