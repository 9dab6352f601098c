"""What stands on a stack: the projection to the vocabulary, the pooler, and the projections to labels."""

from __future__ import annotations

from torch import Tensor, nn

from headway.nn.dropout import Dropout
from headway.nn.feed_forward import ACTIVATIONS
from headway.nn.linear import Linear
from headway.nn.masks import Layout
from headway.nn.norms import norm_of
from headway.nn.pooling import mean
from headway.spec import HeadSpec, LabelHeadSpec, StackSpec


class LanguageHead(Linear):
    """The projection to the vocabulary: a `Linear`, with what must happen to hidden states before it."""

    def __init__(self, spec: HeadSpec, d_model: int, embedding: nn.Embedding, norm_eps: float = 1e-5) -> None:
        """`embedding` gives the size of the vocabulary and, where the head is tied, the weight."""
        super().__init__(d_model, embedding.num_embeddings, bias=spec.bias)
        if spec.tied:
            self.weight = embedding.weight
        self.scale = spec.scale
        self.transform = None
        if spec.transform is not None:
            self.transform = Transform(spec.transform, d_model, norm_eps)

    def features(self, states: Tensor) -> Tensor:
        """What is projected: hidden states `(..., d_model)`, transformed and scaled."""
        if self.transform is not None:
            states = self.transform(states)
        return states if self.scale == 1.0 else states * self.scale

    def forward(self, states: Tensor) -> Tensor:
        """Hidden states `(..., d_model)` → logits `(..., vocabulary)`."""
        return super().forward(self.features(states))


class Transform(nn.Module):
    """A layer, an activation and a norm before the projection of a masked language model (Devlin et al. 2019)."""

    def __init__(self, activation: str, d_model: int, norm_eps: float) -> None:
        super().__init__()
        self.dense, self.norm = Linear(d_model, d_model), norm_of("layer", d_model, norm_eps)
        self.activation = ACTIVATIONS[activation]

    def forward(self, states: Tensor) -> Tensor:
        """`(..., d_model)` → `(..., d_model)`."""
        out: Tensor = self.norm(self.activation(self.dense(states)))
        return out


def pool(pooler: nn.Module, states: Tensor, layout: Layout) -> Tensor:
    """A tanh layer over the first real token of each text (Devlin et al. 2019): `(rows, d_model)`.

    `states` are a token tensor of `layout`; the layer is called like any other, so that it may be wrapped.
    """
    first: Tensor = pooler(layout.first(states))
    return first.tanh()


class LabelHead(nn.Module):
    """Scores for labels: of a text, of each token, of each token as start and end, or of each of several choices."""

    def __init__(self, spec: LabelHeadSpec, stack: StackSpec) -> None:
        super().__init__()
        self.spec, self.dropout = spec, Dropout(spec.dropout)
        self.hidden = Linear(stack.d_model, stack.d_model) if spec.hidden else None
        self.out = Linear(stack.d_model, len(spec.labels), bias=spec.bias)

    def forward(self, states: Tensor, layout: Layout, pooled: Tensor | None) -> Tensor:
        """Hidden states, a token tensor of `layout`, → logits `(rows, labels)` of texts, `(..., labels)` of tokens.

        `pooled` `(rows, d_model)` is the pooler's, where there is one.
        """
        read = self.dropout(self._read(states, layout, pooled))
        if self.hidden is not None:
            read = self.dropout(self.hidden(read).tanh())
        logits: Tensor = self.out(read)
        return logits

    def _read(self, states: Tensor, layout: Layout, pooled: Tensor | None) -> Tensor:
        if self.spec.of in ("tokens", "span"):
            return states
        if self.spec.reads == "pooler" and pooled is not None:
            return pooled
        if self.spec.reads == "mean":
            return mean(states, layout)
        return layout.last(states) if self.spec.reads == "last" else layout.first(states)
