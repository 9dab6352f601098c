"""One stack and what stands on it, from a `SingleStackSpec`: BERT and its kin, GPT-2, BLOOM, Llama, T5's encoder."""

from __future__ import annotations

from torch import Tensor, nn

from headway.errors import ConfigError
from headway.models.heads import LabelHead, LanguageHead, pool
from headway.models.inputs import check_ids
from headway.models.protocols import Output
from headway.nn.cache import Cache, RowCache
from headway.nn.init import initialise
from headway.nn.linear import Linear
from headway.nn.masks import Layout
from headway.nn.slots import cache_of
from headway.nn.stack import Stack
from headway.spec import SingleStackSpec


class SingleStack(nn.Module):
    """An encoder or a decoder; perhaps a pooler, a language head, a label head."""

    head: LanguageHead  # where the spec asks for one

    def __init__(self, spec: SingleStackSpec) -> None:
        super().__init__()
        self.spec, stack = spec, spec.stack
        tokens = nn.Embedding(stack.vocab_size, stack.d_model)
        self.stack = Stack(stack, tokens)
        self.pooler = Linear(stack.d_model, stack.d_model) if spec.pooler else None
        if spec.language_head is not None:
            self.head = LanguageHead(spec.language_head, stack.d_model, tokens, stack.norm_eps)
        self.label_head = None if spec.label_head is None else LabelHead(spec.label_head, stack)
        initialise(self, spec.init, stack.d_model)

    def hidden(
        self, ids: Tensor, layout: Layout | None = None, *, cache: Cache | None = None, types: Tensor | None = None
    ) -> Tensor:
        """Ids and their segments, token tensors of `layout` → hidden states `(..., d_model)`."""
        states: Tensor = self.stack(ids, layout, cache=cache, types=types)
        return states

    def label_logits(self, ids: Tensor, layout: Layout, types: Tensor | None = None) -> Tensor:
        """Ids and their segments, token tensors of `layout` → logits of labels, as the spec's label head gives them."""
        assert self.label_head is not None, "the spec has no label head"
        states = self.hidden(ids, layout, types=types if self.spec.stack.token_types > 1 else None)
        pooled = None if self.pooler is None else pool(self.pooler, states, layout)
        logits: Tensor = self.label_head(states, layout, pooled)
        return logits

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
    ) -> Output:
        """Padded ids `(batch, length)`, of a multiple choice `(batch, choices, length)`; masks are 1 at real tokens.

        Raises:
            ConfigError: a shape is another one, or an id is outside its table.
        """
        self._check_ids(input_ids, token_type_ids, position_ids)
        of = None if self.spec.label_head is None else self.spec.label_head.of
        ids, mask, types, places = (
            _a_choice_a_row(x) if of == "choices" and x is not None else x
            for x in (input_ids, attention_mask, token_type_ids, position_ids)
        )
        assert ids is not None
        layout = Layout.padded(ids, mask, places)
        states = self.hidden(ids, layout, types=types)
        pooled = None if self.pooler is None else pool(self.pooler, states, layout)
        words = None if self.spec.language_head is None else self.head(states)
        labels = None if self.label_head is None else self.label_head(states, layout, pooled)
        if words is not None and labels is not None:
            return Output(None, states, pooled, prediction_logits=words, seq_relationship_logits=labels)
        if labels is not None and of == "span":
            start, end = labels.unbind(-1)
            return Output(None, states, pooled, start_logits=start, end_logits=end)
        if labels is not None and of == "choices":
            labels = labels.view(input_ids.shape[:-1])  # (batch, choices)
        return Output(words if labels is None else labels, states, pooled)

    def _check_ids(self, ids: Tensor, types: Tensor | None, places: Tensor | None) -> None:
        stack = self.spec.stack
        check_ids("input_ids", ids, stack.vocab_size)
        if stack.token_types:
            check_ids("token_type_ids", types, stack.token_types)
        if self.stack.position.is_bounded:
            check_ids("position_ids", places, stack.max_length)

    def start(self, capacity: int | None = None) -> StackState:
        """An empty cache, with `capacity` slots a row or growing: the first step reads the prompt."""
        return StackState(cache_of(self.spec.stack.num_layers, capacity))

    def step(self, ids: Tensor, state: StackState, layout: Layout | None = None) -> Tensor:
        """Logits `(rows, vocabulary)` of the token after the last of `ids` `(rows, new tokens)`."""
        states = self.hidden(ids, layout, cache=state.cache)
        logits: Tensor = self.head(states[:, -1])
        return logits


def _a_choice_a_row(x: Tensor) -> Tensor:
    if x.dim() != 3:
        raise ConfigError(f"a multiple choice is of shape {tuple(x.shape)}; expected (batch, choices, length)")
    return x.flatten(0, 1)  # (batch · choices, length)


class StackState:
    """The cache of a decoder without memory, one row a hypothesis."""

    def __init__(self, cache: RowCache) -> None:
        self.cache = cache

    def reorder(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Row i becomes what row `rows[i]` was."""
        self.cache.reorder(rows)
